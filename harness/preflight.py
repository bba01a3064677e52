"""Named checks before a procedure runs: each with a verdict, a reason and a way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from harness import health
from harness.addresses import host_of, split_list
from harness.cluster import DATABASES, ClusterView, Database, Node
from harness.steps.base import CENTRAL

OK, WARN, REFUSED = "ok", "warn", "refused"

INTEGRITY_CHECK_RELEASES = ("v1.15.9", "v1.15.10", "v1.16.0", "v1.16.1")
"""Kube-OVN releases whose leader deletes its database when it has fewer servers than NODE_IPS (facts: kube-ovn 3)."""


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict: ``ok``, ``warn`` or ``refused``, with what was seen, why it matters and what to do."""

    id: str
    verdict: str
    seen: str
    why: str = ""
    todo: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def quorum(view: ClusterView, leavers: Iterable[str]) -> list[Check]:
    """Q-STRICT: the configuration without ``leavers`` must have a live majority, which OVSDB does not check itself."""
    checks = []
    for database in DATABASES:
        for host in leavers:
            safe, members, live, needed = health.removal_keeps_quorum(view, database, host)
            seen = f"{database}: after removing {host}: {members} members, {live} live, {needed} needed"
            if safe:
                checks.append(Check("Q-STRICT", OK, seen))
                continue
            why = "there would be no leader, though ovsdb-server would accept this kick"
            todo = _what_instead(view, database, host)
            checks.append(Check("Q-STRICT", REFUSED, seen, why, todo))
    return checks


def _what_instead(view: ClusterView, database: Database, host: str) -> str:
    live = health.live_hosts(view, database)
    silent = [h for h in dict.fromkeys(health.member_hosts(view, database)) if h not in live and h != host]
    node = view.node_at(host)
    leaver = node.name if node is not None else host
    if view.leader(database) is None and node is not None and node.ready and node not in view.labelled():
        return _way_back(view, node)
    if not silent:
        return f"add a member first: ovnswap plan replace {leaver} --with SPARE"
    names = [node.name if (node := view.node_at(h)) is not None else h for h in silent]
    return f"bring {', '.join(names)} back, or replace it first: ovnswap plan replace {names[0]} --with SPARE"


def _way_back(view: ClusterView, leaver: Node) -> str:
    """A remaining member was lost for good between the leaver's pod and its kick: the leaver's files hold all that is
    committed, and with it there is a majority again."""
    central = view.workload(CENTRAL)
    listed = [one for one in split_list(central.env.get("NODE_IPS", "")) if one != leaver.address] if central else []
    key, value = view.label
    typed = (
        f'kubectl set env deployment/ovn-central -n {view.namespace} NODE_IPS="{",".join([*listed, leaver.address])}"',
        f"kubectl label node {leaver.name} {key}={value} --overwrite",
        *([f"kubectl rollout resume deployment/ovn-central -n {view.namespace}"] if central and central.paused else []),
    )
    back = f"bring {leaver.name} back, whose files are still there: {'; '.join(typed)}"
    return f"{back}; with a leader again, kick who lost its disk, and remove {leaver.name} again"


def raft(view: ClusterView, ignore: Iterable[str] = ()) -> list[Check]:
    """LEADER, PENDING, GHOST, ALIVE: both databases in order on every member except the hosts in ``ignore``."""
    skipped = frozenset(ignore)
    checks = []
    for database in DATABASES:
        leader = health.leader_problems(view, database)
        ghosts = health.duplicate_problems(view, database)
        others = [p for p in health.problems(view, database, ignore=skipped) if p not in leader and p not in ghosts]
        checks += _verdicts(
            "LEADER", leader, f"{database} has one leader, with an entry of its own term committed", _LEADER_TODO
        )
        checks += _verdicts("GHOST", ghosts, f"{database} has one server at each address", _GHOST_TODO)
        checks += _verdicts("ALIVE", others, f"{database}: every member answers and is caught up", _ALIVE_TODO)
    return checks


_LEADER_TODO = (
    "wait for an election (about the election timer), then look again; without a majority nothing can be changed"
)
_GHOST_TODO = "kick the id whose server does not run, by its id: an address kick answers `unknown server`"
_ALIVE_TODO = "bring it back first; if it is gone for good, replace it: ovnswap plan replace NODE --with SPARE"


def _verdicts(name: str, found: list[str], fine: str, todo: str) -> list[Check]:
    if not found:
        return [Check(name, OK, fine)]
    return [
        Check(name, REFUSED, problem, "a change may only be asked of a cluster in order", todo) for problem in found
    ]


