"""Fault plans: all singles, and pairs that leave no pair of values out."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, islice

import pytest

from harness.procedures.wanted import Wanted
from harness.search import covering, plans
from harness.search.case import Case, Position
from harness.search.places import Place
from harness.search.shuffled import shuffled
from harness.search.tape import Source
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
    drawn = [case.source for case in plans.under(cases, (Source(), Source(3, 2)))]
    assert drawn == [Source(), Source(), Source(3, 2), Source(3, 2)]


def test_schedules_are_the_one_that_was_asked_for_then_even_and_prioritised_ones() -> None:
    assert plans.schedules(1) == [Source()]
    found = plans.schedules(9, 5)
    assert found[0] == Source(5)
    assert len(set(found)) == 9
    assert {source.depth for source in found[1:]} == {0, 2, 3, 4}


@pytest.mark.parametrize("count", [0, 1, 2, 3, 64, 65, 1000])
def test_shuffled_numbers_come_once_each(count: int) -> None:
    found = list(shuffled(count))
    assert sorted(found) == list(range(count))
    assert count < 3 or found != sorted(found)


def test_all_pairs_are_all_the_earlier_fault_first_under_every_schedule() -> None:
    hits = [single.hits[0] for single in plans.singles(CASE, PLACES, TROUBLES)]
    found = list(plans.all_pairs(CASE, PLACES, TROUBLES, plans.schedules(2)))
    assert len(found) == len(set(found))
    both = set(combinations(hits, 2))
    assert {(case.hits, case.seed) for case in found} == {(pair, seed) for pair in both for seed in (None, 1)}


def test_millions_of_pairs_are_not_held_and_their_first_are_a_fair_sample() -> None:
    places = [replace(PLACES[0], step=step) for step in range(500)]
    drawn = plans.all_pairs(CASE, places, TROUBLES)
    assert len(drawn) > 4_000_000
    first = [case.hits for case in islice(drawn, 300)]
    assert {hit.trouble for hits in first for hit in hits} == {trouble.name for trouble in TROUBLES}
    assert all(any(low <= hit.step < low + 50 for hits in first for hit in hits) for low in range(0, 500, 50))
