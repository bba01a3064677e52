"""Majority, tolerance and margin against their definitions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.quorum import (
    Outlook,
    after_addition,
    after_removal,
    majority,
    margin,
    may_add,
    may_remove,
    survives,
    tolerance,
)

sizes = st.integers(1, 1000)
SEVEN = "abcdefg"


@st.composite
def configurations(draw: st.DrawFn) -> tuple[str, str]:
    """Members, and those of them that are alive."""
    members = SEVEN[: draw(st.integers(1, len(SEVEN)))]
    return members, "".join(draw(st.lists(st.sampled_from(members), unique=True)))


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


@given(configurations())
def test_a_leader_is_possible_exactly_if_the_live_can_outvote_all_others(drawn: tuple[str, str]) -> None:
    members, live = drawn
    outlook = Outlook(frozenset(members), frozenset(live))
    assert survives(outlook) is outlook.leader_possible is (len(live) > len(members) - len(live))
    assert outlook.margin == margin(len(live), len(members))
    assert outlook.tolerance == tolerance(len(members)) >= outlook.margin


def test_who_is_no_member_does_not_count_as_alive() -> None:
    outlook = Outlook(frozenset("abc"), frozenset("axyz"))
    assert (outlook.live, outlook.margin, survives(outlook)) == (frozenset("a"), -1, False)


@pytest.mark.parametrize(
    ("members", "live", "leaver", "allowed"),
    [
        ("abc", "abc", "c", True),
        ("abc", "ab", "c", True),
        ("abc", "ab", "b", False),
        ("abcd", "abc", "d", True),
        ("abcd", "abc", "c", True),
        ("abcde", "abc", "c", False),
        ("abcde", "abc", "e", True),
        ("ab", "a", "b", True),
        ("ab", "ab", "b", True),
        ("ab", "a", "a", False),
        ("a", "a", "a", False),
    ],
)
def test_who_may_be_removed(members: str, live: str, leaver: str, allowed: bool) -> None:
    assert may_remove(members, live, leaver) is allowed


@pytest.mark.parametrize(
    ("members", "live", "allowed"),
    [
        ("a", "a", True),
        ("a", "", False),
        ("ab", "ab", True),
        ("ab", "a", False),
        ("abc", "abc", True),
        ("abc", "ab", False),
        ("abcd", "abc", True),
        ("abcde", "abc", False),
        ("abcde", "abcd", True),
    ],
)
def test_when_a_newcomer_may_be_added(members: str, live: str, allowed: bool) -> None:
    assert may_add(members, live, "z") is allowed


@given(configurations(), st.data())
def test_a_dead_member_may_go_whenever_there_is_a_leader_and_that_costs_nothing(
    drawn: tuple[str, str], data: st.DataObject
) -> None:
    members, live = drawn
    before = Outlook(frozenset(members), frozenset(live))
    leaver = data.draw(st.sampled_from(members))
    after = after_removal(members, live, leaver)
    assert after.members == before.members - {leaver}
    if leaver not in live:
        assert after.margin >= before.margin
        assert may_remove(members, live, leaver) or not survives(before)
    elif len(members) > 1:
        assert after.margin in (before.margin, before.margin - 1)


@given(configurations())
def test_an_addition_that_is_allowed_leaves_a_majority_should_the_newcomer_fail(drawn: tuple[str, str]) -> None:
    members, live = drawn
    after = after_addition(members, live, "z")
    assert after.live == frozenset(live) | {"z"}
    assert survives(after) or not may_add(members, live, "z")
    if may_add(members, live, "z") and len(members) > 1:
        assert survives(Outlook(after.members, frozenset(live)))
        assert after_removal(after.members, after.live, "z").members == frozenset(members)


def test_changes_of_the_wrong_server_are_errors() -> None:
    with pytest.raises(ValueError, match="x is no member"):
        may_remove("abc", "abc", "x")
    with pytest.raises(ValueError, match="c is a member already"):
        may_add("abc", "abc", "c")


def test_nobody_has_no_leader() -> None:
    nobody = after_removal("a", "a", "a")
    assert (nobody.majority, nobody.tolerance, nobody.margin, survives(nobody)) == (1, 0, -1, False)
