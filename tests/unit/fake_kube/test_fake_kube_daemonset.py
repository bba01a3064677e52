"""DaemonSets: rolling, on delete, surging, with a dead node (facts: kubernetes 0.14, 0.15, 8, 10)."""

from __future__ import annotations

import pytest
from kube_support import Lab, Zeros

from fake_kube.objects import DaemonSetSpec, KubeError, Selector

WAITING = 'Waiting for daemon set "ovs-ovn" rollout to finish: '


def ovs(version: tuple[int, int] = (1, 20), choices: Zeros | None = None, **fields: object) -> Lab:
    lab = Lab(version, choices)
    lab.ovs(**fields)
    lab.clock.run(20)
    return lab


def roll(lab: Lab) -> None:
    lab.cluster.set_env("daemonset", "ovs-ovn", "OVN_DB_IPS", "new")


def deleted(lab: Lab) -> list[str]:
    return [event.text for event in lab.cluster.events if event.kind == "Deleting"]


def test_one_node_at_a_time_and_the_replacement_only_after_the_old_object_is_gone() -> None:
    lab = ovs()
    roll(lab)
    start = lab.clock.now()
    while not lab.cluster.rollout_status("ds", "ovs-ovn")[0]:
        lab.clock.step()
        assert len(lab.runtime.running) >= 2
        assert len(lab.pods("ovs")) <= 3
    assert 25 <= lab.clock.now() - start <= 105
    assert {pod.env["OVN_DB_IPS"] for pod in lab.pods("ovs")} == {"new"}


def test_order_of_nodes_is_a_choice() -> None:
    orders = set()
    for first in range(3):
        lab = ovs(choices=Zeros(daemonset_picks_node=first))
        names = {pod.name: pod.node for pod in lab.pods("ovs")}
        roll(lab)
        lab.wait_rolled("ds", "ovs-ovn")
        orders.add("".join(names[name] or "" for name in deleted(lab)))
    assert len(orders) == 3


def test_documented_delete_right_after_set_env_takes_all_nodes_down_once() -> None:
    lab = ovs()
    roll(lab)
    lab.clock.run(0.15)
    assert len(lab.cluster.delete_pods("ovs")) == 3
    lab.clock.run(1.3)
    assert not lab.runtime.running
    lab.clock.wait(lambda: len(lab.runtime.running) == 3)
    lab.wait_rolled("ds", "ovs-ovn")
    assert {pod.env["OVN_DB_IPS"] for pod in lab.pods("ovs")} == {"new"}
    lab.clock.run(300)
    assert len(deleted(lab)) == 3


def test_delete_after_a_finished_rollout_restarts_everything_again() -> None:
    lab = ovs()
    roll(lab)
    lab.wait_rolled("ds", "ovs-ovn")
    lab.cluster.delete_pods("ovs")
    lab.clock.run(1.3)
    assert not lab.runtime.running
    lab.wait_rolled("ds", "ovs-ovn")
    assert len(deleted(lab)) == 6


def test_on_delete_does_nothing_until_pods_are_deleted() -> None:
    lab = Lab()
    lab.cluster.create_daemonset(DaemonSetSpec("ovs-ovn", "ovs", {"OVN_DB_IPS": "old"}, strategy="OnDelete"))
    lab.clock.run(30)
    roll(lab)
    lab.clock.run(200)
    assert deleted(lab) == []
    with pytest.raises(KubeError, match=r"^error: rollout status is only available for RollingUpdate strategy type$"):
        lab.cluster.rollout_status("ds", "ovs-ovn")
    lab.cluster.delete_pods("ovs")
    lab.clock.run(60)
    assert {pod.env["OVN_DB_IPS"] for pod in lab.pods("ovs")} == {"new"}


def test_dead_node_blocks_the_whole_rollout_until_it_is_back() -> None:
    lab = ovs()
    lab.cluster.node_down("B")
    lab.clock.run(60)
    dead = next(pod for pod in lab.pods("ovs") if pod.node == "B")
    roll(lab)
    lab.clock.run(600)
    assert deleted(lab) == [dead.name]
    assert lab.cluster.rollout_status("ds", "ovs-ovn") == (False, f"{WAITING}0 out of 3 new pods have been updated...")
    lab.cluster.node_up("B")
    lab.clock.wait(lambda: any(pod.node == "B" and pod.ready and pod is not dead for pod in lab.pods("ovs")))
    assert lab.clock.wait(lambda: len(deleted(lab)) == 2) <= 0.02
    lab.wait_rolled("ds", "ovs-ovn")


def test_status_lines_of_a_rollout() -> None:
    lab = ovs()
    roll(lab)
    seen: list[str] = []
    done = False
    while not done:
        done, line = lab.cluster.rollout_status("ds", "ovs-ovn")
        if line not in seen:
            seen.append(line)
        if not done:
            lab.clock.step()
    assert seen[0] == "Waiting for daemon set spec update to be observed..."
    assert f"{WAITING}1 out of 3 new pods have been updated..." in seen
    assert f"{WAITING}2 of 3 updated pods are available..." in seen
    assert seen[-1] == 'daemon set "ovs-ovn" successfully rolled out'


def test_surge_starts_the_new_pod_beside_the_old_one_since_1_22() -> None:
    lab = ovs((1, 22), max_surge=1, max_unavailable=0)
    roll(lab)
    most = 0
    while not lab.cluster.rollout_status("ds", "ovs-ovn")[0]:
        lab.clock.step()
        ready = [pod.node for pod in lab.active("ovs") if pod.ready]
        assert set(ready) == {"A", "B", "C"}
        most = max(most, len(lab.active("ovs")))
    assert most == 4
    assert {pod.env["OVN_DB_IPS"] for pod in lab.active("ovs")} == {"new"}


def test_1_20_knows_no_surge() -> None:
    lab = ovs((1, 20), max_surge=1, max_unavailable=0)
    roll(lab)
    lab.wait_rolled("ds", "ovs-ovn")
    daemonset = lab.cluster.daemonsets["ovs-ovn"]
    assert (daemonset.max_surge, daemonset.max_unavailable) == (0, 1)
    assert len({event.text for event in lab.cluster.events if event.kind == "Created"}) == 6


def test_node_that_joins_gets_a_pod() -> None:
    lab = ovs()
    lab.cluster.add_node("D", "10.0.0.6")
    lab.wait_rolled("ds", "ovs-ovn")
    lab.clock.wait(lambda: any(pod.node == "D" and pod.ready for pod in lab.pods("ovs")))
    assert lab.cluster.status("ds", "ovs-ovn").desired == 4


def test_node_that_stops_matching_loses_its_pod() -> None:
    lab = Lab()
    lab.cluster.label_node("B", "dpdk", "yes")
    lab.ovs(selector=Selector((("dpdk", ()),)))
    (pod,) = lab.pods("ovs")
    assert pod.node == "B"
    lab.cluster.label_node("B", "dpdk", None)
    lab.clock.wait(lambda: not lab.pods("ovs"))
    assert lab.cluster.status("ds", "ovs-ovn").desired == 0
