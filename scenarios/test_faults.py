"""Every fault bites, and the same on every backend: what it breaks, what goes on, what comes back."""

from __future__ import annotations

import pytest

from harness import health
from harness.cluster import Database
from harness.executor import LabExecutor
from harness.faults import LINKS_LATE, STARTS_LATE, SYNCS_LATE, Fault, FaultKind, FaultPlan, TimedFault
from harness.workload import Client
from scenarios import support

SOON = support.FORMS_WITHIN


@pytest.fixture
def three(ovn: support.Maker) -> LabExecutor:
    return support.cluster(ovn, 3)


def cutting(executor: LabExecutor, *kinds: FaultKind) -> LabExecutor:
    missing = [kind.value for kind in kinds if kind not in executor.faults]
    if missing:
        pytest.skip(f"{executor.name} can't do {', '.join(missing)} here: run as root, with strace (sudo make test)")
    return executor


def test_a_cut_off_leader_steps_down_and_clients_go_on_with_the_others(three: LabExecutor) -> None:
    executor = cutting(three, FaultKind.PARTITION)
    client = executor.client()
    client.start()
    node = support.leader(executor, Database.NB)
    assert executor.inject(Fault(FaultKind.PARTITION, (node,)))
    assert not executor.inject(Fault(FaultKind.PARTITION, (node,)))

    def alone() -> bool:
        status = executor.status(Database.NB, node).status
        return status is not None and not status.has_leader and "disconnected" in status.status

    executor.wait(alone, SOON, "the isolated leader to step down")
    cut_at = len(client.history().acknowledged(Database.NB))
    executor.wait(lambda: support.leader(executor, Database.NB) != node, SOON, "the majority to elect another")
    executor.wait(lambda: len(client.history().acknowledged(Database.NB)) > cut_at + 3, SOON, "writes to go on")
    assert executor.inject(Fault(FaultKind.HEAL))
    support.in_order(executor)
    acknowledged = set(client.stop().acknowledged(Database.NB))
    executor.wait(lambda: acknowledged <= (executor.rows(Database.NB, node) or set()), SOON, "the rows it missed")
    assert [(str(fault), changed) for _, fault, changed in executor.fired()] == [
        (f"partition {node}", True),
        (f"partition {node}", False),
        ("heal", True),
    ]


def test_a_follower_that_is_cut_off_costs_the_client_nothing(three: LabExecutor) -> None:
    executor = cutting(three, FaultKind.PARTITION)
    leader = support.leader(executor, Database.NB)
    node = next(node.name for node in executor.view().labelled() if node.name != leader)
    client = executor.client()
    client.start()
    executor.wait(lambda: len(client.history().acknowledged(Database.NB)) > 3, SOON, "the first writes")
    assert executor.inject(Fault(FaultKind.PARTITION, (node,)))
    executor.sleep(executor.timing.election)
    assert support.leader(executor, Database.NB) == leader
    assert client.stop().longest_stall(Database.NB) <= executor.timing.election
    assert executor.inject(Fault(FaultKind.HEAL))
    support.in_order(executor)


def test_one_way_silence_of_a_leader_costs_it_its_role(three: LabExecutor) -> None:
    executor = cutting(three, FaultKind.ONE_WAY)
    node = support.leader(executor, Database.SB)
    assert executor.inject(Fault(FaultKind.ONE_WAY, (node,)))
    executor.wait(lambda: support.leader(executor, Database.SB) != node, SOON, "the others to elect another")
    assert executor.inject(Fault(FaultKind.HEAL))
    assert not executor.inject(Fault(FaultKind.HEAL))
    support.in_order(executor)


def ready(executor: LabExecutor, name: str) -> bool:
    node = executor.view().node(name)
    return node is not None and node.ready


