"""Node loss, drain, node deletion (facts: kubernetes 0.14, 10, 11)."""

from __future__ import annotations

import pytest
from kube_support import LABEL, Lab, Seeded

from fake_kube.objects import CONTROL_PLANE_LABEL, DeploymentSpec, KubeError, Phase, Selector, Tolerance


def central() -> Lab:
    lab = Lab()
    lab.central()
    return lab


@pytest.mark.parametrize("seed", range(5))
def test_dead_node_looks_healthy_for_31_to_40_seconds(seed: int) -> None:
    lab = Lab(choices=Seeded(seed))
    lab.central()
    pod = lab.on("B")
    assert lab.cluster.node_down("B")
    assert not lab.cluster.node_down("B")
    assert pod.name not in lab.runtime.running
    assert (pod.ready, pod.running) == (True, True)
    assert 30.9 <= lab.clock.wait(lambda: not lab.cluster.nodes["B"].ready) <= 40
    assert not pod.ready


def test_pod_of_a_dead_node_is_neither_evicted_nor_replaced() -> None:
    lab = central()
    pod = lab.on("B")
    lab.cluster.node_down("B")
    lab.clock.run(1000)
    assert lab.nodes_of("old") == "ABC"
    assert pod.name in lab.cluster.pods
    assert lab.cluster.rollout_status("deploy", "ovn-central")[1].endswith("2 of 3 updated replicas are available...")


def test_pod_that_does_not_tolerate_it_is_evicted_after_300_seconds_and_stays_terminating() -> None:
    lab = Lab(nodes="AB")
    lab.cluster.create_deployment(
        DeploymentSpec("kube-ovn-controller", "kube-ovn-controller", 2, tolerance=Tolerance.NO_SCHEDULE)
    )
    lab.wait_rolled("deploy", "kube-ovn-controller")
    pod = lab.on("B", "kube-ovn-controller")
    lab.cluster.node_down("B")
    lab.clock.run(330)
    assert not pod.terminating
    lab.clock.run(20)
    assert pod.terminating
    lab.clock.run(1000)
    assert pod.name in lab.cluster.pods
    assert [other.node for other in lab.active("kube-ovn-controller")] == ["A", "A"]


def test_node_back_in_time_keeps_its_pods_and_one_with_the_taint_gets_no_new_one() -> None:
    lab = Lab(nodes="AB")
    here = Selector((("kubernetes.io/hostname", ("B",)),))
    lab.cluster.create_deployment(DeploymentSpec("x", "x", 1, selector=here, tolerance=Tolerance.NO_SCHEDULE))
    lab.wait_rolled("deploy", "x")
    pod = lab.on("B", "x")
    lab.cluster.node_down("B")
    lab.clock.run(200)
    lab.cluster.node_up("B")
    lab.clock.run(400)
    assert not pod.terminating
    lab.cluster.node_down("B")
    lab.clock.run(350)
    assert [other.node for other in lab.active("x")] == [None]


def test_cluster_of_control_planes_alone_evicts_nothing() -> None:
    lab = Lab(nodes="AB")
    for node in "AB":
        lab.cluster.label_node(node, CONTROL_PLANE_LABEL, "")
    lab.cluster.create_deployment(DeploymentSpec("x", "x", 2, tolerance=Tolerance.NO_SCHEDULE))
    lab.wait_rolled("deploy", "x")
    lab.cluster.node_down("B")
    lab.clock.run(1000)
    assert not any(pod.terminating for pod in lab.pods("x"))


def test_offline_procedure_on_a_dead_node_ends_with_its_pod_terminating_for_ever() -> None:
    lab = central()
    pod = lab.on("B")
    lab.cluster.node_down("B")
    lab.clock.run(60)
    lab.cluster.label_node("B", LABEL[0], None)
    lab.cluster.scale("ovn-central", 2)
    lab.clock.run(1)
    assert lab.deleted_nodes() == "B"
    assert lab.cluster.rollout_status("deploy", "ovn-central")[0]
    lab.set_ips("new")
    lab.wait_rolled()
    assert lab.nodes_of("new") == "AC"
    lab.clock.run(2000)
    assert pod.terminating
    assert pod.name in lab.cluster.pods
    lab.cluster.node_up("B")
    up = lab.clock.now()
    lab.clock.wait(lambda: pod.phase is Phase.FAILED)
    assert lab.clock.now() - up == pytest.approx(12)
    lab.clock.wait(lambda: lab.cluster.nodes["B"].ready)
    assert lab.clock.now() - up == pytest.approx(21.5)
    lab.clock.wait(lambda: pod.name not in lab.cluster.pods)
    assert lab.clock.now() - up == pytest.approx(22.5)
    assert len(lab.runtime.times("start", pod.name)) == 1


def test_returned_node_starts_its_pod_again_if_it_was_neither_deleted_nor_unlabelled() -> None:
    lab = central()
    pod = lab.on("B")
    lab.cluster.node_down("B")
    lab.clock.run(100)
    lab.cluster.node_up("B")
    assert not lab.cluster.node_up("B")
    lab.wait_rolled()
    assert pod.ready
    assert pod.restarts == 1
    assert lab.deleted_nodes() == ""


