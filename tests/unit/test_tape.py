"""The tape: 0 is harmless, any run can be replayed from what was taken, and text that does not fit is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.search.tape import VERSION, Edit, Source, Tape, Turn, parse

NAMES = ("delay: a>b:6643", "delay: b>a:6643", "fsync: a/nb", "kube: object goes")


def drawn(tape: Tape, count: int = 400) -> list[int]:
    for number in range(count):
        tape.choose(NAMES[number % 4], 8)
    return tape.taken


def test_a_tape_of_nothing_is_the_happy_schedule() -> None:
    assert set(drawn(Tape())) == {0}


@pytest.mark.parametrize(
    "source", [Source(7), Source(7, 3), Source(7, 0, (Edit("fsync: a/nb", 3, 5),), (Turn(90, 2),))]
)
def test_a_drawn_run_is_the_happy_schedule_with_its_deviations(source: Source) -> None:
    tape = Tape.of(source)
    taken = drawn(tape)
    assert drawn(Tape.of(source)) == taken, "the same each time"
    assert drawn(Tape.of(Source(edits=tape.deviations()))) == taken
    assert drawn(Tape(tuple(taken))) == taken


def test_an_edit_changes_one_choice_and_moves_no_other() -> None:
    plain = list(drawn(Tape(seed=7)))
    tape = Tape(seed=7, edits=[Edit("kube: object goes", 2, 3), Edit("nobody", 1, 1)])
    drawn(tape)
    assert [i for i, value in enumerate(tape.taken) if value != plain[i]] in ([7], [])
    assert tape.taken[7] == 3
    assert tape.unused == ("nobody#1",)


def test_a_turn_keeps_what_was_before_it() -> None:
    plain, turned = drawn(Tape(seed=7)), drawn(Tape(seed=7, turns=[Turn(100, 8)]))
    assert turned[:100] == plain[:100]
    assert turned[100:] != plain[100:]


def test_priorities_make_some_slow_all_along_and_change_points_make_others_slower() -> None:
    calm, changed = Tape(seed=3, depth=1, length=400), Tape(seed=3, depth=4, length=400)
    drawn(calm)
    drawn(changed)
    for tape, slowest in ((calm, False), (changed, True)):
        spans = {name: {v for n, v in zip(tape.names, tape.taken, strict=True) if n == name} for name in NAMES}
        assert all(max(span) - min(span) <= 2 for span in spans.values()) is not slowest
    assert len({max(v for n, v in zip(calm.names, calm.taken, strict=True) if n == name) for name in NAMES}) > 1


NAME = st.text("abc: >0123./", min_size=1, max_size=20).map(str.strip).filter(bool)
SOURCES = st.builds(
    Source,
    st.integers(0, 2**40) | st.none(),
    st.integers(0, 9),
    st.lists(st.builds(Edit, NAME, st.integers(1, 10**6), st.integers(0, 999)), max_size=4).map(tuple),
    st.lists(st.builds(Turn, st.integers(0, 10**6), st.integers(0, 2**40)), max_size=3).map(tuple),
)


@given(source=SOURCES)
def test_text_is_read_back(source: Source) -> None:
    back = parse(str(source))
    assert (back.seed, back.edits, back.turns) == (source.seed, source.edits, source.turns)
    assert back.depth == (source.depth if source.seed is not None else 0)
    assert parse(str(source).replace("; ", "\n")) == back


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "'' is no tape"),
        ("random 7", "'random 7' is no tape"),
        (f"tape/{VERSION + 1}; happy", f"version {VERSION + 1}; this ovnswap reads version {VERSION}"),
        ("tape/1", "'' is no source"),
        ("tape/1; sideways 7", "'sideways 7' is no source"),
        ("tape/1; pct0 7", "is no source"),
        ("tape/1; happy; delay=3", "'delay=3' is no choice"),
        ("tape/1; happy; delay#0=3", "'delay#0=3' is no choice"),
    ],
)
def test_text_that_is_no_tape_is_bad_input(text: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint) as raised:
        parse(text)
    assert raised.value.todo


def test_a_choice_among_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="among 0"):
        Tape().choose("x", 0)