def test_a_node_without_power_is_noticed_and_comes_back(three: LabExecutor) -> None:
    node = support.labelled(three)[1]
    assert three.inject(Fault(FaultKind.NODE_DOWN, (node,)))
    assert not three.inject(Fault(FaultKind.NODE_DOWN, (node,)))
    assert three.files(node).names is None
    assert not three.remove_directory(node).ok
    assert "cannot connect" in three.status(Database.NB, node).error
    three.wait(lambda: not ready(three, node), SOON, "the node to be NotReady")
    support.leader(three, Database.NB)
    assert three.inject(Fault(FaultKind.NODE_UP, (node,)))
    three.wait(lambda: ready(three, node), SOON, "the node to be Ready")
    support.in_order(three)


def test_crashed_servers_are_restarted_by_the_kubelet(three: LabExecutor) -> None:
    node = support.labelled(three)[2]
    assert three.inject(Fault(FaultKind.CRASH, (node,)))
    assert not three.inject(Fault(FaultKind.CRASH, (node,)))
    support.in_order(three)
    pod = three.view().central_pod(node)
    assert pod is not None
    assert pod.restarts == 1


def test_paused_servers_do_not_answer_until_they_are_resumed(three: LabExecutor) -> None:
    node = support.labelled(three)[2]
    assert three.inject(Fault(FaultKind.PAUSE, (node,)))
    assert not three.inject(Fault(FaultKind.PAUSE, (node,)))
    assert three.status(Database.NB, node).status is None
    assert three.inject(Fault(FaultKind.RESUME, (node,)))
    support.in_order(three)


def test_a_server_that_slept_while_its_leader_died_behind_a_cut_catches_up(three: LabExecutor) -> None:
    """Its connection to the dead process looks alive to it; what it sends there is answered by a reset."""
    executor = cutting(three, FaultKind.PARTITION)
    client = executor.client()
    client.start()
    leader = support.leader(executor, Database.NB)
    sleeper = next(node.name for node in executor.view().labelled() if node.name != leader)
    for kind, node in ((FaultKind.PARTITION, leader), (FaultKind.PAUSE, sleeper), (FaultKind.CRASH, leader)):
        assert executor.inject(Fault(kind, (node,)))
    executor.sleep(120.0)
    assert executor.inject(Fault(FaultKind.HEAL))
    assert executor.inject(Fault(FaultKind.RESUME, (sleeper,)))
    executor.wait(lambda: len(client.history().acknowledged(Database.NB)) > 3, SOON, "writes to go on")
    acknowledged = set(client.stop().acknowledged(Database.NB))
    executor.wait(lambda: acknowledged <= (executor.rows(Database.NB, sleeper) or set()), 40.0, "the rows it missed")


def test_a_wiped_server_goes_on_and_comes_back_as_another_beside_its_ghost(three: LabExecutor) -> None:
    node = support.labelled(three)[2]
    before = three.status(Database.NB, node).status
    assert before is not None
    assert three.inject(Fault(FaultKind.WIPE, (node,)))
    assert three.files(node).names == ()
    running = three.status(Database.NB, node).status
    assert running is not None, "a server goes on with its unlinked file"
    assert running.server_id == before.server_id
    assert three.inject(Fault(FaultKind.CRASH, (node,)))

    def ghost() -> bool:
        return len(health.members(three.view(), Database.NB)) == 4

    three.wait(ghost, SOON, "the wiped server to join under a new id beside its ghost")


def test_armed_faults_happen_while_time_passes(three: LabExecutor) -> None:
    node = support.labelled(three)[1]
    crash = Fault(FaultKind.CRASH, (node,))
    three.arm(FaultPlan((TimedFault(2.0, crash), TimedFault(2.1, crash))))
    three.sleep(1)
    assert three.fired() == ()
    three.wait(lambda: len(three.fired()) == 2, SOON, "the faults")
    (first, _, changed), (_, _, again) = three.fired()
    assert changed
    assert not again
    assert first >= 2.0


