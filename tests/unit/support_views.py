"""Builders of cluster views: a healthy Kube-OVN cluster, and everything that can be wrong with one.

:class:`Cluster` is a mutable description; :meth:`Cluster.view` freezes one instant of it. The runner's stub world
(``support_executor``) moves the same description forward in time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from harness.addresses import host_of, raft_address
from harness.cluster import (
    DATABASES,
    ClusterView,
    Database,
    MemberStatus,
    Node,
    PendingServer,
    Pod,
    Report,
    ServerEntry,
    Versions,
    Workload,
)
from harness.spec import EXAMPLE_VERSIONS

LABEL = ("kube-ovn/role", "master")
NAMESPACE = "kube-system"
DIRECTORY = "/etc/origin/ovn"
PAGE_IDS = {
    Database.NB: ("1b9a5d76", "49840000", "d64b0000"),
    Database.SB: ("3722d5ae", "6e840000", "e9f70000"),
}
"""The first digits of the documentation's server ids, for .3, .4 and .5."""

CLUSTER_IDS = {
    Database.NB: "32ca07fb-739b-4257-b510-12fa18e7cce8",
    Database.SB: "d4bd37a4-0400-499f-b4df-b4fd389780f0",
}


@dataclass
class Server:
    """One configured server, or one that runs without being configured. ``node`` is where it runs, if it does."""

    sid: str
    address: str
    node: str | None
    running: bool = True
    status: str = "cluster member"
    behind: int = 0

    @property
    def sid4(self) -> str:
        return self.sid[:4]


@dataclass
class Raft:
    """One database: the servers of its configuration, in order of joining, and who leads."""

    database: Database
    servers: list[Server]
    leader: str | None = None
    term: int = 7
    log_end: int = 500
    elected_at: int = 400
    uncommitted: int = 0
    adding: tuple[PendingServer, ...] = ()
    removing: tuple[PendingServer, ...] = ()
    _state: object = None
    _told: dict[object, MemberStatus] = field(default_factory=dict)

    def live(self) -> list[Server]:
        return [server for server in self.servers if server.running and server.status == "cluster member"]

    def at(self, address: str) -> list[Server]:
        return [server for server in self.servers if host_of(server.address) == address]

    def elect(self) -> None:
        """The leader stays if it may; else the first live server leads, if there is a majority."""
        live = self.live()
        if len(live) < len(self.servers) // 2 + 1:
            self.leader = None
        elif self.leader not in [server.node for server in live]:
            self.leader = live[0].node
            self.term += 1

    def remove(self, address: str) -> None:
        self.servers = [server for server in self.servers if host_of(server.address) != address]

    def status_of(self, server: Server) -> MemberStatus:
        """What ``server`` says; kept while nothing changes, for a world looks many times a second."""
        servers = tuple((s.sid, s.address, s.node, s.running, s.status, s.behind) for s in self.servers)
        counters = (self.term, self.log_end, self.elected_at, self.uncommitted, self.adding, self.removing)
        state = (self.leader, counters, servers)
        if state != self._state:
            self._state, self._told = state, {}
        key = (server.sid, server.address, server.status, server.behind)
        if key not in self._told:
            self._told[key] = self._tell(server)
        return self._told[key]

    def _tell(self, server: Server) -> MemberStatus:
        leader = next((s for s in self.servers if s.node == self.leader and s.running), None)
        leads = server is leader
        entries = tuple(self._entry(other, server, leads) for other in self.servers)
        return MemberStatus(
            nickname=server.sid4,
            database=self.database.schema,
            cluster_id=CLUSTER_IDS[self.database],
            server_id=server.sid,
            address=server.address,
            status=server.status,
            role="leader" if leads else ("follower" if leader else "candidate"),
            term=self.term,
            leader="self" if leads else (leader.sid4 if leader else "unknown"),
            vote="self" if leads else (leader.sid4 if leader else "unknown"),
            election_timer=5000,
            log_start=2,
            log_end=self.log_end - server.behind,
            uncommitted=self.uncommitted if leads else 0,
            adding=self.adding if leads else (),
            removing=self.removing if leads else (),
            servers=entries,
        )

    def _entry(self, other: Server, teller: Server, leads: bool) -> ServerEntry:
        match = self.log_end - 1 - other.behind if leads else None
        # For itself a leader shows the log's end as it was when it was elected.
        next_index = None if match is None else self.elected_at if other is teller else match + 1
        return ServerEntry(other.sid4, other.sid4, other.address, other is teller, None, None, next_index, match)


