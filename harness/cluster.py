"""One instant of a cluster, as frozen values.

A view is somebody's view: raft status is what one server says of itself, so a :class:`ClusterView` holds one report
for every server that was asked and never a merged "truth". Helpers that do combine reports say so in their names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum

from harness.addresses import host_of


class Database(Enum):
    """One of OVN's two clustered databases.

    ``schema`` is the OVSDB name, ``raft_port`` and ``client_port`` the TCP ports of Kube-OVN (facts: kube-ovn 1.1),
    ``file`` and ``header`` the names below ``/etc/ovn`` (``/etc/origin/ovn`` on the node).
    """

    NB = "nb"
    SB = "sb"

    __hash__ = object.__hash__  # Enum's own goes through the name, in Python: databases are keys everywhere

    @property
    def schema(self) -> str:
        return "OVN_Northbound" if self is Database.NB else "OVN_Southbound"

    @property
    def raft_port(self) -> int:
        return 6643 if self is Database.NB else 6644

    @property
    def client_port(self) -> int:
        return 6641 if self is Database.NB else 6642

    @property
    def file(self) -> str:
        return f"ovn{self.value}_db.db"

    @property
    def header(self) -> str:
        return f"ovn{self.value}_db.hdr"

    @property
    def control(self) -> str:
        return f"/var/run/ovn/ovn{self.value}_db.ctl"

    def __str__(self) -> str:
        return self.value


DATABASES = (Database.NB, Database.SB)


@dataclass(frozen=True, slots=True)
class ServerEntry:
    """One line below ``Servers:`` of ``cluster/status``.

    ``sid4`` is what the line shows: four hex digits of the server id. ``phase`` is the text within ``(adding: ...)``
    or ``(removing)`` as printed, or None for a stable server.
    """

    nickname: str
    sid4: str
    address: str
    is_self: bool = False
    phase: str | None = None
    voted_for: str | None = None
    next_index: int | None = None
    match_index: int | None = None
    last_msg_ms: int | None = None


@dataclass(frozen=True, slots=True)
class PendingServer:
    """An ``Adding server`` or ``Removing server`` line, printed by a leader only. ``phase`` as printed."""

    nickname: str
    sid4: str
    address: str
    phase: str


@dataclass(frozen=True, slots=True)
class PeerConnection:
    """One item of ``Connections:``; ``nickname`` is ``0000`` while the peer's sid is not known."""

    nickname: str
    outgoing: bool
    connected: bool = True


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """What one server prints for ``cluster/status`` (facts: ovsdb-raft 1.2). Times in ms, indexes as raft counts them.

    ``cluster_id`` is None while "not yet known". ``leader`` and ``vote`` are ``self``, ``unknown`` or a nickname.
    ``log_end`` is exclusive. ``storage`` is the text after ``status:`` that ``kubectl ko`` appends, or None.
    """

    nickname: str
    database: str
    cluster_id: str | None
    server_id: str
    address: str
    status: str
    role: str
    term: int
    leader: str
    vote: str
    election_timer: int
    log_start: int
    log_end: int
    uncommitted: int = 0
    unapplied: int = 0
    remotes: tuple[str, ...] = ()
    adding: tuple[PendingServer, ...] = ()
    removing: tuple[PendingServer, ...] = ()
    election_started_ms: int | None = None
    election_reason: str | None = None
    election_won_ms: int | None = None
    election_timer_new: int | None = None
    connections: tuple[PeerConnection, ...] = ()
    disconnections: int = 0
    servers: tuple[ServerEntry, ...] = ()
    storage: str | None = None

    @property
    def is_member(self) -> bool:
        """Says "cluster member": not proof of being in the configuration (facts: ovsdb-raft 9.10)."""
        return self.status == "cluster member"

    @property
    def is_leader(self) -> bool:
        return self.role == "leader"

    @property
    def has_leader(self) -> bool:
        return self.leader != "unknown"

    @property
    def change_pending(self) -> bool:
        """A membership change is queued or not committed yet, as far as this server knows."""
        return bool(self.adding or self.removing) or any(s.phase for s in self.servers)

    @property
    def own_term_committed(self) -> bool:
        """Whether a leader has committed the first entry of its own term.

        Its ``next_index`` for itself stays at the log's end as it was when it was elected, which is where it put that
        entry (facts: ovsdb-raft 1.2); without the number, only a log with nothing uncommitted tells.
        """
        first = next((s.next_index for s in self.servers if s.is_self), None)
        if first is None:
            return self.uncommitted == 0
        return self.log_end - 1 - self.uncommitted >= first

    def entry_at(self, address: str) -> tuple[ServerEntry, ...]:
        """Every configured server with the host of ``address`` (or exactly that address); more than one is legal."""
        host = host_of(address)
        return tuple(s for s in self.servers if s.address == address or host_of(s.address) == host)


