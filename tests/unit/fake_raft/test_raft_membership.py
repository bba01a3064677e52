"""Kick and leave: every reply and every variant (facts: ovsdb-raft 3, 7.1, 9, 11.2)."""

from __future__ import annotations

import pytest
from raft_support import SECOND, Cluster, Seeded, address, sid

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Profile, StartRefused
from fake_raft.profile import PreVote

PROFILES = (OVS_3_1, OVS_3_5, OVS_NEWEST)
each_release = pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
HASTY = (OVS_3_1, OVS_3_5)
LEFT_TEXT = (
    'indicates server has left the cluster; it cannot be added back (use "ovsdb-tool join-cluster" to add a new server)'
)


@each_release
def test_k1_a_kicked_follower_is_told_and_its_file_refused(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    reply = cluster.at[1].kick(sid(3))
    assert (reply.code, reply.text) == (0, "started removal")
    kicked = cluster.clock.now
    assert cluster.until(lambda: cluster.at[3].status() is None, 1)
    assert cluster.clock.now - kicked < 0.02 * SECOND
    assert (cluster.at[3].alive, cluster.at[3].error, cluster.at[3].rows()) == (True, "unknown cluster", None)
    cluster.run(1)
    assert (cluster.members(1), cluster.members(2), cluster.leader()) == ([1, 2], [1, 2], 1)
    assert cluster.at[1].kick(sid(3)).text == "unknown server"
    assert cluster.at[3].kick(sid(1)).text == "unknown cluster"
    assert cluster.at[3].leave().text == "unknown cluster"
    assert cluster.disks[3].left
    cluster.at[3].kill()
    with pytest.raises(StartRefused) as refused:
        cluster.start(3)
    assert LEFT_TEXT in str(refused.value)
    cluster.join(3, 1, 2)
    assert cluster.until(lambda: cluster.members(1) == [1, 2, 3] and cluster.member(3), 1)


@each_release
def test_k2_a_leader_kicked_through_its_follower_goes_at_once_and_costs_a_timeout(profile: Profile) -> None:
    cluster = Cluster(profile).form(2)
    reply = cluster.at[2].kick(address(1))
    assert (reply.code, reply.text) == (0, "sent removal request to leader")
    cluster.run(0.05)
    assert cluster.at[1].error == "unknown cluster"
    assert cluster.role(2) == "follower"
    kicked = cluster.clock.now
    assert cluster.until(lambda: cluster.role(2) == "leader", 3)
    assert cluster.clock.now - kicked > 0.6 * SECOND
    assert (cluster.status(2).term, cluster.members(2)) == (2, [2])


@each_release
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (sid(3), "started removal"),
        (sid(3)[:1], "started removal"),
        (address(3), "started removal"),
        (sid(3).upper(), "unknown server"),
        (sid(3) + "0", "unknown server"),
        (address(3) + "0", "unknown server"),
        ("zzzz", "unknown server"),
        ("", "unknown server"),
    ],
)
def test_kick_matches_an_address_or_a_prefix(profile: Profile, text: str, answer: str) -> None:
    cluster = Cluster(profile).form(3)
    assert cluster.at[1].kick(text).text == answer


@each_release
def test_anything_matches_the_only_server_and_makes_it_leave(profile: Profile) -> None:
    cluster = Cluster(profile).form(1)
    reply = cluster.at[1].kick("zzzz")
    assert (reply.code, reply.text) == (0, "")
    assert cluster.status(1).status == "leaving cluster"


@each_release
def test_k3_a_removed_server_that_was_not_told_is_a_zombie(profile: Profile) -> None:
    """Term +1 a timeout on 3.1, exactly once on 3.5.0, never on the newest; a leave frees it at once."""
    cluster = Cluster(profile).form(3)
    cluster.at[3].kill()
    assert cluster.at[1].kick(sid(3)).text == "started removal"
    cluster.run(3)
    cluster.start(3)
    cluster.run(9)
    status = cluster.status(3)
    assert (status.status, status.role) == ("disconnected from the cluster (election timeout)", "candidate")
    assert [line.sid4 for line in sorted(status.servers)] == [sid(n)[:4] for n in (1, 2, 3)]
    expected = {PreVote.NONE: range(5, 11), PreVote.EARLY: range(2, 3), PreVote.FULL: range(1, 2)}
    assert status.term in expected[profile.pre_vote]
    assert (cluster.leader(), cluster.status(1).term) == (1, 1)
    assert cluster.rows(3) == ("base",)
    assert cluster.at[3].kick(sid(1)).text == "failed to send removal request"
    assert cluster.at[3].leave().text == ""
    cluster.run(0.05)
    assert cluster.at[3].error == "unknown cluster"


