"""Virtual time, choices and a runtime to script, for the tests of fake_kube."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from fake_kube.cluster import Cluster
from fake_kube.objects import DaemonSetSpec, DeploymentSpec, Pod, ProbeSpec, Selector
from fake_kube.profile import kubernetes_profile
from fake_kube.runtime import ProbeKind

LABEL = ("kube-ovn/role", "master")
MASTERS = Selector(((LABEL[0], (LABEL[1],)),))


class _Timer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self.callback = None


class VirtualClock:
    def __init__(self) -> None:
        self.time = 0.0
        self._queue: list[tuple[float, int, _Timer]] = []
        self._serial = 0

    def now(self) -> float:
        return self.time

    def call_later(self, delay: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(callback)
        self._serial += 1
        heapq.heappush(self._queue, (self.time + delay, self._serial, timer))
        return timer

    def run_until(self, end: float) -> None:
        while self._queue and self._queue[0][0] <= end:
            self.step()
        self.time = end

    def run(self, seconds: float) -> None:
        self.run_until(self.time + seconds)

    def step(self) -> None:
        self.time, _, timer = heapq.heappop(self._queue)
        callback, timer.callback = timer.callback, None
        if callback is not None:
            callback()

    def wait(self, condition: Callable[[], object], timeout: float = 600.0) -> float:
        """Run until it is true; the seconds it took. Fails after ``timeout``."""
        start = self.time
        while not condition():
            assert self._queue, "nothing left to happen"
            assert self._queue[0][0] <= start + timeout, f"still not so after {timeout:g} s"
            self.step()
        return self.time - start

    @property
    def pending(self) -> int:
        return sum(timer.callback is not None for _, _, timer in self._queue)


class Zeros:
    """Nothing bad happens; named answers may be set."""

    def __init__(self, **given: int) -> None:
        self.given = {name.replace("_", " "): value for name, value in given.items()}
        self.asked: list[str] = []

    def choose(self, name: str, n: int) -> int:
        self.asked.append(name)
        return self.given.get(name.removeprefix("kube: "), 0) % n


class Seeded:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(self, name: str, n: int) -> int:
        return int(self._random.random() * n)


@dataclass(eq=False)
class Container:
    pod: Pod
    exited: Callable[[int], None]
    node: str
    at: float


@dataclass
class FakeRuntime:
    """Containers run until told otherwise. ``healthy`` holds unless a node or a pod is in ``sick``.

    ``ends`` says of a pod after how many seconds, and with which code, its container ends by itself.
    """

    clock: VirtualClock
    running: dict[str, Container] = field(default_factory=dict)
    sick: set[str] = field(default_factory=set)
    ends: Callable[[Pod], tuple[float, int] | None] = lambda pod: None
    log: list[tuple[float, str, str]] = field(default_factory=list)
    mute: bool = False

    def start(self, pod: Pod, exited: Callable[[int], None]) -> None:
        assert pod.node is not None
        assert pod.name not in self.running, "two containers of one pod"
        container = Container(pod, exited, pod.node, self.clock.now())
        self.running[pod.name] = container
        self.log.append((self.clock.now(), "start", pod.name))
        ends = self.ends(pod)
        if ends is not None:
            self.clock.call_later(ends[0], lambda: self.end(container, ends[1]))

    def end(self, container: Container, code: int) -> None:
        if self.running.get(container.pod.name) is container:
            del self.running[container.pod.name]
            self.log.append((self.clock.now(), "exit", container.pod.name))
            container.exited(code)

    def kill(self, pod: Pod) -> None:
        del self.running[pod.name]
        self.log.append((self.clock.now(), "kill", pod.name))

    def probe(self, pod: Pod, kind: ProbeKind, done: Callable[[bool], None]) -> None:
        assert pod.name in self.running, "probe of a container that does not run"
        if not self.mute:
            done(not {pod.name, pod.node} & self.sick)

    def times(self, what: str, pod: str) -> list[float]:
        return [at for at, kind, name in self.log if kind == what and name == pod]


class Lab:
    """Three labelled nodes A, B, C and the workloads a test asks for."""

    def __init__(
        self, version: tuple[int, int] = (1, 20), choices: Zeros | Seeded | None = None, nodes: str = "ABC"
    ) -> None:
        self.clock = VirtualClock()
        self.runtime = FakeRuntime(self.clock)
        self.choices = choices or Zeros()
        self.cluster = Cluster(self.clock, self.runtime, self.choices, kubernetes_profile(version))
        for number, name in enumerate(nodes, 3):
            self.cluster.add_node(name, f"10.0.0.{number}", dict([LABEL]))

    def central(self, replicas: int = 3, **fields: object) -> None:
        """ovn-central as shipped, settled."""
        spec: dict[str, object] = {
            "name": "ovn-central",
            "app": "ovn-central",
            "replicas": replicas,
            "env": {"NODE_IPS": "old"},
            "selector": MASTERS,
            "spread_hosts": True,
            "max_surge": 0,
            "max_unavailable": 1,
            "readiness": ProbeSpec(15, 3),
            "liveness": ProbeSpec(15, 5, 30),
        }
        self.cluster.create_deployment(DeploymentSpec(**{**spec, **fields}))  # type: ignore[arg-type]
        self.settle()

    def ovs(self, **fields: object) -> None:
        spec: dict[str, object] = {
            "name": "ovs-ovn",
            "app": "ovs",
            "env": {"OVN_DB_IPS": "old"},
            "readiness": ProbeSpec(5, 3),
        }
        self.cluster.create_daemonset(DaemonSetSpec(**{**spec, **fields}))  # type: ignore[arg-type]
        self.wait_rolled("ds", "ovs-ovn")

    def settle(self) -> None:
        """All replicas Ready, and for a while; the controller's status follows a change by some milliseconds."""
        self.clock.run(1)
        self.wait_rolled("deploy", "ovn-central")
        self.clock.run(20)

    def wait_rolled(self, kind: str = "deploy", name: str = "ovn-central") -> float:
        return self.clock.wait(lambda: self.cluster.rollout_status(kind, name)[0])

    def set_ips(self, value: str) -> None:
        self.cluster.set_env("deploy", "ovn-central", "NODE_IPS", value)

    def pods(self, app: str = "ovn-central") -> list[Pod]:
        return [pod for pod in self.cluster.pods.values() if pod.app == app]

    def active(self, app: str = "ovn-central") -> list[Pod]:
        return [pod for pod in self.pods(app) if pod.active]

    def on(self, node: str, app: str = "ovn-central") -> Pod:
        """The one active pod on a node."""
        (pod,) = [pod for pod in self.active(app) if pod.node == node]
        return pod

    def nodes_of(self, template_value: str) -> str:
        """Names of the nodes whose active ovn-central pod has this NODE_IPS; ``-`` for one that is not bound."""
        found = [pod.node or "-" for pod in self.active() if pod.env["NODE_IPS"] == template_value]
        return "".join(sorted(found))

    def order_ready(self, order: str) -> None:
        """Make the pods Ready in this order of nodes, the last being the most recently Ready one."""
        for node in order:
            self.runtime.sick.add(node)
            self.clock.wait(lambda node=node: not self.on(node).ready)
            self.runtime.sick.discard(node)
            self.clock.wait(lambda node=node: self.on(node).ready)
        self.clock.run(5)

    def deleted_nodes(self) -> str:
        """Nodes of ovn-central pods in the order in which the pods were deleted, ``-`` for an unbound one."""
        nodes = {}
        order = []
        for event in self.cluster.events:
            if event.kind == "Scheduled":
                name, node = event.text.split(" on ")
                nodes[name] = node
            elif event.kind == "Deleting" and event.text.startswith("ovn-central"):
                order.append(nodes.get(event.text, "-"))
        return "".join(order)
