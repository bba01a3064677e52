"""A cluster as somebody pasted it: a pod listing and ``cluster/status`` texts, for plans without access to a cluster.

Text does not tell everything that a plan needs. What is missing is filled with what Kube-OVN's installer makes. Every
such guess is handed back in words (:attr:`PastedCluster.assumptions`), so that nobody takes it for something seen.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.addresses import host_of, is_ip, join_list
from harness.cluster import (
    DATABASES,
    ClusterView,
    Database,
    MemberStatus,
    Node,
    Pod,
    Report,
    ServerEntry,
    Versions,
    Workload,
)
from harness.errors import BadInput
from harness.pasted_nodes import Listed, listed_nodes
from harness.raft_status import StatusError, classify_error, is_prompt, parse
from harness.steps import CENTRAL, CONTROLLER

LABEL = ("kube-ovn/role", "master")
DIRECTORY = "/etc/origin/ovn"
HEARD_TIMERS = 2
"""Election timers without a word after which a server is not taken for alive: it answers thrice in each, and a leader
without answers gives up after two (facts: ovsdb-raft 2)."""


@dataclass(frozen=True, slots=True)
class PastedCluster:
    """The cluster that the texts describe, and what had to be assumed about it, in words."""

    view: ClusterView
    assumptions: tuple[str, ...]


def view_from_text(
    pods: str,
    statuses: Sequence[str],
    *,
    namespace: str = "kube-system",
    node_ips: Sequence[str] | None = None,
    nodes: str | None = None,
) -> PastedCluster:
    """The cluster of ``kubectl get pod -o wide`` lines and of one or more ``cluster/status`` texts.

    Each text may hold several statuses, of nb and sb and of any server, with prompts between them. ``node_ips`` is
    NODE_IPS in its order, if it is known; ``nodes`` what ``kubectl get node -o wide --show-labels`` printed, without
    which there are no nodes but those of the pods. The view's time is 0, and a pod's age lies before it. Raises
    :class:`BadInput` naming the text and its line.
    """
    central = _pods(pods, namespace)
    hosts = _nodes(central)
    listed = listed_nodes(nodes) if nodes is not None else ()
    everyone = _all_nodes(hosts, listed)
    given = _given_ips(node_ips) if node_ips is not None else None
    addresses = given or tuple(node.address for node in hosts)
    asked = _reports(statuses, everyone)
    derived = [pair for database in DATABASES for pair in _derived(database, asked, everyone)]
    view = ClusterView(
        at=0.0,
        namespace=namespace,
        label=LABEL,
        directory=DIRECTORY,
        nodes=everyone,
        pods=tuple(replace(pod, env={"NODE_IPS": join_list(addresses)}) for pod in central),
        workloads=_workloads(central, len(hosts), len(everyone), addresses),
        reports=(*asked, *(report for report, _ in derived)),
        versions=Versions(min(one.kubernetes for one in listed)) if listed else Versions(),
    )
    order = f"NODE_IPS is {join_list(addresses)}: the addresses in the order of the pods' lines"
    told = (*_assumed_nodes(view, hosts, listed), *_assumed(view, addresses), *(words for _, words in derived))
    return PastedCluster(view, told if given else (order, *told))


# -- the pod listing ------------------------------------------------------------------------------------------------

_POD = re.compile(
    r"(?P<name>ovn-central-\S+)\s+(?P<ready>[0-9]{1,4})/(?P<all>[0-9]{1,4})\s+(?P<status>\S+)\s+"
    r"(?P<restarts>[0-9]{1,9})(?:\s+\((?P<ago>[^)]*?)(?: ago)?\))?\s+(?P<age>[0-9]\S*|<\w+>)\s+"
    r"(?P<ip>\S+)\s+(?P<node>\S+)(?:\s+.*)?",
    re.ASCII,
)
_LISTED = re.compile(r"(?:(?P<namespace>[a-z0-9][-a-z0-9]*)\s+)?(?P<pod>ovn-central-\S+\s.*|ovn-central-\S+)", re.ASCII)
_PENDING = ("Pending", "ContainerCreating", "PodInitializing")
_FAILED = ("Failed", "Evicted", "UnexpectedAdmissionError", "NodeAffinity", "OutOfcpu", "OutOfmemory", "Shutdown")
_WIDE = "kubectl -n {} get pod -o wide | grep central"


def _pods(text: str, namespace: str) -> tuple[Pod, ...]:
    """The ovn-central pods of the listing, in its order; lines of other pods, headers and prompts are passed over."""
    found: dict[str, Pod] = {}
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.replace("\u00a0", " ").strip()
        listed = _LISTED.fullmatch(line)
        if listed is None or listed["namespace"] not in (None, namespace):
            continue
        pod = _pod(listed["pod"], number, namespace)
        if pod.name in found:
            raise BadInput(f"the pod listing, line {number}: pod {pod.name} is listed twice", todo="paste one listing")
        found[pod.name] = pod
    if not found:
        raise BadInput("the pod listing has no ovn-central pod", todo=f"paste what this prints: {_wide(namespace)}")
    return tuple(found.values())


def _wide(namespace: str) -> str:
    return _WIDE.format(namespace)


def _pod(line: str, number: int, namespace: str) -> Pod:
    found = _POD.fullmatch(line)
    if found is None:
        raise BadInput(
            f"the pod listing, line {number}: {line!r} is no line with NAME READY STATUS RESTARTS AGE IP NODE",
            todo=f"paste what this prints: {_wide(namespace)}",
        )
    address, node = (None if found[name] == "<none>" else found[name] for name in ("ip", "node"))
    if address is not None and not is_ip(address):
        raise BadInput(f"the pod listing, line {number}: {address!r} is no IP address", todo=_wide(namespace))
    status = found["status"]
    ready = status in ("Running", "Terminating") and found["ready"] == found["all"] != "0"
    return Pod(
        name=found["name"],
        app=CENTRAL,
        node=node,
        address=address,
        phase=_phase(status),
        ready=ready,
        ready_since=_ready_since(found) if ready else None,
        restarts=int(found["restarts"]),
        terminating=status == "Terminating",
        template=found["name"].removeprefix("ovn-central-").rpartition("-")[0],
        labels={"app": CENTRAL},
    )


_UNITS = {"y": 365 * 86400, "d": 86400, "h": 3600, "m": 60, "s": 1}


def _ready_since(found: re.Match[str]) -> float | None:
    """Seconds before the view's time: since its last restart if that was printed, else since it was made.

    None after restarts at a time that kubectl did not print (before 1.22), or for an age that is none.
    """
    age = found["ago"] if int(found["restarts"]) else found["age"]
    if age is None or re.fullmatch(r"(?:[0-9]{1,9}[ydhms])+", age, re.ASCII) is None:
        return None
    return -float(sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"([0-9]+)([ydhms])", age)))


def _phase(status: str) -> str:
    """The phase behind the STATUS column, which shows a container's trouble in its place."""
    if status in _PENDING or status.startswith("Init:"):
        return "Pending"
    if status == "Completed":
        return "Succeeded"
    if status == "Unknown":
        return "Unknown"
    return "Failed" if status in _FAILED else "Running"


