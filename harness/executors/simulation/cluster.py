"""All machines of a simulated cluster: the container runtime that fake_kube asks for, and what faults do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fake_kube.objects import Pod
from fake_kube.profile import KubeOvnProfile
from fake_kube.runtime import Clock, ProbeKind
from fake_raft import Process
from fake_raft.journal import Begun, Journal
from harness.cluster import DATABASES, Database
from harness.executors.simulation.central import Container
from harness.executors.simulation.host import Machine, World
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
        self.containers[pod.name] = Container(self, machine, pod, self._profile, self._clock, exited)

    def kill(self, pod: Pod) -> None:
        container = self.containers.pop(pod.name, None)
        if container is not None and not container.over:
            container.kill()

    def probe(self, pod: Pod, kind: ProbeKind, done: Callable[[bool], None]) -> None:
        if pod.app != CENTRAL:
            done(True)
            return
        container = self.containers.get(pod.name)
        done(container is not None and not container.over and container.healthy())

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
        apart = {machine.address for machine in inside}
        changed = bool(new) or not apart <= self._apart
        self._apart |= apart
        return changed

    def heal(self) -> bool:
        """End every cut; returns whether there was one."""
        had = bool(self._cut or self._apart)
        self._cut.clear()
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

    def crash(self, container: Container) -> None:
        """The whole container dies of SIGKILL; its kubelet will notice."""
        container.crash()

    def container_on(self, machine: Machine) -> Container | None:
        alive = (c for c in self.containers.values() if c.machine is machine and not c.over)
        return next(alive, None)
