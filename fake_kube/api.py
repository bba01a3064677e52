"""The modelled API server: what exists, and who is told when it changes.

Controllers are told at once and act later: a watcher only sets timers, it never changes an object within the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from fake_kube.delays import draw
from fake_kube.objects import (
    APP_LABEL,
    HASH_LABEL,
    DaemonSet,
    Deployment,
    KubeError,
    Node,
    Phase,
    Pod,
    ReplicaSet,
    Template,
    stable_name,
)
from fake_kube.profile import KubernetesProfile
from fake_kube.runtime import Choices, Clock, Timer
from fake_kube.timers import Timers


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the trace. ``at`` is seconds on the cluster's clock."""

    at: float
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.at:9.2f} {self.kind}: {self.text}"


class Change(Enum):
    ADDED = "added"
    BOUND = "bound"
    UPDATED = "updated"
    DELETING = "deleting"
    REMOVED = "removed"


class Watcher(Protocol):
    def pod_changed(self, pod: Pod, change: Change) -> None: ...

    def node_changed(self, node: Node) -> None: ...


class Api:
    """All objects in order of creation, the clock and the choices that everybody shares."""

    def __init__(self, clock: Clock, choices: Choices, kubernetes: KubernetesProfile) -> None:
        self.clock = clock
        self.choices = choices
        self.kubernetes = kubernetes
        self.timers = Timers(clock)
        self.nodes: dict[str, Node] = {}
        self.pods: dict[str, Pod] = {}
        self.deployments: dict[str, Deployment] = {}
        self.replicasets: dict[str, ReplicaSet] = {}
        self.daemonsets: dict[str, DaemonSet] = {}
        self.events: list[Event] = []
        self.watchers: list[Watcher] = []
        self._serial = 0

    # -- time and choices ---------------------------------------------------------------------------------------

    def now(self) -> float:
        return self.clock.now()

    def later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return self.timers.later(delay, callback)

    def draw(self, name: str) -> float:
        return draw(self.choices, name)

    def pick(self, name: str, n: int) -> int:
        """A choice among ``n``; none is taken when there is nothing to choose."""
        return self.choices.choose(f"kube: {name}", n) if n > 1 else 0

    def event(self, kind: str, text: str) -> None:
        self.events.append(Event(self.now(), kind, text))

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    # -- reading ------------------------------------------------------------------------------------------------

    def node(self, name: str) -> Node:
        """Raises KubeError as kubectl does."""
        try:
            return self.nodes[name]
        except KeyError:
            raise not_found("nodes", name) from None

    def pod(self, name: str) -> Pod:
        """Raises KubeError as kubectl does."""
        try:
            return self.pods[name]
        except KeyError:
            raise not_found("pods", name) from None

    def pods_on(self, node: str) -> list[Pod]:
        return [pod for pod in self.pods.values() if pod.node == node]

    def owned(self, owner: str) -> Iterator[Pod]:
        """Pods made by the ReplicaSet or DaemonSet ``owner``."""
        return (pod for pod in self.pods.values() if pod.owner == owner)

    # -- pods ---------------------------------------------------------------------------------------------------

    def create_pod(self, owner_kind: str, owner: str, controller: str, template: Template, target: str | None) -> Pod:
        serial = self.serial()
        pod = Pod(
            name=f"{owner}-{stable_name(f'{owner}/{serial}', 5)}",
            app=template.app,
            owner_kind=owner_kind,
            owner=owner,
            controller=controller,
            template=template,
            created=self.now(),
            labels={APP_LABEL: template.app, HASH_LABEL: template.digest},
            env=dict(template.env),
            serial=serial,
            target=target,
        )
        self.pods[pod.name] = pod
        self.event("Created", pod.name)
        self.tell(pod, Change.ADDED)
        return pod

    def bind(self, pod: Pod, node: Node) -> None:
        pod.node = node.name
        pod.address = node.address
        pod.reason = "ContainerCreating"
        self.event("Scheduled", f"{pod.name} on {node.name}")
        self.tell(pod, Change.BOUND)

    def set_ready(self, pod: Pod, ready: bool, since: float | None = None) -> None:
        """``since`` restores an older transition time."""
        if pod.ready == ready:
            return
        pod.ready = ready
        pod.ready_since = self.now() if since is None else since
        self.event("Ready" if ready else "NotReady", pod.name)
        self.tell(pod, Change.UPDATED)

    def delete_pod(self, pod: Pod) -> None:
        """Mark it for deletion; one that was never bound goes at once, any other when its kubelet says so."""
        if pod.terminating:
            return
        pod.terminating = True
        pod.deleted = self.now()
        self.event("Deleting", pod.name)
        self.tell(pod, Change.DELETING)
        if pod.node is None:
            self.remove_pod(pod)

    def remove_pod(self, pod: Pod) -> None:
        if self.pods.pop(pod.name, None) is None:
            return
        self.event("Gone", pod.name)
        self.tell(pod, Change.REMOVED)

    def fail_pod(self, pod: Pod, reason: str) -> None:
        pod.phase = Phase.FAILED
        pod.pod_reason = reason
        self.event("Failed", f"{pod.name}: {reason}")
        self.tell(pod, Change.UPDATED)

    def tell(self, pod: Pod, change: Change) -> None:
        for watcher in self.watchers:
            watcher.pod_changed(pod, change)

    def tell_node(self, node: Node) -> None:
        for watcher in self.watchers:
            watcher.node_changed(node)


def not_found(resource: str, name: str) -> KubeError:
    return KubeError(f'Error from server (NotFound): {resource} "{name}" not found')
