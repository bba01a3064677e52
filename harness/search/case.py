"""One rehearsal as data: which procedure on which cluster, with what going wrong where.

Small, and made of plain values, so that it can be sent to a worker, shrunk, and typed again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum

from harness.errors import BadInput
from harness.procedures.wanted import Wanted
from harness.search import troubles
from harness.search.tape import Edit, Source, Tape, Turn
from harness.search.targets import ROLES
from harness.spec import ClusterSpec


class Position(Enum):
    """Where in a step: BEFORE it looks, DURING it (its first change was just accepted), or AFTER it is done. ELECTED is
    a moment of the cluster: the next election of a leader from the step's beginning on, of the database that the step
    is about (any, if it is about none), before anybody hears of it."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"
    ELECTED = "elected"


_HIT = re.compile(
    r"(?P<step>\d+):(?P<position>before|during|after|elected):(?P<trouble>[a-z-]+)(@(?P<node>[-.a-z0-9]+))?"
)


@dataclass(frozen=True, slots=True)
class Hit:
    """A trouble at one place: the step's number in the plan (from 1), the position in it, and the node it befalls
    ("" for what befalls the operator): its name, or a role (:data:`harness.search.targets.ROLES`) that some node has at
    that instant."""

    step: int
    position: Position
    trouble: str
    node: str = ""

    def __str__(self) -> str:
        return f"{self.step}:{self.position.value}:{self.trouble}" + (f"@{self.node}" if self.node else "")

    @classmethod
    def parse(cls, text: str) -> Hit:
        """Read ``12:during:crash@NODE`` back. Raises :class:`BadInput` for anything else."""
        match = _HIT.fullmatch(text)
        if match is None:
            raise BadInput(f"{text!r} is no place for a fault", todo="STEP:before|during|after|elected:FAULT[@NODE]")
        trouble = troubles.named(match["trouble"])
        if trouble.hands is None and not match["node"]:
            todo = f"{text}@NODE, or for NODE a role: {', '.join(ROLES)}"
            raise BadInput(f"{text!r}: {trouble.name} needs a node", todo=todo)
        if trouble.hands is not None and match["node"]:
            raise BadInput(f"{text!r}: {trouble.name} befalls the operator, not a node", todo=text.partition("@")[0])
        if trouble.hands is not None and match["position"] == Position.ELECTED.value:
            raise BadInput(f"{text!r}: {trouble.name} can't wait for an election", todo="before, during or after")
        return cls(int(match["step"]), Position(match["position"]), trouble.name, match["node"] or "")


@dataclass(frozen=True, slots=True)
class Case:
    """``wanted`` is run on a cluster by ``spec``; ``seed`` draws delays and orders (None: the happy schedule).

    ``mutation`` puts a mistake into the procedure (:mod:`harness.search.mutants`). ``pace``: cluster seconds in which
    the operator reads, after each step. ``moved``: at the beginning another member than the first of NODE_IPS leads.
    ``depth``, ``edits`` and ``turns`` say more of the schedule (:class:`harness.search.tape.Source`). ``core``: faults
    last, and at the end only a core that is drawn is healed (:mod:`harness.search.core`).
    """

    wanted: Wanted
    spec: ClusterSpec = field(default_factory=ClusterSpec)
    hits: tuple[Hit, ...] = ()
    seed: int | None = None
    mutation: str = ""
    pace: float = 0.0
    moved: bool = False
    depth: int = 0
    edits: tuple[Edit, ...] = ()
    turns: tuple[Turn, ...] = ()
    core: bool = False

    @property
    def source(self) -> Source:
        return Source(self.seed, self.depth, self.edits, self.turns)

    def tape(self) -> Tape:
        """A new tape for one run."""
        return Tape.of(self.source)

    def under(self, source: Source) -> Case:
        """The same under another schedule."""
        return replace(self, seed=source.seed, depth=source.depth, edits=source.edits, turns=source.turns)

    @property
    def leaver(self) -> str:
        """The node that is taken out, "" if none is."""
        return self.wanted.node if self.wanted.verb in ("remove", "replace") else ""

    @property
    def newcomer(self) -> str:
        """The node that comes in, "" if none does."""
        return {"add": self.wanted.node, "replace": self.wanted.spare}.get(self.wanted.verb, "")
