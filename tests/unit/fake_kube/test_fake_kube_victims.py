"""Which pod goes when a ReplicaSet shrinks (facts: kubernetes 0.1, 0.3, 2)."""

from __future__ import annotations

import pytest
from kube_support import Lab, Seeded, Zeros

from fake_kube.objects import DELETION_COST, Phase


def scaled_lab(lab: Lab) -> str:
    """Scale to two; the node of the pod that went."""
    before = len(lab.deleted_nodes())
    lab.cluster.scale("ovn-central", 2)
    lab.clock.run(1)
    (node,) = lab.deleted_nodes()[before:]
    return node


def central(order: str = "ABC", version: tuple[int, int] = (1, 20), choices: Zeros | None = None) -> Lab:
    lab = Lab(version, choices)
    lab.central()
    lab.order_ready(order)
    return lab


@pytest.mark.parametrize("order", ["ABC", "CBA", "BCA", "ACB"])
def test_most_recently_ready_pod_goes_first(order: str) -> None:
    lab = central(order)
    assert {pod.created for pod in lab.pods()} == {lab.pods()[0].created}
    assert scaled_lab(lab) == order[-1]


def test_newer_pod_goes_first() -> None:
    lab = central("ABC")
    lab.cluster.delete_pod(lab.on("B").name)
    lab.settle()
    assert scaled_lab(lab) == "B"


def test_old_pod_that_flapped_goes_first_without_any_restart() -> None:
    lab = central("ABC")
    lab.cluster.delete_pod(lab.on("B").name)
    lab.settle()
    lab.order_ready("A")
    assert lab.on("A").restarts == 0
    assert lab.on("A").created < lab.on("B").created
    assert scaled_lab(lab) == "A"


def test_restarted_pod_goes_first() -> None:
    lab = central("BCA")
    container = lab.runtime.running[lab.on("B").name]
    lab.runtime.end(container, 0)
    lab.clock.wait(lambda: lab.on("B").ready)
    assert lab.on("B").restarts == 1
    assert scaled_lab(lab) == "B"


@pytest.mark.parametrize("sick", "ABC")
def test_not_ready_pod_goes_before_any_ready_one(sick: str) -> None:
    lab = central("ABC")
    lab.runtime.sick.add(sick)
    lab.clock.wait(lambda: not lab.on(sick).ready)
    assert scaled_lab(lab) == sick


def test_pending_pod_goes_first_of_all() -> None:
    lab = central("ABC")
    lab.runtime.sick.add("A")
    lab.clock.wait(lambda: not lab.on("A").ready)
    lab.cluster.label_node("C", "kube-ovn/role", None)
    lab.cluster.delete_pod(lab.on("C").name)
    lab.clock.run(30)
    assert scaled_lab(lab) == "-"


def test_unbound_goes_before_bound_and_creating_before_running() -> None:
    lab = central("ABC")
    lab.runtime.sick.update("AB")
    lab.clock.wait(lambda: not any(lab.on(node).ready for node in "AB"))
    lab.on("A").restarts = 9
    lab.cluster.cordon("C")
    lab.cluster.delete_pod(lab.on("C").name)
    lab.clock.wait(lambda: any(pod.node is None for pod in lab.active()))
    lab.clock.wait(lambda: all(pod.node for pod in lab.active()))
    assert not lab.on("C").running
    assert scaled_lab(lab) == "C"


def test_unbound_pod_goes_before_one_whose_container_is_being_created() -> None:
    lab = central("ABC")
    unbound, creating, _ = lab.pods()
    for pod in (unbound, creating):
        pod.phase, pod.ready = Phase.PENDING, False
    creating.restarts = 9
    unbound.node = None
    lab.cluster.scale("ovn-central", 2)
    lab.clock.run(0.2)
    assert unbound.name not in lab.cluster.pods
    assert not creating.terminating


def test_kicked_pod_that_is_still_ready_is_spared() -> None:
    """Scale within seconds of the kick hits the healthy pod that became Ready last."""
    lab = central("CBA")
    lab.runtime.sick.add("C")
    lab.clock.run(0.3)
    assert scaled_lab(lab) == "A"
    assert lab.on("C").ready


def test_pod_of_two_on_one_node_goes_before_a_lone_one() -> None:
    lab = Lab(nodes="AB")
    lab.central(3, spread_hosts=False)
    crowded = next(node for node in "AB" if sum(pod.node == node for pod in lab.active()) == 2)
    lab.order_ready("AB".replace(crowded, ""))
    assert scaled_lab(lab) == crowded


def test_ready_times_count_in_whole_seconds_then_restarts_then_age() -> None:
    lab = central("ABC")
    for pod, since, restarts in zip(lab.pods(), (100.2, 100.9, 99.9), (1, 0, 9), strict=True):
        pod.ready_since, pod.restarts = since, restarts
    assert scaled_lab(lab) == "A"


def test_delete_follows_the_command_within_150_ms() -> None:
    lab = central("ABC")
    start = lab.clock.now()
    lab.cluster.scale("ovn-central", 2)
    lab.clock.wait(lambda: any(pod.terminating for pod in lab.pods()))
    assert 0.03 <= lab.clock.now() - start <= 0.15


# -- 1.22 and later --------------------------------------------------------------------------------------------------


def test_deletion_cost_is_ignored_in_1_20() -> None:
    lab = central("CBA")
    lab.cluster.annotate_pod(lab.on("C").name, DELETION_COST, "-1000")
    assert scaled_lab(lab) == "A"


def test_negative_deletion_cost_hits_the_kicked_pod_that_is_still_ready() -> None:
    lab = central("CBA", (1, 22))
    lab.cluster.annotate_pod(lab.on("C").name, DELETION_COST, "-1000")
    assert scaled_lab(lab) == "C"


def test_not_ready_outranks_deletion_cost() -> None:
    lab = central("CBA", (1, 22))
    lab.cluster.annotate_pod(lab.on("C").name, DELETION_COST, "-1000")
    lab.runtime.sick.add("B")
    lab.clock.wait(lambda: not lab.on("B").ready)
    assert scaled_lab(lab) == "B"


def test_unreadable_deletion_cost_counts_as_none() -> None:
    lab = central("CBA", (1, 22))
    lab.cluster.annotate_pod(lab.on("C").name, DELETION_COST, "cheap")
    assert scaled_lab(lab) == "A"


@pytest.mark.parametrize(("tie", "gone"), [(0, "A"), (1, "B"), (2, "C")])
def test_pods_of_about_the_same_age_are_a_coin_toss_since_1_22(tie: int, gone: str) -> None:
    lab = central("CBA", (1, 22), Zeros(replicaset_breaks_tie=tie))
    lab.clock.run(100_000)
    assert scaled_lab(lab) == gone


def test_much_younger_pod_is_no_coin_toss() -> None:
    choices = Zeros(replicaset_breaks_tie=1)
    lab = central("ABC", (1, 22), choices)
    lab.clock.run(100_000)
    lab.order_ready("B")
    choices.asked.clear()
    assert scaled_lab(lab) == "B"
    assert "kube: replicaset breaks tie" not in choices.asked


def test_different_ages_are_no_coin_toss_in_1_20() -> None:
    lab = Lab(choices=Seeded(5))
    lab.central()
    lab.order_ready("BCA")
    lab.clock.run(100_000)
    assert scaled_lab(lab) == "A"