# -- one database, two nodes, bad links -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "cut", "kept"),
    [(FaultKind.NB_CUT, Database.NB, Database.SB), (FaultKind.SB_CUT, Database.SB, Database.NB)],
    ids=["nb-only", "sb-only"],
)
def test_a_cut_of_one_database_leaves_the_other_alone(
    three: LabExecutor, kind: FaultKind, cut: Database, kept: Database
) -> None:
    executor = cutting(three, kind)
    node, other = support.leader(executor, cut), support.leader(executor, kept)
    term = term_of(executor, kept, other)
    assert executor.inject(Fault(kind, (node,)))
    assert not executor.inject(Fault(kind, (node,)))
    executor.wait(lambda: support.leader(executor, cut) != node, SOON, "the others to elect another")
    assert (support.leader(executor, kept), term_of(executor, kept, other)) == (other, term)
    assert executor.inject(Fault(FaultKind.HEAL))
    support.in_order(executor)


def test_a_bridge_leaves_one_member_that_both_ends_see(three: LabExecutor) -> None:
    executor = cutting(three, FaultKind.BRIDGE)
    leader = support.leader(executor, Database.NB)
    apart, between = (name for name in support.labelled(executor) if name != leader)
    assert executor.inject(Fault(FaultKind.BRIDGE, (leader, apart)))
    assert not executor.inject(Fault(FaultKind.BRIDGE, (apart, leader)))

    def alone() -> bool:
        status = executor.status(Database.NB, apart).status
        return status is not None and not status.has_leader

    executor.wait(alone, SOON, "the far end to hear nobody")
    third = executor.status(Database.NB, between).status
    assert third is not None
    assert third.has_leader, "the member between hears its leader"
    assert executor.inject(Fault(FaultKind.HEAL))
    support.in_order(executor)


def test_late_links_of_a_leader_make_every_write_wait_for_them(three: LabExecutor) -> None:
    executor = cutting(three, FaultKind.DELAY)
    late = Fault(FaultKind.DELAY, (support.leader(executor, Database.NB),))
    before = executor.felt(late)
    assert executor.inject(late)
    assert not executor.inject(late)
    client = writing(executor, 4)
    assert executor.felt(late) > before
    assert client.stop().longest_stall(Database.NB) >= 2 * LINKS_LATE
    assert executor.inject(Fault(FaultKind.HEAL))
    support.in_order(executor)


@pytest.mark.parametrize("kind", [FaultKind.LOSS, FaultKind.REORDER])
def test_writes_get_through_links_that_are_lossy_or_uneven(three: LabExecutor, kind: FaultKind) -> None:
    executor = cutting(three, kind)
    bad = Fault(kind, (support.leader(executor, Database.NB),))
    before = executor.felt(bad)
    assert executor.inject(bad)
    client = writing(executor, 6)
    assert executor.felt(bad) > before
    assert executor.inject(Fault(FaultKind.HEAL))
    assert not executor.inject(Fault(FaultKind.HEAL))
    support.in_order(executor)
    everywhere(executor, client)


# -- disks ------------------------------------------------------------------------------------------------------------


def test_an_old_copy_of_a_followers_files_is_brought_up_to_date(three: LabExecutor) -> None:
    node = follower(three)
    sid = sid_of(three, node)
    assert not three.inject(Fault(FaultKind.STALE_DISK, (node,))), "there is no copy"
    assert three.inject(Fault(FaultKind.KEEP_COPY, (node,)))
    client = writing(three, 3)
    assert three.inject(Fault(FaultKind.STALE_DISK, (node,)))
    support.in_order(three)
    pod = three.view().central_pod(node)
    assert pod is not None
    assert pod.restarts == 1
    assert sid_of(three, node) == sid
    everywhere(three, client)


