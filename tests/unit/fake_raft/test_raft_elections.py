"""Elections, check quorum and transfer, release by release (facts: ovsdb-raft 2, 6, 11)."""

from __future__ import annotations

import pytest
from raft_support import SECOND, Cluster, Seeded

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Profile, by_version
from fake_raft.profile import PreVote

PROFILES = (OVS_3_1, OVS_3_5, OVS_NEWEST)
each_release = pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)


@each_release
def test_a_cluster_of_one_leads_at_once(profile: Profile) -> None:
    cluster = Cluster(profile)
    cluster.create(1)
    cluster.run(0.015)
    status = cluster.status(1)
    assert (status.role, status.term, status.leader, status.vote) == ("leader", 1, "self", "self")
    assert (status.log_start, status.log_end, status.uncommitted) == (2, 3, 0)


def test_an_initial_election_timer_is_an_entry_of_term_1() -> None:
    cluster = Cluster(OVS_3_1, timer=5000)
    cluster.create(1)
    cluster.run(0.1)
    assert (cluster.status(1).term, cluster.status(1).election_timer, cluster.status(1).log_end) == (2, 5000, 4)


@each_release
def test_a_killed_leader_is_replaced_within_one_timeout(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[1].kill()
    killed = cluster.clock.now
    assert cluster.until(lambda: 1 not in cluster.leaders() and len(cluster.leaders()) == 1, 5)
    assert 0.6 * SECOND < cluster.clock.now - killed < 2.1 * SECOND
    assert cluster.status(cluster.leader()).term == 2


@each_release
def test_a_leader_that_exits_hands_over(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[1].exit()
    cluster.run(0.05)
    assert cluster.leaders() in ([2], [3])
    assert cluster.status(cluster.leader()).election_reason == "leadership_transfer"


@each_release
@pytest.mark.parametrize("seed", range(5))
def test_an_isolated_leader_keeps_its_role_for_one_or_two_ticks(profile: Profile, seed: int) -> None:
    cluster = Cluster(profile, Seeded(seed)).form(3)
    cluster.run(seed / 7)
    cluster.isolate(1)
    cut = cluster.clock.now
    assert cluster.until(lambda: cluster.role(1) != "leader", 10)
    assert 1.0 * SECOND <= cluster.clock.now - cut <= 4.0 * SECOND


def test_two_servers_can_both_call_themselves_leader_for_a_while() -> None:
    cluster = Cluster(OVS_3_1, Seeded(3), timer=2000).form(3)
    cluster.isolate(1)
    assert cluster.until(lambda: len(cluster.leaders()) == 2, 10)
    assert len({cluster.status(n).term for n in cluster.leaders()}) == 2


def test_statuses_after_losing_quorum_go_from_member_to_disconnected() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    cluster.at[2].kill()
    cluster.at[3].kill()
    seen: list[tuple[str, str]] = []
    for _ in range(1000):
        cluster.run(0.01)
        look = (cluster.status(1).status, cluster.role(1))
        if look not in seen:
            seen.append(look)
    assert seen == [
        ("cluster member", "leader"),
        ("cluster member", "candidate"),
        ("disconnected from the cluster (election timeout)", "candidate"),
    ]
    assert not cluster.at[1].connected


def test_a_restarted_servers_first_election_already_says_disconnected() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    for number in (1, 2, 3):
        cluster.at[number].kill()
    cluster.start(1)
    assert cluster.status(1).status == "cluster member"
    assert cluster.until(lambda: cluster.role(1) == "candidate", 3)
    assert cluster.status(1).status.startswith("disconnected")


@each_release
def test_a_healed_follower_deposes_the_leader_only_without_pre_vote(profile: Profile) -> None:
    """P1: on 3.1 the isolated follower's term grows; with a pre-vote it stays."""
    cluster = Cluster(profile).form(3)
    cluster.isolate(3)
    cluster.run(8)
    assert (cluster.status(3).term > 4) is (profile.pre_vote is PreVote.NONE)
    cluster.network.heal()
    cluster.run(8)
    assert len({cluster.status(n).term for n in (1, 2, 3)}) == 1
    assert (cluster.status(1).term > 1) is (profile.pre_vote is PreVote.NONE)


def test_early_pre_vote_lets_some_healed_followers_depose_a_leader() -> None:
    """P1 on 3.5.0: two of twelve real runs did."""
    terms = []
    for seed in range(30):
        cluster = Cluster(OVS_3_5, Seeded(seed)).form(3)
        cluster.run(seed * 0.05)
        cluster.isolate(2)
        cluster.run(8)
        assert cluster.status(2).term == 1
        cluster.network.heal()
        cluster.run(8)
        terms.append(cluster.status(1).term)
    assert terms.count(1) > len(terms) / 2
    assert max(terms) > 1


@each_release
def test_a_vote_for_a_log_that_is_behind_is_silence(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[3].kill()
    assert cluster.wrote(1, "x")
    cluster.at[1].kill()
    cluster.at[2].kill()
    cluster.start(3)
    cluster.start(2)
    assert cluster.until(lambda: bool(cluster.leaders()), 30)
    assert cluster.leader() == 2


@each_release
def test_moving_leadership_takes_milliseconds_and_compacting_does_not_move_it(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    assert cluster.at[1].compact().code == 0
    cluster.run(2)
    assert (cluster.leader(), cluster.status(1).term) == (1, 1)
    assert cluster.status(1).log_start == cluster.status(1).log_end == cluster.status(2).log_end
    cluster.at[1].transfer_leadership()
    cluster.run(0.1)
    assert cluster.leader() in (2, 3)
    assert cluster.role(1) == "follower"


@each_release
def test_the_election_timer_changes_step_by_step_through_the_leader(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    leader, follower = cluster.at[1], cluster.at[2]
    assert follower.change_election_timer(2000).text == "election timer must be changed through leader."
    assert leader.change_election_timer(2001).text == "election timer increase should not exceed the current value x 2."
    assert leader.change_election_timer(99).text == "election timer must be between 100 and 600000, in msec."
    assert leader.change_election_timer(1000).text == "change election timer to current value."
    assert leader.change_election_timer(2000).text == "change of election timer initiated."
    assert leader.change_election_timer(1500).text == "election timer change pending."
    assert cluster.status(1).election_timer_new == 2000
    cluster.run(1)
    assert [cluster.status(n).election_timer for n in (1, 2, 3)] == [2000] * 3
    assert cluster.status(1).election_timer_new is None
    cluster.at[2].kill()
    cluster.start(2)
    cluster.join(4)
    cluster.run(5)
    assert [cluster.status(n).election_timer for n in (2, 4)] == [2000] * 2


def test_releases_are_known_by_their_fixes() -> None:
    assert by_version("3.1") is by_version("3.1.4") is by_version("2.17.9") is OVS_3_1
    assert by_version("3.5") is by_version("3.5.0") is by_version("3.4.2") is OVS_3_5
    assert by_version("4.0") is by_version("3.6.3") is by_version("newest") is OVS_NEWEST
    assert by_version("3.1.5").join_by_commit
    assert not by_version("3.1.5").patient_leave
    fourth = by_version("3.5.2")
    assert (fourth.patient_leave, fourth.pre_vote, fourth.drops_disruptive) == (True, PreVote.EARLY, False)
    with pytest.raises(ValueError, match="not an OVS release"):
        by_version("latest")
    with pytest.raises(ValueError, match=r"2\.17"):
        by_version("2.13.8")


def test_servers_are_listed_in_the_order_of_their_hash_map() -> None:
    cluster = Cluster(OVS_3_1).form(5)
    words = [int(line.sid4, 16) & 3 for line in cluster.status(1).servers]
    assert words == sorted(words)
    assert len(words) == 5
