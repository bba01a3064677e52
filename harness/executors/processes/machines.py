"""All nodes: the container runtime that fake_kube asks for, and what faults do to machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fake_kube.leader_checker import Hooks, LeaderFlags, Peers
from fake_kube.objects import Pod
from fake_kube.profile import KubeOvnProfile
from fake_kube.runtime import ProbeKind
from fake_kube.script_requests import QUERY_TIMEOUT
from harness.cluster import Database
from harness.executors.processes.central import Container
from harness.executors.processes.host import Host
from harness.executors.processes.network import CLIENT, Network
from harness.executors.processes.real_clock import RealClock, RealTimer
from harness.executors.processes.spawner import Spawner
from harness.executors.processes.workers import Workers
from harness.steps import CENTRAL

CRASHED = 137
"""Exit code of a container that was killed."""


@dataclass(frozen=True, slots=True)
class Site:
    """What all nodes share. ``directory`` is the run directory, ``election_timer_ms`` in cluster milliseconds."""

    directory: Path
    network: Network
    spawner: Spawner
    clock: RealClock
    workers: Workers
    profile: KubeOvnProfile
    election_timer_ms: int


class Machines:
    """Nodes by name. Public methods are called with the clock's lock held, except where they say otherwise.

    While ``gate`` names a node, containers of ovn-central start on that node only; the others wait for
    :meth:`open_gate`.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.hosts: dict[str, Host] = {}
        self.containers: dict[str, Container] = {}
        self.gate: str | None = None
        self._waiting: dict[str, Callable[[], None]] = {}
        self._late: dict[str, RealTimer] = {}

    def add(self, name: str) -> Host:
        number = len(self.hosts) + 1
        site = self.site
        host = self.hosts[name] = Host(name, site.directory / f"n{number}", site.network, site.spawner)
        return host

    def container_on(self, name: str) -> Container | None:
        """The living ovn-central container of a node."""
        return next((c for c in self.containers.values() if c.host.name == name and not c.over), None)

    # -- container runtime (fake_kube.runtime.Runtime) ------------------------------------------------------------

    def start(self, pod: Pod, exited: Callable[[int], None]) -> None:
        if pod.app != CENTRAL:
            return
        assert pod.node is not None, "a kubelet starts only what is bound to its node"
        host = self.hosts[pod.node]
        if self.gate is not None and pod.node != self.gate:
            self._waiting[pod.name] = lambda: self._start(pod, exited)
        elif host.late:
            host.late_starts += 1
            self._late[pod.name] = self.site.clock.call_later(host.late, lambda: self._start(pod, exited))
        else:
            self._start(pod, exited)

    def _start(self, pod: Pod, exited: Callable[[int], None]) -> None:
        site = self.site
        self._late.pop(pod.name, None)
        assert pod.node is not None, "checked by start"
        self.containers[pod.name] = Container(
            self.hosts[pod.node],
            pod,
            site.profile,
            site.election_timer_ms,
            clock=site.clock,
            workers=site.workers,
            exited=exited,
        )

    def open_gate(self) -> None:
        self.gate = None
        waiting, self._waiting = self._waiting, {}
        for start in waiting.values():
            start()

    def kill(self, pod: Pod) -> None:
        self._waiting.pop(pod.name, None)
        late = self._late.pop(pod.name, None)
        if late is not None:
            late.cancel()
        container = self.containers.pop(pod.name, None)
        if container is not None:
            container.kill()

    def probe(self, pod: Pod, kind: ProbeKind, done: Callable[[bool], None]) -> None:
        if pod.app != CENTRAL:
            done(True)
            return
        if pod.name in self._late:  # it has not begun, so nothing can be wrong with it
            done(kind is not ProbeKind.READINESS)
            return
        container = self.containers.get(pod.name)
        probe = pod.template.readiness if kind is ProbeKind.READINESS else pod.template.liveness
        if container is None or container.over or probe is None:
            done(False)
            return
        limit = probe.timeout * self.site.clock.scale
        host = container.host

        def answered(truth: bool) -> None:
            told = host.says
            if kind is ProbeKind.READINESS and told is not None:
                host.lies += truth is not told
                truth = told
            done(truth)

        self._later(lambda: container.healthy(limit), answered)

    def _later(self, question: Callable[[], object], done: Callable[..., None]) -> None:
        """Ask on a worker, and answer on the clock."""

        def ask() -> None:
            answer = question()
            self.site.clock.call_later(0, lambda: done(answer))

        self.site.workers.run(ask)

    # -- leader checker -----------------------------------------------------------------------------------------

    def flags(self, pod: Pod, done: Callable[[LeaderFlags | None], None]) -> None:
        container = self.containers.get(pod.name)
        if container is None:
            done(None)
        else:
            self._later(container.flags, done)

    def hooks(self) -> Hooks:
        """What the leader checkers of some releases do besides labelling."""
        return Hooks(
            ask_peers=self._ask_peers,
            destroy=self._destroy,
            fatal=self._fatal,
            write_header=self._write_headers if self.site.profile.writes_header else None,
        )

    def _ask_peers(self, pod: Pod, db: str, done: Callable[[Peers], None]) -> None:
        container = self.containers.get(pod.name)
        if container is not None:
            limit = QUERY_TIMEOUT * self.site.clock.scale
            self._later(lambda: container.peers(Database(db), limit), done)

    def _destroy(self, pod: Pod, db: str) -> None:
        container = self.containers.get(pod.name)
        if container is not None:
            container.host.file(Database(db)).unlink(missing_ok=True)

    def _fatal(self, pod: Pod, _reason: str) -> None:
        container = self.containers.get(pod.name)
        if container is not None:
            # The trap of the start script turns every end into a success (facts: kube-ovn 2).
            container.crash(0)

    def _write_headers(self, pod: Pod) -> None:
        container = self.containers.get(pod.name)
        if container is not None and container.serving and not container.over:
            self.site.workers.run(container.save_headers)

    # -- faults -------------------------------------------------------------------------------------------------

    def crash(self, name: str) -> bool:
        """The kernel kills the node's ovn-central container; its kubelet restarts it."""
        container = self.container_on(name)
        return container is not None and container.crash(CRASHED)

    def stop(self, name: str) -> bool:
        """The node's ovn-central container is asked to end; its kubelet restarts it."""
        container = self.container_on(name)
        return container is not None and container.stop()

    def put_back(self, name: str) -> bool:
        """The servers are killed, and before the kubelet restarts them the copy that was kept is put back."""
        host = self.hosts[name]
        if not host.powered or not host.differs_from_copy():
            return False
        container = self.container_on(name)
        if container is not None:
            container.kill()
        host.put_back()
        if container is not None:
            container.crash_again(CRASHED)
        return True

    def servers(self, name: str) -> list[tuple[Database, int]]:
        """Database and process id of the servers on a node."""
        container = self.container_on(name)
        return container.servers() if container is not None else []

    def cut_raft(self, inside: tuple[str, ...], port: int) -> bool:
        """Drop what nodes ``inside`` and all others say to each other in the raft of one database."""
        outside = [name for name in self.hosts if name not in inside]
        pairs = [pair for a in inside for b in outside for pair in ((a, b), (b, a))]
        return self.site.network.cut(pairs, port)

    def pause(self, name: str, stop: bool) -> bool:
        container = self.container_on(name)
        return container is not None and container.processes.pause(stop)

    def unplug(self, name: str) -> bool:
        """The power goes: first the cable, so that nobody hears the processes die. They are the kubelet's to kill."""
        host = self.hosts[name]
        if not host.powered:
            return False
        host.powered = False
        self.site.network.link(name, False)
        return True

    def plug(self, name: str) -> bool:
        host = self.hosts[name]
        if host.powered:
            return False
        host.powered = True
        self.site.network.link(name, True)
        return True

    def cut_off(self, inside: tuple[str, ...], *, both: bool) -> bool:
        """Drop what nodes ``inside`` send to all other nodes and the client, and with ``both`` the other way too."""
        outside = [name for name in (*self.hosts, CLIENT) if name not in inside]
        pairs = [(a, b) for a in inside for b in outside]
        if both:
            pairs += [(b, a) for a, b in pairs]
        changed = self.site.network.cut(pairs)
        self.site.network.rejoin([(a, b) for a in inside for b in inside])
        return changed

    def kill_all(self) -> None:
        """Every container, whatever fake_kube thinks of it."""
        for container in self.containers.values():
            container.kill()

    def pids(self) -> Iterator[int]:
        for container in self.containers.values():
            yield from container.processes.pids()