def test_a_disk_that_forgets_loses_what_it_acknowledged_with_its_power(three: LabExecutor) -> None:
    node = follower(three)
    sid = sid_of(three, node)
    forgets = Fault(FaultKind.FORGET, (node,))
    assert three.inject(forgets)
    assert not three.inject(forgets)
    client = writing(three, 3)
    assert three.felt(forgets) == 0, "nothing is lost as long as there is power"
    assert three.inject(Fault(FaultKind.NODE_DOWN, (node,)))
    assert three.felt(forgets) > 0
    assert three.inject(Fault(FaultKind.NODE_UP, (node,)))
    assert three.inject(Fault(FaultKind.MEND, (node,)))
    support.in_order(three)
    assert sid_of(three, node) == sid
    everywhere(three, client)


def test_a_leader_whose_disk_is_full_fails_and_the_others_elect_another(three: LabExecutor) -> None:
    node = support.leader(three, Database.NB)
    full = Fault(FaultKind.DISK_FULL, (node,))
    assert three.inject(full)
    assert not three.inject(full)
    client = three.client()
    client.start()

    def failed() -> bool:
        report = three.status(Database.NB, node)
        return "unknown cluster" in report.error or (report.status is not None and report.status.status == "failed")

    three.wait(failed, SOON, "the leader to fail")
    assert three.felt(full) > 0
    three.wait(lambda: support.leader(three, Database.NB) != node, SOON, "another leader")
    assert three.inject(Fault(FaultKind.MEND, (node,)))
    support.in_order(three)
    everywhere(three, client)


def test_a_follower_whose_disk_is_full_does_not_count(three: LabExecutor) -> None:
    """It says that it is a healthy member, and serves what it did not store; but it acknowledges nothing."""
    leader = support.leader(three, Database.NB)
    node, third = (name for name in support.labelled(three) if name != leader)
    full = Fault(FaultKind.DISK_FULL, (node,))
    assert three.inject(full)
    client = writing(three, 3)
    assert three.felt(full) > 0
    status = three.status(Database.NB, node).status
    assert status is not None
    assert (status.status, status.has_leader) == ("cluster member", True)
    assert three.inject(Fault(FaultKind.PAUSE, (third,)))
    three.sleep(1.0)  # what was on its way
    before = len(client.history().acknowledged(Database.NB))
    three.sleep(4.0)
    assert len(client.history().acknowledged(Database.NB)) <= before, "two of three are up, and that is not enough"
    assert three.inject(Fault(FaultKind.RESUME, (third,)))
    assert three.inject(Fault(FaultKind.MEND, (node,)))
    assert not three.inject(Fault(FaultKind.MEND, (node,)))
    support.in_order(three)
    everywhere(three, client)


def test_a_file_with_a_hole_does_not_keep_a_member_away(three: LabExecutor) -> None:
    """A follower's disk was full for a while: its file skips entries, and the start script makes a new one."""
    node = follower(three)
    sid = sid_of(three, node)
    assert three.inject(Fault(FaultKind.DISK_FULL, (node,)))
    client = writing(three, 3)
    assert three.inject(Fault(FaultKind.MEND, (node,)))
    seen = len(client.history().acknowledged(Database.NB))
    three.wait(lambda: len(client.history().acknowledged(Database.NB)) > seen + 3, SOON, "writes behind the hole")
    assert three.inject(Fault(FaultKind.CRASH, (node,)))
    support.in_order(three)
    assert sid_of(three, node) == sid
    everywhere(three, client)


def test_slow_disks_of_a_majority_make_every_write_wait(three: LabExecutor) -> None:
    executor = cutting(three, FaultKind.SLOW_DISK)
    leader = support.leader(executor, Database.NB)
    followers = tuple(name for name in support.labelled(executor) if name != leader)
    slow = Fault(FaultKind.SLOW_DISK, followers)
    assert executor.inject(slow)
    assert not executor.inject(slow)
    client = writing(executor, 4)
    assert executor.felt(slow) > 0
    assert client.stop().longest_stall(Database.NB) >= SYNCS_LATE
    assert executor.inject(Fault(FaultKind.MEND, followers))
    support.in_order(executor)


