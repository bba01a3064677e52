"""A recording: what one run showed over time, as frozen values. Reports draw it; nothing is decided from it.

Times are cluster seconds on the executor's clock. Only changes are kept, so a quiet hour costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from harness.cluster import Database
from harness.workload import History


@dataclass(frozen=True, slots=True)
class Seen:
    """What the server of one node showed from ``at`` on, until the next one.

    ``role`` is leader, follower or candidate, or what the server is instead (``joining``, ``leaving``,
    ``disconnected``), or "" while nobody answers there. ``sid`` has four digits. ``members`` are the hosts of the
    configuration that this server believes in, one for each server.
    """

    at: float
    role: str
    term: int = 0
    sid: str = ""
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lane:
    """One node's server of one database over time; ``host`` is the node's address."""

    database: Database
    node: str
    host: str
    seen: tuple[Seen, ...]


@dataclass(frozen=True, slots=True)
class Margin:
    """From ``at`` on ``servers`` more servers of a database could fail; below 0 the majority is gone, None: unknown."""

    at: float
    servers: int | None


@dataclass(frozen=True, slots=True)
class RecordedStep:
    """One step as it was run: exact commands, its answer, and what became of it (done, skipped, failed, begun)."""

    number: int
    title: str
    commands: tuple[str, ...]
    started: float
    ended: float | None = None
    outcome: str = "begun"
    reply: str = ""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The operator typed the command once: the steps that were begun, of how many, and how it ended."""

    steps: tuple[RecordedStep, ...]
    total: int
    ended: str = ""


class Kind(Enum):
    """What a mark is about: how the RUN goes, a FAULT that was done to the cluster, somebody's HANDS, what RAFT did, a
    BAD thing."""

    RUN = "run"
    FAULT = "fault"
    HANDS = "operator"
    RAFT = "raft"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one instant, in words."""

    at: float
    kind: Kind
    words: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A message between two servers of a database (hosts). ``held``: the way was cut when it was sent."""

    at: float
    database: Database
    source: str
    target: str
    words: str
    held: bool = False


@dataclass(frozen=True, slots=True)
class Recording:
    """One run on one backend. ``focus`` is the instant to look at: the first bad thing, else the last fault.

    ``letters`` are messages around it; only ``sim`` overhears them. ``labels`` names the nodes of hosts.
    """

    backend: str
    verdict: str
    reasons: tuple[str, ...]
    began: float
    ended: float
    attempts: tuple[Attempt, ...]
    lanes: tuple[Lane, ...]
    margins: dict[Database, tuple[Margin, ...]]
    marks: tuple[Mark, ...] = ()
    history: History | None = None
    letters: tuple[Letter, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def bad(self) -> bool:
        return any(mark.kind is Kind.BAD for mark in self.marks) or self.verdict in ("unsafe", "stuck", "failed")

    @property
    def focus(self) -> float | None:
        for kind, pick in ((Kind.BAD, min), (Kind.FAULT, max)):
            times = [mark.at for mark in self.marks if mark.kind is kind]
            if times:
                return pick(times)
        return None

    @property
    def steps(self) -> tuple[RecordedStep, ...]:
        """The steps of all attempts, in order."""
        return tuple(step for attempt in self.attempts for step in attempt.steps)
