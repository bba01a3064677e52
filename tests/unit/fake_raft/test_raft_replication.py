"""Replication, the commit rule, configurations in force at append, snapshots, clients (facts: ovsdb-raft 2, 3.1, 5)."""

from __future__ import annotations

import pytest
from raft_support import Cluster, host, sid

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Profile

PROFILES = (OVS_3_1, OVS_3_5, OVS_NEWEST)
each_release = pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)


@each_release
def test_a_write_through_any_server_is_served_by_all(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    assert cluster.wrote(1, "a")
    assert cluster.wrote(2, "b")
    assert cluster.wrote(3, "c")
    cluster.run(1)
    assert {cluster.rows(n) for n in (1, 2, 3)} == {("base", "a", "b", "c")}


@each_release
def test_writes_at_the_same_time_are_applied_once_each_in_one_order(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    answers = [cluster.write(1 + n % 3, f"w{n}") for n in range(12)]
    cluster.run(3)
    assert answers == [[True]] * 12
    assert len({cluster.rows(n) for n in (1, 2, 3)}) == 1
    assert sorted(cluster.rows(1) or ()) == sorted(["base", *(f"w{n}" for n in range(12))])


@each_release
def test_a_write_without_a_leader_hangs_and_is_done_when_there_is_one(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[1].kill()
    cluster.at[3].kill()
    cluster.run(4)
    answers = cluster.write(2, "late")
    cluster.run(20)
    assert answers == []
    cluster.start(3)
    assert cluster.until(lambda: bool(answers), 30)
    assert answers == [True]
    cluster.run(0.1)  # the leader's answer comes before the own log says so
    assert (cluster.rows(2) or ()).count("late") == 1


@each_release
def test_a_leader_commits_an_older_terms_entry_only_with_one_of_its_own(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.network.drop = lambda source, target, message: type(message).__name__ == "AppendReply"
    cluster.write(1, "x")
    cluster.run(0.1)
    assert cluster.status(1).uncommitted == 1
    assert cluster.status(2).log_end == cluster.status(1).log_end
    cluster.at[1].kill()
    cluster.network.drop = None
    assert cluster.until(lambda: bool(cluster.leaders()), 10)
    cluster.run(1)
    status = cluster.status(cluster.leader())
    assert (status.uncommitted, cluster.rows(2)) == (0, ("base", "x"))


def test_a_leaders_own_entry_counts_only_once_it_is_on_disk() -> None:
    cluster = Cluster(OVS_3_1)
    cluster.create(1)
    cluster.run(1)
    answers = cluster.write(1, "x")
    assert (answers, cluster.status(1).uncommitted) == ([], 1)
    cluster.run(0.0009)
    assert (answers, cluster.status(1).uncommitted) == ([], 1)
    cluster.run(0.0002)
    assert (answers, cluster.status(1).uncommitted) == ([True], 0)


@each_release
def test_a_configuration_is_in_force_at_append_and_undone_by_truncation(profile: Profile) -> None:
    """The removal of a live server stalls, its leader loses office, another one wins with the old configuration."""
    cluster = Cluster(profile).form(5)
    cluster.split([1, 2], [3, 4, 5])
    assert cluster.at[1].kick(sid(2)).text == "started removal"
    assert cluster.members(1) == [1, 3, 4, 5]
    assert cluster.members(2) == [1, 2, 3, 4, 5]
    status = cluster.status(1)
    assert ([line.sid4 for line in status.removing], status.uncommitted) == ([sid(2)[:4]], 1)
    assert cluster.until(lambda: any(n in cluster.leaders() for n in (3, 4, 5)) and 1 not in cluster.leaders(), 15)
    assert cluster.members(1) == [1, 3, 4, 5]
    cluster.network.heal()
    cluster.run(15)
    assert {tuple(cluster.members(n)) for n in range(1, 6)} == {(1, 2, 3, 4, 5)}
    assert cluster.disks[1].configuration() == cluster.disks[3].configuration()


@each_release
def test_a_server_that_was_away_gets_entries_or_a_snapshot(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.at[3].kill()
    for n in range(5):
        assert cluster.wrote(1, f"w{n}")
    cluster.start(3)
    cluster.run(1)
    assert cluster.rows(3) == cluster.rows(1)
    assert cluster.status(3).log_start == 2
    cluster.at[3].kill()
    assert cluster.wrote(1, "last")
    cluster.at[1].compact()
    cluster.start(3)
    cluster.run(1)
    assert cluster.rows(3) == cluster.rows(1)
    assert cluster.status(3).log_start > 2
    assert cluster.at[1].compact().text == "ovsdb error: not storing a duplicate snapshot"


@each_release
def test_a_graceful_leader_change_loses_and_doubles_nothing(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    answers = [cluster.write(1 + n % 3, f"w{n}") for n in range(6)]
    cluster.at[1].transfer_leadership()
    cluster.run(10)
    assert answers == [[True]] * 6
    assert sorted(cluster.rows(2) or ()) == sorted(["base", *(f"w{n}" for n in range(6))])


@each_release
def test_an_uncommitted_write_dies_with_its_leaders_machine(profile: Profile) -> None:
    cluster = Cluster(profile).form(3)
    cluster.split([1], [2, 3])
    answers = cluster.write(1, "x")
    cluster.run(0.2)
    assert (answers, cluster.rows(1)) == ([], ("base",))
    cluster.network.host_down(host(1))
    cluster.network.heal()
    cluster.run(10)
    assert cluster.rows(2) == ("base",)
    cluster.network.host_up(host(1))
    cluster.start(1)
    cluster.run(5)
    assert cluster.rows(1) == ("base",)
    assert cluster.status(1).log_end == cluster.status(2).log_end


def test_every_applied_row_is_announced_with_its_index() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    seen: list[tuple[str, int, str]] = []
    for number in (1, 2, 3):
        cluster.at[number].on_applied.append(lambda process, index, data: seen.append((process.name, index, data)))
    assert cluster.wrote(2, "x")
    cluster.run(1)
    assert sorted(seen) == [("s1", 5, "x"), ("s2", 5, "x"), ("s3", 5, "x")]
