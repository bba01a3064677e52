"""Joining, and everything that can go wrong with it (facts: ovsdb-raft 3.2, 4, 7.1 J1-J8)."""

from __future__ import annotations

import pytest
from raft_support import SECOND, Cluster, Seeded, address, host, sid

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Disk, Profile, StartRefused
from fake_raft.messages import AddServerReply, AppendReply, AppendRequest, InstallSnapshotReply, Message

PROFILES = (OVS_3_1, OVS_3_5, OVS_NEWEST)
each_release = pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)


@each_release
def test_a_joiner_is_a_member_in_milliseconds(profile: Profile) -> None:
    cluster = Cluster(profile).form(2)
    cluster.join(3)
    status = cluster.status(3)
    assert (status.status, status.cid, status.term, status.leader) == ("joining cluster", None, 0, "unknown")
    assert (status.log_start, status.log_end, status.remotes) == (1, 1, (address(1),))
    assert cluster.rows(3) is None
    joined = cluster.clock.now
    assert cluster.until(lambda: cluster.member(3), 1)
    assert cluster.clock.now - joined < 0.05 * SECOND
    cluster.run(1)
    assert cluster.members(2) == [1, 2, 3]
    assert cluster.rows(3) == ("base",)
    connections = cluster.status(3).connections
    assert (connections[0].nickname, connections[0].outgoing) == ("0000", True)
    assert sorted(c.nickname for c in connections[1:]) == ["1a1a", "2a2a", "2a2a"]
    assert cluster.disks[3].joined
    assert (cluster.status(3).vote, cluster.status(3).election_started_ms) == ("unknown", None)


@each_release
def test_j1_a_join_within_the_lease_restores_quorum(profile: Profile) -> None:
    cluster = Cluster(profile).form(2)
    cluster.at[2].kill()
    cluster.join(3)
    assert cluster.until(lambda: cluster.member(3), 2)
    cluster.run(5)
    assert (cluster.leader(), cluster.members(1), cluster.status(1).term) == (1, [1, 2, 3], 1)


