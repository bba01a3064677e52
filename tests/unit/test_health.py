"""Is a raft cluster in order, as its own servers tell it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from support_views import Cluster, Server, healthy, names_of, server_id

from harness import health
from harness.addresses import raft_address
from harness.cluster import DATABASES, Database

A, B, C, D = names_of(4)
Bend = Callable[[Cluster], Cluster]


@pytest.mark.parametrize("members", [1, 2, 3, 5])
def test_a_healthy_cluster_has_no_problem(members: int) -> None:
    view = healthy(members, 1).view()
    assert health.all_problems(view) == []
    assert all(len(health.members(view, db)) == members for db in DATABASES)


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        (lambda c: c.leaderless(Database.NB), "nb has no leader"),
        (lambda c: c.two_leaders(Database.NB, B), "more than one server calls itself leader"),
        (lambda c: c.uncommitted(Database.NB, 1), "1 entries not committed"),
        (lambda c: c.change_pending(Database.NB, C), "membership change pending"),
        (lambda c: c.ghost(Database.NB, C), "2 servers configured at 172.18.0.5"),
        (lambda c: c.kill(C), "at 172.18.0.5 does not answer"),
        (lambda c: c.crash(C), "at 172.18.0.5 does not answer"),
        (lambda c: c.put_pod(c.pod_on(C).name, terminating=True), "is about to stop: its pod is being deleted"),
        (lambda c: c.lagging(Database.NB, C, health.LAG + 1), "17 entries behind"),
        (lambda c: c.tell(Database.NB, C, status="joining cluster"), "says: joining cluster"),
        (lambda c: c.tell(Database.NB, C, cluster_id="other"), "belongs to another cluster (other)"),
        (lambda c: c.tell(Database.NB, C, leader="unknown"), "does not follow the leader 1b9a"),
        (lambda c: c.tell(Database.NB, C, leader="4984"), "does not follow the leader 1b9a"),
        (lambda c: c.tell(Database.NB, C, servers=()), "does not know the leader's configuration"),
    ],
)
def test_each_disorder_is_named(bend: Bend, words: str) -> None:
    cluster = healthy(3)
    bend(cluster)
    found = health.problems(cluster.view(), Database.NB)
    assert any(words in problem for problem in found), found


def test_a_disorder_of_nb_is_none_of_sb() -> None:
    cluster = healthy(3).leaderless(Database.NB).ghost(Database.NB, C).uncommitted(Database.NB, 3)
    assert health.problems(cluster.view(), Database.SB) == []
    assert len(health.problems(cluster.view(), Database.NB)) == 1, "without a leader nothing else can be said"


def test_writes_in_flight_are_no_disorder_once_the_leader_has_committed_in_its_term() -> None:
    assert health.all_problems(healthy(3).busy(Database.NB, 5).view()) == []
    assert health.all_problems(healthy(3).uncommitted(Database.NB, 5).view()) != []


def test_a_voter_may_be_behind_by_what_a_busy_client_has_in_flight() -> None:
    assert health.all_problems(healthy(3).lagging(Database.SB, C, health.LAG).view()) == []


def test_hosts_that_may_be_in_any_state_are_left_out_but_not_ghosts_and_leaders() -> None:
    dead = healthy(3).kill(C)
    assert health.all_problems(dead.view(), ignore=("172.18.0.5",)) == []
    assert health.all_problems(dead.ghost(Database.NB, C).view(), ignore=("172.18.0.5",)) != []
    assert health.all_problems(healthy(3).leaderless(Database.SB).view(), ignore=("172.18.0.5",)) != []


def test_members_come_from_the_best_informed_follower_when_nobody_leads() -> None:
    cluster = healthy(3).leaderless(Database.NB)
    cluster.tell(Database.NB, A, servers=(), log_end=5)
    assert len(health.members(cluster.view(), Database.NB)) == 3


def test_of_two_leaders_the_one_of_the_later_term_is_asked() -> None:
    cluster = healthy(3).two_leaders(Database.NB, B)
    leader = cluster.view().leader(Database.NB)
    assert leader is not None
    assert leader[0] == A


def test_a_member_that_knows_no_leader_is_not_live() -> None:
    cluster = healthy(3).tell(Database.NB, C, leader="unknown", role="candidate")
    assert health.live_hosts(cluster.view(), Database.NB) == {"172.18.0.3", "172.18.0.4"}


def test_a_server_outside_the_configuration_is_not_live() -> None:
    cluster = healthy(3)
    stranger = Server(server_id(Database.NB, 9), raft_address("172.18.0.5", 6643), C)
    cluster.raft[Database.NB].servers[2].node = None
    status = cluster.raft[Database.NB].status_of(stranger)
    cluster.raft[Database.NB].servers[2].node = C
    cluster.overrides[(Database.NB, C)] = lambda _: replace(status, leader="1b9a")
    assert health.live_hosts(cluster.view(), Database.NB) == {"172.18.0.3", "172.18.0.4"}


# -- may a member be removed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("members", "dead", "leaves", "expected"),
    [
        (3, (), C, (True, 2, 2, 2)),
        (3, (C,), C, (True, 2, 2, 2)),
        (3, (C,), B, (False, 2, 1, 2)),
        (5, (D,), C, (True, 4, 3, 3)),
        (2, (), B, (True, 1, 1, 1)),
        (1, (), A, (False, 0, 0, 1)),
    ],
)
def test_removal_needs_a_live_majority_of_what_is_left(
    members: int, dead: tuple[str, ...], leaves: str, expected: tuple[bool, int, int, int]
) -> None:
    cluster = healthy(members)
    for name in dead:
        cluster.kill(name)
    found = health.removal_keeps_quorum(cluster.view(), Database.NB, cluster.address(leaves))
    assert found == expected


def test_five_servers_with_two_dead_can_lose_a_dead_one_but_no_live_one() -> None:
    cluster = healthy(5).kill(D).kill(names_of(5)[4])
    assert health.removal_keeps_quorum(cluster.view(), Database.SB, cluster.address(D))[0]
    assert not health.removal_keeps_quorum(cluster.view(), Database.SB, cluster.address(C))[0]


def test_a_ghost_at_a_live_servers_address_does_not_count_as_live() -> None:
    # Three members and two ghosts at .4 make five; without .5 it is four, of which only .3 and .4 live.
    cluster = healthy(3).ghost(Database.NB, B).ghost(Database.NB, B)
    found = health.removal_keeps_quorum(cluster.view(), Database.NB, cluster.address(C))
    assert found == (False, 4, 2, 3)


# -- is a removal committed everywhere ---------------------------------------------------------------------------


def removed(cluster: Cluster) -> Cluster:
    for raft in cluster.raft.values():
        raft.remove(cluster.address(C))
        raft.elect()
    return cluster


def test_a_removal_is_whole_when_leader_and_survivors_agree() -> None:
    assert health.removed_everywhere(removed(healthy(3)).view(), Database.NB, "172.18.0.5") is None


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        (lambda c: c.leaderless(Database.NB), "no leader"),
        (lambda c: c.uncommitted(Database.NB, 1), "has not committed"),
        (lambda c: c.kill(B), "no leader"),
    ],
)
def test_a_removal_is_not_whole(bend: Bend, words: str) -> None:
    cluster = removed(healthy(3))
    bend(cluster)
    reason = health.removed_everywhere(cluster.view(), Database.NB, "172.18.0.5")
    assert reason is not None
    assert words in reason


def test_a_removal_is_not_whole_while_a_survivor_still_lists_the_server() -> None:
    before = healthy(3)
    old = before.view().report(Database.NB, B)
    assert old is not None
    assert old.status is not None
    cluster = removed(healthy(3)).tell(Database.NB, B, servers=old.status.servers)
    reason = health.removed_everywhere(cluster.view(), Database.NB, "172.18.0.5")
    assert reason == "nb server at 172.18.0.4 still has a server at 172.18.0.5"


def test_a_removal_is_not_whole_while_a_survivor_is_silent() -> None:
    cluster = healthy(5)
    for raft in cluster.raft.values():
        raft.remove("172.18.0.5")
    cluster.kill(D)
    reason = health.removed_everywhere(cluster.view(), Database.SB, "172.18.0.5")
    assert reason is not None
    assert "172.18.0.6 does not answer" in reason


def test_the_leavers_own_opinion_does_not_matter() -> None:
    # Kicked while it was cut off: it goes on calling itself a member of the old configuration.
    cluster = healthy(3)
    old = cluster.view().report(Database.NB, C)
    assert old is not None
    removed(cluster)
    view = cluster.view()
    reports = tuple(old if r.node == C and r.database is Database.NB else r for r in view.reports)
    assert health.removed_everywhere(replace(view, reports=reports), Database.NB, "172.18.0.5") is None


# -- is a newcomer a voter ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bend", "voter"),
    [
        (lambda c: c, True),
        (lambda c: c.crash(C), False),
        (lambda c: c.lagging(Database.NB, C, 100), False),
        (lambda c: c.ghost(Database.NB, C), False),
        (lambda c: c.tell(Database.NB, C, status="joining cluster"), False),
        (lambda c: c.leaderless(Database.NB), False),
    ],
)
def test_a_voter_is_one_that_it_and_the_leader_agree_on(bend: Bend, voter: bool) -> None:
    cluster = healthy(3)
    bend(cluster)
    assert health.is_voter(cluster.view(), Database.NB, "172.18.0.5") is voter


def test_ipv6_members_are_compared_without_brackets() -> None:
    cluster = healthy(3, address=lambda i: f"fd00:10::{i + 3:x}")
    view = cluster.view()
    assert health.all_problems(view) == []
    assert health.member_hosts(view, Database.NB) == ("fd00:10::3", "fd00:10::4", "fd00:10::5")
    assert health.is_voter(view, Database.SB, "fd00:10::5")


def test_two_servers_with_the_same_first_digits_are_told_apart_by_address() -> None:
    # One id in 65536 collides; the dead one must not be taken for the live one.
    cluster = healthy(3)
    b, c = cluster.raft[Database.NB].servers[1:]
    c.sid = b.sid4 + c.sid[4:]
    cluster.kill(C)
    found = health.problems(cluster.view(), Database.NB)
    assert any("172.18.0.5 does not answer" in problem for problem in found), found
