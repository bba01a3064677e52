"""Which ovn-central pod a rollout deletes next, read from the pods before it happens.

The ReplicaSet's ranking is exact on Kubernetes 1.20 and 1.21: NotReady first, then the most recently Ready. From 1.22
on the times are compared on a logarithmic scale with a random tie-break, and ``pod-deletion-cost`` outranks them
(facts: kubernetes 0.1, 2, 6).
"""

from __future__ import annotations

from harness.cluster import ClusterView, Pod, Workload

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
KEEP_COST = 1000
COST_SINCE = (1, 22)


def has_deletion_cost(view: ClusterView) -> bool:
    """Whether this Kubernetes honours the pod-deletion-cost annotation without a feature gate."""
    return view.versions.kubernetes >= COST_SINCE


def outdated(view: ClusterView, workload: Workload) -> tuple[Pod, ...]:
    """Pods whose container was made with another environment than the workload now asks for, not terminating."""
    return tuple(
        pod
        for pod in view.pods_of(workload.app)
        if not pod.terminating and pod.phase in ("Running", "Pending") and not is_updated(pod, workload)
    )


def refused(view: ClusterView, workload: Workload) -> tuple[Pod, ...]:
    """Pods that have failed and have no other on their node: a kubelet that starts refuses those whose node has lost
    its label (facts: kubernetes 10). What has failed on a node with the label is an old object that means nothing."""
    pods = view.pods_of(workload.app)
    served = {pod.node for pod in pods if pod.active} | {node.name for node in view.labelled()}
    return tuple(pod for pod in pods if pod.phase == "Failed" and not pod.terminating and pod.node not in served)


def is_updated(pod: Pod, workload: Workload) -> bool:
    """Whether ``pod`` was made from the workload's present environment.

    The environment is compared, not the template hash: a paused Deployment has no ReplicaSet for its new template yet.
    """
    return all(pod.env.get(name) == value for name, value in workload.env.items())


def cost(pod: Pod) -> int:
    """The pod's deletion cost; Kubernetes reads anything else than a number as 0."""
    try:
        return int(pod.annotations.get(DELETION_COST, "0"))
    except ValueError:
        return 0


def rank(view: ClusterView, pod: Pod) -> tuple[bool, bool, int, float]:
    """The ReplicaSet's order of deletion: the least goes first."""
    return (
        pod.node is not None,
        pod.ready,
        cost(pod) if has_deletion_cost(view) else 0,
        -(pod.ready_since if pod.ready_since is not None else float("inf")),
    )


def next_victim(view: ClusterView, workload: Workload) -> Pod | None:
    """The outdated pod that the rollout will delete next; None if there is none."""
    return min(outdated(view, workload), key=lambda pod: rank(view, pod), default=None)


def scale_in_victims(view: ClusterView, workload: Workload) -> tuple[Pod, ...]:
    """The pod that one replica less would delete; one of each, if ReplicaSets of equal size could shrink.

    In the middle of a rollout the bigger ReplicaSet shrinks, whichever template it has (facts: kubernetes 4).
    """
    sets: dict[tuple[str, str], list[Pod]] = {}
    for pod in view.pods_of(workload.app):
        if pod.active:
            sets.setdefault((pod.template, pod.env.get("NODE_IPS", "")), []).append(pod)
    biggest = max((len(pods) for pods in sets.values()), default=0)
    return tuple(min(pods, key=lambda pod: rank(view, pod)) for pods in sets.values() if len(pods) == biggest)


def goes_last(view: ClusterView, workload: Workload, node: str) -> bool:
    """Whether every other outdated, Ready pod would be deleted before the one on ``node``."""
    pods = outdated(view, workload)
    mine = next((pod for pod in pods if pod.node == node), None)
    if mine is None or len(pods) == 1:
        return True
    if not mine.ready:
        return False
    if has_deletion_cost(view):
        return all(not pod.ready or cost(mine) > cost(pod) for pod in pods if pod is not mine)
    since = mine.ready_since if mine.ready_since is not None else float("inf")
    return all(not pod.ready or (pod.ready_since or 0.0) > since for pod in pods if pod is not mine)