def _nodes(pods: tuple[Pod, ...]) -> tuple[Node, ...]:
    """The nodes that run ovn-central, in the listing's order. Raises :class:`BadInput` where the lines disagree."""
    nodes: dict[str, Node] = {}
    at: dict[str, str] = {}
    active: dict[str, str] = {}
    for pod in pods:
        if pod.node is None or pod.address is None:
            continue
        known = nodes.setdefault(pod.node, Node(pod.node, pod.address, {LABEL[0]: LABEL[1]}))
        if known.address != pod.address or at.setdefault(pod.address, pod.node) != pod.node:
            raise BadInput(
                f"the pod listing: {pod.name} is on {pod.node} with {pod.address}, "
                f"another line has {at.get(pod.address, pod.node)} with {known.address}",
                why="ovn-central uses the node's own address",
                todo="paste one listing, as kubectl prints it",
            )
        if pod.active and active.setdefault(pod.node, pod.name) != pod.name:
            raise BadInput(
                f"the pod listing: node {pod.node} is there twice, with {active[pod.node]} and {pod.name}",
                why="two ovn-central pods can't run on one node",
                todo="paste one listing, taken at one time",
            )
    if not nodes:
        raise BadInput("the pod listing has no ovn-central pod with an address", todo="wait until the pods run")
    return tuple(nodes.values())


def _all_nodes(hosts: tuple[Node, ...], listed: tuple[Listed, ...]) -> tuple[Node, ...]:
    """The pods' nodes, as far as possible as they are listed, then the others of the listing."""
    by_name = {one.node.name: one for one in listed}
    at = {one.node.address: one.node.name for one in listed}
    merged = []
    for host in hosts:
        one = by_name.pop(host.name, None)
        if at.get(host.address, host.name) != host.name or (one is not None and one.node.address != host.address):
            other = f"has {one.node.address}" if one is not None else f"has {at[host.address]} there"
            raise BadInput(
                f"the pod listing has {host.name} with {host.address}, the node listing {other}",
                why="ovn-central uses the node's own address",
                todo="paste both listings from one cluster",
            )
        known = host if one is None else one.node
        merged.append(known if one is not None and one.labels_known else replace(known, labels=host.labels))
    return (*merged, *(one.node for one in by_name.values()))


