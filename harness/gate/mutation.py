"""The gate's own power: which mutants of a procedure it kills, by what, in how many runs, and which live.

A mutant is read first: a rule of lint that finds what it did not find in the procedure kills it. Then it is run where
:mod:`harness.gate.situations` says. It is killed by an end or a figure that the procedure itself does not come to in
the same case, or by a step that did not keep its word (:mod:`harness.search.monitor`). One that lives is shown to be
equivalent, or is a hole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from harness import lint
from harness.cluster import ClusterView
from harness.gate.equivalence import equivalent
from harness.gate.gate import Settings
from harness.gate.situations import USUAL, Ground, cases, grounds, there
from harness.gate.subject import Subject, as_book
from harness.plan import Plan
from harness.search import campaign, mutants, power, trial
from harness.search.case import Case
from harness.search.trial import Summary
from harness.steps import CheckDirectory, CheckStatus, Label

LINT, RUN, MONITOR, EQUIVALENT, LIVES = "lint", "run", "monitor", "equivalent", "lives"
UNDECIDED = "undecided"
"""Broken off by a signal: counts for nothing."""
CONFIRMING = 6
"""Runs that each argument for equivalence must stand, most of them with a fault at the step or the next one."""
ENOUGH = 95.0
"""Percent of the mutants that are not equivalent that a gate has to kill."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one mutant: ``how`` it was killed (or that it was not), by what, and after how many runs; ``case``
    is the last of them, on the cluster ``ground``. ``alike``: of the runs of one that lives, in how many it sent the
    same commands in the same order as the procedure itself."""

    mutation: str
    how: str
    by: str
    runs: int
    case: Case
    ground: str = USUAL
    alike: int = 0

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


def fates(where: tuple[Ground, ...], jobs: int = 1, some: int | None = None) -> Iterator[Fate]:
    """The fate of every mutant, first of those that need no run, or one; with ``some``, of a fair sample of so many."""
    usual = where[0]
    todo = list(mutants.mutations(usual.plan, usual.view))
    if some is not None:
        todo = todo[:: max(1, len(todo) // some)][:some]
    left, equal = [], []
    for mutation in todo:
        fate = read(usual, mutation)
        if fate is None:
            left.append((where, mutation))
        elif fate.how == EQUIVALENT:
            equal.append((where, fate))
        else:
            yield fate
    yield from campaign.each(confirmed, equal, jobs)
    yield from campaign.each(run, left, jobs)


def argued(where: tuple[Ground, ...], jobs: int = 1) -> Iterator[Fate]:
    """The fates of those that an argument calls equivalent, and of no others."""
    usual = where[0]
    claims = (read(usual, one) for one in mutants.mutations(usual.plan, usual.view))
    equal = [(where, claim) for claim in claims if claim is not None and claim.how == EQUIVALENT]
    yield from campaign.each(confirmed, equal, jobs)


def read(usual: Ground, mutation: str) -> Fate | None:
    """Killed by lint, or equivalent by argument, without a run; None if that takes runs."""
    plan, view = usual.plan, usual.view
    mutant = mutants.written(mutants.mutated(plan, mutation, view))
    before, after = (_rules(one, view) for one in (plan, mutant))
    more = [rule for rule in after if after[rule] > before[rule]]
    tried = replace(usual.case, mutation=mutation)
    if more:
        return Fate(mutation, LINT, ", ".join(sorted(more)), 0, tried)
    reason = equivalent(plan, mutation, len(view.labelled()))
    return Fate(mutation, EQUIVALENT, reason, 0, tried) if reason else None


def _rules(plan: Plan, view: ClusterView) -> Counter[str]:
    books = [as_book(part, view, "plan") for part in _procedures(plan) if part.steps]
    return Counter(finding.rule for book in books for finding in lint.lint(book, view))


def _procedures(plan: Plan) -> tuple[Plan, ...]:
    """What lint reads: the page's replacement is two procedures, its removal and its addition."""
    if plan.procedure != "documented" or plan.verb != "replace":
        return (plan,)
    entries = (at for at, step in enumerate(plan.steps) if isinstance(step, CheckDirectory | CheckStatus | Label))
    middle = next(entries, len(plan.steps))
    out, into = plan.steps[:middle], plan.steps[middle:]
    return replace(plan, verb="remove", new=None, steps=out), replace(plan, verb="add", old=None, steps=into)


def confirmed(item: tuple[tuple[Ground, ...], Fate]) -> Fate:
    """One that an argument calls equivalent, put through a fair sample of the runs of a mutant without one: what shows
    in any of them refutes the argument."""
    where, claimed = item
    fate = run((where, claimed.mutation), CONFIRMING)
    return replace(fate, how=EQUIVALENT, by=claimed.by) if fate.how in (LIVES, EQUIVALENT) else fate


def run(item: tuple[tuple[Ground, ...], str], some: int | None = None) -> Fate:
    """Put one mutant through its runs, until one kills it; with ``some``, through so many of them."""
    where, mutation = item
    usual, alike, count = where[0], 0, 0
    for ground, base in sampled(list(_tried(where, mutation)), some) if some else _tried(where, mutation):
        if campaign.told():
            return Fate(mutation, UNDECIDED, "", count, replace(usual.case, mutation=mutation))
        count += 1
        tried = replace(base, mutation=there(mutation, usual.plan, ground.plan))
        summary = trial.run(tried)
        how, by = judged(summary, base)
        if how:
            return Fate(mutation, how, by, count, tried, ground.name)
        alike += summary.sent == _run(base).sent
    how, by = LIVES, ""
    if alike == count and mutation.startswith("twice "):
        how, by = EQUIVALENT, f"it sends the same commands in the same order in all {count} runs: it looks first"
    return Fate(mutation, how, by, count, replace(usual.case, mutation=mutation), alike=alike)


def sampled(runs: list[tuple[Ground, Case]], some: int) -> list[tuple[Ground, Case]]:
    """``some`` of ``runs``, spread evenly, the first among them, which is without a fault."""
    return [runs[at * len(runs) // some] for at in range(some)] if some < len(runs) else runs


def _tried(where: tuple[Ground, ...], mutation: str) -> Iterator[tuple[Ground, Case]]:
    for ground in where:
        same = there(mutation, where[0].plan, ground.plan)
        if same:
            yield from ((ground, case) for case in cases(ground, same))


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


def score(subject: Subject, settings: Settings, stopped: Callable[[], bool] = lambda: False) -> Score:
    """The fates of a subject's mutants, as many as there is time for."""
    where = grounds(subject)
    there_are = sum(1 for _ in mutants.mutations(where[0].plan, where[0].view))
    began = settings.clock()
    found: list[Fate] = []
    for fate in fates(where, settings.jobs, settings.runs):
        found += [fate] if fate.how != UNDECIDED else []
        over = settings.budget is not None and settings.clock() - began >= settings.budget
        if over or stopped():
            break
    return Score(subject.label, there_are, tuple(found))
