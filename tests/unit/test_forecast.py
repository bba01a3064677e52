"""Arithmetic of tolerance, step by step."""

from __future__ import annotations

import pytest
from support_views import healthy, names_of

from harness.cluster import Database
from harness.forecast import Forecast

A, B, C = names_of(3)


@pytest.mark.parametrize(
    ("members", "dead", "margin"), [(3, 0, 1), (3, 1, 0), (2, 0, 0), (5, 0, 2), (5, 1, 1), (1, 0, 0)]
)
def test_margin_is_live_members_minus_majority(members: int, dead: int, margin: int) -> None:
    cluster = healthy(members)
    for name in names_of(members)[members - dead :]:
        cluster.kill(name)
    forecast = Forecast.of(cluster.view())
    assert (forecast.nb.margin, forecast.sb.margin) == (margin, margin)


def test_without_a_majority_the_margin_is_negative() -> None:
    cluster = healthy(3).kill(B).kill(C)
    assert Forecast.of(cluster.view()).worst < 0


def test_a_ghost_at_a_live_servers_address_is_no_live_member() -> None:
    cluster = healthy(3).ghost(Database.NB, B)
    forecast = Forecast.of(cluster.view())
    assert forecast.nb.margin == 0, "four configured, three live, three needed"
    assert forecast.sb.margin == 1


def test_a_ghost_goes_away_with_the_servers_at_its_address() -> None:
    forecast = Forecast.of(healthy(3).ghost(Database.NB, B).view()).removed(Database.NB, "172.18.0.4")
    assert forecast.nb.margin == 0
    assert forecast.nb.needed == 2


def test_removal_changes_one_database_only() -> None:
    after = Forecast.of(healthy(3).view()).removed(Database.SB, "172.18.0.5")
    assert (after.nb.margin, after.sb.margin) == (1, 0)


def test_a_newcomer_counts_in_both_and_only_once() -> None:
    before = Forecast.of(healthy(2).view())
    after = before.added("172.18.0.5")
    assert (before.worst, after.worst) == (0, 1)
    assert after.added("172.18.0.5") == after


def test_a_newcomer_that_carries_nothing_yet_raises_the_majority() -> None:
    joined = Forecast.of(healthy(3).view()).added("172.18.0.6").down("172.18.0.6")
    assert joined.worst == 0, "four configured, three live, three needed"


def test_the_worst_restart_is_that_of_a_live_member() -> None:
    dead = Forecast.of(healthy(3).kill(C).view())
    assert dead.worst == 0
    assert dead.worst_restart().worst == -1
    assert dead.worst_restart(("172.18.0.5",)).worst == 0


def test_the_worst_restart_of_nobody_is_no_restart() -> None:
    forecast = Forecast.of(healthy(3).view())
    assert forecast.worst_restart(()) == forecast
