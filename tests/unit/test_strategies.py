"""The Hypothesis strategies: what they make is whole, and shrinks to the plain case."""

from __future__ import annotations

from hypothesis import find, given, settings

from harness import strategies
from harness.search.case import Case, Hit
from harness.search.troubles import TROUBLES


@given(case=strategies.cases())
def test_a_case_can_be_typed_again(case: Case) -> None:
    assert [Hit.parse(str(hit)) for hit in case.hits] == list(case.hits)
    names = case.spec.node_names()
    assert case.wanted.node in names
    assert all(hit.node in names for hit in case.hits if TROUBLES[hit.trouble].hands is None)
    assert len(case.hits) <= 2


def test_the_plainest_case_is_the_undisturbed_guarded_removal_from_three() -> None:
    plain = find(strategies.cases(), lambda case: True, settings=settings(database=None))
    assert (plain.wanted.procedure, plain.wanted.verb, plain.spec.members) == ("guarded", "remove", 3)
    assert (plain.hits, plain.seed) == ((), None)
