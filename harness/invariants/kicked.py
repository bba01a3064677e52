"""Which server a kick means, and whether its removal is committed: for the properties that judge kicks."""

from __future__ import annotations

from harness import health
from harness.addresses import host_of
from harness.cluster import ClusterView, Database
from harness.invariants.acts import Act
from harness.quorum import majority


def entry_of(act: Act) -> str | None:
    """The host of the configured server that the kick ``act`` means: by sid, the beginning of one, or address; None if
    it means none or several."""
    assert act.database is not None, "a kick names its database"
    text = str(act.arguments[2])
    servers = health.members(act.view, act.database)
    exact = [entry for entry in servers if entry.address == text]
    alike = exact or [entry for entry in servers if entry.sid4.startswith(text[:4])]
    return host_of(alike[0].address) if len(alike) == 1 else None


def removed(view: ClusterView, database: Database, host: str) -> bool:
    """Whether the leader and a majority of the members that it has now no longer have a server at ``host``, with
    nothing pending: "started removal" is not that (facts: ovsdb-raft 3.4)."""
    pair = view.leader(database)
    if pair is None or pair[1].entry_at(host) or pair[1].removing or not pair[1].own_term_committed:
        return False
    members = {entry.sid4 for entry in pair[1].servers}
    told = [status for _, status in view.statuses(database) if status.server_id[:4] in members]
    without = sum(not status.entry_at(host) for status in told)
    return without >= majority(len(members)) if members else False