def _given_ips(node_ips: Sequence[str]) -> tuple[str, ...]:
    bad = next((address for address in node_ips if not is_ip(address)), None)
    if bad is not None or len(set(node_ips)) != len(node_ips) or not node_ips:
        raise BadInput(
            f"NODE_IPS {join_list(tuple(node_ips))!r} is no list of different IP addresses",
            todo="kubectl -n kube-system get deployment ovn-central -o yaml | grep -A1 NODE_IPS",
        )
    return tuple(node_ips)


# -- the statuses ---------------------------------------------------------------------------------------------------


def _reports(texts: Sequence[str], nodes: tuple[Node, ...]) -> tuple[Report, ...]:
    """One report for each (database, address) in the texts; where no pod is, the address stands for the node's name."""
    names = {node.address: node.name for node in nodes}
    found: dict[tuple[Database, str], tuple[str, MemberStatus]] = {}
    for place, status in _statuses(texts):
        database = next((db for db in DATABASES if db.schema == status.database), None)
        if database is None:
            raise BadInput(f"{place}: {status.database} is not a database of ovn-central", todo=_ask("nb"))
        key = database, host_of(status.address)
        before = found.setdefault(key, (place, status))
        if before[1] != status:
            raise BadInput(
                f"{place}: {database} server at {key[1]} is there twice and differs from {before[0]}",
                why="one of them is older, and the text can't tell which",
                todo="keep the newer one",
            )
    for database in DATABASES:
        if not any(key[0] is database for key in found):
            raise BadInput(f"no status of {database}", why="both databases must be in order", todo=_ask(database.value))
    return tuple(Report(names.get(host, host), db, status) for (db, host), (_, status) in found.items())


def _ask(database: str) -> str:
    return f"add what this prints: kubectl ko {database} status"


def _statuses(texts: Sequence[str]) -> Iterator[tuple[str, MemberStatus]]:
    """(where, status) of every status in the texts."""
    for position, text in enumerate(texts, 1):
        source = f"status text {position}"
        blocks = list(_blocks(text, source))
        if not blocks:
            error = classify_error(text)
            if error is not None:
                seen = f"{source}, line {error.line_number}: the server answered: {error.line}"
                raise BadInput(seen, todo="paste the status of a server that answers")
            raise BadInput(f"{source} has no status", todo=_ask("nb"))
        for first, block in blocks:
            try:
                yield f"{source}, line {first}", parse(block)
            except StatusError as error:
                line = first + max(error.line_number, 1) - 1
                seen = f"{source}, line {line}: {error.reason}" + (f", found {error.line!r}" if error.line else "")
                raise BadInput(seen, todo="paste the whole status, from its first line to its last") from None


def _blocks(text: str, source: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, text) of each status: from the line above ``Name:`` to its end, or the next prompt."""
    lines = [line.replace("\u00a0", " ").strip() for line in text.split("\n")]
    starts = {start for n, line in enumerate(lines) if line.startswith("Name:") and (start := _start(lines, n)) >= 0}
    inside: list[str] | None = None
    first = 0
    for number, line in enumerate(lines):
        if number in starts or (inside is not None and is_prompt(line)):
            if inside is not None:
                yield first + 1, "\n".join(inside) + "\n"
            inside, first = ([], number) if number in starts else (None, 0)
        if inside is not None:
            inside.append(line)
            if line.startswith("status:"):  # the last line of a status; what follows is no part of it
                yield first + 1, "\n".join(inside) + "\n"
                inside = None
        elif line.startswith(("Cluster ID:", "Server ID:", "Servers:")):
            raise BadInput(
                f"{source}, line {number + 1}: {line!r} belongs to a status whose beginning is missing",
                todo="paste the whole status, from its first line to its last",
            )
    if inside is not None:
        yield first + 1, "\n".join(inside) + ("\n" if text.endswith("\n") else "")


def _start(lines: list[str], name: int) -> int:
    """The line with the nickname: the last one above ``Name:`` that is not blank; ``Name:`` itself if it is missing."""
    above = next((n for n in range(name - 1, -1, -1) if lines[n]), None)
    return name if above is None or " " in lines[above] or is_prompt(lines[above]) else above


# -- what nobody pasted ---------------------------------------------------------------------------------------------


def _derived(database: Database, asked: tuple[Report, ...], nodes: tuple[Node, ...]) -> list[tuple[Report, str]]:
    """A follower's report for every server that was not asked and that the one leader heard from lately."""
    leaders = [r.status for r in asked if r.database is database and r.status is not None and r.status.is_leader]
    if len(leaders) != 1:
        return []
    leader = leaders[0]
    names = {node.address: node.name for node in nodes}
    taken = {r.node for r in asked if r.database is database}
    connected = {c.nickname for c in leader.connections if c.connected}
    found = []
    for entry in leader.servers:
        host = host_of(entry.address)
        heard = entry.last_msg_ms
        if heard is None or heard >= HEARD_TIMERS * leader.election_timer or entry.nickname not in connected:
            continue
        if entry.is_self or names.get(host, host) in taken:
            continue
        taken.add(names.get(host, host))
        words = f"{database} server {entry.sid4} was not asked; the leader heard from it {heard} ms ago"
        found.append((Report(names.get(host, host), database, _follower(leader, entry)), words))
    return found