@each_release
def test_j2_a_join_without_quorum_waits_and_learns_who_there_is(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[2].kill()
    cluster.at[3].kill()
    cluster.run(6)
    cluster.join(4, 1)
    cluster.run(3)
    status = cluster.status(4)
    assert (status.status, status.term) == ("joining cluster", 0)
    assert status.cid is not None
    assert sorted(status.remotes) == [address(1), address(2), address(3)]
    assert cluster.at[4].leave().text == "can't leave while join in progress"
    assert cluster.at[4].kick(sid(1)).text == "unknown server"
    cluster.start(2)
    assert cluster.until(lambda: cluster.member(4), 30)


@each_release
def test_j3_a_joiner_whose_answers_are_lost_stays_in_catchup(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.network.cut(host(4), host(1))
    cluster.join(4)
    cluster.run(0.1)
    cluster.network.heal()
    cluster.network.drop = lambda source, target, message: source == address(4) and isinstance(message, AppendReply)
    assert cluster.until(lambda: bool(cluster.status(1).adding), 10)
    cluster.run(5)
    assert [(line.sid4, line.phase) for line in cluster.status(1).adding] == [(sid(4)[:4], "adding: catchup")]
    assert cluster.members(1) == [1, 2, 3]
    cluster.at[4].kill()
    cluster.run(0.1)
    assert cluster.status(1).adding == ()
    cluster.network.drop = None
    cluster.start(4)
    assert cluster.until(lambda: cluster.member(4), 5)


@each_release
def test_j3_a_silent_joiner_is_dropped_after_two_probes(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.network.drop = lambda source, target, message: source == address(4) and isinstance(message, AppendReply)
    cluster.join(4)
    cluster.run(0.2)
    assert len(cluster.status(1).adding) == 1
    cluster.network.cut(host(4), host(1))
    cut = cluster.clock.now
    assert cluster.until(lambda: not cluster.status(1).adding, 10)
    assert 2.9 * SECOND <= cluster.clock.now - cut <= 4.1 * SECOND


def test_j4_joiners_back_off_while_their_remote_is_down() -> None:
    cluster = Cluster(OVS_3_1).form(1)
    cluster.at[1].kill()
    for number in (2, 3):
        cluster.join(number)
    began = cluster.clock.now
    cluster.run(3.5)
    cluster.start(1)
    assert cluster.until(lambda: cluster.member(2) and cluster.member(3), 10)
    # refused at 0, 1 and 3 s; the next attempt is at 7 s
    assert 6.9 * SECOND < cluster.clock.now - began < 7.2 * SECOND


@each_release
def test_j5_a_new_server_at_a_configured_address_doubles_the_entry(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[3].kill()
    cluster.join(3, 1, 2)
    assert cluster.until(lambda: cluster.member(3), 12)
    cluster.run(3)
    assert cluster.members(1) == [1, 2, 3, 3]
    assert cluster.at[1].kick(address(3)).text == "unknown server"
    outgoing = [c for c in cluster.status(1).connections if c.outgoing]
    assert len(outgoing) == 2
    cluster.at[2].kill()
    cluster.run(6)
    assert cluster.leaders() == []
    cluster.start(2)
    assert cluster.until(lambda: bool(cluster.leaders()), 30)
    cluster.run(2)
    leader = cluster.leader()
    assert cluster.at[leader].kick(sid(3, 1)).text == "started removal"
    cluster.run(2)
    assert cluster.members(leader) == [1, 2, 3]
    assert sid(3, 2) in cluster.at[leader].configuration()


@each_release
def test_j6_the_wrong_cluster_id_never_gets_in_and_the_wrong_name_does(profile: Profile) -> None:
    cluster = Cluster(profile).form(2)
    cluster.join(3, cid="deadbeef-0000-4000-8000-000000000000")
    cluster.run(20)
    assert cluster.status(3).status == "joining cluster"
    assert cluster.members(1) == [1, 2]
    cluster.join_file(4, 1, name="Wrong_Name")
    cluster.start(4)
    assert cluster.until(lambda: cluster.member(4), 3)
    assert cluster.members(1) == [1, 2, 4]


def drop_from(cluster: Cluster, number: int, kind: type[Message]) -> None:  # type: ignore[valid-type]
    cluster.network.drop = lambda source, target, message: source == address(number) and isinstance(message, kind)


@each_release
def test_j7_a_joiner_that_dies_between_snapshot_and_configuration_has_a_useless_file(profile: Profile) -> None:
    """And with it goes the cluster it should have doubled; its pristine join file is the one rescue."""
    cluster = Cluster(profile).form(1)
    pristine = cluster.join_file(2).clone()
    drop_from(cluster, 1, AppendRequest)
    cluster.start(2)
    assert cluster.until(lambda: cluster.status(2).log_end == 1 and bool(cluster.status(1).adding), 3)
    cluster.network.drop = lambda source, target, message: (
        isinstance(message, AppendRequest) and any(entry.servers is not None for entry in message.entries)
    )
    cluster.at[2].kill()
    cluster.start(2)
    assert cluster.until(lambda: cluster.members(1) == [1, 2], 10)
    cluster.at[2].kill()
    assert cluster.disks[2].joined
    cluster.network.drop = None
    with pytest.raises(StartRefused, match="server does not belong to cluster"):
        cluster.start(2)
    cluster.run(6)
    assert cluster.leaders() == []
    assert cluster.at[1].kick(sid(2)).text == "failed to send removal request"
    cluster.at[1].kill()
    cluster.start(1)
    cluster.run(6)
    assert cluster.leaders() == []
    cluster.disks[2] = pristine
    cluster.start(2)
    assert cluster.until(lambda: cluster.leaders() == [1] and cluster.member(2), 20)
    cluster.run(1)
    assert cluster.rows(2) == ("base",)


@each_release
def test_a_stalled_joiner_is_told_it_is_in_already_and_may_be_stranded(profile: Profile) -> None:
    """Success before commit; then the leader loses office and the addition with it (J8)."""
    cluster = Cluster(profile, Seeded(1, ("election jitter",)), timer=5000).form(3)
    cluster.split([1, 4], [2, 3])
    cluster.join(4, 1)
    assert cluster.until(lambda: cluster.member(4), 3)
    status = cluster.status(1)
    assert status.uncommitted == 1
    assert [line.phase for line in status.servers if line.sid4 == sid(4)[:4]] == ["adding: committing"]
    assert cluster.at[1].kick(sid(4)).text.endswith("failed (committing)")
    assert cluster.until(lambda: any(n in cluster.leaders() for n in (2, 3)), 20)
    assert cluster.until(lambda: 1 not in cluster.leaders(), 20)
    cluster.network.drop = lambda source, target, message: address(4) in (source, target)
    cluster.network.heal()
    cluster.run(20)
    assert cluster.members(1) == [1, 2, 3]
    assert cluster.status(4).status.startswith("disconnected")
    assert cluster.members(4) == [1, 2, 3, 4]


def test_joiners_are_refused_in_progress_for_ever_after_a_lost_leadership_on_3_1() -> None:
    """Until the join fixes, additions outlive the leadership in which they began (facts: ovsdb-raft 8, 5b9feacfc)."""
    outcomes = {}
    for profile in (OVS_3_1, OVS_3_5):
        cluster = Cluster(profile).form(2)
        cluster.network.drop = lambda source, target, message: (
            (source == address(4) and isinstance(message, AppendReply)) or {source, target} == {address(2), address(4)}
        )
        cluster.join(4)
        assert cluster.until(lambda c=cluster: bool(c.status(1).adding), 3)  # type: ignore[misc]
        for number in (1, 2):
            cluster.at[number].transfer_leadership()
            cluster.run(0.2)
        assert (cluster.leader(), cluster.status(1).term) == (1, 3)
        cluster.network.drop = None
        cluster.run(5)
        outcomes[profile.name] = cluster.member(4)
    assert outcomes == {"3.1": False, "3.5": True}


@each_release
def test_two_joiners_are_added_one_after_the_other(profile: Profile) -> None:
    cluster = Cluster(profile).form(1)
    replies: list[str] = []

    def listen(source: str, target: str, message: Message) -> bool:
        if isinstance(message, AddServerReply):
            replies.append(message.comment)
        return False

    cluster.network.drop = listen
    cluster.join(2)
    cluster.join(3)
    assert cluster.until(lambda: cluster.member(2) and cluster.member(3), 3)
    cluster.run(1)
    assert cluster.members(1) == [1, 2, 3]
    assert replies.count("completed") == 2


@each_release
def test_a_joining_server_votes(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.run(1)
    cluster.at[3].kill()
    cluster.disks[3] = Disk.join_cluster("OVN_Northbound", address(3), (address(1), address(2)), sid(3))
    cluster.at[1].kill()
    cluster.at[2].kill()
    cluster.start(3)
    cluster.start(2)
    assert cluster.until(lambda: cluster.role(2) == "leader", 15)
    assert cluster.until(lambda: cluster.member(3), 5)


def test_a_joining_file_forgets_what_it_voted() -> None:
    """Only the header of a joining file is read: term and vote are gone after a restart."""
    cluster = Cluster(OVS_3_1).form(3)
    cluster.at[3].kill()
    cluster.disks[3] = Disk.join_cluster("OVN_Northbound", address(3), (address(1), address(2)), sid(3))
    cluster.at[1].kill()
    cluster.at[2].kill()
    cluster.network.drop = lambda source, target, message: isinstance(message, AppendRequest | InstallSnapshotReply)
    cluster.start(3)
    cluster.start(2)
    assert cluster.until(lambda: cluster.status(3).term > 1, 15)
    cluster.at[3].kill()
    cluster.start(3)
    assert (cluster.status(3).term, cluster.status(3).vote) == (0, "unknown")


def test_create_cluster_twice_makes_two_clusters() -> None:
    """R3: no contamination of terms, the old entry can be kicked."""
    cluster = Cluster(OVS_3_1).form(3)
    cluster.at[1].kill()
    assert cluster.until(lambda: bool(cluster.leaders()), 5)
    cluster.create(1, cid="deadbeef-0000-4000-8000-000000000000")
    cluster.run(10)
    assert len(cluster.leaders()) == 2
    other = next(n for n in cluster.leaders() if n != 1)
    assert (cluster.status(1).term, cluster.members(1), cluster.rows(1)) == (1, [1], ("base",))
    assert cluster.status(other).term == 2
    assert cluster.at[other].kick(sid(1, 1)).text == "started removal"
    cluster.run(1)
    assert cluster.members(other) == [2, 3]
