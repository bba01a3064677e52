"""One look at a cluster, as rows: databases, nodes, and what is not as it should be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from harness import health, preflight
from harness.addresses import host_of, split_list
from harness.cluster import DATABASES, ClusterView, Database, Node, NodeFiles, Pod, Workload
from harness.forecast import Forecast
from harness.preflight import Check
from harness.steps import CENTRAL


@dataclass(frozen=True, slots=True)
class DatabaseRow:
    """One database as its leader tells it. ``margin``: how many more servers may fail, negative without quorum;
    ``lag``: entries that the slowest voter is behind, None where nobody says."""

    name: str
    cluster_id: str
    term: int | None
    leader: str
    leader_sid: str
    voters: int
    alive: int
    quorum: int
    margin: int
    lag: int | None


@dataclass(frozen=True, slots=True)
class NodeRow:
    """One node: what raft, Kubernetes and its disk say of it. ``db_ips`` maps a workload's name to whether its
    OVN_DB_IPS lists the node; ``servers`` a database to the ids configured there; ``files`` is None if nobody
    looked."""

    name: str
    address: str
    ready: bool
    labelled: bool
    pod: str
    in_node_ips: bool
    db_ips: Mapping[str, bool]
    servers: Mapping[str, tuple[str, ...]]
    states: Mapping[str, str]
    files: tuple[str, ...] | None

    @property
    def member(self) -> bool:
        """Whether raft has a server there, in either database."""
        return any(self.servers.values())


@dataclass(frozen=True, slots=True)
class Overview:
    """What ``ovnswap status`` shows. ``findings`` are checks whose verdict is not ok."""

    databases: tuple[DatabaseRow, ...]
    nodes: tuple[NodeRow, ...]
    findings: tuple[Check, ...]

    @property
    def in_order(self) -> bool:
        """Whether a change may be asked for: nothing that a guarded plan would refuse."""
        return all(check.verdict != preflight.REFUSED for check in self.findings)


def overview(view: ClusterView, files: Mapping[str, NodeFiles] | None = None) -> Overview:
    """Everything that ``view`` tells, and ``files`` for the nodes whose directories were looked at."""
    nodes = tuple(_node(view, node, (files or {}).get(node.name)) for node in _everyone(view))
    checks = [
        *preflight.raft(view),
        *preflight.drift(view),
        *preflight.halfway(view, ()),
        *preflight.pods(view),
        *_release(view),
        *_stale_files(nodes),
    ]
    order = {preflight.REFUSED: 0, preflight.WARN: 1}
    findings = [check for check in checks if check.verdict in order]
    findings.sort(key=lambda check: order[check.verdict])
    return Overview(tuple(_database(view, db) for db in DATABASES), nodes, tuple(findings))


def _release(view: ClusterView) -> list[Check]:
    """VERSION as a warning: only orders that kick before NODE_IPS is changed are refused for it."""
    return [
        replace(check, verdict=preflight.WARN) if check.verdict == preflight.REFUSED else check
        for check in preflight.version(view, kick_first=True)
    ]


def _database(view: ClusterView, database: Database) -> DatabaseRow:
    standing = Forecast.of(view).of_database(database)
    pair = view.leader(database)
    ids = sorted({status.cluster_id[:4] for _, status in view.statuses(database) if status.cluster_id})
    return DatabaseRow(
        name=database.value,
        cluster_id="+".join(ids) or "unknown",
        term=max((status.term for _, status in view.statuses(database)), default=None),
        leader=pair[0] if pair else "",
        leader_sid=pair[1].server_id[:4] if pair else "",
        voters=len(standing.members),
        alive=len(standing.live.intersection(standing.members)),
        quorum=standing.needed,
        margin=standing.margin,
        lag=_lag(view, database),
    )


def _lag(view: ClusterView, database: Database) -> int | None:
    pair = view.leader(database)
    if pair is None:
        return None
    leader = pair[1]
    behind = [
        leader.log_end - 1 - entry.match_index
        for entry in leader.servers
        if not entry.is_self and entry.match_index is not None
    ]
    return max(behind, default=0)


def _everyone(view: ClusterView) -> tuple[Node, ...]:
    """The nodes, and whatever raft has at addresses that no node has."""
    known = {node.address for node in view.nodes}
    hosts = {host for database in DATABASES for host in health.member_hosts(view, database)}
    return (*view.nodes, *(Node("?", host, ready=False) for host in sorted(hosts - known)))


def _node(view: ClusterView, node: Node, files: NodeFiles | None) -> NodeRow:
    central = view.workload(CENTRAL)
    listed = split_list(central.env.get("NODE_IPS", "")) if central is not None else ()
    key, value = view.label
    told = {db.value: _servers(view, db, node.address) for db in DATABASES}
    return NodeRow(
        name=node.name,
        address=node.address,
        ready=node.ready,
        labelled=node.labels.get(key) == value,
        pod=_pod(view, node.name),
        in_node_ips=node.address in listed,
        db_ips={w.name: node.address in split_list(w.env["OVN_DB_IPS"]) for w in clients(view)},
        servers={name: sids for name, (sids, _) in told.items()},
        states={name: state for name, (_, state) in told.items()},
        files=files.names if files is not None else None,
    )


def clients(view: ClusterView) -> tuple[Workload, ...]:
    """The workloads that carry OVN_DB_IPS."""
    return tuple(workload for workload in view.workloads if "OVN_DB_IPS" in workload.env)


def _pod(view: ClusterView, node: str) -> str:
    pod = view.central_pod(node)
    return "-" if pod is None else _pod_state(pod)


def _pod_state(pod: Pod) -> str:
    if pod.terminating:
        return "Terminating"
    if pod.ready:
        return "Ready"
    return "NotReady" if pod.phase == "Running" else pod.phase


def _servers(view: ClusterView, database: Database, address: str) -> tuple[tuple[str, ...], str]:
    """(ids configured at ``address``, a word about the server there)."""
    entries = [entry for entry in health.members(view, database) if host_of(entry.address) == address]
    told = [status for _, status in view.statuses(database) if host_of(status.address) == address]
    sids = tuple(entry.sid4 for entry in entries)
    if not told:
        return sids, "silent" if sids else ""
    if any(status.is_leader for status in told):
        return sids, "leader"
    if not sids:
        return sids, f"({told[0].nickname} not configured)"
    if not told[0].is_member:
        return sids, "outside"
    return sids, "" if told[0].has_leader else "no leader"


def _stale_files(nodes: Iterable[NodeRow]) -> list[Check]:
    """FILES: databases on nodes that are in neither raft nor NODE_IPS, where they would be taken up again."""
    checks = []
    for row in nodes:
        names = NodeFiles(row.name, row.files).databases
        if names and not row.member and not row.in_node_ips:
            seen = f"{', '.join(names)} on {row.name}, which is no member"
            why = "a server that starts from them crash-loops, or joins with a dead id"
            checks.append(Check("FILES", preflight.WARN, seen, why, f"rm -rf the directory on {row.name}"))
    return checks