def _follower(leader: MemberStatus, entry: ServerEntry) -> MemberStatus:
    """What a follower would most likely say. Its ``server_id`` is the four digits that are known, and no more."""
    return MemberStatus(
        nickname=entry.nickname,
        database=leader.database,
        cluster_id=leader.cluster_id,
        server_id=entry.sid4,
        address=entry.address,
        status=leader.status,
        role="follower",
        term=leader.term,
        leader=leader.nickname,
        vote="unknown",
        election_timer=leader.election_timer,
        log_start=leader.log_start,
        log_end=(entry.match_index or 0) + 1,
        servers=tuple(
            ServerEntry(other.nickname, other.sid4, other.address, other is entry, other.phase)
            for other in leader.servers
        ),
    )


def _workloads(pods: tuple[Pod, ...], hosts: int, nodes: int, addresses: tuple[str, ...]) -> tuple[Workload, ...]:
    """The objects that the page changes, as Kube-OVN's installer makes them, on ``nodes`` nodes of which ``hosts`` run
    ovn-central."""
    active = [pod for pod in pods if pod.active]
    ready = sum(pod.ready for pod in active)
    template = active[-1].template if active else ""
    updated = sum(pod.template == template for pod in active)
    value = join_list(addresses)
    return (
        Workload(
            "Deployment",
            CENTRAL,
            CENTRAL,
            replicas=len(active),
            env={"NODE_IPS": value},
            updated=updated,
            ready=ready,
            available=ready,
            current=len(active),
            template=template,
        ),
        _client("Deployment", CONTROLLER, CONTROLLER, value, hosts),
        _client("DaemonSet", "ovs-ovn", "ovs", value, nodes),
    )


def _client(kind: str, name: str, app: str, value: str, count: int) -> Workload:
    """A workload that connects to ovn-central, all of its ``count`` pods as wanted."""
    strategy = "OnDelete" if kind == "DaemonSet" else "RollingUpdate"
    return Workload(
        kind,
        name,
        app,
        replicas=count,
        env={"OVN_DB_IPS": value},
        updated=count,
        ready=count,
        available=count,
        current=count,
        strategy=strategy,
    )


def _assumed_nodes(view: ClusterView, hosts: tuple[Node, ...], listed: tuple[Listed, ...]) -> Iterator[str]:
    """What is not said of the nodes."""
    with_labels = {one.node.name for one in listed if one.labels_known}
    if unlabelled := [node.name for node in hosts if node.name not in with_labels]:
        yield f"the label {'='.join(view.label)} is on the nodes that run {CENTRAL}: {', '.join(unlabelled)}"
    names = {one.node.name for one in listed}
    if unlisted := [node.name for node in hosts if node.name not in names]:
        yield f"{', '.join(unlisted)}: Ready and not cordoned, and a pod's address is its node's (host network)"
    release = ".".join(map(str, view.versions.kubernetes))
    source = ", the release of the oldest kubelet" if listed else ""
    yield f"Kubernetes behaves as {release} does{source}; Kube-OVN's release is unknown"
    for pod in view.pods_of(CENTRAL):
        if pod.ready and pod.ready_since is None:
            yield f"pod {pod.name} is Ready for an unknown time"
        elif pod.ready and pod.ready_since is not None:
            yield f"pod {pod.name} is Ready for {-pod.ready_since:.0f} s: since it was made, or restarted"


def _assumed(view: ClusterView, addresses: tuple[str, ...]) -> Iterator[str]:
    """What the texts do not say and the view holds all the same."""
    central = view.workload(CENTRAL)
    assert central is not None, "it was made above"
    yield f"deployment/{CENTRAL} wants {central.replicas} replicas: as many as there are pods"
    if len({pod.template for pod in view.pods if pod.active}) > 1:
        yield f"a rollout of deployment/{CENTRAL} is under way, and its pods have the same NODE_IPS"
    yield f"daemonset/ovs-ovn (app ovs) and deployment/{CONTROLLER} have OVN_DB_IPS {join_list(addresses)}"
    yield f"the databases are in {view.directory} on each node"
    for database in DATABASES:
        if not view.leaders(database):
            yield f"{database} has no leader, because no leader's status was pasted"
