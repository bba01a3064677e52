"""The DaemonSet controller: one pod on every matching node, RollingUpdate (with surge where there is one), OnDelete."""

from __future__ import annotations

from functools import partial

from fake_kube.api import Api, Change
from fake_kube.objects import DaemonSet, Node, Phase, Pod, Status
from fake_kube.runtime import Timer
from fake_kube.timers import WorkQueue

WAKE_LAG = 0.04


class DaemonSetController:
    """A replacement is made only when the old object is gone; a Deployment makes it before (facts: kubernetes 8)."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._queue = WorkQueue(api.clock, api.timers, self._sync)
        self._wakes: dict[str, Timer] = {}

    def changed(self, daemonset: DaemonSet) -> None:
        """The spec has changed."""
        daemonset.generation += 1
        self._poke(daemonset.name)

    def created(self, daemonset: DaemonSet) -> None:
        self._poke(daemonset.name)

    def pod_changed(self, pod: Pod, change: Change) -> None:
        if pod.owner in self._api.daemonsets:
            self._poke(pod.owner)

    def node_changed(self, node: Node) -> None:
        for name in self._api.daemonsets:
            self._poke(name)

    def _poke(self, name: str) -> None:
        self._queue.add(name, self._api.draw("daemonset sees change"))

    def _sync(self, name: str) -> None:
        daemonset = self._api.daemonsets.get(name)
        if daemonset is None:
            return
        nodes = [node for node in self._api.nodes.values() if daemonset.template.selector.matches(node.labels)]
        daemonset.status = self._status(daemonset, nodes)
        daemonset.observed = daemonset.generation
        settled = self._manage(daemonset, nodes)
        if settled and daemonset.strategy == "RollingUpdate":
            if daemonset.max_surge > 0:
                self._surge(daemonset, nodes)
            else:
                self._replace(daemonset, nodes)
        daemonset.status = self._status(daemonset, nodes)
        self._wake_when_available(daemonset)

    # -- which nodes have one -----------------------------------------------------------------------------------

    def _pods(self, daemonset: DaemonSet, node: str) -> list[Pod]:
        return [pod for pod in self._api.owned(daemonset.name) if pod.target == node]

    def _create(self, daemonset: DaemonSet, node: str) -> None:
        self._api.create_pod("DaemonSet", daemonset.name, daemonset.name, daemonset.template, node)

    def _manage(self, daemonset: DaemonSet, nodes: list[Node]) -> bool:
        """Create and remove; False if anything was done (the next round goes on)."""
        names = [node.name for node in nodes]
        settled = True
        for pod in list(self._api.owned(daemonset.name)):
            if not pod.terminating and (pod.target not in names or pod.phase is Phase.FAILED):
                self._api.delete_pod(pod)
                settled = False
        for name in names:
            if not self._pods(daemonset, name):
                self._create(daemonset, name)
                settled = False
        return settled

    # -- rolling ------------------------------------------------------------------------------------------------

    def _pair(self, daemonset: DaemonSet, node: str) -> tuple[Pod | None, Pod | None]:
        """(old pod, new pod) of a node, without those that are being deleted."""
        pods = [pod for pod in self._pods(daemonset, node) if not pod.terminating]
        old = next((pod for pod in pods if pod.template != daemonset.template), None)
        new = next((pod for pod in pods if pod.template == daemonset.template), None)
        return old, new

    def _is_available(self, daemonset: DaemonSet, pod: Pod) -> bool:
        return pod.available(self._api.now(), daemonset.min_ready_seconds)

    def _replace(self, daemonset: DaemonSet, nodes: list[Node]) -> None:
        """Delete old pods: unavailable ones at once, available ones while not too many nodes are without."""
        missing = 0
        candidates: list[Pod] = []
        for node in nodes:
            old, new = self._pair(daemonset, node.name)
            if new is not None:
                missing += not self._is_available(daemonset, new)
            elif old is None:
                missing += 1
            elif self._is_available(daemonset, old):
                candidates.append(old)
            else:
                missing += 1
                self._api.delete_pod(old)
        for pod in self._some(candidates, daemonset.max_unavailable - missing):
            self._api.delete_pod(pod)

    def _surge(self, daemonset: DaemonSet, nodes: list[Node]) -> None:
        """Create new pods beside old ones; an old one goes when its successor is available."""
        surging = 0
        candidates: list[Pod] = []
        for node in nodes:
            old, new = self._pair(daemonset, node.name)
            if old is None:
                continue
            if new is None:
                if self._is_available(daemonset, old):
                    candidates.append(old)
                else:
                    self._create(daemonset, node.name)
            elif self._is_available(daemonset, new):
                self._api.delete_pod(old)
            else:
                surging += 1
        for pod in self._some(candidates, daemonset.max_surge - surging):
            self._create(daemonset, pod.target or "")

    def _some(self, candidates: list[Pod], count: int) -> list[Pod]:
        """The order of nodes is nobody's promise (facts: kubernetes 8)."""
        chosen: list[Pod] = []
        while candidates and len(chosen) < count:
            chosen.append(candidates.pop(self._api.pick("daemonset picks node", len(candidates))))
        return chosen

    # -- status -------------------------------------------------------------------------------------------------

    def _status(self, daemonset: DaemonSet, nodes: list[Node]) -> Status:
        updated = ready = available = current = 0
        for node in nodes:
            pods = [pod for pod in self._pods(daemonset, node.name) if pod.active]
            if not pods:
                continue
            pod = min(pods, key=lambda pod: (pod.created, pod.serial))
            current += 1
            updated += pod.template == daemonset.template
            ready += pod.ready
            available += self._is_available(daemonset, pod)
        return Status(len(nodes), current, updated, ready, available)

    def _wake_when_available(self, daemonset: DaemonSet) -> None:
        pending = self._wakes.pop(daemonset.name, None)
        if pending is not None:
            pending.cancel()
        now = self._api.now()
        waits = [
            pod.ready_since + daemonset.min_ready_seconds - now
            for pod in self._api.owned(daemonset.name)
            if pod.active and pod.ready and pod.ready_since is not None
        ]
        waits = [wait for wait in waits if wait > 0]
        if waits:
            poke = partial(self._poke, daemonset.name)
            self._wakes[daemonset.name] = self._api.later(min(waits) + WAKE_LAG, poke)
