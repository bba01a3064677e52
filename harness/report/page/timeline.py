"""The timeline of one run: steps, faults, every server's part, how many may still fail, and the client, on one axis."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from markupsafe import Markup

from harness.cluster import DATABASES, Database
from harness.recording import Kind, Lane, Recording, Seen
from harness.report.page.svg import Scale, box, clock, element, group, line, text

T = TypeVar("T")

WIDTH = 1000.0
GUTTER = 210.0
"""Left of the plot: names."""
ROW = 22.0
BAR = 16.0
UNIT = 18.0
"""Height of one server in the chart of margins."""
GLYPHS = 7.0
"""Width of a letter, roughly: what does not fit into its bar is left to the title."""
STALL = 3.0
"""Seconds without an acknowledgement from which on the client's strip shows a gap; it writes once a second."""
ROLES = ("leader", "follower", "candidate", "joining", "leaving", "disconnected")


def timeline(run: Recording) -> Markup:
    """The chart, as an ``svg`` element that scales with the page."""
    chart = _Chart(run)
    return chart.drawn()


class _Chart:
    """Rows from top to bottom; ``_y`` is where the next one begins."""

    def __init__(self, run: Recording) -> None:
        self._run = run
        self._ended = eventful(run)
        self._x = Scale(run.began, max(self._ended, run.began + 1), GUTTER, WIDTH - 14)
        self._y = 8.0
        self._parts: list[Markup] = []

    def drawn(self) -> Markup:
        self._steps()
        self._faults()
        for database in DATABASES:
            self._database(database)
        self._axis()
        words = f"Timeline of the run on {self._run.backend}: steps, faults, servers, margins and the client, by time"
        return element(
            "svg",
            element("title", words),
            *self._parts,
            viewBox=f"0 0 {WIDTH:.0f} {self._y:.0f}",
            class_="timeline",
            role="img",
            aria_label=words,
        )

    # -- rows -----------------------------------------------------------------------------------------------------

    def _row(self, name: str, *marks: Markup, class_: str = "name", height: float = ROW) -> None:
        label = text(GUTTER - 24, self._y + 12, name, class_, text_anchor="end")
        self._parts.append(group(label, *marks))
        self._y += height

    def _steps(self) -> None:
        bars = []
        for step in self._run.steps:
            left, right = self._x(step.started), self._x(step.ended if step.ended is not None else self._ended)
            words = f"step {step.number}: {step.title}: {step.outcome}, {clock(step.started)}"
            wide = max(right - left, 2.0)
            bars.append(box(left, self._y, wide, BAR, f"step {step.outcome}", words))
            if wide > GLYPHS * len(str(step.number)) + 4:
                bars.append(text(left + wide / 2, self._y + 12, str(step.number), "on", text_anchor="middle"))
        self._row("steps", *bars)

    def _faults(self) -> None:
        kinds = {Kind.FAULT: "fault", Kind.HANDS: "hands", Kind.BAD: "bad"}
        flags = []
        for mark in self._run.marks:
            if mark.kind in kinds:
                at = self._x(mark.at)
                title = element("title", f"{clock(mark.at)} {mark.words}")
                points = f"{at - 5:.1f},{self._y} {at + 5:.1f},{self._y} {at:.1f},{self._y + 11}"
                flags.append(element("polygon", title, points=points, class_=kinds[mark.kind]))
        if flags:
            self._row("faults, and what broke", *flags)

    def _database(self, database: Database) -> None:
        lanes = [lane for lane in self._run.lanes if lane.database is database]
        if not lanes:
            return
        self._y += 8
        self._parts.append(line(0, self._y - 4, WIDTH, self._y - 4, "rule"))
        self._row(f"{database}: members", *self._members(lanes), class_="name strong")
        for lane in lanes:
            self._row(lane.node, *self._lane(lane))
        self._margin(database)
        self._client(database)

    def _members(self, lanes: list[Lane]) -> Iterator[Markup]:
        """The configuration as the leader of the highest term sees it."""
        for began, ended, seen in configurations(lanes, self._ended):
            left, wide = self._x(began), self._x(ended) - self._x(began)
            names = ", ".join(self._run.labels.get(host, host) for host in seen.members)
            yield box(left, self._y, wide, BAR, "members", f"from {clock(began)}: {len(seen.members)} members: {names}")
            if wide > 12:
                yield text(left + 4, self._y + 12, str(len(seen.members)), "on")

    def _lane(self, lane: Lane) -> Iterator[Markup]:
        for began, ended, seen in spans(lane.seen, self._ended):
            left, wide = self._x(began), self._x(ended) - self._x(began)
            role = seen.role if seen.role in ROLES else "left" if seen.role else "silent"
            shown = seen.role or "no answer"
            words = (
                f"{lane.node}: {shown}{f', term {seen.term}, server {seen.sid}' if seen.role else ''}, {clock(began)}"
            )
            yield box(left, self._y, wide, BAR, f"role {role}", words)
            crown = f"♛ {seen.term}" if role == "leader" else str(seen.term) if role == "candidate" else ""
            if crown and wide > GLYPHS * len(crown) + 4:
                yield text(left + 3, self._y + 12, crown, "on")
            elif role == "leader":
                yield text(left, self._y + 12, "♛", "on")

    def _margin(self, database: Database) -> None:
        """Steps of a line; what is below zero is filled."""
        line_of = self._run.margins.get(database, ())
        known = [margin.servers for margin in line_of if margin.servers is not None]
        if not known:
            return
        top, bottom = max(1, *known), min(0, *known)
        zero = self._y + top * UNIT + 4
        marks = [line(GUTTER, zero, WIDTH - 14, zero, "zero")]
        for value in range(bottom, top + 1):
            marks.append(text(GUTTER - 4, zero - value * UNIT + 4, str(value), "small", text_anchor="end"))
        for began, ended, left_over in _steps_of([(m.at, m.servers) for m in line_of], self._ended):
            if left_over is not None:
                marks.append(self._level(began, ended, left_over, zero))
        self._row("may still fail", *marks, height=(top - bottom) * UNIT + 14)

    def _level(self, began: float, ended: float, left_over: int, zero: float) -> Markup:
        left, height = self._x(began), abs(left_over) * UNIT
        wide = max(self._x(ended) - left, 1.5)
        if left_over < 0:
            return box(left, zero, wide, height, "below", f"{clock(began)}: no majority")
        words = f"{clock(began)}: {left_over} more may fail"
        return box(left, zero - height - 1, wide, height + 2, f"above m{min(left_over, 2)}", words)

    def _client(self, database: Database) -> None:
        history = self._run.history
        if history is None:
            return
        marks = [
            box(self._x(history.started), self._y, self._x(history.stopped) - self._x(history.started), BAR, "acked")
        ]
        for began, ended in history.stalls(database, STALL):
            left, wide = self._x(began), self._x(ended) - self._x(began)
            words = f"{clock(began)}: nothing acknowledged for {ended - began:.1f} s"
            marks.append(box(left, self._y, wide, BAR, "stalled", words))
            label = f"{ended - began:.0f} s"
            if wide > GLYPHS * len(label) + 4:
                marks.append(text(left + wide / 2, self._y + 12, label, "on", text_anchor="middle"))
        self._row("client's writes" if database is Database.NB else "seen in sb", *marks)

    def _axis(self) -> None:
        self._y += 4
        marks: list[Markup] = []
        for at in self._x.ticks():
            x = self._x(at)
            marks.append(line(x, 4, x, self._y, "grid"))
            marks.append(text(x, self._y + 14, clock(at), "small", text_anchor="middle"))
        self._parts[:0] = [mark for mark in marks if mark.startswith("<line")]
        self._row("minutes:seconds", *[mark for mark in marks if not mark.startswith("<line")], class_="name small")