# -- the kubelet ------------------------------------------------------------------------------------------------------


def test_servers_that_are_asked_to_end_are_restarted_too(three: LabExecutor) -> None:
    node = support.labelled(three)[2]
    assert three.inject(Fault(FaultKind.STOP, (node,)))
    assert not three.inject(Fault(FaultKind.STOP, (node,)))
    support.in_order(three)
    pod = three.view().central_pod(node)
    assert pod is not None
    assert pod.restarts == 1


def test_a_slow_start_keeps_a_pod_away_for_longer(three: LabExecutor) -> None:
    node = support.labelled(three)[2]
    slow = Fault(FaultKind.SLOW_START, (node,))
    assert three.inject(slow)
    assert three.felt(slow) == 0, "nothing is started"
    assert three.inject(Fault(FaultKind.CRASH, (node,)))
    crashed = three.now()
    three.wait(lambda: three.felt(slow) > 0, SOON, "the kubelet to start it again")
    three.wait(lambda: not health.all_problems(three.view()), SOON + STARTS_LATE, "the pod to come back")
    assert three.now() - crashed >= STARTS_LATE
    assert three.inject(Fault(FaultKind.MEND, (node,)))
    assert not three.inject(Fault(FaultKind.MEND, (node,)))


def pod_is_ready(executor: LabExecutor, node: str) -> bool:
    pod = executor.view().central_pod(node)
    return pod is not None and pod.ready


def test_a_probe_that_says_no_takes_a_good_pod_out(three: LabExecutor) -> None:
    node = follower(three)
    lies = Fault(FaultKind.SAYS_UNREADY, (node,))
    assert three.inject(lies)
    three.wait(lambda: not pod_is_ready(three, node), SOON, "the kubelet to believe its probe")
    assert three.felt(lies) > 0
    status = three.status(Database.NB, node).status
    assert status is not None
    assert status.has_leader, "its servers are well"
    assert three.inject(Fault(FaultKind.MEND, (node,)))
    three.wait(lambda: pod_is_ready(three, node), SOON, "the truth")


def test_a_probe_that_says_yes_keeps_a_bad_pod_in(three: LabExecutor) -> None:
    node, *others = support.labelled(three)
    lies = Fault(FaultKind.SAYS_READY, (node,))
    assert three.inject(lies)
    assert three.inject(Fault(FaultKind.PAUSE, tuple(others)))
    three.wait(lambda: three.felt(lies) >= 3, SOON, "as many wrong answers as take a pod out")
    assert pod_is_ready(three, node), "alone and without a leader"
    assert three.inject(Fault(FaultKind.RESUME, tuple(others)))
    assert three.inject(Fault(FaultKind.MEND, (node,)))
    support.in_order(three)


# -- what they share --------------------------------------------------------------------------------------------------


def writing(executor: LabExecutor, rows: int) -> Client:
    """A client that has written so many rows, and goes on."""
    client = executor.client()
    client.start()
    executor.wait(lambda: len(client.history().acknowledged(Database.NB)) >= rows, SOON, "the first writes")
    return client


def everywhere(executor: LabExecutor, client: Client) -> None:
    """Whatever was acknowledged is on every member."""
    acknowledged = set(client.stop().acknowledged(Database.NB))
    assert acknowledged
    for node in support.labelled(executor):
        executor.wait(
            lambda node=node: acknowledged <= (executor.rows(Database.NB, node) or set()),  # type: ignore[misc]
            SOON,
            f"every row on {node}",
        )


def follower(executor: LabExecutor) -> str:
    leader = support.leader(executor, Database.NB)
    return next(name for name in support.labelled(executor) if name != leader)


def sid_of(executor: LabExecutor, node: str) -> str:
    status = executor.status(Database.NB, node).status
    return status.server_id if status is not None else ""


def term_of(executor: LabExecutor, database: Database, node: str) -> int:
    status = executor.status(database, node).status
    return status.term if status is not None else -1
