"""What a conformance case may do to a Kubernetes cluster and see of it: the same on fake_kube and on kind.

Nodes are A, B, C (labelled) and D (not). There is one Deployment with ovn-central's shape (required anti-affinity of
hosts, tolerates everything, no surge), or one DaemonSet; a pod has one container, whose probe fails while its node is
sick. Times are cluster seconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

NODES = "ABCD"
LABELLED = "ABC"
WITHIN = 180.0
"""Seconds for anything to happen; a removal takes up to a minute now and then (facts: kubernetes 0.10)."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The workload of a case. ``ends``: the container ends by itself after so many seconds, with code 0."""

    kind: str = "Deployment"
    replicas: int = 3
    unavailable: int | str = 1
    period: float = 1.0
    liveness: bool = False
    ends: float | None = None
    labelled: str = LABELLED
    on_delete: bool = False


@dataclass(frozen=True, slots=True)
class SeenPod:
    """One pod. ``node`` is "" while it is not bound; ``value`` is its variable; ``exit`` the code of its last life;
    ``running`` is whether the container runs, as the API server knows it."""

    name: str
    node: str
    ready: bool
    terminating: bool
    value: str
    restarts: int
    failed: bool
    exit: int | None
    running: bool

    @property
    def active(self) -> bool:
        return not self.terminating and not self.failed


class World(Protocol):
    """Commands return when the API server has taken them."""

    def now(self) -> float: ...

    def pods(self) -> tuple[SeenPod, ...]:
        """Every pod of the workload, terminating and failed ones too."""

    def deletions(self) -> str:
        """The nodes of pods that were deleted, in order, since the last :meth:`forget`; ``-`` for an unbound one."""

    def forget(self) -> None: ...

    def wait(self, condition: Callable[[], Any], what: str, within: float = WITHIN) -> Any:
        """Let time pass until it is true; fails after ``within`` seconds."""

    def sleep(self, seconds: float) -> None: ...

    def create(self, shape: Shape) -> None:
        """Make the workload, with the variable ``old``, on nodes that are labelled as it says; all Ready."""

    def label(self, node: str, on: bool) -> None: ...

    def cordon(self, node: str, on: bool) -> None: ...

    def sicken(self, node: str, on: bool) -> None:
        """Whether probes on that node fail."""

    def delete(self, name: str) -> None: ...

    def scale(self, replicas: int) -> None: ...

    def set_value(self, value: str) -> None:
        """``kubectl set env``."""

    def brake(self, seconds: int) -> None:
        """``minReadySeconds``."""

    def pause(self, on: bool) -> None:
        """``kubectl rollout pause`` or ``resume``."""

    def surge(self, surge: int, unavailable: int) -> None:
        """``maxSurge`` and ``maxUnavailable``."""

    def undo(self) -> str:
        """``kubectl rollout undo``; returns what it is refused with, "" if it is not."""

    def replicasets(self) -> tuple[tuple[str, int], ...]:
        """The variable and the size of each ReplicaSet, the one that was created first first."""

    def rollout(self) -> tuple[bool, str]:
        """``kubectl rollout status`` at this instant; (True, its words) where it ends with an error."""

    def restart_kubelet(self, node: str) -> None: ...

    def power(self, node: str, on: bool) -> None:
        """The machine loses power, or boots."""

    def node_ready(self, node: str) -> bool:
        """What the API server says of it."""


def active(world: World) -> tuple[SeenPod, ...]:
    return tuple(pod for pod in world.pods() if pod.active)


def on(world: World, node: str) -> SeenPod:
    """The one active pod on a node."""
    (pod,) = [pod for pod in active(world) if pod.node == node]
    return pod


def values(world: World) -> dict[str, str]:
    """Node -> the variable of its active pod; "" for one that is not bound."""
    return {pod.node: pod.value for pod in sorted(active(world), key=lambda pod: pod.node)}


def ready(world: World) -> str:
    """The nodes with a Ready pod."""
    return "".join(sorted(pod.node for pod in active(world) if pod.ready))


def whole(world: World) -> bool:
    """Every pod is Ready, and nothing is being deleted."""
    pods = world.pods()
    return bool(pods) and all(pod.ready and not pod.terminating for pod in pods) and world.rollout()[0]


def order_ready(world: World, order: str) -> None:
    """Make pods Ready in this order, seconds apart, without restarting them; the last is the most recently Ready."""
    for node in order:
        world.sicken(node, True)
        world.wait(lambda node=node: not on(world, node).ready, f"{node} to be NotReady")
        world.sicken(node, False)
        world.wait(lambda node=node: on(world, node).ready, f"{node} to be Ready")
        world.sleep(2.0)  # the condition's time has whole seconds
    world.wait(lambda: whole(world), "everything to be Ready")
    world.forget()


class Deletions:
    """Notes deletions in order from looks that follow each other closely."""

    def __init__(self) -> None:
        self._before: dict[str, SeenPod] = {}
        self._gone: list[str] = []

    def look(self, pods: tuple[SeenPod, ...]) -> None:
        here = {pod.name: pod for pod in pods}
        for name, pod in self._before.items():
            if not pod.terminating and (name not in here or here[name].terminating):
                self._gone.append((here.get(name, pod).node or pod.node) or "-")
        self._before = here

    def forget(self) -> None:
        self._gone.clear()

    @property
    def nodes(self) -> str:
        return "".join(self._gone)
