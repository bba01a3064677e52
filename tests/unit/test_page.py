"""The HTML page: its facts stand in text, its pictures say the same, nothing in it comes from elsewhere or runs."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from support_page import A, B, Reader, page, recording

from harness.cluster import Database
from harness.recording import Kind, Lane, Margin, Mark, Seen
from harness.report.page import Run, Shown, render
from harness.report.page.spacetime import diagrams
from harness.report.page.svg import Scale, clock, element
from harness.report.page.timeline import configurations, eventful, timeline


def test_facts_stand_in_text() -> None:
    text = Reader(render(page(recording()))).text
    for words in (
        "failed remove node-a, documented procedure 1 of 2 runs ends badly",
        "plan's digest 0011223344556677",
        "ovnswap rehearse remove node-a --seed 7",
        "kubectl ko nb kick aaaa",
        "unknown server",
        "0:21 nb: 1 of 2 servers run: no majority",
        "nb 0:00 node-a 3 aaaa nb 0:30 node-b 4 bbbb",
        "nb 0:00 2 node-a, node-b nb 0:30 1 node-b",
        "nb 0:19 12.0 s",
    ):
        assert words in text, words


def test_nothing_runs_and_nothing_is_loaded() -> None:
    reader = Reader(render(page(recording(), recording("ovsdb"))))
    tags = {tag for tag, _ in reader.elements}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed", "base"}
    for _, attributes in reader.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert "url(" not in render(page(recording()))


def test_every_link_leads_somewhere_and_ids_are_unique() -> None:
    both = replace(
        page(), runs=(Run("a case", (Shown(recording()), Shown(recording("ovsdb")))), Run("b", (Shown(recording()),)))
    )
    reader = Reader(render(both))
    ids = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {(attributes["href"] or "").removeprefix("#") for attributes in reader.named("a")}
    assert targets
    assert targets <= set(ids)


def test_what_scrolls_can_be_reached_by_keyboard() -> None:
    reader = Reader(render(page(recording())))
    scrolling = [a for tag, a in reader.elements if "scroll" in (a.get("class") or "") or tag == "pre"]
    assert scrolling
    assert all(attributes.get("tabindex") == "0" for attributes in scrolling)


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><img src=x onerror=y>', "a & b <c>"])
def test_names_of_a_cluster_are_text(hostile: str) -> None:
    html = render(page(recording(words=hostile)))
    reader = Reader(html)
    assert {tag for tag, _ in reader.elements}.isdisjoint({"script", "img"})
    assert hostile in reader.text
    assert "onerror" not in " ".join(name for _, a in reader.elements for name in a)


def test_steps_that_were_not_begun_are_shown_as_such() -> None:
    reader = Reader(render(page(recording())))
    assert len(reader.named("li", "untouched")) == 2
    assert len(reader.named("li", "done")) == 2  # in the ribbon and among the commands
    assert len(reader.named("li", "failed")) == 2


def test_a_good_page_says_so() -> None:
    assert Reader(render(page(verdict="passed"))).named("header", "good")
    assert Reader(render(page(verdict="partial"))).named("header", "wrong")


# -- pictures ---------------------------------------------------------------------------------------------------------


def titles(svg: str, class_: str) -> list[str]:
    """What the rectangles of a class say when they are pointed at."""
    return re.findall(rf'<rect [^>]*class="{class_}"[^>]*><title>([^<]*)</title>', svg)


def test_the_timeline_shows_leaders_with_their_terms() -> None:
    svg = timeline(recording())
    assert titles(svg, "role leader") == [
        "node-a: leader, term 3, server aaaa, 0:00",
        "node-b: leader, term 4, server bbbb, 0:30",
    ]
    assert ">♛ 3<" in svg
    assert titles(svg, "role silent") == ["node-a: no answer, 0:20"]
    assert titles(svg, "members") == ["from 0:00: 2 members: node-a, node-b", "from 0:30: 1 members: node-b"]


def test_below_zero_is_drawn_below_zero() -> None:
    svg = timeline(recording())
    assert titles(svg, "below") == ["0:20: no majority"]
    zero = float(re.search(r'y1="([\d.]+)"[^>]*class="zero"', svg)[1])  # type: ignore[index]
    top = float(re.search(r'y="([\d.]+)"[^>]*class="below"', svg)[1])  # type: ignore[index]
    assert top == zero


def test_the_client_is_shown_where_nothing_was_acknowledged() -> None:
    assert titles(timeline(recording()), "stalled") == ["0:19: nothing acknowledged for 12.0 s"]


def test_a_quiet_end_is_not_drawn() -> None:
    whole = recording()
    assert eventful(whole) == 60.0
    assert eventful(replace(whole, ended=5000.0)) == 100.0  # a minute after the last step


def test_members_are_those_of_the_leader_of_the_highest_term() -> None:
    """A deposed leader that still believes in itself says nothing about the members."""
    old = Lane(Database.NB, "a", A, (Seen(0, "leader", 3, "aaaa", (A, B)), Seen(9, "leader", 3, "aaaa", (A,))))
    new = Lane(Database.NB, "b", B, (Seen(5, "leader", 4, "bbbb", (A, B)),))
    assert [seen.members for _, _, seen in configurations((old, new), 20)] == [(A, B)]


def test_an_unknown_margin_leaves_a_gap() -> None:
    gap = replace(recording(), margins={Database.NB: (Margin(0, 1), Margin(10, None), Margin(20, 1)), Database.SB: ()})
    assert titles(timeline(gap), "above m1") == ["0:00: 1 more may fail", "0:20: 1 more may fail"]


def test_messages_go_from_server_to_server_and_cut_ones_are_broken_off() -> None:
    [(database, svg)] = diagrams(recording())
    assert database is Database.NB
    assert svg.count('class="letter"') == 1
    assert svg.count('class="letter held"') == 1
    assert "vote for me term 4, log 7 (held back)" in svg
    assert svg.index("20.500 s") < svg.index("20.600 s")


def test_what_happened_between_messages_stands_between_them() -> None:
    with_fault = replace(recording(), marks=(Mark(20.55, Kind.FAULT, "cut off for 45 s"),))
    [(_, svg)] = diagrams(with_fault)
    assert svg.index("20.500 s") < svg.index("cut off for 45 s") < svg.index("20.600 s")


def test_a_recording_without_anything_can_be_drawn() -> None:
    empty = replace(recording(), lanes=(), margins={}, marks=(), history=None, letters=(), attempts=())
    assert "<svg" in render(page(empty))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0, "0:00"), (59.4, "0:59"), (59.6, "1:00"), (600, "10:00"), (-5, "-0:05"), (3723, "62:03")]
)
def test_clock(seconds: float, words: str) -> None:
    assert clock(seconds) == words


def test_scale_has_few_round_ticks() -> None:
    assert list(Scale(3, 17, 0, 100).ticks()) == [4, 6, 8, 10, 12, 14, 16]
    assert len(list(Scale(0, 90_000, 0, 100).ticks())) <= 11


def test_elements_escape_what_is_not_markup() -> None:
    assert (
        element("a", "<b>", element("c"), class_="x", text_anchor='"')
        == '<a class="x" text-anchor="&#34;">&lt;b&gt;<c></c></a>'
    )
