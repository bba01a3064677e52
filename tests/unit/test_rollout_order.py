"""Which pod a rollout deletes next."""

from __future__ import annotations

from dataclasses import replace

from support_views import Cluster, central_pod, healthy, names_of

from harness import rollout_order
from harness.cluster import ClusterView, Pod, Workload

A, B, C, D = names_of(4)


def changed(cluster: Cluster, addresses: str = "172.18.0.3,172.18.0.4") -> tuple[ClusterView, Workload]:
    """The view after NODE_IPS was changed: every pod is outdated."""
    view = cluster.set_env("ovn-central", "NODE_IPS", addresses).view()
    workload = view.workload("ovn-central")
    assert workload is not None
    return view, workload


def victim(cluster: Cluster) -> str | None:
    view, workload = changed(cluster)
    pod = rollout_order.next_victim(view, workload)
    return pod.node if pod is not None else None


def test_the_most_recently_ready_pod_goes_first() -> None:
    assert victim(healthy(3)) == C
    cluster = healthy(3)
    cluster.put_pod(cluster.pod_on(A).name, ready_since=900.0)
    assert victim(cluster) == A


def test_a_pod_that_is_not_ready_goes_before_all_ready_ones() -> None:
    assert victim(healthy(3).crash(A)) == A


def test_a_pod_without_a_node_goes_before_all() -> None:
    cluster = healthy(3).crash(A)
    cluster.pods.append(central_pod("pending", None, None, {"NODE_IPS": "old"}, None))
    assert victim(cluster) is None
    view, workload = changed(cluster)
    pod = rollout_order.next_victim(view, workload)
    assert pod is not None
    assert pod.name == "pending"


def test_terminating_finished_and_updated_pods_are_no_victims() -> None:
    cluster = healthy(3).rollout_halfway(("172.18.0.3", "172.18.0.4"), (C,))
    cluster.put_pod(cluster.pod_on(B).name, terminating=True)
    view, workload = changed(cluster)
    assert [pod.node for pod in rollout_order.outdated(view, workload)] == [A]
    cluster.put_pod(cluster.pod_on(A).name, phase="Failed", ready=False)
    assert victim(cluster) is None


def test_a_paused_change_makes_every_pod_outdated_although_the_template_hash_is_the_same() -> None:
    view, workload = changed(healthy(3).put_workload("ovn-central", paused=True))
    assert len(rollout_order.outdated(view, workload)) == 3


def test_cost_is_honoured_from_1_22_on_and_not_before() -> None:
    cost = {rollout_order.DELETION_COST: "1000"}
    for minor, expected in ((20, C), (21, C), (22, B), (30, B)):
        cluster = healthy(3).kubernetes(1, minor)
        cluster.put_pod(cluster.pod_on(C).name, annotations=cost)
        assert victim(cluster) == expected, minor


def test_cost_does_not_save_a_pod_that_is_not_ready() -> None:
    cluster = healthy(3).kubernetes(1, 22).crash(C)
    cluster.put_pod(cluster.pod_on(C).name, annotations={rollout_order.DELETION_COST: "1000"})
    assert victim(cluster) == C


def test_a_cost_that_is_no_number_counts_as_zero() -> None:
    pod = Pod("p", "ovn-central", A, None, "Running", True, annotations={rollout_order.DELETION_COST: "much"})
    assert rollout_order.cost(pod) == 0
    assert rollout_order.cost(replace(pod, annotations={rollout_order.DELETION_COST: "-5"})) == -5


def test_goes_last_on_1_20_is_the_longest_ready() -> None:
    view, workload = changed(healthy(3))
    assert rollout_order.goes_last(view, workload, A)
    assert not rollout_order.goes_last(view, workload, B)
    assert not rollout_order.goes_last(view, workload, C)
    assert rollout_order.goes_last(view, workload, D), "a node without a pod has nothing to go"


def test_pods_ready_since_the_same_second_are_no_order() -> None:
    cluster = healthy(3)
    cluster.put_pod(cluster.pod_on(B).name, ready_since=100.0)
    view, workload = changed(cluster)
    assert not rollout_order.goes_last(view, workload, A)


def test_goes_last_on_1_22_needs_a_cost_higher_than_all() -> None:
    cluster = healthy(3).kubernetes(1, 22)
    view, workload = changed(cluster)
    assert not rollout_order.goes_last(view, workload, A), "times are compared roughly there"
    cluster.put_pod(cluster.pod_on(A).name, annotations={rollout_order.DELETION_COST: "1000"})
    view, workload = changed(cluster)
    assert rollout_order.goes_last(view, workload, A)


def test_a_pod_that_is_not_ready_never_goes_last() -> None:
    for minor in (20, 22):
        cluster = healthy(3).kubernetes(1, minor).crash(A)
        cluster.put_pod(cluster.pod_on(A).name, annotations={rollout_order.DELETION_COST: "1000"})
        view, workload = changed(cluster)
        assert not rollout_order.goes_last(view, workload, A), minor