def drift(view: ClusterView) -> list[Check]:
    """DRIFT: NODE_IPS, OVN_DB_IPS, labels and raft addresses agree; four sources of truth that nobody keeps in step."""
    central = view.workload(CENTRAL)
    if central is None:
        return [
            Check("DRIFT", REFUSED, f"there is no deployment/{CENTRAL} in {view.namespace}", todo="name the namespace")
        ]
    listed = set(split_list(central.env.get("NODE_IPS", "")))
    found = []
    for database in DATABASES:
        if (hosts := set(health.member_hosts(view, database))) and hosts != listed:
            found.append(f"{database} has members {_names(hosts)}, NODE_IPS lists {_names(listed)}")
    labelled = {node.address for node in view.labelled()}
    if labelled != listed:
        found.append(f"the label is on {_names(labelled)}, NODE_IPS lists {_names(listed)}")
    for workload in view.workloads:
        clients = set(split_list(workload.env.get("OVN_DB_IPS", "")))
        if clients and clients != listed:
            found.append(f"{workload.ref} has OVN_DB_IPS {_names(clients)}, NODE_IPS lists {_names(listed)}")
    if not found:
        return [Check("DRIFT", OK, "NODE_IPS, OVN_DB_IPS, labels and members agree")]
    return [
        Check("DRIFT", WARN, problem, "these drift apart unseen", "a run that was cut off leaves this: run it again")
        for problem in found
    ]


def halfway(view: ClusterView, own: Iterable[str]) -> list[Check]:
    """HALFWAY: no other node is half in or half out: raft and NODE_IPS agree on every host but the plan's ``own``."""
    central = view.workload(CENTRAL)
    listed = set(split_list(central.env.get("NODE_IPS", ""))) if central is not None else set()
    configured = {host for database in DATABASES for host in health.member_hosts(view, database)}
    others = sorted((listed ^ configured) - set(own)) if listed and configured else []
    checks = []
    for host in others:
        node = view.node_at(host)
        name = node.name if node is not None else host
        half = "is in NODE_IPS and no member" if host in listed else "is a member and not in NODE_IPS"
        todo = f"finish it first: ovnswap apply remove {name} (or ovnswap apply add {name})"
        checks.append(Check("HALFWAY", REFUSED, f"{name} {half}", "two changes at once can't be steered", todo))
    return checks or [Check("HALFWAY", OK, "no other node is half in or half out")]


def _names(hosts: set[str]) -> str:
    return ",".join(sorted(hosts)) or "nothing"


def pods(view: ClusterView, ignore: Iterable[str] = ()) -> list[Check]:
    """PODS: every ovn-central pod Ready, so that a rollout can be steered; those on nodes in ``ignore`` excepted."""
    skipped = frozenset(ignore)
    central = view.workload(CENTRAL)
    homeless = central is not None and central.replicas > len(view.labelled())  # a run that was cut off leaves that
    here = [p for p in view.pods_of(CENTRAL) if p.active and p.node not in skipped]
    unready = [p for p in here if not p.ready and not (homeless and p.node is None)]
    if not unready:
        return [Check("PODS", OK, "every ovn-central pod is Ready")]
    why = "a rollout replaces a pod that is not Ready first, whatever is wanted"
    seen = [f"pod {pod.name} on {pod.node or 'no node'} is not Ready" for pod in unready]
    return [Check("PODS", REFUSED, pod, why, "mend it or wait until it is Ready") for pod in seen]


def newcomer(view: ClusterView, node: Node, directory_files: tuple[str, ...] | None) -> list[Check]:
    """FIRST, FILES, NODE, MEMBER: the node may come in. ``directory_files`` None: its directory was not looked at."""
    checks = []
    if not node.ready:
        checks.append(
            Check("NODE", REFUSED, f"node {node.name} is not Ready", "its server could not join", "bring it up")
        )
    elif node.unschedulable:
        why = "ovn-central tolerates that and goes there all the same; a reboot may be under way"
        checks.append(Check("NODE", WARN, f"node {node.name} is cordoned", why, f"kubectl uncordon {node.name}"))
    for database in DATABASES:
        pair = view.leader(database)
        dead = node.address not in health.live_hosts(view, database)
        if pair is not None and pair[1].entry_at(node.address) and dead:
            seen = f"{database} has a server at {node.address} already, and it is not alive"
            checks.append(
                Check("MEMBER", REFUSED, seen, "a wiped node joins as a second server there", "remove it first")
            )
    if (outcast := _outcast(view, node)) is not None:
        checks.append(outcast)
    if directory_files:
        seen = f"{', '.join(directory_files)} on {node.name} will be removed"
        checks.append(Check("FILES", WARN, seen, "an old database would crash-loop or join with a dead id"))
    return checks or [Check("NODE", OK, f"node {node.name} can come in")]


