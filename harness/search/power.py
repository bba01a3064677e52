"""How good the judge is: which of a procedure's mutants it kills, by what, and in how many runs.

A mutant is run without faults first (the happy schedule, then drawn ones) and then with a sample of single faults. What
kills it is a bad end that the procedure itself does not come to in the same case, or clearly less of what operators
care about: servers that could still fail, and the longest time without an acknowledged write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial

from harness.procedures.wanted import make
from harness.search import mutants, places, trial, troubles
from harness.search.case import Case
from harness.search.opened import opened
from harness.search.trial import Summary, Verdict

SEEDS = (None, 1, 2)
FAULTS = 9
"""Runs with a fault: about a second of CPU for each mutant that lives."""
SAMPLED = (
    *("crash", "restart", "node-loss", "partition", "one-way", "pause"),
    *("operator-dies", "operator-pauses", "lost-answer", "stale-view"),
)
"""Troubles that the procedures survive wherever they happen: few kinds, so that a small sample has all of them."""

STALL_GROWS = 18.0
"""Cluster seconds by which the longest stall must have grown: one election at its longest (facts: ovsdb-raft 1)."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one mutant. ``killed_by`` is empty if it lives; ``runs`` is how many it took, or all."""

    mutation: str
    killed_by: str
    runs: int
    replay: Case


def cases(case: Case, faults: int = FAULTS) -> list[Case]:
    """What every mutant is put through: runs without faults, then a fair sample of single faults."""
    survived = [troubles.named(name) for name in SAMPLED]
    hit = places.spread(list(places.single_faults(case, places.survey(case), survived)))
    return [*(replace(case, seed=seed) for seed in SEEDS), *hit[:faults]]


def all_mutations(case: Case) -> list[str]:
    """Every mutation of the plan that ``case`` begins with."""
    with closing(opened(case)) as lab:
        view = lab.view()
        return list(mutants.mutations(make(case.wanted, view, lab.files), view))


def fate(mutation: str, healthy: Sequence[Summary]) -> Fate:
    """Put one mutant through the cases of ``healthy``, the procedure's own runs, until one kills it."""
    for count, base in enumerate(healthy, start=1):
        tried = replace(base.case, mutation=mutation)
        reason = killed(trial.run(tried), base)
        if reason:
            return Fate(mutation, reason, count, tried)
    return Fate(mutation, "", len(healthy), replace(healthy[0].case, mutation=mutation))


def killed(run: Summary, base: Summary) -> str:
    """Why ``run`` shows that something is wrong; empty if it is no worse than ``base``, the same case without the
    mistake."""
    if run.bad and not base.bad:
        return f"{run.verdict.value}: {run.reasons[0]}"
    if not run.case.hits and run.verdict is not Verdict.DONE and base.verdict is Verdict.DONE:
        return f"{run.verdict.value}: {run.reasons[0] if run.reasons else 'without a reason'}"
    if run.lowest < min(base.lowest, 0):
        return f"P2: {-run.lowest} servers short of a majority"
    if run.lowest < base.lowest and not run.case.hits:
        return f"P1: {run.lowest} servers may fail, {base.lowest} without the mistake"
    if not run.case.hits and max(run.stalls) > max(base.stalls) + STALL_GROWS:
        return f"L2: writes stop for {max(run.stalls):.0f} s, {max(base.stalls):.0f} s without the mistake"
    return ""


def score(case: Case, jobs: int = 1, faults: int = FAULTS) -> Iterator[Fate]:
    """The fate of every mutant of ``case``'s procedure, in the order of its steps."""
    todo = all_mutations(case)
    with ProcessPoolExecutor(max_workers=jobs) as pool:
        healthy = list(pool.map(trial.run, cases(case, faults)))
        run: Callable[[str], Fate] = partial(fate, healthy=healthy)
        yield from pool.map(run, todo)
