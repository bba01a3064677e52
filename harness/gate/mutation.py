"""The gate's own power: which mutants of a procedure it kills, by what, in how many runs, and which live.

A mutant is read first: a rule of lint that finds what it did not find in the procedure kills it. Then it is run:
without a fault, and then with faults aimed at the step that is mutated and the one after it, which is where checks and
waits matter. It is killed by an end or a figure that the procedure itself does not come to in the same case, or by a
step that did not keep its word (:mod:`harness.search.monitor`). One that lives is shown to be equivalent, or is a
hole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from harness import lint
from harness.cluster import ClusterView
from harness.gate.equivalence import equivalent
from harness.gate.gate import Settings
from harness.gate.shapes import FOLLOWER, NEW, PROFILES, Shape
from harness.gate.stages import READS
from harness.gate.subject import Subject, as_book
from harness.plan import Plan
from harness.procedures.wanted import make
from harness.search import campaign, mutants, power, trial
from harness.search.case import Case, Hit, Position
from harness.search.opened import opened
from harness.search.trial import Summary

LINT, RUN, MONITOR, EQUIVALENT, LIVES = "lint", "run", "monitor", "equivalent", "lives"
UNDECIDED = "undecided"
"""Broken off by a signal: counts for nothing."""
AIMED = ("pause", "partition", "crash", "restart", "node-loss")
HANDS = ("reset", "stale-view", "lost-answer", "operator-dies")
MOST = 45
"""Runs with a fault that a mutant is put through before it is said to live."""
SEED = 7
ENOUGH = 95.0
"""Percent of the mutants that are not equivalent that a gate has to kill."""
SIZES = {"guarded": {"remove": 3, "add": 3, "replace": 3}, "documented": {"remove": 5, "add": 3, "replace": 5}}
"""Members before: the documented removal from three fails by itself, whatever is changed in it."""
PACES = {"guarded": 0.0}
"""Cluster seconds in which the operator reads each answer. The guarded procedure looks by itself; the page needs a
reader, and fails by itself without one."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one mutant: ``how`` it was killed (or that it was not), by what, and after how many runs."""

    mutation: str
    how: str
    by: str
    runs: int
    case: Case

    @property
    def killed(self) -> bool:
        return self.how in (LINT, RUN, MONITOR)


@dataclass(frozen=True, slots=True)
class Score:
    """``there_are`` mutants of a subject; ``fates`` of those that there was time for."""

    label: str
    there_are: int
    fates: tuple[Fate, ...]

    def count(self, *hows: str) -> int:
        return sum(fate.how in hows for fate in self.fates)

    @property
    def percent(self) -> float:
        """Of the mutants that are not equivalent, how many were killed."""
        real = len(self.fates) - self.count(EQUIVALENT)
        return 100.0 * self.count(LINT, RUN, MONITOR) / real if real else 100.0


def case_of(subject: Subject) -> Case:
    """The procedure on the cluster on which its mutants are tried: three members, a follower or a newcomer."""
    size = subject.sizes[0] if subject.sizes else SIZES.get(subject.procedure, {}).get(subject.verb, 3)
    shape = Shape(size, NEW if subject.verb == "add" else FOLLOWER, False, PROFILES[0])
    return subject.case(shape, SEED, PACES.get(subject.procedure, READS))


def mutations(case: Case) -> tuple[Plan, ClusterView, list[str]]:
    """The plan, the cluster, and every mutation."""
    with closing(opened(case)) as lab:
        view = lab.view()
        plan = make(case.wanted, view, lab.files)
        return plan, view, list(mutants.mutations(plan, view))