def _outcast(view: ClusterView, node: Node) -> Check | None:
    """LEFT: a newcomer that has been let in before, is no member, and whose servers do not run however often they are
    started: raft has sent it away, and its files say so for ever (facts: kube-ovn 2, "Kicked, alive server")."""
    pod = view.central_pod(node.name)
    if pod is None or not pod.active or pod.ready or not pod.restarts:
        return None
    if node.address not in split_list(pod.env.get("NODE_IPS", "")):
        return None
    away = [db for db in DATABASES if node.address not in health.member_hosts(view, db)]
    silent = [db for db in away if (report := view.report(db, node.name)) is None or report.status is None]
    if not silent:
        return None
    seen = f"{' and '.join(map(str, silent))} on {node.name} is no member, and does not start ({pod.restarts} restarts)"
    why = "a server that was kicked never starts again with its files: somebody, or some automation, has kicked it"
    todo = f"stop what kicks; then rm -rf {view.directory} on {node.name}, and kubectl delete pod {pod.name}"
    return Check("LEFT", REFUSED, seen, why, f"{todo} -n {view.namespace}")


def first_address(view: ClusterView, wanted: tuple[str, ...]) -> list[Check]:
    """FIRST: the first address of NODE_IPS alone may bootstrap a cluster; it must be one that holds the data.

    Being listed proves nothing: it must be a member of both databases.
    """
    members = [health.member_hosts(view, database) for database in DATABASES]
    if wanted and any(hosts and wanted[0] not in hosts for hosts in members):
        seen = f"{wanted[0]} would be first in NODE_IPS"
        why = "the first address with an empty disk creates a second cluster when no leader is seen"
        return [Check("FIRST", REFUSED, seen, why, "put an old member first")]
    return [Check("FIRST", OK, f"{wanted[0] if wanted else 'nobody'} stays allowed to bootstrap, and holds the data")]


def version(view: ClusterView, kick_first: bool) -> list[Check]:
    """VERSION: releases whose leader deletes its own database after a kick."""
    release = view.versions.kube_ovn
    if not release:
        return [
            Check("VERSION", WARN, "the Kube-OVN release is not known", f"{_RELEASES} delete a database after a kick")
        ]
    if kick_first and release in INTEGRITY_CHECK_RELEASES:
        seen = f"Kube-OVN {release} deletes a database with fewer servers than NODE_IPS lists"
        return [
            Check("VERSION", REFUSED, seen, "this order kicks before NODE_IPS is changed", "upgrade Kube-OVN first")
        ]
    return [Check("VERSION", OK, f"Kube-OVN {release}")]


_RELEASES = ", ".join(INTEGRITY_CHECK_RELEASES)


def restarts(view: ClusterView, members_after: int, accept_stall: bool, first: str = "") -> list[Check]:
    """Q-ROLL: restarting the pods of a two-member cluster one by one stops writes at each of them.

    ``first`` is what can be tried before anything else.
    """
    if members_after >= 3:
        return [Check("Q-ROLL", OK, f"each restart leaves {members_after - 1} of {members_after} members")]
    seen = f"NODE_IPS can only be changed by restarting each pod of a {members_after}-member cluster"
    why = "writes stop at each restart, for about a minute in all"
    if accept_stall:
        return [Check("Q-ROLL", WARN, seen, why)]
    todo = "replace the node instead (ovnswap plan replace NODE --with SPARE), or accept it: --accept-stall"
    return [Check("Q-ROLL", REFUSED, seen, why, first + todo)]


def bring_back(view: ClusterView, node: Node) -> str:
    """What gives a live node its server again: one whose label was taken, and then its pod, has nowhere to run.

    Nothing does for one that was kicked already: its new server would not be let in.
    """
    key, value = view.label
    out = not any(node.address in health.member_hosts(view, database) for database in DATABASES)
    if out or not node.ready or node in view.labelled() or view.central_pod(node.name) is not None:
        return ""
    return f"bring its server back, if {node.name} is alive (kubectl label node {node.name} {key}={value}); or "


def hosts_of(view: ClusterView, node: str) -> tuple[str, ...]:
    """The addresses under which ``node`` may be configured in raft."""
    found = view.node(node)
    return (host_of(found.address),) if found is not None else ()
