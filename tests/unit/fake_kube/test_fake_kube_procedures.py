"""Orders of commands that were executed on a real cluster (facts: kubernetes 0.8, 6, 7), and repeatability."""

from __future__ import annotations

import pytest
from kube_support import LABEL, Lab, Seeded, Zeros

from fake_kube.objects import DELETION_COST


def unlabel(lab: Lab, node: str) -> None:
    lab.cluster.label_node(node, LABEL[0], None)


def always(lab: Lab, least: int, until: str) -> None:
    """Run until ``until`` (nodes of the new template), never fewer than ``least`` running containers."""
    while lab.nodes_of("new") != until or not all(pod.ready for pod in lab.active() if pod.node):
        lab.clock.step()
        assert len(lab.runtime.running) >= least


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_taking_a_node_out_without_losing_the_majority(seed: int | None) -> None:
    lab = Lab(choices=Zeros() if seed is None else Seeded(seed))
    lab.central()
    for node in "AB":
        lab.cluster.delete_pod(lab.on(node).name)
        lab.settle()
    lab.clock.run(60)
    lab.cluster.patch_deployment("ovn-central", min_ready_seconds=20)
    unlabel(lab, "C")
    lab.set_ips("new")
    always(lab, 2, "-AB")
    assert lab.deleted_nodes() == "ABBAC"
    lab.clock.run(60)
    assert lab.deleted_nodes() == "ABBAC"
    lab.cluster.scale("ovn-central", 2)
    lab.wait_rolled()
    assert lab.deleted_nodes() == "ABBAC-"
    assert lab.nodes_of("new") == "AB"


def test_deletion_cost_replaces_the_preparatory_deletes_since_1_22() -> None:
    lab = Lab((1, 22))
    lab.central()
    lab.order_ready("ABC")
    lab.cluster.annotate_pod(lab.on("C").name, DELETION_COST, "1000")
    unlabel(lab, "C")
    lab.set_ips("new")
    always(lab, 2, "-AB")
    assert lab.deleted_nodes()[-1] == "C"


def test_replacing_with_a_fresh_node_restarts_the_others_only_after_it_is_ready() -> None:
    lab = Lab(nodes="ABCD")
    unlabel(lab, "D")
    lab.central()
    lab.order_ready("BCA")
    lab.runtime.sick.add("C")
    lab.clock.wait(lambda: not lab.on("C").ready)
    lab.cluster.label_node("D", *LABEL)
    unlabel(lab, "C")
    lab.cluster.patch_deployment("ovn-central", min_ready_seconds=5)
    lab.clock.run(1)
    lab.set_ips("new")
    lab.clock.wait(lambda: lab.nodes_of("new") == "D" and lab.on("D").ready)
    assert lab.deleted_nodes() == "C"
    lab.wait_rolled()
    assert lab.deleted_nodes() == "CAB"
    assert lab.nodes_of("new") == "ABD"


def two_of_three(order: str = "BA") -> Lab:
    lab = Lab()
    unlabel(lab, "C")
    lab.central(2)
    lab.order_ready(order)
    lab.clock.run(60)
    return lab


def test_taking_a_node_in_with_pause_as_the_brake() -> None:
    """Variant 1: the newcomer's pod loops on the old template, is replaced first, and pause holds the rest."""
    lab = two_of_three()
    lab.runtime.ends = lambda pod: (0.1, 0) if pod.node == "C" and pod.env["NODE_IPS"] == "old" else None
    lab.cluster.label_node("C", *LABEL)
    lab.cluster.scale("ovn-central", 3)
    lab.clock.run(20)
    lab.cluster.patch_deployment("ovn-central", min_ready_seconds=30)
    lab.set_ips("new")
    lab.clock.wait(lambda: lab.nodes_of("new") == "C" and lab.on("C").ready)
    lab.cluster.pause("ovn-central")
    lab.clock.run(600)
    assert lab.deleted_nodes() == "C"
    lab.cluster.resume("ovn-central")
    lab.wait_rolled()
    assert lab.deleted_nodes() == "CAB"


def test_without_the_brake_the_next_member_goes_at_the_instant_the_newcomer_is_ready() -> None:
    lab = two_of_three()
    lab.cluster.label_node("C", *LABEL)
    lab.cluster.scale("ovn-central", 3)
    lab.clock.run(3)
    lab.set_ips("new")
    lab.clock.wait(lambda: "C" in lab.nodes_of("new") and lab.on("C").ready)
    assert lab.clock.wait(lambda: lab.deleted_nodes() == "CA") <= 0.04


def test_taking_a_node_in_with_a_surge() -> None:
    """Variant 2: the new template appears directly on C; then, still paused, back to the shipped strategy."""
    lab = two_of_three()
    lab.cluster.label_node("C", *LABEL)
    lab.cluster.patch_deployment("ovn-central", max_surge=1, max_unavailable=0, min_ready_seconds=20)
    lab.set_ips("new")
    lab.clock.wait(lambda: lab.nodes_of("new") == "C" and lab.on("C").ready)
    lab.cluster.pause("ovn-central")
    lab.clock.run(100)
    assert lab.deleted_nodes() == ""
    lab.cluster.scale("ovn-central", 3)
    lab.clock.run(10)
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("C", "-AB")
    lab.cluster.patch_deployment("ovn-central", max_surge=0, max_unavailable=1)
    lab.clock.run(10)
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("C", "AB")
    lab.cluster.resume("ovn-central")
    assert lab.clock.wait(lambda: lab.deleted_nodes() == "-A") <= 0.2
    lab.clock.wait(lambda: lab.nodes_of("new") == "AC" and lab.on("A").ready)
    assert lab.clock.wait(lambda: lab.deleted_nodes() == "-AB") == pytest.approx(20.05, abs=0.03)
    lab.wait_rolled()
    assert lab.nodes_of("new") == "ABC"


def test_set_env_before_the_label_kills_a_member_in_spite_of_min_ready_seconds() -> None:
    lab = two_of_three()
    lab.cluster.patch_deployment("ovn-central", min_ready_seconds=599)
    lab.set_ips("new")
    lab.clock.run(1)
    assert lab.deleted_nodes() == "A"


# -- repeatability ---------------------------------------------------------------------------------------------------


def trace(seed: int) -> list[str]:
    lab = Lab(choices=Seeded(seed))
    lab.central()
    lab.ovs()
    lab.runtime.sick.add("C")
    lab.cluster.node_down("B")
    lab.clock.run(50)
    lab.set_ips("new")
    lab.cluster.set_env("ds", "ovs-ovn", "OVN_DB_IPS", "new")
    lab.clock.run(100)
    lab.cluster.node_up("B")
    lab.cluster.drain("A")
    lab.cluster.restart_kubelet("C")
    lab.clock.run(300)
    return [str(event) for event in lab.cluster.events]


def test_same_choices_give_the_same_trace_and_others_another() -> None:
    assert trace(7) == trace(7)
    assert trace(7) != trace(8)
    assert len(trace(7)) > 50


def test_hashes_and_names_are_the_same_in_every_process() -> None:
    lab = Lab()
    lab.central()
    assert sorted(lab.cluster.replicasets) == ["ovn-central-rr64jzfjxb"]
    assert [pod.name for pod in lab.pods()] == [
        "ovn-central-rr64jzfjxb-hxn9m",
        "ovn-central-rr64jzfjxb-dzg2j",
        "ovn-central-rr64jzfjxb-6hzcq",
    ]
