"""Is there a way to lose what was acknowledged? A search that is told nothing but how members are changed.

The hunt's procedure is the membership change alone, as the page has it, in the hands of somebody (or a script) who also
kicks whoever is silent. In a window of four members it finds two leaders that commit side by side (facts: ovsdb-raft
10, 7.1 O1). What it finds is shrunk, and can be run again on real servers, whose files are then checked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from harness.cluster import DATABASES, Database
from harness.executor import LabExecutor
from harness.invariants import RAFT, Grade
from harness.procedures.wanted import Wanted
from harness.search.case import Case
from harness.search.coverage import Coverage
from harness.search.deepen import deepen
from harness.search.explore import Budget, Meter
from harness.search.opened import opened
from harness.search.shrink import Shrunk, shrink
from harness.search.tally import broken_by
from harness.search.trial import Summary, Trial
from harness.search.troubles import named
from harness.spec import ClusterSpec

T = TypeVar("T")

WINDOW = 4
"""Members between the two halves of an add-first replacement of three."""
FAULTS = ("crash", "restart", "partition", "one-way", "pause")
"""What befalls nodes whose disks are kept: raft survives any of these alone."""
BUDGET = Budget(runs=1500)
SCALE = 0.4
"""Real seconds for a cluster second: an election timer of two seconds."""
SAFETY = frozenset(prop.id for prop in RAFT if prop.grade is Grade.SAFETY)
HASTE = 45.0
"""Cluster seconds for which one step of a run on real servers waits at most."""
SETTLES = 60.0
"""Cluster seconds after the last fault until files are looked at: elections and reconnections are over."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a hunt came to: ``runs`` and seconds of ``cpu`` until ``summary``, None if nothing was found in them."""

    summary: Summary | None
    runs: int
    cpu: float
    states: int


def careless(node: str, members: int = WINDOW) -> Case:
    """The membership change that takes ``node`` out of ``members``, under the happy schedule."""
    return Case(Wanted("careless", "kick", node), ClusterSpec(members=members))


def slowed(case: Case) -> Case:
    """For real servers: an election timer that is long beside the second of chance in OVSDB's time-outs."""
    return replace(case, spec=replace(case.spec, time_scale=SCALE))


def guarded(node: str, members: int = WINDOW) -> Case:
    """The same window in the hands of the guarded procedure, which changes nothing before its own term is committed."""
    return Case(Wanted("guarded", "remove", node), ClusterSpec(members=members))


def safety_is_broken(summary: Summary) -> bool:
    """One of raft's properties is, whatever else is: not only liveness or the procedure's own."""
    return summary.bad and any(name in SAFETY for name in broken_by(summary))


def hunt(base: Case, budget: Budget = BUDGET, faults: Sequence[str] = FAULTS, jobs: int = 1) -> Found:
    """Look for a run of ``base`` with faults that breaks safety; the first is enough."""
    coverage, meter = Coverage(), Meter(budget)
    for summary in deepen(base, budget, [named(name) for name in faults], jobs=jobs, coverage=coverage):
        meter.spend(summary)
        if safety_is_broken(summary):
            return Found(summary, meter.runs, meter.cpu, len(coverage))
    return Found(None, meter.runs, meter.cpu, len(coverage))


def smallest(summary: Summary) -> Shrunk:
    """The smallest case that breaks safety, from one that does."""
    return shrink(summary, safety_is_broken)


class _Hasty:
    """A lab in which nobody waits long: a run whose elections went another way is given up, and tried again."""

    def __init__(self, lab: LabExecutor) -> None:
        self._lab = lab

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lab, name)

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        return self._lab.wait(condition, min(timeout, HASTE), reason)


class _Replay(Trial):
    """Faults end, a minute passes, and that is all: nobody waits for what can't come in order any more."""

    def _calm(self) -> None:
        self._end_troubles()
        self._lab.sleep(SETTLES)


def on_real_servers(case: Case) -> dict[Database, str]:
    """Run ``case`` on real ovsdb-servers; what ``ovsdb-tool check-cluster`` then complains of, for each database.

    Raises :class:`harness.errors.BadInput` where they can't run.
    """
    with closing(opened(case, "ovsdb")) as lab:
        _Replay(case, cast(LabExecutor, _Hasty(lab))).play()
        replies = {database: lab.check_files(database) for database in DATABASES}
    return {database: reply.text for database, reply in replies.items() if reply is not None and not reply.ok}