QUIET = 60.0
"""Cluster seconds that are shown after the last thing that happened: what follows is quiet, and said in words."""


def eventful(run: Recording) -> float:
    """When to end the picture: a while after the last step, fault or broken property, or at the run's end."""
    steps = [step.ended if step.ended is not None else step.started for step in run.steps]
    marks = [mark.at for mark in run.marks if mark.kind is not Kind.RAFT]
    return min(run.ended, max([run.began, *steps, *marks]) + QUIET)


def spans(seen: Iterable[Seen], ended: float) -> Iterator[tuple[float, float, Seen]]:
    """(from, to, what was shown) for every change of one server."""
    return _steps_of([(item.at, item) for item in seen], ended)


def configurations(lanes: Iterable[Lane], ended: float) -> Iterator[tuple[float, float, Seen]]:
    """(from, to, leader) of every configuration that a leader of the highest term so far had."""
    told = [seen for lane in lanes for seen in lane.seen if seen.role == "leader"]
    found: list[tuple[float, Seen]] = []
    highest = 0
    for seen in sorted(told, key=lambda seen: (seen.at, seen.term)):
        if seen.term >= highest and (not found or seen.members != found[-1][1].members):
            found.append((seen.at, seen))
        highest = max(highest, seen.term)
    return _steps_of(found, ended)


def _steps_of(changes: list[tuple[float, T]], ended: float) -> Iterator[tuple[float, float, T]]:
    """(from, to, value): each change holds until the next one, the last one to the end."""
    times = [*(at for at, _ in changes[1:]), ended]
    return ((began, until, value) for (began, value), until in zip(changes, times, strict=False))
