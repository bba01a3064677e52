"""S15: a database has one cluster id."""

from __future__ import annotations

from collections.abc import Iterable

from harness.cluster import DATABASES, ClusterView
from harness.invariants.base import EndState, Property
from harness.invariants.chronicle import Replica


class OneClusterId(Property):
    """Judged at every event and look: a second cluster whose servers are gone again at the end has taken writes."""

    id = "S15"
    statement = "All servers of a database that have joined have the same cluster id, and none changes its own."
    source = "ovsdb(7) on clustered databases; check-cluster; facts: kube-ovn 10, oracle (i); testing C"

    def on_open(self, server: Replica, last: Replica | None, joining: bool, remotes: tuple[str, ...]) -> None:
        if last is not None and last.raft.cid and server.raft.cid and last.raft is not server.raft:
            text = f"{server.words} went from cluster id {last.raft.cid} to {server.raft.cid}"
            self.broken(text, server.database)

    def on_found(self, server: Replica, first: bool) -> None:
        others = self.world.chronicle.replicas.values()
        mine = server.raft
        if any(o.running and o.raft.cid and o.raft is not mine and o.database is server.database for o in others):
            ids = sorted({o.raft.cid for o in others if o.raft.cid and o.database is server.database})
            text = f"{server.database} has {len(ids)} cluster ids: {', '.join(ids)}"
            self.broken(text, server.database)

    def on_status(self, view: ClusterView) -> None:
        for text in wrong(view):
            self.broken(text)

    def at_end(self, end: EndState) -> Iterable[str]:
        return wrong(end.view)


def wrong(view: ClusterView) -> list[str]:
    """A text for each database with several ids."""
    found = []
    for database in DATABASES:
        ids = sorted({status.cluster_id for _, status in view.statuses(database) if status.cluster_id is not None})
        if len(ids) > 1:
            found.append(f"{database} has {len(ids)} cluster ids: {', '.join(ids)}")
    return found
