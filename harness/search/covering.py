"""Covering arrays: few rows in which any two values of any two factors meet in some row.

Greedy, a row at a time, as AETG does (Cohen and others, IEEE TSE 23(7), 1997), but without chance: every process finds
the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

Meets = Callable[[int, int, int, int], bool]
"""Whether value b of factor a and value d of factor c may stand in one row, a below c: ``meets(a, b, c, d)``."""

Pair = tuple[int, int, int, int]


def always(a: int, b: int, c: int, d: int) -> bool:
    return True


def pairs(sizes: Sequence[int], meets: Meets = always) -> Iterator[Pair]:
    """All pairs of values that may meet."""
    for a, c in combinations(range(len(sizes)), 2):
        for b in range(sizes[a]):
            yield from ((a, b, c, d) for d in range(sizes[c]) if meets(a, b, c, d))


def rows(sizes: Sequence[int], meets: Meets = always) -> Iterator[tuple[int, ...]]:
    """Rows of values, one for each factor with ``sizes[i]`` of them, until every pair that may meet in a row has met.

    A pair that fits no whole row is left out.
    """
    todo = dict.fromkeys(pairs(sizes, meets))
    while todo:
        first = next(iter(todo))
        row = _completed({first[0]: first[1], first[2]: first[3]}, sizes, meets, todo)
        if row is None:
            del todo[first]
            continue
        for pair in _pairs_of(row):
            todo.pop(pair, None)
        yield tuple(row[factor] for factor in range(len(sizes)))


def _completed(
    row: dict[int, int], sizes: Sequence[int], meets: Meets, todo: dict[Pair, None]
) -> dict[int, int] | None:
    """``row`` with a value for every factor, each the one that brings most; None if none fits, however it is tried."""
    if len(row) == len(sizes):
        return row
    factor = min(f for f in range(len(sizes)) if f not in row)
    fitting = [v for v in range(sizes[factor]) if all(meets(*_pair(factor, v, f, w)) for f, w in row.items())]
    gain = {v: sum(_pair(factor, v, f, w) in todo for f, w in row.items()) for v in fitting}
    for value in sorted(fitting, key=lambda v: (-gain[v], v)):
        found = _completed({**row, factor: value}, sizes, meets, todo)
        if found is not None:
            return found
    return None


def _pair(a: int, b: int, c: int, d: int) -> Pair:
    return (a, b, c, d) if a < c else (c, d, a, b)


def _pairs_of(row: dict[int, int]) -> Iterator[Pair]:
    for a, c in combinations(sorted(row), 2):
        yield a, row[a], c, row[c]