@dataclass(frozen=True, slots=True)
class Report:
    """The answer of ``database``'s server on ``node``: a status, or the error it gave (``unknown cluster``, ...)."""

    node: str
    database: Database
    status: MemberStatus | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A Kubernetes node: ``address`` is its internal IP without brackets."""

    name: str
    address: str
    labels: Mapping[str, str] = field(default_factory=dict)
    ready: bool = True
    unschedulable: bool = False


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod object. ``ready_since`` is seconds on the executor's clock (the Ready condition's lastTransitionTime).

    ``template`` names the ReplicaSet (pod-template-hash); ``env`` is the environment its container was created with.
    ``node`` is None while Pending.
    """

    name: str
    app: str
    node: str | None
    address: str | None
    phase: str
    ready: bool
    ready_since: float | None = None
    restarts: int = 0
    terminating: bool = False
    template: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def active(self) -> bool:
        """Counts as a replica. A Failed object stays behind when the kubelet of an unlabelled node restarts, and means
        nothing (facts: kubernetes 1)."""
        return not self.terminating and self.phase not in ("Failed", "Succeeded")


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment or DaemonSet. Counts as in its ``status``; ``template`` is the wanted pod-template-hash.

    ``max_surge`` and ``max_unavailable`` are resolved to whole pods; ``strategy`` is RollingUpdate or OnDelete.
    """

    kind: str
    name: str
    app: str
    replicas: int
    env: Mapping[str, str]
    updated: int
    ready: int
    available: int
    current: int
    template: str = ""
    paused: bool = False
    min_ready_seconds: int = 0
    strategy: str = "RollingUpdate"
    max_surge: int = 0
    max_unavailable: int = 1

    @property
    def ref(self) -> str:
        """The ``kind/name`` form that kubectl takes."""
        return f"{self.kind.lower()}/{self.name}"


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """What lies in the database directory of a node: file names, sorted; None if the node can't be looked at."""

    node: str
    names: tuple[str, ...] | None

    @property
    def databases(self) -> tuple[str, ...]:
        """Names of clustered database files and saved raft headers: what must be gone before a node joins anew."""
        stale = {db.file for db in DATABASES} | {db.header for db in DATABASES}
        return tuple(name for name in self.names or () if name in stale)


@dataclass(frozen=True, slots=True)
class Versions:
    """What runs: Kubernetes (major, minor), the Kube-OVN release ("" if unknown), the OVS release of ovsdb-server."""

    kubernetes: tuple[int, int] = (1, 20)
    kube_ovn: str = ""
    ovs: str = ""


@dataclass(frozen=True, slots=True)
class ClusterView:
    """One look at a cluster. ``at`` is seconds on the executor's clock; ``reports`` one per (database, asked node)."""

    at: float
    namespace: str
    label: tuple[str, str]
    directory: str
    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]
    workloads: tuple[Workload, ...]
    reports: tuple[Report, ...]
    versions: Versions = field(default_factory=Versions)

    def node(self, name: str) -> Node | None:
        return next((node for node in self.nodes if node.name == name), None)

    def node_at(self, address: str) -> Node | None:
        """The node whose IP is the host of ``address``."""
        host = host_of(address)
        return next((node for node in self.nodes if node.address == host), None)

    def labelled(self) -> tuple[Node, ...]:
        """Nodes that carry the ovn-central label."""
        key, value = self.label
        return tuple(node for node in self.nodes if node.labels.get(key) == value)

    def workload(self, name: str) -> Workload | None:
        return next((workload for workload in self.workloads if workload.name == name), None)

    def pods_of(self, app: str) -> tuple[Pod, ...]:
        return tuple(pod for pod in self.pods if pod.app == app)

    def central_pod(self, node: str) -> Pod | None:
        """The ovn-central pod bound to ``node``; a terminating one comes last, a Failed object not at all."""
        here = [pod for pod in self.pods_of("ovn-central") if pod.node == node and (pod.active or pod.terminating)]
        return min(here, key=lambda pod: pod.terminating, default=None)

    def report(self, database: Database, node: str) -> Report | None:
        return next((r for r in self.reports if r.database is database and r.node == node), None)

    def statuses(self, database: Database) -> Iterator[tuple[str, MemberStatus]]:
        """(node, status) of every server of ``database`` that answered."""
        return ((r.node, r.status) for r in self.reports if r.database is database and r.status is not None)

    def leaders(self, database: Database) -> tuple[tuple[str, MemberStatus], ...]:
        """Every server that calls itself leader: after a partition there may be two (facts: ovsdb-raft 6)."""
        return tuple((node, status) for node, status in self.statuses(database) if status.is_leader)

    def leader(self, database: Database) -> tuple[str, MemberStatus] | None:
        """The one self-declared leader of the highest term, or None."""
        return max(self.leaders(database), key=lambda pair: pair[1].term, default=None)
