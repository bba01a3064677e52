"""All machines of a simulated cluster: the container runtime that fake_kube asks for, and what faults do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from fake_kube.objects import Pod
from fake_kube.profile import KubeOvnProfile
from fake_kube.runtime import Clock, ProbeKind, Timer
from fake_raft import Process
from fake_raft.journal import Begun, Journal
from harness.cluster import DATABASES, Database
from harness.executors.simulation.central import Container
from harness.executors.simulation.host import Machine, World, databases_differ
from harness.raft_events import Source
from harness.steps import CENTRAL


class Machines:
    """Machines by node name and by address, and the containers that run on them. ``told``: when something of their own
    doing happened that nobody outside would understand, and what."""

    def __init__(self, world: World, profile: KubeOvnProfile, clock: Clock) -> None:
        self.world = world
        self.containers: dict[str, Container] = {}
        self.told: list[tuple[float, str]] = []
        self._profile = profile
        self._clock = clock
        self._by_name: dict[str, Machine] = {}
        self._by_address: dict[str, Machine] = {}
        self._cut: dict[tuple[str, str], None] = {}
        self._apart: set[str] = set()
        self._raft_cut: dict[tuple[str, str, int], None] = {}
        self._late: dict[str, Timer] = {}

    def tell(self, words: str) -> None:
        self.told.append((self._clock.now(), words))

    def add(self, name: str, address: str) -> Machine:
        machine = Machine(self.world, name, address)
        self._by_name[name] = self._by_address[address] = machine
        return machine

    def __iter__(self) -> Iterator[Machine]:
        return iter(self._by_name.values())

    def named(self, name: str) -> Machine | None:
        return self._by_name.get(name)

    def at(self, address: str) -> Machine | None:
        return self._by_address.get(address)

    # -- container runtime (fake_kube.runtime.Runtime) ------------------------------------------------------------

    def start(self, pod: Pod, exited: Callable[[int], None]) -> None:
        if pod.app != CENTRAL:
            return
        assert pod.node is not None, "a kubelet starts only what is bound to its node"
        machine = self._by_name[pod.node]
        if machine.late:
            machine.late_starts += 1
            begin = partial(self._begin, machine, pod, exited)
            self._late[pod.name] = self._clock.call_later(machine.late, begin)
        else:
            self._begin(machine, pod, exited)

    def _begin(self, machine: Machine, pod: Pod, exited: Callable[[int], None]) -> None:
        self._late.pop(pod.name, None)
        if machine.powered:
            self.containers[pod.name] = Container(self, machine, pod, self._profile, self._clock, exited)

    def kill(self, pod: Pod) -> None:
        late = self._late.pop(pod.name, None)
        if late is not None:
            late.cancel()
        container = self.containers.pop(pod.name, None)
        if container is not None and not container.over:
            container.kill()

    def probe(self, pod: Pod, kind: ProbeKind, done: Callable[[bool], None]) -> None:
        if pod.app != CENTRAL:
            done(True)
            return
        if pod.name in self._late:  # it has not begun, so nothing can be wrong with it
            done(kind is not ProbeKind.READINESS)
            return
        container = self.containers.get(pod.name)
        if container is None or container.over:
            done(False)
            return
        probe = pod.template.readiness if kind is ProbeKind.READINESS else pod.template.liveness
        self._answer(container, kind, done, probe.timeout if probe is not None else 0.0)

    def _answer(self, container: Container, kind: ProbeKind, done: Callable[[bool], None], patience: float) -> None:
        """A stopped server lets the probe wait, until its patience is over."""
        stopped = container.stopped and not container.over
        if stopped and patience > 0:
            self._clock.call_later(1.0, partial(self._answer, container, kind, done, patience - 1.0))
            return
        truth, told = not stopped and not container.over and container.healthy(), container.machine.says
        if kind is ProbeKind.READINESS and told is not None:
            container.machine.lies += truth is not told
            truth = told
        done(truth)

    # -- who reaches whom ---------------------------------------------------------------------------------------

    def reachable(self, source: Machine, target: Machine) -> bool:
        """Whether a request from ``source`` gets to ``target`` and its answer back."""
        if not (source.powered and target.powered):
            return False
        pair, back = (source.address, target.address), (target.address, source.address)
        return pair not in self._cut and back not in self._cut

    def cut_off(self, inside: list[Machine], *, both: bool) -> bool:
        """Drop what machines ``inside`` send to all others and to the client, and with ``both`` the other way too."""
        outside = [machine for machine in self if machine not in inside]
        pairs = [(a.address, b.address) for a in inside for b in outside]
        if both:
            pairs += [(b, a) for a, b in pairs]
        new = [pair for pair in pairs if pair not in self._cut]
        for source, target in new:
            self.world.network.cut(source, target)
        self._cut.update(dict.fromkeys(new))
        self._rejoin(inside)
        apart = {machine.address for machine in inside}
        changed = bool(new) or not apart <= self._apart
        self._apart |= apart
        return changed

    def _rejoin(self, inside: list[Machine]) -> None:
        """Who is cut off together is on one side of the cut."""
        for pair in [(a.address, b.address) for a in inside for b in inside]:
            if pair in self._cut:
                del self._cut[pair]
                self.world.network.heal(*pair)

    def cut_raft(self, inside: list[Machine], database: Database) -> bool:
        """Drop what machines ``inside`` and all others say to each other in the raft of one database."""
        outside = [machine for machine in self if machine not in inside]
        port = database.raft_port
        pairs = [(a.address, b.address, port) for a in inside for b in outside]
        new = [pair for a, b, _ in pairs for pair in ((a, b, port), (b, a, port)) if pair not in self._raft_cut]
        for source, target, _ in new:
            self.world.network.cut(source, target, port)
        self._raft_cut.update(dict.fromkeys(new))
        return bool(new)

    def cut_apart(self, one: Machine, other: Machine) -> bool:
        """These two don't reach each other; all others reach both."""
        pairs = [(one.address, other.address), (other.address, one.address)]
        new = [pair for pair in pairs if pair not in self._cut]
        for source, target in new:
            self.world.network.cut(source, target)
        self._cut.update(dict.fromkeys(new))
        return bool(new)

    def worsen(self, machine: Machine, kind: str) -> bool:
        """Raft connections of a machine are late; whether that is new."""
        weather = self.world.network.weather
        if weather.hosts.get(machine.address) == kind:
            return False
        self.world.network.worsen(machine.address, kind)
        return True

    def heal(self) -> bool:
        """End every cut and all bad weather; returns whether there was any."""
        had = bool(self._cut or self._apart or self._raft_cut or self.world.network.weather.hosts)
        self._cut.clear()
        self._raft_cut.clear()
        self._apart.clear()
        self.world.network.heal()
        return had

    def isolated(self, machine: Machine) -> bool:
        """Whether a cut separates this machine from the client, which stands with those that nobody named."""
        return machine.address in self._apart

    def servers(self, database: Database) -> list[tuple[Machine, Process]]:
        """Running servers of ``database``, in order of their nodes."""
        found = ((machine, machine.servers.get(database)) for machine in self._by_name.values())
        return [(machine, server) for machine, server in found if server is not None and server.alive]

    # -- what servers write -------------------------------------------------------------------------------------

    def note_in(self, journal: Journal) -> None:
        """Have all servers note what they write from now on, and what is in their files now."""
        self.world.journal = journal
        for database in DATABASES:
            for _, server in self.servers(database):
                server.journal = journal
                journal.append((self.world.clock.now, server, Begun(server.disk.header, tuple(server.disk.records))))

    def source(self, process: Process) -> Source:
        """Whose files a process writes; its name was given by its machine."""
        node, _, database = process.name.rpartition("/")
        return Source(Database(database), node, process.disk.header.sid)

    # -- faults -------------------------------------------------------------------------------------------------

    def power_off(self, machine: Machine) -> bool:
        """The node's power goes: processes die without a goodbye, unsynced writes are lost."""
        if not machine.powered:
            return False
        machine.powered = False
        self.world.network.host_down(machine.address)
        machine.lose_power()
        for name, container in list(self.containers.items()):
            if container.machine is machine:
                container.kill()
                del self.containers[name]
        return True

    def power_on(self, machine: Machine) -> bool:
        if machine.powered:
            return False
        machine.powered = True
        self.world.network.host_up(machine.address)
        return True

    def pause(self, machine: Machine, stop: bool) -> bool:
        """SIGSTOP or SIGCONT to both servers."""
        changed = False
        for database in DATABASES:
            server = machine.server(database)
            if server is not None and server.paused != stop:
                (server.pause if stop else server.unpause)()
                changed = True
        return changed

    def crash(self, machine: Machine) -> bool:
        """Kill the whole container, as the kernel does when a node runs out of memory; the kubelet restarts it."""
        container = self.container_on(machine)
        if container is not None:
            container.crash()
        return container is not None

    def stop(self, machine: Machine) -> bool:
        """Ask the container to end; the kubelet restarts it."""
        container = self.container_on(machine)
        if container is not None:
            container.stop()
        return container is not None

    def put_back(self, machine: Machine) -> bool:
        """The servers are killed, and before the kubelet restarts them the copy that was kept is put back."""
        if not machine.powered or not databases_differ(machine):
            return False
        container = self.container_on(machine)
        if container is not None:
            container.kill()
        machine.put_back()
        if container is not None:
            container.crash()
        return True

    def starts_late(self, machine: Machine, seconds: float) -> bool:
        changed = machine.late != seconds
        machine.late = seconds
        return changed

    def says(self, machine: Machine, ready: bool) -> bool:
        changed = machine.says is not ready
        machine.says = ready
        return changed

    def mend(self, machine: Machine) -> bool:
        return machine.mend()

    def container_on(self, machine: Machine) -> Container | None:
        alive = (c for c in self.containers.values() if c.machine is machine and not c.over)
        return next(alive, None)
