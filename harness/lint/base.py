"""A rule, a finding, and what a rule sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from harness.cluster import ClusterView
from harness.procedures.runbook import Runbook, Written
from harness.steps import CENTRAL, SetEnv, Step

ERROR, WARNING, NOTE = "error", "warning", "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """``rule`` and ``level`` say what and how bad, ``seen`` what was found at ``line`` (from 1), ``why`` what comes of
    it, ``fact`` where that is known from, ``fix`` what to write instead."""

    rule: str
    level: str
    file: str
    line: int
    seen: str
    why: str
    fact: str
    fix: str


@dataclass(frozen=True, slots=True)
class Looked:
    """A runbook and the cluster that it is bound to."""

    book: Runbook
    view: ClusterView

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(written.step for written in self.book.steps)

    @property
    def removes(self) -> bool:
        return self.book.verb in ("remove", "replace")

    @property
    def end(self) -> int:
        """The line that stands for what is missing: the last one that was written."""
        return self.book.steps[-1].line if self.book.steps else self.book.line

    def of(self, *kinds: type[Step]) -> Iterator[tuple[int, Written]]:
        """(position, step as written) of every step of ``kinds``."""
        return ((at, one) for at, one in enumerate(self.book.steps) if isinstance(one.step, kinds))

    def before(self, at: int, *kinds: type[Step]) -> bool:
        """Whether any step of ``kinds`` comes before position ``at``."""
        return any(isinstance(one.step, kinds) for one in self.book.steps[:at])

    def node_ips(self) -> Iterator[tuple[int, Written, SetEnv]]:
        """Every change of ovn-central's own list."""
        for at, one in self.of(SetEnv):
            if isinstance(one.step, SetEnv) and one.step.workload == CENTRAL and one.step.variable == "NODE_IPS":
                yield at, one, one.step


Found = Iterator[tuple[int, str]]
"""(line, what was seen)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """``check`` yields what it finds; the words are the same for every finding."""

    id: str
    level: str
    why: str
    fact: str
    fix: str
    check: Callable[[Looked], Found]
