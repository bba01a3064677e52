"""Majority, tolerance and margin against their definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.quorum import majority, margin, tolerance

sizes = st.integers(1, 1000)


@pytest.mark.parametrize(
    ("members", "needed", "spare"), [(1, 1, 0), (2, 2, 0), (3, 2, 1), (4, 3, 1), (5, 3, 2), (6, 4, 2), (7, 4, 3)]
)
def test_the_sizes_that_are_run(members: int, needed: int, spare: int) -> None:
    assert (majority(members), tolerance(members)) == (needed, spare)


@given(sizes)
def test_two_majorities_always_meet_and_fewer_would_not(members: int) -> None:
    assert 2 * majority(members) > members
    assert 2 * (majority(members) - 1) <= members


@given(sizes)
def test_a_majority_is_left_after_as_many_failures_as_tolerated_and_no_more(members: int) -> None:
    assert margin(members - tolerance(members), members) == 0
    assert margin(members - tolerance(members) - 1, members) == -1


@given(sizes)
def test_one_member_more_never_lowers_the_majority_and_an_even_size_tolerates_no_more(members: int) -> None:
    assert majority(members + 1) in (majority(members), majority(members) + 1)
    assert tolerance(2 * members) == tolerance(2 * members - 1)


def test_margin_is_negative_once_quorum_is_lost() -> None:
    assert [margin(live, 3) for live in (3, 2, 1, 0)] == [1, 0, -1, -2]


@pytest.mark.parametrize("members", [0, -1])
def test_an_empty_configuration_has_no_majority(members: int) -> None:
    for count in (majority, tolerance, lambda n: margin(0, n)):
        with pytest.raises(ValueError, match=f"configuration of {members} servers has no majority"):
            count(members)
