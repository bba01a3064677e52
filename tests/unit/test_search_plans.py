"""Fault plans: all singles, and pairs that leave no pair of values out."""

from __future__ import annotations

from itertools import combinations

import pytest

from harness.procedures.wanted import Wanted
from harness.search import covering, plans
from harness.search.case import Case, Position
from harness.search.places import Place
from harness.search.troubles import named
from harness.spec import ClusterSpec

CASE = Case(Wanted("guarded", "remove", "c"), ClusterSpec())
PLACES = [Place(step, "", Position.BEFORE, tuple((node, ()) for node in "abc"[: 2 + step % 2])) for step in range(6)]
TROUBLES = [named(name) for name in ("crash", "partition", "lost-answer", "operator-dies")]


@pytest.mark.parametrize("sizes", [(2, 2), (3, 4, 5), (7, 3, 3, 2, 6), (1, 1, 9)])
def test_any_two_values_meet_in_few_rows(sizes: tuple[int, ...]) -> None:
    rows = list(covering.rows(sizes))
    met = {(a, row[a], c, row[c]) for row in rows for a, c in combinations(range(len(sizes)), 2)}
    assert met == set(covering.pairs(sizes))
    most = sorted(sizes)[-1] * sorted(sizes)[-2]
    assert most <= len(rows) <= 2 * most
    assert list(covering.rows(sizes)) == rows


def test_values_that_may_not_meet_do_not_and_all_others_do() -> None:
    sizes = (4, 4, 3)

    def meets(a: int, b: int, c: int, d: int) -> bool:
        return (a, c) != (0, 1) or b <= d

    rows = list(covering.rows(sizes, meets))
    assert all(row[0] <= row[1] for row in rows)
    met = {(a, row[a], c, row[c]) for row in rows for a, c in combinations(range(3), 2)}
    assert met == set(covering.pairs(sizes, meets))


def test_a_pair_that_fits_no_whole_row_is_left_out() -> None:
    rows = list(covering.rows((2, 2, 1), lambda a, b, c, d: (c, b) != (2, 1)))
    assert rows == [(0, 0, 0)]


def test_pairs_of_faults_cover_places_troubles_and_nodes() -> None:
    found = list(plans.pairs(CASE, PLACES, TROUBLES))
    everything = list(plans.all_pairs(CASE, PLACES, TROUBLES))
    assert len(found) < len(everything) / 5
    assert {case.hits for case in found} <= {hits for case in everything for hits in (case.hits, case.hits[::-1])}
    for case in found:
        first, second = case.hits
        assert first.step <= second.step
        for hit in case.hits:
            assert (hit.node == "") == (named(hit.trouble).hands is not None)
            assert hit.node in ("", *(name for name, _ in PLACES[hit.step].nodes))
    steps = {(a.step, b.step) for a, b in (case.hits for case in found)}
    assert steps == {(a, b) for a in range(6) for b in range(a, 6)}
    troubles = {(a.trouble, b.trouble) for a, b in (case.hits for case in found)}
    assert troubles == {(a.name, b.name) for a in TROUBLES for b in TROUBLES}
    assert {(hit.step, hit.trouble) for case in found for hit in case.hits} == plans.cells(PLACES, TROUBLES)


def test_plans_under_schedules_come_schedule_by_schedule() -> None:
    cases = plans.singles(CASE, PLACES[:1], TROUBLES[:1])
    assert [case.seed for case in plans.under(cases, (None, 3))] == [None, None, 3, 3]
