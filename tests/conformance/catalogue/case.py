"""A conformance case: a script, where it comes from, and what both worlds must show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from language import Bridge, CutAt, OneWay, Operation, Partition, Script

FAMILIES = ("3.1", "3.5", "newest")

ALL = "all"
LASTING = "what lasts"
"""How much of the end is compared: all that is seen of each server; or what does not depend on the instant: which
processes run or died with which words, the configuration as each sees it, and the rows that it serves if it answers."""

Allowed: TypeAlias = Mapping[str, tuple[str, ...]]
"""Family of releases -> the replies that it may give; more than one where chance decides."""


@dataclass(frozen=True, slots=True)
class Said:
    """An operation and what may be replied; None: anything, as it is not looked at."""

    operation: Operation
    allowed: Allowed | None


Step: TypeAlias = Operation | Said
Replies: TypeAlias = str | tuple[str, ...]


def says(operation: Operation, *allowed: str, p31: Replies = (), p35: Replies = (), newest: Replies = ()) -> Said:
    """The operation replies one of ``allowed`` on every release, unless its family has replies of its own."""

    def of(own: Replies) -> tuple[str, ...]:
        return (own,) if isinstance(own, str) else own or allowed

    return Said(operation, dict(zip(FAMILIES, (of(p31), of(p35), of(newest)), strict=True)))


def unseen(operation: Operation) -> Said:
    """The operation's reply is chance, and nothing depends on it."""
    return Said(operation, None)


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """``source`` names the facts; ``tapes``: runs of the model among which a real one must be.

    ``end``: how much of the last look at every server must agree too.
    """

    name: str
    source: str
    steps: tuple[Step, ...]
    tapes: int = 40
    end: str = ALL

    @property
    def script(self) -> Script:
        return tuple(step.operation if isinstance(step, Said) else step for step in self.steps)

    def allowed(self, family: str) -> dict[int, tuple[str, ...]]:
        """Which reply, by its place in the script, may be what."""
        return {
            place: step.allowed[family]
            for place, step in enumerate(self.steps)
            if isinstance(step, Said) and step.allowed is not None
        }

    @property
    def differs(self) -> bool:
        """Whether releases differ in it."""
        return any(isinstance(step, Said) and len({*(step.allowed or {}).values()}) > 1 for step in self.steps)

    @property
    def unseen(self) -> tuple[int, ...]:
        return tuple(place for place, step in enumerate(self.steps) if isinstance(step, Said) and step.allowed is None)

    @property
    def needs_filters(self) -> bool:
        return any(isinstance(step, Partition | OneWay | Bridge | CutAt) for step in self.script)