@dataclass
class Cluster:
    """A cluster that can be bent. Servers answer while their node is up and their pod's container runs."""

    nodes: list[Node]
    pods: list[Pod]
    workloads: dict[str, Workload]
    raft: dict[Database, Raft]
    versions: Versions = EXAMPLE_VERSIONS
    at: float = 1000.0
    overrides: dict[tuple[Database, str], Callable[[MemberStatus], MemberStatus]] = field(default_factory=dict)

    # -- look ---------------------------------------------------------------------------------------------------

    def view(self) -> ClusterView:
        reports = [
            report for db in DATABASES for node in self.nodes if (report := self.report(db, node.name)) is not None
        ]
        return ClusterView(
            at=self.at,
            namespace=NAMESPACE,
            label=LABEL,
            directory=DIRECTORY,
            nodes=tuple(self.nodes),
            pods=tuple(self.pods),
            workloads=tuple(self.workloads.values()),
            reports=tuple(reports),
            versions=self.versions,
        )

    def report(self, database: Database, node: str) -> Report | None:
        """What the server on ``node`` says; None where no ovn-central pod was bound, and so nobody was asked."""
        if not any(pod.node == node and pod.app == "ovn-central" for pod in self.pods):
            return None
        raft = self.raft[database]
        server = next((s for s in raft.servers if s.node == node and s.running), None)
        if not self.node(node).ready or server is None:
            return Report(node, database, None, "unknown cluster" if self.node(node).ready else "no answer")
        status = raft.status_of(server)
        change = self.overrides.get((database, node))
        return Report(node, database, change(status) if change is not None else status)

    def node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.name == name)

    def address(self, name: str) -> str:
        return self.node(name).address

    def central(self) -> list[Pod]:
        return [pod for pod in self.pods if pod.app == "ovn-central"]

    def pod_on(self, name: str) -> Pod:
        return next(pod for pod in self.central() if pod.node == name)

    # -- bend ---------------------------------------------------------------------------------------------------

    def put_node(self, name: str, **changes: object) -> Cluster:
        self.nodes = [replace(n, **changes) if n.name == name else n for n in self.nodes]  # type: ignore[arg-type]
        return self

    def put_pod(self, name: str, **changes: object) -> Cluster:
        self.pods = [replace(p, **changes) if p.name == name else p for p in self.pods]  # type: ignore[arg-type]
        return self

    def put_workload(self, name: str, **changes: object) -> Cluster:
        self.workloads[name] = replace(self.workloads[name], **changes)  # type: ignore[arg-type]
        return self

    def set_env(self, name: str, variable: str, value: str) -> Cluster:
        workload = self.workloads[name]
        return self.put_workload(name, env={**workload.env, variable: value})

    def label(self, name: str, value: str | None = LABEL[1]) -> Cluster:
        labels = {key: old for key, old in self.node(name).labels.items() if key != LABEL[0]}
        return self.put_node(name, labels=labels if value is None else {**labels, LABEL[0]: value})

    def crash(self, name: str) -> Cluster:
        """The servers on ``name`` do not run; its pod is there and not Ready."""
        for raft in self.raft.values():
            for server in raft.servers:
                if server.node == name:
                    server.running = False
            raft.elect()
        return self.put_pod(self.pod_on(name).name, ready=False, ready_since=None)

    def kill(self, name: str) -> Cluster:
        """The node is gone, and Kubernetes has noticed."""
        self.crash(name)
        for pod in self.pods:
            if pod.node == name:
                self.put_pod(pod.name, ready=False, ready_since=None)
        return self.put_node(name, ready=False)

    def leaderless(self, database: Database) -> Cluster:
        self.raft[database].leader = None
        return self

    def lead(self, database: Database, name: str) -> Cluster:
        self.raft[database].leader = name
        return self

    def two_leaders(self, database: Database, name: str) -> Cluster:
        """``name`` still calls itself leader, of the term before."""

        def claim(status: MemberStatus) -> MemberStatus:
            return replace(status, role="leader", leader="self", term=status.term - 1)

        self.overrides[(database, name)] = claim
        return self

    def tell(self, database: Database, name: str, **changes: object) -> Cluster:
        """Let the server on ``name`` report something else than the rest knows."""
        self.overrides[(database, name)] = lambda status: replace(status, **changes)  # type: ignore[arg-type]
        return self

    def uncommitted(self, database: Database, entries: int) -> Cluster:
        """The leader has just been elected: nothing of its own term is committed yet."""
        self.raft[database].elected_at = self.raft[database].log_end - entries
        return self.busy(database, entries)

    def busy(self, database: Database, entries: int) -> Cluster:
        """Clients' writes are in flight."""
        self.raft[database].uncommitted = entries
        return self

    def change_pending(self, database: Database, name: str) -> Cluster:
        server = self.raft[database].at(self.address(name))[0]
        self.raft[database].removing = (PendingServer(server.sid4, server.sid4, server.address, "committing"),)
        return self

    def ghost(self, database: Database, name: str) -> Cluster:
        """A server that was wiped without a kick: configured at the node's address, running nowhere."""
        raft = self.raft[database]
        address = raft_address(self.address(name), database.raft_port)
        raft.servers.append(Server(_sid(f"9{len(raft.servers)}00{database.raft_port}"), address, None, running=False))
        return self

    def lagging(self, database: Database, name: str, behind: int) -> Cluster:
        for server in self.raft[database].at(self.address(name)):
            server.behind = behind
        return self

    def half_removed(self, name: str) -> Cluster:
        """Kicked out of nb, still in sb, its process running: a run that was cut off between the two."""
        self.raft[Database.NB].remove(self.address(name))
        self.raft[Database.NB].elect()
        return self

    def rollout_halfway(self, addresses: tuple[str, ...], updated: tuple[str, ...]) -> Cluster:
        """NODE_IPS is ``addresses``, the rollout paused, and only the pods on the nodes ``updated`` were replaced."""
        self.set_env("ovn-central", "NODE_IPS", ",".join(addresses))
        self.put_workload("ovn-central", paused=True, min_ready_seconds=30)
        for name in updated:
            pod = self.pod_on(name)
            self.put_pod(pod.name, env={**pod.env, "NODE_IPS": ",".join(addresses)}, template=",".join(addresses))
        return self

    def kubernetes(self, major: int, minor: int) -> Cluster:
        self.versions = replace(self.versions, kubernetes=(major, minor))
        return self

    def kube_ovn(self, release: str) -> Cluster:
        self.versions = replace(self.versions, kube_ovn=release)
        return self


