"""The ReplicaSet controller: as many pods as the spec says, and which one goes when there are too many."""

from __future__ import annotations

import math

from fake_kube.api import Api, Change
from fake_kube.objects import DELETION_COST, Node, Phase, Pod, ReplicaSet
from fake_kube.timers import WorkQueue


class ReplicaSetController:
    """Goes on while its Deployment is paused (facts: kubernetes 5)."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._queue = WorkQueue(api.clock, api.timers, self._sync)

    def changed(self, name: str) -> None:
        """The spec of the ReplicaSet ``name`` has changed."""
        self._queue.add(name, self._api.draw("replicaset sees change"))

    def pod_changed(self, pod: Pod, change: Change) -> None:
        gone = change in (Change.DELETING, Change.REMOVED) or pod.phase is Phase.FAILED
        if gone and pod.owner in self._api.replicasets:
            self.changed(pod.owner)

    def node_changed(self, node: Node) -> None:
        pass

    def _sync(self, name: str) -> None:
        replicaset = self._api.replicasets.get(name)
        if replicaset is None:
            return
        pods = [pod for pod in self._api.owned(name) if pod.active]
        for _ in range(replicaset.replicas - len(pods)):
            self._api.create_pod("ReplicaSet", name, replicaset.deployment, replicaset.template, None)
        for _ in range(len(pods) - replicaset.replicas):
            victim = self._victim(replicaset, pods)
            pods.remove(victim)
            self._api.delete_pod(victim)

    def _victim(self, replicaset: ReplicaSet, pods: list[Pod]) -> Pod:
        """The pod that goes first; equals are a coin toss, of which 0 takes the most recently Ready."""
        if len(pods) == 1:
            return pods[0]
        related = [
            pod.node for pod in self._api.pods.values() if pod.controller == replicaset.deployment and pod.active
        ]
        ranks = [(self._rank(pod, related.count(pod.node)), pod) for pod in pods]
        best = min(rank for rank, _ in ranks)
        tied = [pod for rank, pod in ranks if rank == best]
        tied.sort(key=lambda pod: -(pod.ready_since or 0.0))
        return tied[self._api.pick("replicaset breaks tie", len(tied))]

    def _rank(self, pod: Pod, neighbours: int) -> tuple[float, ...]:
        """Smaller goes first (facts: kubernetes 2; Kubernetes' ActivePodsWithRanks)."""
        kubernetes = self._api.kubernetes
        cost = deletion_cost(pod) if kubernetes.pod_deletion_cost else 0
        head = (
            float(pod.node is not None),
            float(pod.phase is not Phase.PENDING),
            float(pod.ready),
            float(cost),
            float(-neighbours if pod.node is not None else 0),
        )
        if kubernetes.logarithmic_rank:
            if pod.ready:
                return (*head, age_bucket(self._api.now(), pod.ready_since), 0.0, 0.0)
            return (*head, 0.0, float(-pod.restarts), age_bucket(self._api.now(), pod.created))
        ready = math.floor(pod.ready_since or 0.0) if pod.ready else 0
        return (*head, float(-ready), float(-pod.restarts), float(-math.floor(pod.created)))


def deletion_cost(pod: Pod) -> int:
    """The pod's deletion cost; 0 without the annotation or with one that is not a number."""
    try:
        return int(pod.annotations.get(DELETION_COST, "0"))
    except ValueError:
        return 0


def age_bucket(now: float, then: float | None) -> float:
    """Whole powers of two of the age in nanoseconds, timestamps being whole seconds: the younger bucket goes first."""
    age = round((now - math.floor(then or 0.0)) * 1e9)
    return float(age.bit_length() - 1) if age > 0 else -1.0
