"""Clock and network: order, refusals, silence, and what arrives late (facts: ovsdb-raft 4, 6, 9.27)."""

from __future__ import annotations

import pytest
from raft_support import SECOND, Cluster, Seeded, address, host, sid

from fake_raft import OVS_3_1, VirtualClock
from fake_raft.messages import AppendRequest, Message


def test_equal_times_are_served_in_the_order_in_which_they_were_asked_for() -> None:
    clock, seen = VirtualClock(), []
    clock.call_later(5, seen.append, "b")
    clock.call_later(1, seen.append, "a")
    clock.call_later(5, seen.append, "c")
    clock.call_later(5, seen.append, "never").cancel()
    clock.run_until(4)
    assert (seen, clock.now) == (["a"], 4)
    clock.run_until(10)
    assert (seen, clock.now, clock.step()) == (["a", "b", "c"], 10, False)


def test_run_while_stops_when_the_condition_ends_or_time_is_up() -> None:
    clock, seen = VirtualClock(), []
    for at in (1, 2, 3):
        clock.call_later(at, seen.append, at)
    assert clock.run_while(lambda: len(seen) < 2)
    assert clock.now == 2
    assert not clock.run_while(lambda: len(seen) < 9, 100)
    assert clock.now == 102


def test_messages_of_a_connection_keep_their_order_whatever_their_delays() -> None:
    cluster = Cluster(OVS_3_1, Seeded(1)).form(3)
    for n in range(30):
        cluster.write(1, f"w{n}")
    cluster.run(2)
    assert cluster.status(2).log_end == cluster.status(1).log_end
    assert cluster.rows(2) == cluster.rows(1)


def test_a_killed_servers_peers_know_at_once() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    cluster.at[3].kill()
    cluster.run(0.001)
    states = {(c.nickname, c.outgoing): c.connected for c in cluster.status(1).connections}
    assert states == {("2a2a", True): True, ("2a2a", False): True, ("3a3a", True): False}
    assert cluster.status(1).disconnections == 1


def test_a_dead_machines_peers_know_by_their_probes_only() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    cluster.network.host_down(host(3))
    lost = cluster.clock.now
    cluster.run(1)
    assert all(c.connected for c in cluster.status(1).connections)
    assert cluster.until(lambda: not all(c.connected for c in cluster.status(1).connections), 10)
    assert 3.0 * SECOND < cluster.clock.now - lost < 4.1 * SECOND


def test_a_machine_that_is_back_at_once_resets_what_its_peers_held_on_to() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    cluster.network.host_down(host(3))
    cluster.network.host_up(host(3))
    cluster.start(3)
    assert cluster.until(lambda: cluster.status(3).leader == "1a1a", 5)
    cluster.run(3)
    assert all(c.connected for n in (1, 3) for c in cluster.status(n).connections)
    assert (cluster.leader(), cluster.status(1).term) == (1, 1)


def test_short_cuts_do_not_add_up() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    for _ in range(8):
        cluster.split([2], [3])
        cluster.run(1)
        cluster.network.heal()
        cluster.run(1)
    assert [cluster.status(n).disconnections for n in (2, 3)] == [0, 0]


def test_a_short_cut_delays_what_was_sent_and_a_long_one_ends_the_connection() -> None:
    cluster = Cluster(OVS_3_1, timer=5000).form(3)
    cluster.split([1], [2, 3])
    answers = cluster.write(1, "x")
    cluster.run(1)
    assert answers == []
    cluster.network.heal()
    healed = cluster.clock.now
    assert cluster.until(lambda: answers == [True], 5)
    assert cluster.clock.now - healed > 0.1 * SECOND, "the kernel repeats it at its own time"
    assert cluster.status(1).disconnections == 0
    cluster.split([1], [2, 3])
    cluster.run(20)
    assert not any(c.connected for c in cluster.status(1).connections)


def test_a_cut_of_one_direction_leaves_the_other() -> None:
    cluster = Cluster(OVS_3_1, timer=5000).form(3)
    seen: list[str] = []

    def listen(source: str, target: str, message: Message) -> bool:
        if {source, target} == {address(1), address(2)} and not isinstance(message, AppendRequest):
            seen.append(source)
        return False

    cluster.network.drop = listen
    cluster.network.cut(host(2), host(1))
    cluster.run(3)
    assert cluster.status(2).leader == "1a1a"
    assert cluster.status(2).servers
    assert address(2) in seen
    last = {line.sid4: line.last_msg_ms for line in cluster.status(1).servers}
    assert last["2a2a"] is not None
    assert last["2a2a"] > 2500


