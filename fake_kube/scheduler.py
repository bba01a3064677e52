"""The scheduler: which node a pod gets, and when one that fitted nowhere is tried again."""

from __future__ import annotations

from functools import partial

from fake_kube.api import Api, Change
from fake_kube.objects import Node, Phase, Pod, Tolerance
from fake_kube.runtime import Timer


class Scheduler:
    """Labels, taints and required host anti-affinity are looked at now, never again (facts: kubernetes 1, 3, 4)."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._waiting: dict[str, Pod] = {}
        self._tries: dict[str, Timer] = {}

    def pod_changed(self, pod: Pod, change: Change) -> None:
        if change is Change.ADDED:
            self._try_in(pod, self._api.draw("scheduler binds"))
        elif change is Change.REMOVED:
            self._forget(pod)
            self._wake("scheduler retries after removal")
        elif change is Change.UPDATED and pod.phase is Phase.FAILED:
            self._wake("scheduler retries after removal")

    def node_changed(self, node: Node) -> None:
        self._wake("scheduler retries after label")

    def _wake(self, delay: str) -> None:
        """Only a pod that would fit now leaves the queue of unschedulable ones, each with its own back-off."""
        for pod in list(self._waiting.values()):
            if self._candidates(pod):
                del self._waiting[pod.name]
                self._try_in(pod, self._api.draw(delay))

    def _try_in(self, pod: Pod, delay: float) -> None:
        self._tries[pod.name] = self._api.later(delay, partial(self._try, pod))

    def _forget(self, pod: Pod) -> None:
        self._waiting.pop(pod.name, None)
        pending = self._tries.pop(pod.name, None)
        if pending is not None:
            pending.cancel()

    def _try(self, pod: Pod) -> None:
        self._tries.pop(pod.name, None)
        if pod.terminating or pod.node is not None:
            return
        nodes = self._candidates(pod)
        if not nodes:
            self._waiting[pod.name] = pod
            self._api.event("FailedScheduling", f"{pod.name}: 0/{len(self._api.nodes)} nodes are available")
            return
        self._api.bind(pod, nodes[self._api.pick("scheduler picks node", len(nodes))])

    def _candidates(self, pod: Pod) -> list[Node]:
        """Nodes that fit, the likeliest first: fewest pods of the same app, then the usual order."""
        template = pod.template
        nodes = [node for node in self._api.nodes.values() if self._fits(pod, node)]
        if len(nodes) > 1:
            apps = [other.node for other in self._api.pods.values() if other.app == template.app and other.active]
            nodes.sort(key=lambda node: (not node.ready, node.unschedulable, apps.count(node.name)))
        return nodes

    def _fits(self, pod: Pod, node: Node) -> bool:
        template = pod.template
        if pod.target is not None and pod.target != node.name:
            return False
        if template.tolerance is Tolerance.NOTHING and (node.unschedulable or node.unreachable):
            return False
        if template.tolerance is not Tolerance.EVERYTHING and node.evicting:
            return False
        if not template.selector.matches(node.labels):
            return False
        return not (template.spread_hosts and self._occupied(node, template.app))

    def _occupied(self, node: Node, app: str) -> bool:
        """A terminating object still blocks its node, a finished one does not (facts: kubernetes 1, 10)."""
        return any(
            other.node == node.name and other.app == app and other.phase not in (Phase.FAILED, Phase.SUCCEEDED)
            for other in self._api.pods.values()
        )
