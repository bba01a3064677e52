"""Search under chance: schedules and faults are drawn, and what leads to new abstract states is drawn from again.

Everything is decided by one seed, and a case is learned from a fixed number of cases later: the same search makes the
same cases in any number of processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from harness.errors import BadInput
from harness.search import campaign, trial
from harness.search.case import Case, Hit, Position
from harness.search.coverage import Coverage
from harness.search.places import Place, survey
from harness.search.tape import Tape, Turn
from harness.search.trial import Summary
from harness.search.troubles import TROUBLES, Trouble

LAG = 16
"""A case is made from what the cases up to so many before it have shown."""
DEPTHS = (0, 0, 2, 3, 4)
"""Schedules are drawn evenly, or with priorities and so many less one change points (PCT)."""
SEEDS = 1 << 30


@dataclass(frozen=True, slots=True)
class Budget:
    """How much a search may take: runs, seconds of CPU (of all workers), seconds; None is no limit.

    Raises :class:`BadInput` for a limit of nothing.
    """

    runs: int | None = None
    cpu: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name, value in (("runs", self.runs), ("cpu", self.cpu), ("seconds", self.seconds)):
            if value is not None and value <= 0:
                raise BadInput(f"a budget of {value:g} {name} is no budget", todo="give it more than nothing")

    def meter(self) -> Meter:
        return Meter(self)


class Meter:
    """What was spent of a budget."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.runs = 0
        self.cpu = 0.0
        self._began = time.monotonic()

    def spend(self, summary: Summary) -> None:
        self.runs += 1
        self.cpu += summary.cpu

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._began

    @property
    def spent(self) -> str:
        """Which limit is reached; "" while none is."""
        limits = (("runs", self.runs), ("cpu", self.cpu), ("seconds", self.seconds))
        for name, used in limits:
            limit = getattr(self.budget, name)
            if limit is not None and used >= limit:
                return f"the budget of {limit:g} {name} is used up"
        return ""


def within(summaries: Iterator[Summary], budget: Budget) -> Iterator[Summary]:
    """``summaries`` until ``budget`` is used up."""
    meter = budget.meter()
    for summary in summaries:
        meter.spend(summary)
        yield summary
        if meter.spent:
            return


def explore(
    base: Case,
    budget: Budget,
    *,
    troubles: Sequence[Trouble] = tuple(TROUBLES.values()),
    most: int = 2,
    seed: int = 0,
    jobs: int = 1,
    coverage: Coverage | None = None,
) -> Iterator[Summary]:
    """Cases like ``base`` with up to ``most`` faults under drawn schedules, until ``budget`` is used up.

    ``coverage`` is filled on the way, and tells what is new. Raises what a run of ``base`` raises.
    """
    source = Explorer(base, survey(base), troubles, most, seed, coverage if coverage is not None else Coverage())
    found = campaign.each(trial.run, source.cases(), jobs, max(1, LAG // jobs))
    for summary in within(found, budget):
        source.learn(summary)
        yield summary


class Explorer:
    """Makes cases: anew, or from one that has shown something new."""

    def __init__(
        self,
        base: Case,
        places: Sequence[Place],
        troubles: Sequence[Trouble],
        most: int,
        seed: int,
        coverage: Coverage,
    ) -> None:
        self.coverage = coverage
        self._base = base
        self._places = places
        self._troubles = troubles
        self._most = most
        self._tape = Tape(seed=seed)
        self._heard: list[Summary] = []
        self._learned = 0
        self._worth: list[Summary] = []

    def learn(self, summary: Summary) -> None:
        """What has come of the next case, in their order."""
        self._heard.append(summary)

    def cases(self) -> Iterator[Case]:
        """Without end."""
        number = 0
        while True:
            for summary in self._heard[self._learned : max(0, number - LAG)]:
                self._learned += 1
                if self.coverage.add(summary):
                    self._worth.append(summary)
            yield self._changed() if self._worth and self._pick("anew or changed", 3) else self._new()
            number += 1

    def _pick(self, name: str, n: int) -> int:
        return self._tape.choose(name, n)

    def _new(self) -> Case:
        seed, depth = self._pick("seed", SEEDS), DEPTHS[self._pick("depth", len(DEPTHS))]
        hits = tuple(self._hit() for _ in range(self._pick("faults", self._most + 1)))
        return replace(self._base, hits=ordered(hits), seed=seed, depth=depth)

    def _changed(self) -> Case:
        """One that has shown something new (the later the likelier), with a change."""
        newest = len(self._worth) - 1
        old = self._worth[newest - self._pick("how old", newest + 1) * self._pick("old", 2)]
        case = old.case
        ways: list[Callable[[], Case]] = [
            lambda: replace(case, turns=(Turn(self._pick("turn", max(1, old.choices)), self._pick("seed", SEEDS)),)),
            lambda: replace(case, seed=self._pick("seed", SEEDS), turns=()),
        ]
        if len(case.hits) < self._most:
            ways += [lambda: replace(case, hits=ordered((*case.hits, self._hit())))] * 2
        if case.hits:
            ways += [lambda: replace(case, hits=self._moved(case.hits))] * 2
        return ways[self._pick("change", len(ways))]()

    def _moved(self, hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
        """One of the faults is another, at the same place or elsewhere."""
        at = self._pick("which fault", len(hits))
        return ordered((*hits[:at], self._hit(), *hits[at + 1 :]))

    def _hit(self) -> Hit:
        place = self._places[self._pick("place", len(self._places))]
        trouble = self._troubles[self._pick("trouble", len(self._troubles))]
        node = "" if trouble.hands is not None else place.nodes[self._pick("node", len(place.nodes))][0]
        return Hit(place.step, place.position, trouble.name, node)


def ordered(hits: tuple[Hit, ...]) -> tuple[Hit, ...]:
    """In the order in which they happen, each once."""
    positions = list(Position)
    return tuple(sorted(dict.fromkeys(hits), key=lambda hit: (hit.step, positions.index(hit.position), str(hit))))