def test_a_cut_may_be_of_one_database_only() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    cluster.network.cut(host(1), host(2), 6644)
    cluster.network.cut(host(1), host(3), 6644)
    cluster.run(8)
    assert cluster.leader() == 1
    cluster.network.cut(host(1), host(2), 6643)
    cluster.network.cut(host(1), host(3), 6643)
    assert cluster.until(lambda: 1 not in cluster.leaders(), 8)


def test_a_stopped_process_loses_its_office_and_reads_on_when_it_continues() -> None:
    cluster = Cluster(OVS_3_1).form(3)
    cluster.at[1].pause()
    assert cluster.until(lambda: any(n in cluster.leaders() for n in (2, 3)), 10)
    assert cluster.at[1].is_leader, "it does not know yet"
    cluster.at[1].unpause()
    cluster.run(4)
    assert cluster.role(1) == "follower"
    assert cluster.member(1)


@pytest.mark.parametrize(
    ("heartbeats", "closed", "arrives"), [(0, True, True), (1, True, True), (3, True, False), (3, False, True)]
)
def test_who_slept_loses_what_a_closed_connection_still_had(heartbeats: int, closed: bool, arrives: bool) -> None:
    """The first heartbeat's answer is met with a reset, the second one fails: what came after them is not read."""
    cluster = Cluster(OVS_3_1).form(3)
    cluster.run(2)
    end = cluster.status(3).log_end
    cluster.at[3].pause()
    cluster.run(heartbeats / 3)
    cluster.write(1, "x")
    if closed:
        cluster.at[1].kill()
        cluster.at[2].kill()
    cluster.run(0.2)
    cluster.at[3].unpause()
    cluster.run(0.1)
    assert (cluster.status(3).log_end > end) == arrives


@pytest.mark.parametrize(("written", "leader_left"), [(True, False), (False, False), (True, True)])
def test_who_slept_while_it_was_removed_knows_if_an_entry_came_before_the_heartbeats(
    written: bool, leader_left: bool
) -> None:
    """What acknowledges an entry waits for the disk, so that nothing is sent before all is read (measured on 3.1.0):
    also where the leader has left meanwhile, which had asked once whether the sleeper lives, and not every second."""
    cluster = Cluster(OVS_3_1).form(4)
    cluster.run(2)
    cluster.at[3].pause()
    if written:
        cluster.write(1, "x")
    cluster.run(2)
    cluster.at[1].kick(sid(3))
    cluster.run(2)
    if leader_left:
        cluster.at[1].leave()
    cluster.run(6)
    cluster.at[3].unpause()
    cluster.run(2)
    assert (cluster.at[3].error == "unknown cluster") == written


def test_a_cut_of_one_way_soon_stops_the_other_as_acknowledgements_are_lost() -> None:
    """New data goes out until the kernel would retransmit, 200 ms after the first that was not acknowledged."""
    cluster = Cluster(OVS_3_1).form(3)
    cluster.run(2)
    cluster.network.cut(host(3), host(1))
    cluster.run(1)
    silence = next(server.last_msg_ms or 0 for server in cluster.status(3).servers if server.sid4 == sid(1)[:4])
    assert silence > 600, "one of three heartbeats was heard"
    assert cluster.until(lambda: cluster.role(3) == "candidate", 2)
    assert cluster.leader() == 1
    cluster.network.heal()
    assert cluster.until(lambda: cluster.member(3) and cluster.status(3).leader != "unknown", 8)


def test_connections_are_retried_after_1_2_4_and_8_seconds() -> None:
    cluster = Cluster(OVS_3_1).form(2)
    cluster.at[2].kill()
    killed = cluster.clock.now
    cluster.run(16)
    cluster.start(2)
    cluster.at[2].pause()  # it accepts, and does not dial itself
    assert cluster.until(lambda: any(c.connected and c.outgoing for c in cluster.status(1).connections), 20)
    # attempts at 1, 3, 7, 15 and 23 s
    assert abs((cluster.clock.now - killed) / SECOND - 23) < 0.1


def test_what_is_sent_to_a_process_that_died_behind_a_cut_is_answered_by_a_reset() -> None:
    """Its last word is held back for longer and longer; the other kernel knows at once that nobody reads any more."""
    cluster = Cluster(OVS_3_1).form(3)
    for other in (2, 3):
        cluster.network.cut(host(1), host(other))
        cluster.network.cut(host(other), host(1))
    cluster.at[2].pause()
    cluster.at[1].kill()
    cluster.run(60)
    cluster.network.heal()
    cluster.at[2].unpause()
    mine = (
        ("1a1a", True),
        ("0000", True),
    )  # the connection that server 2 made: it talks on it when it stands for election
    assert cluster.until(
        lambda: not any(c.connected for c in cluster.status(2).connections if (c.nickname, c.outgoing) in mine), 5
    )