def fates(case: Case, jobs: int = 1, some: int | None = None) -> Iterator[Fate]:
    """The fate of every mutant, first of those that need no run; with ``some``, of a fair sample of so many."""
    plan, view, todo = mutations(case)
    if some is not None:
        todo = todo[:: max(1, len(todo) // some)][:some]
    left = []
    for mutation in todo:
        fate = read(case, plan, view, mutation)
        if fate is None:
            left.append((case, mutation, _step_of(plan, mutation)))
        else:
            yield fate
    yield from campaign.each(run, left, jobs)


def read(case: Case, plan: Plan, view: ClusterView, mutation: str) -> Fate | None:
    """Killed by lint, or shown to be equivalent, without a run; None if that takes runs."""
    mutant = mutants.written(mutants.mutated(plan, mutation, view))
    before, after = (_rules(one, view) for one in (plan, mutant))
    more = [rule for rule in after if after[rule] > before[rule]]
    tried = replace(case, mutation=mutation)
    if more:
        return Fate(mutation, LINT, ", ".join(sorted(more)), 0, tried)
    reason = equivalent(plan, mutation, len(view.labelled()))
    return Fate(mutation, EQUIVALENT, reason, 0, tried) if reason else None


def _rules(plan: Plan, view: ClusterView) -> Counter[str]:
    if not plan.steps:
        return Counter()
    return Counter(finding.rule for finding in lint.lint(as_book(plan, view, "plan"), view))


def _step_of(plan: Plan, mutation: str) -> int:
    """The number (from 1) of the step that is mutated."""
    return mutants.keys(plan).index(mutation.partition(" ")[2]) + 1


def run(item: tuple[Case, str, int]) -> Fate:
    """Put one mutant through its runs, until one kills it."""
    case, mutation, step = item
    same = True
    count = 0
    for base in (*_calm(case), *islice(_aimed(case, step, mutation), MOST)):
        if campaign.told():
            return Fate(mutation, UNDECIDED, "", count, replace(case, mutation=mutation))
        count += 1
        tried = replace(base, mutation=mutation)
        summary = trial.run(tried)
        how, by = judged(summary, base)
        if how:
            return Fate(mutation, how, by, count, tried)
        same = same and summary.sent == _run(base).sent
    if same and mutation.startswith("twice "):
        words = f"it sends the same commands in the same order in all {count} runs: what it repeats, it first looks for"
        return Fate(mutation, EQUIVALENT, words, count, replace(case, mutation=mutation))
    return Fate(mutation, LIVES, "", count, replace(case, mutation=mutation))


def judged(summary: Summary, base: Case) -> tuple[str, str]:
    """How the run of a mutant shows that something is wrong, and by what; ("", "") if it is no worse."""
    theirs = _run(base)
    outcome = power.killed(summary, theirs)
    if outcome:
        return RUN, outcome
    broken = [words for words in summary.broken if not any(words[:3] == other[:3] for other in theirs.broken)]
    return (MONITOR, broken[0]) if broken else ("", "")


@lru_cache(maxsize=4096)
def _run(case: Case) -> Summary:
    return trial.run(case)


def _calm(case: Case) -> list[Case]:
    return [replace(case, seed=None), case]


def _aimed(case: Case, step: int, mutation: str) -> Iterator[Case]:
    """Faults where the mutated step looks, where it waits, and at the next one. A missing check shows when something is
    wrong before the step, a missing wait when it goes wrong within it."""
    first, then = (Position.DURING, Position.BEFORE) if "unawaited" in mutation else (Position.BEFORE, Position.DURING)
    spare = len(case.spec.node_names()) if case.wanted.verb != "remove" else case.spec.members
    for place in ((step, first), (step, then), (step + 1, Position.BEFORE)):
        for name in HANDS:
            yield replace(case, hits=(Hit(*place, name),))
        for name in AIMED:
            for node in reversed(case.spec.node_names()[:spare]):
                yield replace(case, hits=(Hit(*place, name, node),))


def score(subject: Subject, settings: Settings, stopped: Callable[[], bool] = lambda: False) -> Score:
    """The fates of a subject's mutants, as many as there is time for."""
    case = case_of(subject)
    there_are = len(mutations(case)[2])
    began = settings.clock()
    found: list[Fate] = []
    for fate in fates(case, settings.jobs, settings.runs):
        found += [fate] if fate.how != UNDECIDED else []
        over = settings.budget is not None and settings.clock() - began >= settings.budget
        if over or stopped():
            break
    return Score(subject.label, there_are, tuple(found))