@each_release
def test_k4_kicking_a_live_server_while_another_is_dead_stops_the_cluster(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[3].kill()
    assert cluster.at[1].kick(sid(2)).text == "started removal"
    status = cluster.status(1)
    assert ([line.phase for line in status.removing], status.uncommitted) == (["removing"], 1)
    again = cluster.at[1].kick(sid(2))
    assert again.text == "unknown server"
    cluster.run(8)
    assert cluster.leaders() == []
    assert cluster.status(1).removing == ()
    assert "disconnected" in cluster.status(1).status + cluster.status(2).status


@each_release
def test_k4_ends_either_way_when_the_dead_one_returns(profile: Profile) -> None:
    endings: dict[str, int] = {}
    for seed in range(24):
        cluster = Cluster(profile, Seeded(seed)).form(3)
        cluster.at[3].kill()
        cluster.at[1].kick(sid(2))
        cluster.run(5)
        cluster.start(3)
        cluster.run(15)
        ending = "committed" if cluster.members(3) == [1, 3] else "undone"
        endings[ending] = endings.get(ending, 0) + 1
        if ending == "committed":
            assert cluster.members(1) == [1, 3]
            assert cluster.at[2].leave().text == ""
            cluster.run(0.1)
            assert cluster.at[2].error == "unknown cluster"
        else:
            assert cluster.members(1) == cluster.members(2) == [1, 2, 3]
    assert sorted(endings) == ["committed", "undone"], endings


@each_release
def test_k5_the_last_server_never_leaves(profile: Profile) -> None:
    cluster = Cluster(profile).form(1)
    assert cluster.at[1].leave().text == ""
    assert cluster.at[1].leave().text == "already in progress leaving cluster"
    roles = {}
    for _ in range(100):
        cluster.run(0.1)
        roles[cluster.role(1)] = True
    assert cluster.status(1).status == "leaving cluster"
    assert cluster.rows(1) == ("base",)
    if profile.patient_leave:
        assert sorted(roles) == ["follower", "leader"]
        assert cluster.status(1).term > 3
    else:
        assert sorted(roles) == ["follower"]
        assert cluster.status(1).term == 1
    cluster.at[1].kill()
    cluster.start(1)
    cluster.run(0.1)
    assert cluster.leader() == 1


@each_release
def test_k6_a_dead_peer_can_be_kicked_within_the_lease_only(profile: Profile) -> None:
    cluster = Cluster(profile).form(2)
    cluster.at[2].kill()
    assert cluster.at[1].kick(sid(2)).text == "started removal"
    cluster.run(0.1)
    assert (cluster.members(1), cluster.status(1).uncommitted) == ([1], 0)
    cluster = Cluster(profile).form(2)
    cluster.at[2].kill()
    cluster.run(4)
    reply = cluster.at[1].kick(sid(2))
    assert (reply.code, reply.text) == (2, "failed to send removal request")


@each_release
def test_k7_two_kicks_are_queued_and_both_done(profile: Profile) -> None:
    cluster = Cluster(profile).form(5)
    assert cluster.at[1].kick(sid(4)).text == "started removal"
    assert cluster.at[1].kick(sid(5)).text == "started removal"
    assert [line.phase for line in cluster.status(1).servers if line.sid4 == sid(5)[:4]] == ["removing"]
    again = cluster.at[1].kick(sid(5))
    cid4 = "c1c1"
    assert again.text == f"request via unixctl to remove {sid(5)[:4]} from cluster {cid4} failed (in progress)"
    assert again.code == 2
    cluster.run(0.1)
    assert cluster.members(1) == [1, 2, 3]
    assert (cluster.at[4].error, cluster.at[5].error) == ("unknown cluster", "unknown cluster")


@pytest.mark.parametrize("profile", HASTY, ids=lambda p: p.name)
def test_k8_a_hasty_leaver_is_told_it_left_before_that_is_committed(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[3].kill()
    cluster.at[2].leave()
    left = cluster.clock.now
    assert cluster.until(lambda: cluster.at[2].status() is None, 5)
    assert cluster.clock.now - left < 1.2 * SECOND
    assert cluster.status(1).uncommitted == 1
    assert cluster.disks[2].left
    cluster.run(5)
    assert cluster.leaders() == []
    cluster.start(3)
    assert cluster.until(lambda: bool(cluster.leaders()), 20)
    cluster.run(2)
    assert cluster.members(cluster.leader()) == [1, 3]


def test_k8_a_patient_leaver_stays_until_its_removal_is_committed() -> None:
    cluster = Cluster(OVS_NEWEST).form(3)
    cluster.at[3].kill()
    cluster.at[2].leave()
    cluster.run(10)
    assert cluster.status(2).status == "leaving cluster"
    assert cluster.leaders() == []
    cluster.start(3)
    assert cluster.until(lambda: cluster.at[2].error == "unknown cluster", 30)
    assert cluster.members(1) == [1, 3]


@each_release
def test_a_follower_leaves_in_milliseconds_and_a_leader_as_its_release_does(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[2].leave()
    asked = cluster.clock.now
    assert cluster.until(lambda: cluster.at[2].status() is None, 1)
    assert cluster.clock.now - asked < 0.02 * SECOND
    cluster.run(1)
    cluster.join(2)
    cluster.run(2)
    cluster.at[1].leave()
    asked = cluster.clock.now
    assert cluster.until(lambda: cluster.at[1].status() is None, 3)
    took = (cluster.clock.now - asked) / SECOND
    assert (0.1 < took < 0.25) if profile.patient_leave else (1.0 < took < 1.05)
    cluster.run(1)
    assert cluster.members(cluster.leader()) == [2, 3]


def test_additions_come_before_removals_in_the_queue() -> None:
    cluster = Cluster(OVS_3_1, timer=5000).form(5)
    for number in (2, 3, 4, 5):
        cluster.split([1], [number])
    first = cluster.at[1].kick(sid(2))  # in flight: everything else has to wait
    assert first.text == "started removal"
    assert cluster.at[1].kick(sid(3)).text == "started removal"
    cluster.join(6, 1)
    assert cluster.until(lambda: [line.phase for line in cluster.status(1).adding] == ["adding: caught up"], 2)
    cluster.network.heal()
    log = cluster.disks[1].log
    assert cluster.until(lambda: cluster.status(1).uncommitted == 0 and cluster.members(1) == [1, 4, 5, 6], 10)
    sizes = [len(entry.servers) for entry in log().values() if entry.servers is not None]
    assert sizes[-3:] == [4, 5, 4]


def test_queued_removals_are_forgotten_with_leadership() -> None:
    cluster = Cluster(OVS_3_1).form(5)
    cluster.split([1], [2, 3, 4, 5])
    cluster.at[1].kick(sid(2))
    cluster.at[1].kick(sid(3))
    assert cluster.until(lambda: cluster.role(1) != "leader", 5)
    assert [line.phase for line in cluster.status(1).servers if line.sid4 == sid(3)[:4]] == ["removing"]
    cluster.network.heal()
    cluster.run(15)
    assert {tuple(cluster.members(n)) for n in range(1, 6)} == {(1, 2, 3, 4, 5)}


def test_a_leader_kicks_itself_by_leaving() -> None:
    cluster = Cluster(OVS_NEWEST).form(3)
    assert cluster.at[1].kick(sid(1)).text == ""
    assert cluster.status(1).status == "leaving cluster"
    cluster.run(1)
    assert cluster.at[1].error == "unknown cluster"
    assert cluster.leaders() in ([2], [3])
