"""Nodes: who is alive, when the control plane believes it, and the kubelets."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fake_kube.api import Api, Change
from fake_kube.kubelet import Kubelet
from fake_kube.objects import CONTROL_PLANE_LABEL, Node, Phase, Pod, Tolerance
from fake_kube.runtime import Runtime, Timer


class NodeController:
    """Heartbeats, taints and pod garbage collection (facts: kubernetes 10)."""

    def __init__(self, api: Api, runtime: Runtime) -> None:
        self._api = api
        self._runtime = runtime
        self.kubelets: dict[str, Kubelet] = {}
        self._machines: dict[str, Node] = {}
        self._pending: dict[str, Timer] = {}
        self._evictions: dict[str, Timer] = {}

    def add(self, node: Node) -> None:
        self._api.nodes[node.name] = node
        self._machines[node.name] = node
        self.kubelets[node.name] = Kubelet(self._api, self._runtime, node)
        self._api.tell_node(node)

    def pod_changed(self, pod: Pod, change: Change) -> None:
        kubelet = self.kubelets.get(pod.node or "")
        if kubelet is None:
            return
        if change is Change.BOUND:
            kubelet.bound(pod)
        elif change is Change.DELETING:
            kubelet.deleting(pod)
        elif change is Change.REMOVED:
            kubelet.removed(pod)

    def node_changed(self, node: Node) -> None:
        pass

    # -- machines -----------------------------------------------------------------------------------------------

    def machine(self, name: str) -> Node | None:
        """The machine of that name, registered or not."""
        return self._machines.get(name)

    def down(self, node: Node, *, frozen: bool) -> None:
        """The machine stops (``frozen``: its processes are only not scheduled). The API server learns it later."""
        node.alive = False
        self._api.event("NodeDown", node.name)
        kubelet = self.kubelets[node.name]
        if frozen:
            kubelet.freeze()
        else:
            kubelet.power_off()
        self._after(node, "node declared lost", self._lost)

    def up(self, node: Node) -> None:
        node.alive = True
        self._api.event("NodeUp", node.name)
        kubelet = self.kubelets[node.name]
        frozen = kubelet.frozen
        kubelet.power_on()
        boot = 0.0 if frozen else self._api.draw("kubelet boots")
        ready = self._api.draw("node ready after freeze" if frozen else "node ready after boot")
        self._cancel(node)
        self._pending[node.name] = self._api.later(boot + ready, partial(self._back, node))

    def restart_kubelet(self, node: Node) -> None:
        self._api.event("KubeletRestart", node.name)
        self.kubelets[node.name].restart()

    def _after(self, node: Node, delay: str, then: Callable[[Node], None]) -> None:
        self._cancel(node)
        self._pending[node.name] = self._api.later(self._api.draw(delay), partial(then, node))

    def _cancel(self, node: Node) -> None:
        pending = self._pending.pop(node.name, None)
        if pending is not None:
            pending.cancel()

    def _lost(self, node: Node) -> None:
        node.ready = False
        node.unreachable = True
        self._api.event("NodeNotReady", node.name)
        for pod in self._api.pods_on(node.name):
            self._api.set_ready(pod, False)
        if any(CONTROL_PLANE_LABEL not in other.labels for other in self._api.nodes.values()):
            node.evicting = True
            self._evictions[node.name] = self._api.later(self._api.draw("eviction"), partial(self._evict, node))
        self._api.tell_node(node)

    def _back(self, node: Node) -> None:
        node.ready = True
        node.unreachable = node.evicting = False
        self._api.event("NodeReady", node.name)
        eviction = self._evictions.pop(node.name, None)
        if eviction is not None:
            eviction.cancel()
        self._api.tell_node(node)

    def _evict(self, node: Node) -> None:
        for pod in self._api.pods_on(node.name):
            if pod.template.tolerance is not Tolerance.EVERYTHING and pod.phase is not Phase.FAILED:
                self._api.delete_pod(pod)

    # -- the object ---------------------------------------------------------------------------------------------

    def delete(self, node: Node) -> None:
        """Remove the Node object; its pods are collected later. The machine itself goes on."""
        del self._api.nodes[node.name]
        self._cancel(node)
        self._api.event("NodeDeleted", node.name)
        self._api.later(self._api.draw("orphan collected"), partial(self._collect, node))
        self._api.tell_node(node)

    def _collect(self, node: Node) -> None:
        if self._api.nodes.get(node.name) is node:
            return
        for pod in self._api.pods_on(node.name):
            self._api.remove_pod(pod)

    def close(self) -> None:
        for kubelet in self.kubelets.values():
            kubelet.close()
