"""What stands on the page, and the page itself: a template that is filled in, with everything it needs inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby

import jinja2
from markupsafe import Markup

from harness.cluster import DATABASES
from harness.recording import Kind, Mark, Recording
from harness.report.page.spacetime import diagrams
from harness.report.page.svg import clock
from harness.report.page.timeline import STALL, configurations, timeline
from harness.report.wording import clean

GOOD = ("passed", "done", "ok")


@dataclass(frozen=True, slots=True)
class Table:
    """A table of words: a caption, its heads, its rows; ``bad`` are the numbers of rows (from 0) that are bad news."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    bad: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Shown:
    """One recording, where it was made, and the line that runs it again."""

    recording: Recording
    where: str = ""
    replay: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One case: a headline, a note such as how often it came, and its recordings side by side (sim, then ovsdb)."""

    title: str
    shown: tuple[Shown, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """``verdict`` is one word, ``summary`` the sentence after it; ``facts`` are (name, value) such as procedure and
    digest; ``replay`` are lines to type; ``tables`` stand before ``runs``."""

    title: str
    verdict: str
    summary: str
    facts: tuple[tuple[str, str], ...] = ()
    replay: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    runs: tuple[Run, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        return self.verdict.lower() in GOOD


def render(page: Page) -> str:
    """The page as one HTML text: no script, nothing from elsewhere; style and pictures are inside."""
    return _template().render(
        page=page, style=_style(), sections=[_section(n, run) for n, run in enumerate(page.runs, 1)]
    )


@dataclass(frozen=True, slots=True)
class Section:
    """One run, ready for the template."""

    number: int
    run: Run
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """One recording, with its pictures and the same facts in words."""

    shown: Shown
    picture: Markup
    messages: tuple[tuple[str, Markup], ...]
    story: tuple[tuple[str, str, str], ...]
    tables: tuple[Table, ...]


def _section(number: int, run: Run) -> Section:
    return Section(number, run, tuple(_panel(shown) for shown in run.shown))


def _panel(shown: Shown) -> Panel:
    recording = shown.recording
    return Panel(
        shown,
        timeline(recording),
        tuple((str(database), picture) for database, picture in diagrams(recording)),
        tuple(_story(recording.marks)),
        tuple(table for table in (_members(recording), _leaders(recording), _client(recording)) if table.rows),
    )


def _story(marks: tuple[Mark, ...]) -> Iterator[tuple[str, str, str]]:
    """(time, kind, words) of every mark; steps that took no time are one line."""
    for (at, steps), told in groupby(marks, key=lambda mark: (mark.at, _is_step(mark))):
        lines = list(told)
        if steps and len(lines) > 2:
            yield clock(at), lines[0].kind.value, clean(f"{lines[0].words} ... {lines[-1].words}")
        else:
            yield from ((clock(at), mark.kind.value, clean(mark.words)) for mark in lines)


def _is_step(mark: Mark) -> bool:
    return mark.kind is Kind.RUN and mark.words.startswith("step ") and " failed: " not in mark.words


def _members(recording: Recording) -> Table:
    rows = []
    for database in DATABASES:
        lanes = [lane for lane in recording.lanes if lane.database is database]
        for began, _, seen in configurations(lanes, recording.ended):
            names = ", ".join(recording.labels.get(host, host) for host in seen.members)
            rows.append((str(database), clock(began), str(len(seen.members)), names))
    return Table("Members, as the leader saw them", ("database", "from", "members", "nodes"), tuple(rows))


def _leaders(recording: Recording) -> Table:
    rows = [
        (str(lane.database), seen.at, lane.node, str(seen.term), seen.sid)
        for lane in recording.lanes
        for before, seen in zip((None, *lane.seen), lane.seen, strict=False)
        if seen.role == "leader" and (before is None or before.role != "leader" or before.term != seen.term)
    ]
    rows.sort(key=lambda row: row[:2])
    told = tuple((database, clock(at), *rest) for database, at, *rest in rows)
    return Table("Leaders", ("database", "from", "node", "term", "server"), told)


def _client(recording: Recording) -> Table:
    history = recording.history
    rows: list[tuple[str, ...]] = []
    if history is not None:
        for database in DATABASES:
            rows += [
                (str(database), clock(began), f"{ended - began:.1f} s")
                for began, ended in history.stalls(database, STALL)
            ]
    return Table("Times in which nothing was acknowledged", ("database", "from", "for"), tuple(rows))


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("harness.report.page"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=clock)
    return environment.get_template("page.html.j2")


@cache
def _style() -> Markup:
    """The style sheet is ours, and has nothing of a reader's or a cluster's in it."""
    return Markup(resources.files("harness.report.page").joinpath("templates/page.css").read_text("utf-8"))
