"""Crashes, power loss, stale and wiped disks, and the known ways to lose writes (facts: ovsdb-raft 5, 7.1, 10)."""

from __future__ import annotations

import pytest
from raft_support import Cluster, Seeded, address, host, sid

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Disk, Profile, StartRefused
from fake_raft.messages import AppendRequest

PROFILES = (OVS_3_1, OVS_3_5, OVS_NEWEST)
each_release = pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
DATABASE = "OVN_Northbound"


@each_release
def test_a_killed_server_remembers_term_vote_log_and_commit(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    assert cluster.wrote(1, "x")
    cluster.at[1].kill()
    assert cluster.until(lambda: bool(cluster.leaders()), 5)
    cluster.run(1)
    before = cluster.status(2)
    cluster.at[2].kill()
    cluster.start(2)
    after = cluster.status(2)
    assert (after.role, after.leader, after.term, after.log_end) == ("follower", "unknown", before.term, before.log_end)
    assert cluster.rows(2) == ("base", "x")


def test_power_takes_what_was_not_synced_and_a_kill_does_not() -> None:
    for power in (True, False):
        cluster = Cluster(OVS_3_1)
        cluster.create(1)
        cluster.run(1)
        cluster.write(1, "x")
        if power:
            cluster.network.host_down(host(1))
            cluster.network.host_up(host(1))
        else:
            cluster.at[1].kill()
        assert not cluster.at[1].alive
        cluster.start(1)
        cluster.run(1)
        assert ("x" in (cluster.rows(1) or ())) is not power


def test_a_disk_that_loses_syncs_loses_acknowledged_writes_with_the_power() -> None:
    cluster = Cluster(OVS_3_1)
    cluster.create(1)
    cluster.run(1)
    cluster.disks[1].forget()
    assert cluster.wrote(1, "x")
    cluster.network.host_down(host(1))
    cluster.network.host_up(host(1))
    cluster.start(1)
    cluster.run(1)
    assert cluster.rows(1) == ("base",)


@each_release
@pytest.mark.parametrize("compacted", [False, True])
def test_r1_a_stale_copy_catches_up(profile: Profile, compacted: bool) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[3].kill()
    stale = cluster.disks[3].clone()
    cluster.start(3)
    cluster.run(1)
    for n in range(3):
        assert cluster.wrote(1, f"w{n}")
    cluster.at[3].kill()
    if compacted:
        cluster.at[1].compact()
    cluster.disks[3] = stale
    cluster.start(3)
    cluster.run(2)
    assert cluster.rows(3) == cluster.rows(1) == ("base", "w0", "w1", "w2")
    assert cluster.member(3)


@each_release
def test_r2_amnesia_loses_an_acknowledged_write(profile: Profile) -> None:
    """X is on s1 and s3; s3 forgets; s1 is down; s2 wins with the joining s3's vote."""
    cluster = Cluster(profile).form(3)
    cluster.at[2].kill()
    assert cluster.wrote(1, "X")
    cluster.run(1)
    cluster.at[3].kill()
    cluster.at[1].kill()
    cluster.disks[3] = Disk.join_cluster(DATABASE, address(3), (address(1), address(2)), sid(3))
    cluster.start(2)
    cluster.start(3)
    assert cluster.until(lambda: cluster.role(2) == "leader", 20)
    assert cluster.wrote(2, "Y")
    cluster.start(1)
    cluster.run(5)
    assert cluster.rows(2) == cluster.rows(3) == ("base", "Y")
    assert "X" in (cluster.rows(1) or ())
    assert "X" not in [entry.data for entry in cluster.disks[1].log().values()]


def test_a_file_that_goes_below_its_commit_index_is_refused() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    for n in range(3):
        assert cluster.wrote(1, f"w{n}")
    cluster.run(1)
    disk = cluster.disks[1]
    cluster.at[1].kill()
    entries = [record for record in disk.records if type(record).__name__ == "EntryRecord"]
    disk.records.append(entries[0])
    with pytest.raises(
        StartRefused, match=r"attempts to truncate log from 8 to 2 entries, but commit index is already"
    ):
        cluster.start(1)


def ongaro(profile: Profile, seed: int) -> Cluster:
    """O1 up to two leaders that commit side by side (facts: ovsdb-raft 10, raft-dev 2015)."""
    cluster = Cluster(profile, Seeded(seed, ("election jitter",)), timer=2000).form(4)
    cluster.run(2)
    cluster.split([1, 5], [2, 3, 4])
    cluster.join(5, 1)
    assert cluster.until(lambda: cluster.status(1).uncommitted == 1, 3)
    cluster.network.drop = lambda source, target, message: (
        isinstance(message, AppendRequest)
        and {source, target} <= {address(2), address(3), address(4)}
        and address(4) == target
    )
    return cluster


@each_release
def test_o1_two_leaders_commit_and_acknowledged_writes_are_lost(profile: Profile) -> None:
    """A configuration change before an own term's commit breaks safety: no release guards against it."""
    reached = 0
    for seed in range(40):
        cluster = ongaro(profile, seed)
        if not cluster.until(lambda c=cluster: any(n in c.leaders() for n in (2, 3)), 8):  # type: ignore[misc]
            continue
        side = next(n for n in cluster.leaders() if n in (2, 3))
        if cluster.at[side].kick(sid(1)).text != "started removal":
            continue
        if not cluster.wrote(side, "ACKED_BY_2", 3):
            continue
        cluster.network.heal()
        cluster.network.drop = None
        cluster.split([2, 3], [1, 4, 5])
        if not cluster.until(lambda c=cluster: any(n in c.leaders() for n in (1, 4, 5)), 30):  # type: ignore[misc]
            continue
        other = next(n for n in cluster.leaders() if n in (1, 4, 5))
        if not cluster.wrote(other, "ACKED_BY_1", 8) or not cluster.wrote(side, "ACKED_BY_2_B", 8):
            continue
        assert len(cluster.leaders()) == 2
        reached += 1
        cluster.network.heal()
        cluster.run(40)
        logs = [
            {entry.data for entry in cluster.disks[n].log().values()} for n in cluster.at if cluster.at[n].is_leader
        ]
        deaths = [process.death for process in cluster.at.values() if process.death]
        for log in logs:
            assert not {"ACKED_BY_1", "ACKED_BY_2", "ACKED_BY_2_B"} <= log
        assert all("commit_index < raft->log_end" in (death or "") for death in deaths)
        if reached == 3:
            return
    pytest.fail(f"only {reached} of 40 schedules came to two committing leaders")


def test_o1_a_server_that_must_go_below_its_commit_index_aborts_and_its_file_is_refused() -> None:
    """The side with more committed entries and the lower term loses."""
    for seed in range(40):
        cluster = ongaro(OVS_3_1, seed)
        if not cluster.until(lambda c=cluster: 2 in c.leaders(), 8):  # type: ignore[misc]
            continue
        cluster.at[2].kick(sid(1))
        if not all(cluster.wrote(2, f"w{n}", 3) for n in range(9)):
            continue
        cluster.network.heal()
        cluster.network.drop = None
        cluster.split([2, 3], [1, 4, 5])
        cluster.run(8)
        cluster.network.heal()
        cluster.run(10)
        dead = [number for number in (2, 3) if cluster.at[number].death]
        if not dead:
            continue
        assert (
            cluster.at[dead[0]].death == "assertion raft->commit_index < raft->log_end failed in raft_peek_next_entry()"
        )
        assert not cluster.at[dead[0]].alive
        with pytest.raises(
            StartRefused, match=r"attempts to truncate log from \d+ to \d+ entries, but commit index is"
        ):
            cluster.start(dead[0])
        return
    pytest.fail("no schedule came to an abort")
