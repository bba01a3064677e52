"""Every fault bites, and the same on every backend: what it breaks, what goes on, what comes back."""

from __future__ import annotations

import pytest

from harness import health
from harness.cluster import Database
from harness.executor import LabExecutor
from harness.faults import Fault, FaultKind, FaultPlan, TimedFault
from scenarios import support

SOON = support.FORMS_WITHIN


@pytest.fixture
def three(ovn: support.Maker) -> LabExecutor:
    return support.cluster(ovn, 3)


def cutting(executor: LabExecutor, kind: FaultKind) -> LabExecutor:
    if kind not in executor.faults:
        pytest.skip(f"{kind.value} needs network namespaces: run as root (sudo make test)")
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