def _sid(digits: str) -> str:
    text = (digits.ljust(8, "0") + "739b42579b510012fa18e7cce8")[:32].ljust(32, "0")
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def server_id(database: Database, index: int) -> str:
    """The sid of the ``index``-th member: the documentation's for the first three."""
    ids = PAGE_IDS[database]
    return _sid(ids[index] if index < len(ids) else f"{database.raft_port:x}"[-2:] + f"{index:02x}")


def central_pod(name: str, node: str | None, address: str | None, env: dict[str, str], since: float | None) -> Pod:
    labels = dict.fromkeys(("ovn-nb-leader", "ovn-sb-leader", "ovn-northd-leader"), "false")
    return Pod(
        name,
        "ovn-central",
        node,
        address,
        "Running" if node else "Pending",
        ready=since is not None,
        ready_since=since,
        template=env.get("NODE_IPS", ""),
        labels=labels,
        env=env,
    )


def names_of(count: int) -> tuple[str, ...]:
    return tuple("kube-ovn-control-plane" + (str(i) if i > 1 else "") for i in range(1, count + 1))


def healthy(
    members: int = 3,
    spares: int = 0,
    *,
    node_names: tuple[str, ...] | None = None,
    address: Callable[[int], str] = lambda index: f"172.18.0.{index + 3}",
    extra_workloads: bool = False,
) -> Cluster:
    """A cluster in order: ``members`` ovn-central nodes (the first leads nb and sb), then ``spares``.

    The first member's pod is the longest Ready, the last member's the most recent.
    """
    names = node_names or names_of(members + spares)
    nodes = [Node(n, address(i), {LABEL[0]: LABEL[1]} if i < members else {}) for i, n in enumerate(names)]
    listed = ",".join(node.address for node in nodes[:members])
    env, clients = {"NODE_IPS": listed}, {"OVN_DB_IPS": listed}
    pods = [
        central_pod(f"ovn-central-6bf58cbc97-{i}", n.name, n.address, env, 100.0 + 10 * i)
        for i, n in enumerate(nodes[:members])
    ]
    leader = dict.fromkeys(pods[0].labels, "true")
    pods[0] = replace(pods[0], labels=leader)
    pods += [
        Pod(f"ovs-ovn-{i}", "ovs", n.name, n.address, "Running", True, 50.0, env=clients) for i, n in enumerate(nodes)
    ]
    pods.append(
        Pod("kube-ovn-controller-0", "kube-ovn-controller", names[0], address(0), "Running", True, 50.0, env=clients)
    )
    workloads = [
        Workload("Deployment", "ovn-central", "ovn-central", members, env, members, members, members, members, "old"),
        Workload("DaemonSet", "ovs-ovn", "ovs", len(nodes), clients, len(nodes), len(nodes), len(nodes), len(nodes)),
        Workload("Deployment", "kube-ovn-controller", "kube-ovn-controller", 1, clients, 1, 1, 1, 1),
    ]
    if extra_workloads:
        workloads.append(Workload("Deployment", "ovn-ic-controller", "ovn-ic-controller", 1, clients, 1, 1, 1, 1))
        workloads.append(Workload("DaemonSet", "ovs-ovn-dpdk", "ovs-dpdk", 0, clients, 0, 0, 0, 0, strategy="OnDelete"))
    return Cluster(nodes, pods, {w.name: w for w in workloads}, {db: _raft(db, nodes[:members]) for db in DATABASES})


def _raft(database: Database, nodes: list[Node]) -> Raft:
    servers = [
        Server(server_id(database, i), raft_address(node.address, database.raft_port), node.name)
        for i, node in enumerate(nodes)
    ]
    return Raft(database, servers, nodes[0].name)


PAGE_NAMES = ("kube-ovn-control-plane", "kube-ovn-control-plane3", "kube-ovn-control-plane2")


def page_cluster() -> Cluster:
    """The documentation's cluster: control-plane .3, control-plane3 .4, control-plane2 .5."""
    return healthy(3, node_names=PAGE_NAMES)


def page_cluster_without_node2() -> Cluster:
    """The documentation's cluster as its second half finds it: control-plane2 is out."""
    return healthy(2, 1, node_names=PAGE_NAMES)


A, B, C, D, E = names_of(5)
"""The first five nodes: .3, .4, .5, .6, .7."""
