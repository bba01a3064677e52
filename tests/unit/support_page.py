"""Recordings made by hand, and a page's text as a reader without pictures has it."""

from __future__ import annotations

from html.parser import HTMLParser

from harness.cluster import Database
from harness.recording import Attempt, Kind, Lane, Letter, Margin, Mark, RecordedStep, Recording, Seen
from harness.report.page import Page, Run, Shown, Table
from harness.workload import History, Write

A, B, C = "10.0.0.1", "10.0.0.2", "10.0.0.3"


def recording(backend: str = "sim", words: str = "nb: 1 of 2 servers run: no majority") -> Recording:
    """A leader is lost at 20 s, another leads from 30 s; nothing was acknowledged in between."""
    lanes = (
        Lane(Database.NB, "node-a", A, (Seen(0, "leader", 3, "aaaa", (A, B)), Seen(20, ""))),
        Lane(Database.NB, "node-b", B, (Seen(0, "follower", 3, "bbbb", (A, B)), Seen(30, "leader", 4, "bbbb", (B,)))),
    )
    steps = (
        RecordedStep(1, "show nb status", ("kubectl ko nb status",), 0, 0, "done", "Role: leader"),
        RecordedStep(2, "kick node-a from nb", ("kubectl ko nb kick aaaa",), 0, 40, "failed", "unknown server"),
    )
    marks = (
        Mark(0, Kind.RUN, "step 1: show nb status"),
        Mark(20, Kind.FAULT, "node-a: the power goes for good"),
        Mark(21, Kind.BAD, words),
        Mark(30, Kind.RAFT, "nb: node-b leads"),
    )
    acknowledged = [*range(1, 20), *range(31, 60)]
    writes = tuple(Write(Database.NB, f"m{at}", at - 0.5, float(at)) for at in acknowledged)
    letters = (
        Letter(20.5, Database.NB, B, A, "vote for me term 4, log 7", True),
        Letter(20.6, Database.NB, A, B, "vote: bbbb, term 4"),
    )
    return Recording(
        backend=backend,
        verdict="unsafe",
        reasons=("P2: no majority",),
        began=0.0,
        ended=60.0,
        attempts=(Attempt(steps, 4, "stopped"),),
        lanes=lanes,
        margins={Database.NB: (Margin(0, 0), Margin(20, -1), Margin(30, 0)), Database.SB: ()},
        marks=marks,
        history=History(0.0, 60.0, writes),
        letters=letters,
        labels={A: "node-a", B: "node-b"},
    )


def page(*recordings: Recording, verdict: str = "failed") -> Page:
    return Page(
        title="remove node-a, documented procedure",
        verdict=verdict,
        summary="1 of 2 runs ends badly",
        facts=(("procedure", "documented"), ("plan's digest", "0011223344556677")),
        replay=("ovnswap rehearse remove node-a --seed 7",),
        tables=(Table("Faults", ("fault", "unsafe"), (("crash", "1"), ("pause", "-")), frozenset({0})),),
        runs=tuple(Run(f"way {n}", (Shown(one, "here", "ovnswap rehearse"),)) for n, one in enumerate(recordings)),
    )


class Reader(HTMLParser):
    """What is on a page: its text, its elements with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(filter(None, self.words))

    def named(self, tag: str, class_: str = "") -> list[dict[str, str | None]]:
        """Elements of that name (and with that class)."""
        return [a for t, a in self.elements if t == tag and class_ in [*(a.get("class") or "").split(), ""]]
