"""Fault plans: every single fault, pairs of faults as a covering array, or all pairs.

A plan is a case with hits. All functions are pure: the same survey gives the same plans, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product

from harness.search import covering
from harness.search.case import Case, Hit
from harness.search.places import Place, single_faults
from harness.search.troubles import Trouble

SCHEDULES: tuple[int | None, ...] = (None, 1, 2)
"""Seeds under which each plan is tried where nothing else is said; None is the happy schedule."""


def under(cases: Sequence[Case], seeds: Sequence[int | None], depth: int = 0) -> Iterator[Case]:
    """Each case under each schedule, seed by seed: the first ``len(cases)`` are all cases under the first."""
    for seed in seeds:
        yield from (replace(case, seed=seed, depth=depth if seed is not None else 0) for case in cases)


def singles(case: Case, places: Sequence[Place], troubles: Sequence[Trouble]) -> list[Case]:
    """``case`` with one fault: each trouble at each place, on each node that has a part in things there."""
    return list(single_faults(case, places, troubles))


def all_pairs(case: Case, places: Sequence[Place], troubles: Sequence[Trouble]) -> Iterator[Case]:
    """``case`` with any two single faults, the earlier first. There are some hundred thousands: a night's work."""
    hits = [single.hits[0] for single in single_faults(case, places, troubles)]
    yield from (replace(case, hits=both) for both in combinations(hits, 2))


@dataclass(frozen=True, slots=True)
class _Factors:
    """Six factors of a pair: place, trouble and node of the first fault, then of the second. Node 0 is nobody's: that
    of the operator."""

    places: Sequence[Place]
    troubles: Sequence[Trouble]
    nodes: tuple[str, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        one = len(self.places), len(self.troubles), len(self.nodes)
        return (*one, *one)

    def meets(self, a: int, b: int, c: int, d: int) -> bool:
        kinds = a % 3, c % 3
        if kinds == (0, 0):
            return b <= d  # the first fault is not later than the second
        if a // 3 != c // 3:
            return True
        if kinds == (1, 2):
            return (self.troubles[b].hands is not None) == (d == 0)
        if kinds == (0, 2):
            return d == 0 or any(name == self.nodes[d] for name, _ in self.places[b].nodes)
        return True

    def another(self, trouble: int) -> int:
        """The next trouble that befalls the same: a node, or the operator."""
        order: list[int] = [*range(trouble + 1, len(self.troubles)), *range(trouble + 1)]
        return next(n for n in order if (self.troubles[n].hands is None) == (self.troubles[trouble].hands is None))

    def hit(self, place: int, trouble: int, node: int) -> Hit:
        here = self.places[place]
        return Hit(here.step, here.position, self.troubles[trouble].name, self.nodes[node])


def pairs(case: Case, places: Sequence[Place], troubles: Sequence[Trouble]) -> Iterator[Case]:
    """``case`` with two faults, in few plans: any two places, any two troubles, any trouble and any place, any two
    nodes and so on meet in some plan, as far as they can meet.

    Where both faults would be the same, the second is another trouble.
    """
    names = dict.fromkeys(name for place in places for name, _ in place.nodes)
    factors = _Factors(places, troubles, ("", *names))
    for row in covering.rows(factors.sizes, factors.meets):
        first, second = factors.hit(*row[:3]), factors.hit(*row[3:])
        if first == second:
            second = factors.hit(row[3], factors.another(row[4]), row[5])
        if first != second:
            yield replace(case, hits=(first, second))


def cells(places: Sequence[Place], troubles: Sequence[Trouble]) -> frozenset[tuple[int, str]]:
    """The step x fault matrix that there is to cover."""
    return frozenset(product({place.step for place in places}, {trouble.name for trouble in troubles}))
