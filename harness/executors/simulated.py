"""The backend ``sim``: fake_raft and fake_kube in virtual time. Deterministic: the same tape gives the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, TypeVar

from fake_kube.cluster import Cluster
from fake_kube.kube_ovn import OVS, install
from fake_kube.leader_checker import LeaderChecker, LeaderFlags
from fake_kube.objects import Pod
from fake_kube.profile import KubeOvnProfile, kube_ovn_profile, kubernetes_profile
from fake_raft import Network, Process, ServerStatus, VirtualClock, by_version
from harness import health, raft_status
from harness.addresses import split_list
from harness.cluster import (
    DATABASES,
    ClusterView,
    Database,
    MemberStatus,
    NodeFiles,
    PeerConnection,
    PendingServer,
    Report,
    ServerEntry,
)
from harness.errors import BadInput
from harness.executor import Capability, Reply, Timing, WaitTimeout
from harness.executors.fake_kubernetes import FakeKubernetes, running_env
from harness.executors.simulation import moments, overheard, twins
from harness.executors.simulation.checker import hooks
from harness.executors.simulation.client import SimulatedClient
from harness.executors.simulation.clock import MICRO, SecondsClock
from harness.executors.simulation.cluster import Machines
from harness.executors.simulation.host import Machine, World
from harness.executors.simulation.hurts import Hurts
from harness.executors.simulation.journal import JournalReader
from harness.executors.simulation.northd import Northd
from harness.executors.simulation.told import told
from harness.faults import Fault, FaultKind, FaultPlan
from harness.raft_events import RaftEvent
from harness.recording import Letter
from harness.search.tape import Tape
from harness.spec import ClusterSpec
from harness.steps import CENTRAL, CONTROLLER
from harness.workload import Client

T = TypeVar("T")

POLL = 2.0
FORMS_WITHIN = 300.0
UNREACHABLE = "ovs-appctl: cannot connect to the server's control socket"


class Known(NamedTuple):
    """What a server told at its ``changes``-th change."""

    server: Process
    changes: int
    status: MemberStatus


class SimulatedExecutor(FakeKubernetes):
    """A cluster in memory. Its clock starts when the cluster has formed."""

    name = "sim"

    def __init__(self, spec: ClusterSpec, tape: Tape | None = None) -> None:
        """Raises :class:`BadInput` for a spec that no profile fits."""
        tape = tape or Tape()
        self.tape = tape
        self.spec = spec
        self._raft_clock = VirtualClock()
        self._clock = SecondsClock(self._raft_clock)
        try:
            raft, kubernetes = by_version(spec.versions.ovs), kubernetes_profile(spec.versions.kubernetes)
            kube_ovn = kube_ovn_profile(spec.versions.kube_ovn)
        except ValueError as error:
            raise BadInput(str(error)) from None
        network = Network(self._raft_clock, tape)
        world = World(self._raft_clock, network, tape, raft, spec.election_timer_ms)
        self.machines = Machines(world, kube_ovn, self._clock)
        super().__init__(spec, Cluster(self._clock, self.machines, tape, kubernetes))
        self._hurts = Hurts(self.machines, self.kube)
        self._northd = Northd(self.machines, self._clock)
        self._client = SimulatedClient(self.machines, self._clock, self._listed)
        self._fired: list[tuple[float, Fault, bool]] = []
        self._origin = 0.0
        self._known: dict[tuple[Database, str], Known] = {}
        self._journal: JournalReader | None = None
        self._looked: tuple[tuple[int, int], ClusterView] | None = None
        self._checker = LeaderChecker(self.kube, self._flags, kube_ovn, hooks(self.machines, kube_ovn))
        self._form(kube_ovn)

    def _form(self, kube_ovn: KubeOvnProfile) -> None:
        names, addresses = self.spec.node_names(), self.spec.addresses()
        key, value = self.label
        for index, (name, address) in enumerate(zip(names, addresses, strict=True)):
            self.machines.add(name, address)
            self.kube.add_node(name, address, {key: value} if index < self.spec.members else {})
        self._put_files()
        install(
            self.kube,
            kube_ovn,
            addresses[: self.spec.members],
            label=self.label,
            placement=self.spec.placement,
            extra_workloads=self.spec.extra_workloads,
        )
        self._northd.run()
        self.wait(self._formed, FORMS_WITHIN, "the cluster to form")
        self._origin = self._clock.now()
        self._looked = None  # what was seen so far counts from another beginning

    def _put_files(self) -> None:
        """Members begin with the files that are given."""
        found = twins.disks(self.spec)
        for (host, database), disk in found.items():
            machine = self.machines.at(host)
            if machine is None:
                raise BadInput(f"the {database} files have a member at {host}, which is no node")
            machine.disks[database] = disk
        self._northd.knows(twins.rows([disk for (_, database), disk in found.items() if database is Database.NB]))

    def _formed(self) -> bool:
        view = self.view()
        if any(len(health.members(view, database)) != self.spec.members for database in DATABASES):
            return False
        return all(pod.ready for pod in view.pods) and not health.all_problems(view)

    # -- time ---------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self._clock.now() - self._origin

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        deadline = self._clock.now() + timeout
        while True:
            found = condition()
            if found:
                return found
            if self._clock.now() >= deadline:
                raise WaitTimeout(reason, timeout)
            self.sleep(POLL)

    def sleep(self, seconds: float) -> None:
        self._looked = None
        self._raft_clock.run_until(self._raft_clock.now + round(seconds * MICRO))

    def close(self) -> None:
        self.kube.close()

    @property
    def timing(self) -> Timing:
        return Timing(election=self.spec.election_timer_ms / 1000 * 2 + 2.0, restart=25.0, poll=POLL)

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset(Capability)

    # -- observe ------------------------------------------------------------------------------------------------

    def view(self) -> ClusterView:
        """The same object again while nothing can have changed: steps, judges and waits look at one instant often."""
        moment = self._raft_clock.events, self._raft_clock.posted
        if self._looked is None or self._looked[0] != moment:
            self._looked = moment, self._look()
        return self._looked[1]

    def _look(self) -> ClusterView:
        nodes = [pod.node for pod in self.kube.pods.values() if pod.app == CENTRAL and pod.running]
        return self._view(tuple([self.status(db, node) for db in DATABASES for node in nodes if node is not None]))

    def status(self, database: Database, node: str) -> Report:
        """What a server tells now. While nothing changes but ages it is what it told before, put together if read."""
        machine = self.machines.named(node) or self._machine(node)
        server = machine.server(database)
        if server is None or server.paused or not machine.powered:
            return Report(node, database, None, UNREACHABLE)
        known = self._known.get((database, node))
        if known is None or known.server is not server or known.changes != server.changes:
            status = server.status()
            if status is None:
                return Report(node, database, None, server.error)
            fresh = member_status(status)
            self._known[database, node] = Known(server, server.changes, fresh)
            return Report(node, database, fresh)
        return told(node, database, known.status, server.ages())

    def status_text(self, database: Database, node: str) -> Reply:
        report = self.status(database, node)
        return Reply(0, raft_status.render(report.status)) if report.status is not None else Reply(2, report.error)

    def configuration(self, database: Database, node: str) -> Mapping[str, str]:
        disk = self._machine(node).disks.get(database)
        return disk.configuration() if disk is not None else {}

    def files(self, node: str) -> NodeFiles:
        machine = self._machine(node)
        return NodeFiles(node, machine.file_names() if machine.powered else None)

    def rows(self, database: Database, node: str) -> frozenset[str] | None:
        server = self._machine(node).server(database)
        rows = server.rows() if server is not None and not server.paused else None
        return frozenset(rows) if rows is not None else None

    def raft_events(self) -> Sequence[RaftEvent]:
        if self._journal is None:
            self._journal = JournalReader(self.machines.source)
            self.machines.note_in(self._journal.journal)
        return self._journal.events(self._origin)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        self._looked = None
        with super()._asking():
            yield

    def _machine(self, node: str) -> Machine:
        self._looked = None  # whoever asks for a machine may be about to change it
        machine = self.machines.named(node)
        if machine is None:
            raise BadInput(f"there is no node {node}")
        return machine

    def _listed(self, database: Database) -> tuple[str, ...]:
        """Addresses that clients of ``database`` use now: from their pods, or, with none Ready, their workload."""
        kind, name = ("Deployment", CONTROLLER) if database is Database.NB else ("DaemonSet", OVS)
        return split_list(running_env(self.kube, kind, name).get("OVN_DB_IPS", ""))

    def _flags(self, pod: Pod, done: Callable[[LeaderFlags | None], None]) -> None:
        container = self.machines.containers.get(pod.name)
        if container is None or container.over:
            done(None)
            return
        leads = {db: (s := container.machine.server(db)) is not None and s.is_leader for db in DATABASES}
        done(LeaderFlags(leads[Database.NB], leads[Database.SB], self._northd.active() is container))

    # -- act ----------------------------------------------------------------------------------------------------

    def kick(self, database: Database, via: str, server: str) -> Reply:
        process = self._machine(via).server(database)
        if process is None or process.paused:
            return Reply(1, UNREACHABLE)
        answer = process.kick(server)
        return Reply(answer.code, answer.text)

    def move_leadership(self, database: Database, via: str) -> Reply:
        process = self._machine(via).server(database)
        if process is None or process.paused:
            return Reply(1, UNREACHABLE)
        answer = process.transfer_leadership()
        return Reply(answer.code, answer.text)

    def backup(self, database: Database, via: str) -> Reply:
        if self._machine(via).server(database) is None:
            return Reply(1, UNREACHABLE)
        return Reply(0, f"simulated/{via}/{database.file}.backup")

    def remove_directory(self, node: str) -> Reply:
        machine = self._machine(node)
        if not machine.powered:
            return Reply(255, f"ssh: connect to host {machine.address}: No route to host")
        machine.wipe()
        return Reply(0, "")

    # -- faults and client --------------------------------------------------------------------------------------

    @property
    def faults(self) -> frozenset[FaultKind]:
        return frozenset(FaultKind)

    def inject(self, fault: Fault) -> bool:
        changed = self._inject(fault)
        self._fired.append((self.now(), fault, changed))
        return changed

    def arm(self, plan: FaultPlan) -> None:
        for timed in plan.faults:
            self._clock.call_later(timed.after, partial(self._fire, timed.fault))

    def _fire(self, fault: Fault) -> None:
        self.inject(fault)

    def told(self) -> tuple[tuple[float, str], ...]:
        """What the containers did by themselves that a view does not tell: (cluster seconds, words)."""
        return tuple((at - self._origin, words) for at, words in self.machines.told)

    def fired(self) -> tuple[tuple[float, Fault, bool], ...]:
        return tuple(self._fired)

    def client(self) -> Client:
        return self._client

    def overhear(self, listen: Callable[[Letter], None]) -> bool:
        overheard.overhear(self.machines.world.network, self.now, listen)
        return True

    def at_next_election(
        self, databases: tuple[Database, ...], nodes: tuple[str, ...], act: Callable[[], None]
    ) -> bool:
        terms = {str(database.raft_port): self._highest_term(database) for database in databases}
        moments.at_next_election(self.machines.world.network, self._raft_clock, terms, act)
        return True

    def check_files(self, database: Database) -> Reply | None:
        return None

    def _highest_term(self, database: Database) -> int:
        told = (server.status() for _, server in self.machines.servers(database))
        return max((status.term for status in told if status is not None), default=0)

    def _inject(self, fault: Fault) -> bool:
        self._looked = None
        return self._hurts.do(fault, [self._machine(node) for node in fault.nodes])

    def felt(self, fault: Fault) -> int:
        return sum(self._hurts.felt(fault.kind, self._machine(node)) for node in fault.nodes)


def member_status(status: ServerStatus) -> MemberStatus:
    """fake_raft's status as the harness's: field by field, nothing is decided here."""
    return MemberStatus(
        nickname=status.nickname,
        database=status.name,
        cluster_id=status.cid,
        server_id=status.sid,
        address=status.address,
        status=status.status,
        role=status.role,
        term=status.term,
        leader=status.leader,
        vote=status.vote,
        election_timer=status.election_timer,
        log_start=status.log_start,
        log_end=status.log_end,
        uncommitted=status.uncommitted,
        unapplied=status.unapplied,
        remotes=tuple(status.remotes),
        adding=tuple(PendingServer(*server) for server in status.adding),
        removing=tuple(PendingServer(*server) for server in status.removing),
        election_started_ms=status.election_started_ms,
        election_reason=status.election_reason,
        election_won_ms=status.election_won_ms,
        election_timer_new=status.election_timer_new,
        connections=tuple(PeerConnection(*connection) for connection in status.connections),
        disconnections=status.disconnections,
        servers=tuple(ServerEntry(*server) for server in status.servers),
    )
