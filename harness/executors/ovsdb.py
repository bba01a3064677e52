"""The backend ``ovsdb``: real ovsdb-server, ovn-northd and ovs-appctl as the pods of fake_kube run in scaled time."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from fake_kube.cluster import Cluster
from fake_kube.kube_ovn import install
from fake_kube.leader_checker import LeaderChecker
from fake_kube.profile import kube_ovn_profile, kubernetes_profile
from harness import health, raft_status
from harness.addresses import split_list
from harness.cluster import DATABASES, ClusterView, Database, NodeFiles, Report
from harness.errors import BadInput, Inconclusive
from harness.executor import Capability, Reply, Timing, WaitTimeout
from harness.executors.fake_kubernetes import FakeKubernetes, running_env
from harness.executors.processes import files, installed, janitor, jsonrpc, moments
from harness.executors.processes.client import ProcessClient
from harness.executors.processes.database import markers
from harness.executors.processes.following import Files
from harness.executors.processes.host import Host
from harness.executors.processes.hurts import Hurts
from harness.executors.processes.installed import missing
from harness.executors.processes.loopback import Loopback
from harness.executors.processes.machines import Machines, Site
from harness.executors.processes.netns import Namespaces
from harness.executors.processes.network import Network
from harness.executors.processes.real_clock import RealClock
from harness.executors.processes.spawner import Spawner
from harness.executors.processes.usual import NothingBad
from harness.executors.processes.workers import Workers
from harness.faults import Fault, FaultKind, FaultPlan
from harness.raft_events import RaftEvent
from harness.recording import Letter
from harness.signals import held
from harness.spec import ClusterSpec
from harness.steps import CENTRAL, CONTROLLER
from harness.workload import Client

T = TypeVar("T")

POLL = 0.5
"""Cluster seconds between two looks of a wait."""

FORMS_WITHIN = 30.0
"""Real seconds that the making of a cluster may take."""

PATIENCE = 1.0
"""Real seconds that a question to a server may take."""

OPERATOR_PATIENCE = 10
"""Real seconds that ovs-appctl gets for what an operator types."""

OVS = "ovs-ovn"

__all__ = ["OvsdbExecutor", "missing"]


class OvsdbExecutor(FakeKubernetes):
    """A cluster of real servers. Its clock starts when the cluster has formed.

    As root every node has a network namespace; otherwise, or with ``loopback``, addresses of 127.0.0.0/8, and then
    nobody can be cut off. ``keep`` leaves processes and files behind (:meth:`where`).

    ``time_scale`` shortens what Kubernetes, the start script and raft's T take. It can't shorten what OVS keeps in real
    seconds: the random second of an election timeout, reconnection after 1, 2, 4, 8 s, a second more for noticing a
    dead peer (facts: ovsdb-raft 2, 4, 6), ovn-northd's shortest probe of 1 s. In cluster seconds these grow.
    """

    name = "ovsdb"

    def __init__(self, spec: ClusterSpec, *, keep: bool = False, loopback: bool = False) -> None:
        """Raises :class:`BadInput` for a spec that no profile fits, and WaitTimeout if the cluster does not form."""
        if not 0.01 <= spec.time_scale <= 10:
            raise BadInput(f"a time scale of {spec.time_scale:g} is not between 0.01 and 10")
        try:
            kubernetes = kubernetes_profile(spec.versions.kubernetes)
            kube_ovn = kube_ovn_profile(spec.versions.kube_ovn)
        except ValueError as error:
            raise BadInput(str(error)) from None
        janitor.sweep()
        self._owner = os.getpid()
        self._closing = threading.Lock()
        self._undo = ExitStack()
        self._fired: list[tuple[float, Fault, bool]] = []
        atexit.register(self.close)
        try:
            self._make_room(spec, keep)
            self._network = self._make_network(loopback)
            self._undo.callback(self._network.close)
            parts = (self._directory, self._network, self._spawner, self._clock, self._jobs)
            self.machines = Machines(Site(*parts, kube_ovn, spec.election_timer_ms))
            super().__init__(spec, Cluster(self._clock, self.machines, NothingBad(), kubernetes))
            self._hurts = Hurts(self.machines, self.kube)
            self._followed = self._undo.enter_context(closing(Files(self.machines)))
            self.versions = replace(spec.versions, ovs=installed.ovs_release())
            self._client = ProcessClient(self._network, self._listed, self.now, self._clock)
            if not keep:
                self._undo.callback(janitor.kill_marked, self._directory)
                self._undo.callback(self.machines.kill_all)
            self._undo.callback(self._clock.stop)  # before anything is killed that it would start again
            self._undo.callback(self._client.stop)
            self._form()
        except BaseException:
            self.close()
            raise

    def _make_room(self, spec: ClusterSpec, keep: bool) -> None:
        """The directory and the threads, each with its undoing."""
        with held():  # a signal in between would leave a directory that nobody removes
            self._directory = janitor.make_run_directory()
            if keep:
                self._undo.callback(janitor.keep, self._directory)
            else:
                self._undo.callback(shutil.rmtree, self._directory, ignore_errors=True)
        self._spawner = Spawner(str(self._directory), outlive=keep)
        self._undo.callback(self._spawner.stop)
        self._clock = RealClock(spec.time_scale)
        self._undo.callback(self._clock.stop)
        self._jobs = Workers(8, self._clock.failed)
        self._undo.callback(self._jobs.stop)
        self._questions = Workers(12, self._clock.failed)
        self._undo.callback(self._questions.stop)

    def _make_network(self, loopback: bool) -> Network:
        if loopback or not installed.may_use_namespaces():
            return Loopback()
        try:
            return Namespaces(self._spawner)
        except OSError:
            return Loopback()  # root without the rights of root, as in most containers

    # -- making the cluster -------------------------------------------------------------------------------------

    def _form(self) -> None:
        """The first node bootstraps; the others' containers start as soon as it leads both databases."""
        names = self.spec.node_names()
        site = self.machines.site
        key, value = self.label
        addresses = [self.machines.add(name).address for name in names]
        with self._guard():
            self.machines.gate = names[0]
            for index, (name, address) in enumerate(zip(names, addresses, strict=True)):
                self.kube.add_node(name, address, {key: value} if index < self.spec.members else {})
            install(
                self.kube,
                site.profile,
                names[: self.spec.members],
                label=self.label,
                placement=self.spec.placement,
                extra_workloads=self.spec.extra_workloads,
            )
            self._checker = LeaderChecker(self.kube, self.machines.flags, site.profile, self.machines.hooks())
        limit = FORMS_WITHIN / self._clock.scale
        self.wait(lambda: self._leads_all(names[0]), limit, "the first node to lead both databases")
        with self._guard():
            self.machines.open_gate()
        self.wait(self._formed, limit, "the cluster to form")
        self._origin = self._clock.now()

    def _leads_all(self, node: str) -> bool:
        statuses = [self.status(db, node).status for db in DATABASES]
        return all(status is not None and status.is_leader for status in statuses)

    def _formed(self) -> bool:
        view = self.view()
        if any(len(health.members(view, database)) != self.spec.members for database in DATABASES):
            return False
        if not all(pod.ready for pod in view.pods) or health.all_problems(view):
            return False
        with self._guard():
            containers = list(self.machines.containers.values())
        flags = self._questions.ask_all([container.flags for container in containers])
        return any(found is not None and found.northd for found in flags)

    # -- time ---------------------------------------------------------------------------------------------------

    @contextmanager
    def _guard(self) -> Iterator[None]:
        with self._clock.lock:
            yield

    def now(self) -> float:
        return self._clock.now() - self._origin

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        deadline = self._clock.now() + timeout
        while True:
            self._clock.check()
            found = condition()
            if found:
                return found
            if self._clock.now() >= deadline:
                raise WaitTimeout(reason, timeout)
            time.sleep(POLL * self._clock.scale)

    def sleep(self, seconds: float) -> None:
        self._clock.check()
        time.sleep(seconds * self._clock.scale)
        self._clock.check()

    @property
    def timing(self) -> Timing:
        # The random part of an election timeout is a second of real time, whatever the timer (facts: ovsdb-raft 2).
        # A machine that is late with our own timers is late with the servers' too, when they vote and when they reply.
        election = self.spec.election_timer_ms / 1000 + 1.0 / self._clock.scale + 2 * self._clock.latest
        return Timing(election=election + 3.0, restart=20.0, poll=POLL)

    @property
    def capabilities(self) -> frozenset[Capability]:
        missing = () if self._has_partitions else (Capability.PARTITIONS,)
        return frozenset(Capability) - {Capability.ORDERED_EVENTS, *missing}

    @property
    def _has_partitions(self) -> bool:
        return self.machines.site.network.partitions

    # -- observe ------------------------------------------------------------------------------------------------

    def view(self) -> ClusterView:
        with self._guard():
            nodes = self._nodes_to_ask()
        questions = [functools.partial(self.status, database, node) for database in DATABASES for node in nodes]
        return self._view(tuple(self._questions.ask_all(questions)))

    def _nodes_to_ask(self) -> tuple[str, ...]:
        """Nodes with an ovn-central pod that runs or ends, and nodes where a container of one still lives."""
        nodes = {
            pod.node: None
            for pod in self.kube.pods.values()
            if pod.app == CENTRAL and pod.node is not None and (pod.running or pod.terminating)
        }
        nodes.update((c.host.name, None) for c in self.machines.containers.values() if not c.over)
        return tuple(nodes)

    def status(self, database: Database, node: str) -> Report:
        reply = self._control(self._host(node), database, "cluster/status", database.schema)
        if not reply.ok:
            return Report(node, database, None, reply.text)
        try:
            return Report(node, database, raft_status.parse(reply.text))
        except raft_status.StatusError as error:
            return Report(node, database, None, str(error))

    def status_text(self, database: Database, node: str) -> Reply:
        return self._appctl(self._host(node), database, "cluster/status", database.schema)

    def configuration(self, database: Database, node: str) -> Mapping[str, str]:
        log = files.read(self._host(node).file(database))
        return log.servers if log is not None else {}

    def files(self, node: str) -> NodeFiles:
        host = self._host(node)
        return NodeFiles(node, host.names() if host.powered else None)

    def raft_events(self) -> Sequence[RaftEvent]:
        return list(self._followed.news(self.now()))

    def rows(self, database: Database, node: str) -> frozenset[str] | None:
        try:
            connection = self._host(node).local(database, PATIENCE)
        except OSError:
            return None
        try:
            return frozenset(markers(connection, database, PATIENCE))
        except (OSError, jsonrpc.Refused):
            return None
        finally:
            connection.close()

    def _host(self, node: str) -> Host:
        host = self.machines.hosts.get(node)
        if host is None:
            raise BadInput(f"there is no node {node}")
        return host

    def _listed(self, database: Database) -> tuple[str, ...]:
        """Addresses that clients of ``database`` use now."""
        kind, name = ("Deployment", CONTROLLER) if database is Database.NB else ("DaemonSet", OVS)
        with self._guard():
            return split_list(running_env(self.kube, kind, name).get("OVN_DB_IPS", ""))

    @staticmethod
    def _control(host: Host, database: Database, *command: str) -> Reply:
        """Ask a server's control socket, in the words of ovs-appctl if it can't be asked."""
        path = host.control(database)
        try:
            return Reply(0, jsonrpc.control(path, *command, timeout=PATIENCE))
        except jsonrpc.Refused as refused:
            return Reply(2, refused.text.rstrip("\n"))
        except OSError as error:
            return Reply(1, f'ovs-appctl: cannot connect to "{path}" ({error.strerror or error})')

    # -- act ----------------------------------------------------------------------------------------------------

    def kick(self, database: Database, via: str, server: str) -> Reply:
        return self._appctl(self._host(via), database, "cluster/kick", database.schema, server)

    def move_leadership(self, database: Database, via: str) -> Reply:
        return self._appctl(self._host(via), database, "cluster/failure-test", "transfer-leadership")

    def backup(self, database: Database, via: str) -> Reply:
        directory = self._directory / "backups"
        directory.mkdir(exist_ok=True)
        path = directory / f"{via}-{database.file}.{time.time_ns()}.backup"
        reply = self._run("ovsdb-tool", "cluster-to-standalone", str(path), str(self._host(via).file(database)))
        return Reply(0, str(path)) if reply.ok else reply

    def remove_directory(self, node: str) -> Reply:
        host = self._host(node)
        if not host.powered:
            return Reply(255, f"ssh: connect to host {host.address}: No route to host")
        host.wipe()
        return Reply(0, "")

    def _appctl(self, host: Host, database: Database, *command: str) -> Reply:
        """What an operator types. Raises :class:`Inconclusive` if the server does not answer in time."""
        return self._run("ovs-appctl", "-T", str(OPERATOR_PATIENCE), "-t", str(host.control(database)), *command)

    def _run(self, *command: str) -> Reply:
        pipe = subprocess.PIPE
        process = self._spawner.start(command, stdout=pipe, stderr=pipe)
        try:
            out, error = process.communicate(timeout=OPERATOR_PATIENCE + 5)
        except subprocess.TimeoutExpired:
            process.kill()
            out, error = process.communicate()
        if process.returncode < 0:
            raise Inconclusive(
                f"no answer to '{' '.join(command)}' within {OPERATOR_PATIENCE} s",
                why="the server may carry it out later",
                todo="look at the status before anything is tried again",
            )
        return Reply(process.returncode, _words(out if process.returncode == 0 else error))

    # -- faults and client --------------------------------------------------------------------------------------

    @property
    def faults(self) -> frozenset[FaultKind]:
        return self._hurts.kinds()

    def inject(self, fault: Fault) -> bool:
        if fault.kind not in self.faults:
            raise BadInput(f"{self.name} can't do {fault.kind.value} here", todo=self._hurts.needs(fault.kind))
        hosts = [self._host(node) for node in fault.nodes]
        with self._guard():
            changed = self._hurts.do(fault, hosts)
            self._fired.append((self.now(), fault, changed))
        return changed

    def felt(self, fault: Fault) -> int:
        with self._guard():
            return sum(self._hurts.felt(fault.kind, self._host(node)) for node in fault.nodes)

    def arm(self, plan: FaultPlan) -> None:
        for timed in plan.faults:
            self._clock.call_later(timed.after, functools.partial(self._inject_later, timed.fault))

    def _inject_later(self, fault: Fault) -> None:
        self.inject(fault)

    def fired(self) -> tuple[tuple[float, Fault, bool], ...]:
        with self._guard():
            return tuple(self._fired)

    def at_next_election(
        self, databases: tuple[Database, ...], nodes: tuple[str, ...], act: Callable[[], None]
    ) -> bool:
        """Needs packet filters."""
        if not self._has_partitions:
            return False
        before = {db: self._leader(db) for db in databases}
        network = self.machines.site.network
        deaf = moments.Deaf({db.raft_port: before[db][0] for db in databases}).rules()
        for node in nodes:
            network.mangle(node, deaf)
            for db in databases:  # the others are to elect one of them, whom this one then does not hear
                self._control(self._host(node), db, "cluster/failure-test", "delay-election")

        def hear() -> None:
            for node in nodes:
                network.mangle(node, ())

        def elected() -> bool:
            return any(self._leader(db)[1] > before[db][1] for db in databases)

        self._undo.callback(moments.Waiting(elected, act, hear).stop)
        return True

    def _leader(self, database: Database) -> tuple[str, int]:
        """Address and term of whoever leads ``database`` in the highest term; nobody, in term 0, if nobody does."""
        with self._guard():
            nodes = self._nodes_to_ask()
        told = [(self._host(node), self.status(database, node).status) for node in nodes]
        found = [(status.term, host.address) for host, status in told if status is not None and status.is_leader]
        term, address = max(found, default=(0, ""))
        return address, term

    def check_files(self, database: Database) -> Reply | None:
        paths = [host.file(database) for host in self.machines.hosts.values()]
        return self._run("ovsdb-tool", "check-cluster", *(str(path) for path in paths if path.exists()))

    def overhear(self, listen: Callable[[Letter], None]) -> bool:
        return False

    def client(self) -> Client:
        return self._client

    # -- the end ------------------------------------------------------------------------------------------------

    def where(self) -> Path:
        """The run directory: one directory for each node, and the operator's backups."""
        return self._directory

    def close(self) -> None:
        if os.getpid() != self._owner:
            return  # a forked child must not end its parent's cluster
        with self._closing:
            atexit.unregister(self.close)
            self._undo.close()  # each part is undone whatever becomes of the others

    def leftovers(self) -> list[str]:
        """What is still there of this run: processes, namespaces that somebody is in, the directory."""
        left = [f"process {pid}" for pid in janitor.marked(self._directory)]
        left += [f"process {pid} in a network namespace" for pid in self._network.processes()]
        if self._directory.exists():
            left.append(f"directory {self._directory}")
        return left


def _words(text: bytes) -> str:
    """What a tool said, without the line that ovs-appctl adds to a server's own."""
    lines = text.decode(errors="replace").rstrip("\n").split("\n")
    if len(lines) > 1 and lines[-1].endswith("server returned an error"):
        lines.pop()
    return "\n".join(lines)