def test_rebooted_unlabelled_node_fails_its_pod() -> None:
    lab = central()
    pod = lab.on("B")
    lab.cluster.label_node("B", LABEL[0], None)
    lab.cluster.node_down("B")
    lab.clock.run(5)
    lab.cluster.node_up("B")
    lab.clock.run(20)
    assert pod.phase is Phase.FAILED
    assert lab.nodes_of("old") == "-AC"


def test_short_power_cut_is_never_seen_as_node_loss() -> None:
    lab = central()
    lab.cluster.node_down("B")
    lab.clock.run(10)
    lab.cluster.node_up("B")
    lab.clock.run(200)
    assert "NodeNotReady" not in [event.kind for event in lab.cluster.events]
    assert lab.on("B").ready


def test_frozen_node_comes_back_with_its_old_ready_time_and_no_restart() -> None:
    lab = central()
    pod, since = lab.on("B"), lab.on("B").ready_since
    lab.cluster.node_down("B", frozen=True)
    assert pod.name in lab.runtime.running
    lab.clock.wait(lambda: not pod.ready)
    assert pod.ready_since != since
    lab.cluster.node_up("B")
    assert lab.clock.wait(lambda: pod.ready) <= 1.01
    assert pod.ready_since == since
    assert pod.restarts == 0
    lab.clock.run(100)
    assert pod.ready


def test_terminating_object_of_a_dead_node_still_blocks_the_node() -> None:
    lab = central()
    pod = lab.on("B")
    lab.cluster.node_down("B")
    lab.cluster.delete_pod(pod.name)
    lab.clock.run(500)
    assert lab.nodes_of("old") == "-AC"


def test_kubectl_works_on_a_dead_node_and_a_deleted_pod_waits_for_its_return() -> None:
    lab = central()
    pod = lab.on("B")
    lab.cluster.node_down("B")
    lab.cluster.delete_pod(pod.name)
    lab.clock.run(500)
    lab.cluster.node_up("B")
    lab.wait_rolled()
    assert lab.nodes_of("old") == "ABC"
    assert pod.name not in lab.cluster.pods


# -- 11 --------------------------------------------------------------------------------------------------------------


def test_drained_pod_comes_back_to_the_cordoned_node() -> None:
    lab = central()
    lab.ovs()
    lab.cluster.label_node("A", "other", "x")
    old = lab.on("C")
    start = lab.clock.now()
    assert lab.cluster.drain("C") == (old.name,)
    lab.clock.run(1)
    assert lab.nodes_of("old") == "-AB"
    lab.clock.wait(lambda: lab.nodes_of("old") == "ABC" and lab.on("C").ready)
    assert 11 <= lab.clock.now() - start <= 40
    node = lab.cluster.nodes["C"]
    assert (node.ready, node.unschedulable) == (True, True)
    lab.cluster.uncordon("C")
    assert not node.unschedulable


def test_cordon_keeps_away_a_pod_that_tolerates_nothing() -> None:
    lab = Lab(nodes="AB")
    lab.cluster.cordon("A")
    lab.cluster.create_deployment(
        DeploymentSpec("x", "x", 2, spread_hosts=True, tolerance=Tolerance.NOTHING, max_unavailable=1)
    )
    lab.clock.run(30)
    assert [pod.node for pod in lab.pods("x")] == ["B", None]
    lab.cluster.uncordon("A")
    lab.clock.run(30)
    assert [pod.node for pod in lab.pods("x")] == ["B", "A"]


def test_deleted_node_loses_its_pods_after_a_while() -> None:
    lab = central()
    pod = lab.on("C")
    lab.cluster.delete_node("C")
    lab.clock.run(30)
    assert pod.name in lab.runtime.running
    lab.clock.run(60)
    assert pod.name not in lab.cluster.pods
    assert pod.name not in lab.runtime.running
    assert lab.nodes_of("old") == "-AB"


def test_unknown_names_are_refused_as_kubectl_does() -> None:
    lab = central()
    with pytest.raises(KubeError, match=r'^Error from server \(NotFound\): nodes "X" not found$'):
        lab.cluster.label_node("X", "a", "b")
    with pytest.raises(KubeError, match=r'^Error from server \(NotFound\): pods "X" not found$'):
        lab.cluster.delete_pod("X")
    with pytest.raises(KubeError, match=r'^Error from server \(NotFound\): deployments.apps "X" not found$'):
        lab.cluster.scale("X", 1)
    with pytest.raises(KubeError, match=r'^Error from server \(NotFound\): daemonsets.apps "X" not found$'):
        lab.cluster.set_env("ds", "X", "A", "b")
    with pytest.raises(KubeError, match="resource type"):
        lab.cluster.rollout_status("job", "X")
    with pytest.raises(KubeError, match="greater than or equal to 0"):
        lab.cluster.scale("ovn-central", -1)
    with pytest.raises(KubeError, match="NotFound"):
        lab.cluster.node_down("X")
    with pytest.raises(KubeError, match="AlreadyExists"):
        lab.cluster.add_node("A", "10.0.0.9")


def test_close_leaves_no_timer_and_late_exits_do_nothing() -> None:
    lab = central()
    lab.set_ips("new")
    lab.clock.run(1)
    containers = list(lab.runtime.running.values())
    lab.cluster.close()
    lab.cluster.close()
    assert lab.clock.pending == 0
    lab.runtime.end(containers[0], 0)
    assert lab.clock.pending == 0
