"""Is a raft cluster in order, as its own servers tell it? Pure functions of a view; each answer is a reason in words.

The rules are the cautious operator's of facts, ovsdb-raft 9 and 10: ask every server, trust none alone, and change
nothing unless one leader has committed an entry of its own term and no other change is pending.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database, MemberStatus, ServerEntry
from harness.quorum import majority

LAG = 16
"""Entries that a voter may be behind its leader and still count as caught up: what a busy client has in flight."""


def members(view: ClusterView, database: Database) -> tuple[ServerEntry, ...]:
    """The configuration as the leader sees it; without a leader, as the server with the longest log of the highest
    term does. Empty if nobody answers."""
    leader = view.leader(database)
    if leader is not None:
        return leader[1].servers
    best = max(view.statuses(database), key=lambda pair: (pair[1].term, pair[1].log_end), default=None)
    return best[1].servers if best is not None else ()


def member_hosts(view: ClusterView, database: Database) -> tuple[str, ...]:
    """Hosts of :func:`members`, sorted; a host appears once for each server configured there."""
    return tuple(sorted(host_of(entry.address) for entry in members(view, database)))


def live_hosts(view: ClusterView, database: Database) -> frozenset[str]:
    """Hosts of configured servers that answer, take part in raft and know a leader."""
    configured = members(view, database)
    live: set[str] = set()
    for _, status in view.statuses(database):
        if status.is_member and status.has_leader and any(status.server_id.startswith(e.sid4) for e in configured):
            live.add(host_of(status.address))
    return frozenset(live)


def running_hosts(view: ClusterView, database: Database) -> frozenset[str]:
    """Hosts whose server answers as a member, whether or not it knows a leader at this instant: an election does not
    count as an outage."""
    answering = (s for _, s in view.statuses(database) if s.is_member or "disconnected" in s.status)
    return frozenset(host_of(status.address) for status in answering)


def leader_problems(view: ClusterView, database: Database) -> list[str]:
    """Why no change may be asked of the leader now; empty if it may."""
    leaders = view.leaders(database)
    if not leaders:
        return [f"{database} has no leader"]
    if len(leaders) > 1:
        claims = ", ".join(f"{node} (term {status.term})" for node, status in leaders)
        return [f"{database}: more than one server calls itself leader: {claims}"]
    node, leader = leaders[0]
    found = []
    if not leader.own_term_committed:
        waiting = f"{leader.uncommitted} entries not committed, the first of its own term among them"
        found.append(f"{database} leader on {node} has {waiting}")
    if leader.change_pending:
        found.append(f"{database} leader on {node} has a membership change pending")
    return found


def duplicate_problems(view: ClusterView, database: Database) -> list[str]:
    """Two servers at one address: one of them is a ghost (facts: kube-ovn 2, "wipe without kick")."""
    hosts = member_hosts(view, database)
    doubled = sorted({host for host in hosts if hosts.count(host) > 1})
    return [
        f"{database} has {hosts.count(host)} servers configured at {host}: all but one are ghosts" for host in doubled
    ]


def server_problems(view: ClusterView, database: Database, entry: ServerEntry, leader: MemberStatus) -> list[str]:
    """What is wrong with one configured server: silent, outside, leaderless, behind, or of another opinion."""
    host = host_of(entry.address)
    # Four digits alone do not tell servers apart: one pair in 65536 shares them.
    told = (s for _, s in view.statuses(database) if s.server_id.startswith(entry.sid4))
    status = next((s for s in told if host_of(s.address) == host), None)
    if status is None:
        return [f"{database} server {entry.sid4} at {host} does not answer"]
    if not status.is_member:
        return [f"{database} server {entry.sid4} at {host} says: {status.status}"]
    if goes(view, host):
        return [f"{database} server {entry.sid4} at {host} is about to stop: its pod is being deleted"]
    if status.cluster_id != leader.cluster_id:
        return [f"{database} server {entry.sid4} at {host} belongs to another cluster ({status.cluster_id})"]
    if not status.is_leader and status.leader != leader.nickname:
        return [f"{database} server {entry.sid4} at {host} does not follow the leader {leader.nickname}"]
    if {s.sid4 for s in status.servers} != {s.sid4 for s in leader.servers}:
        return [f"{database} server {entry.sid4} at {host} does not know the leader's configuration yet"]
    return lag_problems(database, entry, leader)


def goes(view: ClusterView, host: str) -> bool:
    """Whether the ovn-central pod at ``host`` is being deleted and no other has come: its servers answer for a few
    seconds more (facts: kubernetes 3)."""
    pods = [pod for pod in view.pods_of("ovn-central") if pod.address == host]
    return any(pod.terminating for pod in pods) and not any(pod.active for pod in pods)


def lag_problems(database: Database, entry: ServerEntry, leader: MemberStatus) -> list[str]:
    """Whether the leader's copy and this server's are further apart than :data:`LAG` entries."""
    if entry.is_self:
        return []
    behind = leader.log_end - 1 - (entry.match_index or 0)
    if behind > LAG:
        return [f"{database} server {entry.sid4} at {host_of(entry.address)} is {behind} entries behind"]
    return []


def problems(view: ClusterView, database: Database, *, ignore: Iterable[str] = ()) -> list[str]:
    """Everything that is not in order in one database; servers on the hosts ``ignore`` may be in any state."""
    found = leader_problems(view, database)
    pair = view.leader(database)
    if pair is None:
        return found
    skipped = frozenset(ignore)
    found += duplicate_problems(view, database)
    for entry in pair[1].servers:
        if host_of(entry.address) not in skipped:
            found += server_problems(view, database, entry, pair[1])
    return found


def all_problems(view: ClusterView, *, ignore: Iterable[str] = ()) -> list[str]:
    """:func:`problems` of both databases."""
    skipped = frozenset(ignore)
    return [problem for database in DATABASES for problem in problems(view, database, ignore=skipped)]


def is_voter(view: ClusterView, database: Database, host: str) -> bool:
    """Whether the server at ``host`` is a caught-up member that the leader and the server itself agree on."""
    pair = view.leader(database)
    if pair is None:
        return False
    entries = pair[1].entry_at(host)
    return len(entries) == 1 and not entries[0].phase and not server_problems(view, database, entries[0], pair[1])


def removed_everywhere(view: ClusterView, database: Database, host: str) -> str | None:
    """Why the removal of the server at ``host`` is not committed as seen by every survivor; None if it is."""
    pair = view.leader(database)
    if pair is None:
        return f"{database} has no leader"
    node, leader = pair
    if leader.entry_at(host):
        return f"{database} leader on {node} still has a server at {host}"
    if leader.removing or not leader.own_term_committed:
        return f"{database} leader on {node} has not committed the removal of {host}"
    survivors = [s for _, s in view.statuses(database) if host_of(s.address) != host]
    stale = [s for s in survivors if s.is_member and s.entry_at(host)]
    if stale:
        return f"{database} server at {host_of(stale[0].address)} still has a server at {host}"
    answered = {s.server_id[:4] for s in survivors}
    silent = [e for e in leader.servers if e.sid4 not in answered]
    if silent:
        return f"{database} server {silent[0].sid4} at {host_of(silent[0].address)} does not answer"
    return None


def removal_keeps_quorum(view: ClusterView, database: Database, host: str) -> tuple[bool, int, int, int]:
    """(safe, members, live, majority) of the configuration without ``host``: etcd's strict check, which OVSDB lacks.

    A live member counts only if it knows a leader now (facts: peers 0.1, ovsdb-raft 9.3).
    """
    left = [e for e in members(view, database) if host_of(e.address) != host]
    # One process for each host: a ghost beside a live server is not alive.
    alive = len({host_of(e.address) for e in left} & live_hosts(view, database))
    needed = majority(len(left)) if left else 1
    return alive >= needed and bool(left), len(left), alive, needed
