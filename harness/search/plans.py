"""Fault plans: every single fault, pairs of faults as a covering array, or all pairs.

A plan is a case with hits. All functions are pure: the same survey gives the same plans, in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import comb, isqrt

from harness.search import covering
from harness.search.case import Case, Hit
from harness.search.explore import DEPTHS
from harness.search.places import Place, single_faults
from harness.search.shuffled import shuffled
from harness.search.tape import Source
from harness.search.troubles import Trouble

PAIRS = ("covering", "all")
"""Two faults in one plan: few plans in which any two values meet, or each pair there is."""


def schedules(count: int, seed: int | None = None) -> list[Source]:
    """``count`` schedules: that of ``seed`` (None: the happy one), then others that are drawn evenly or with priorities
    (PCT), in turn."""
    depths = dict.fromkeys(DEPTHS)
    others = [Source((seed or 0) + n, [*depths][n % len(depths)]) for n in range(1, count)]
    return [Source(seed), *others]


def under(cases: Sequence[Case], sources: Sequence[Source]) -> Iterator[Case]:
    """Each case under each schedule, schedule by schedule: the first ``len(cases)`` are all cases under the first.
    Under every other one only a core is healed at the end (:mod:`harness.search.core`)."""
    for number, source in enumerate(sources):
        yield from (_nth(case, number, source) for case in cases)


def _nth(case: Case, number: int, source: Source) -> Case:
    """Under drawn schedules only a core is healed at the end."""
    return replace(case.under(source), core=case.core or number > 0)


def singles(case: Case, places: Sequence[Place], troubles: Sequence[Trouble]) -> list[Case]:
    """``case`` with one fault: each trouble at each place, on each node that has a part in things there."""
    return list(single_faults(case, places, troubles))


class AllPairs:
    """``case`` with any two single faults, the earlier first, under each of ``sources``: millions, which are made as
    they are asked for, in an order of no pattern, so that the first of them are a fair sample."""

    def __init__(self, case: Case, hits: Sequence[Hit], sources: Sequence[Source]) -> None:
        self._case = case
        self._hits = hits
        self._sources = sources

    def __len__(self) -> int:
        return comb(len(self._hits), 2) * len(self._sources)

    def __iter__(self) -> Iterator[Case]:
        for index in shuffled(len(self)):
            pair, number = divmod(index, len(self._sources))
            yield _nth(replace(self._case, hits=self._both(pair)), number, self._sources[number])

    def _both(self, pair: int) -> tuple[Hit, Hit]:
        """The second of two is number n, and n(n-1)/2 pairs have an earlier second."""
        second = (1 + isqrt(1 + 8 * pair)) // 2
        return self._hits[pair - comb(second, 2)], self._hits[second]


def all_pairs(
    case: Case,
    places: Sequence[Place],
    troubles: Sequence[Trouble],
    sources: Sequence[Source] = (),
) -> AllPairs:
    """``case`` with any two single faults, under its own schedule if no ``sources`` are given. There are some millions:
    many nights' work."""
    hits = [single.hits[0] for single in single_faults(case, places, troubles)]
    return AllPairs(case, hits, sources or (case.source,))


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
