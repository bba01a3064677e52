"""S14: a server that was removed never comes back under its id."""

from __future__ import annotations

from collections.abc import Mapping

from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class FreshIds(Property):
    """A server whose file is gone and whose saved header gives it its old id is no violation while that id is still
    configured; once it was kicked, it is. Statuses show four digits of an id, so there the address must be the same
    too."""

    id = "S14"
    statement = "A server id that a committed configuration has taken out is never configured again."
    source = 'ovsdb(7): "Once a server leaves a cluster, it may never rejoin it"; facts: testing C'

    def begin(self) -> None:
        self._configured: dict[Database, frozenset[tuple[str, str]]] = {}
        self._gone: dict[Database, set[tuple[str, str]]] = {database: set() for database in DATABASES}

    def on_settle(self, server: Replica, index: int, servers: Mapping[str, str], before: Mapping[str, str]) -> None:
        for sid, address in servers.items():
            if sid not in before and sid in server.raft.gone:
                self._back(server.database, sid, address)

    def on_status(self, view: ClusterView) -> None:
        for database in DATABASES:
            pair = view.leader(database)
            if pair is None or pair[1].change_pending or not pair[1].own_term_committed:
                continue
            now = frozenset((entry.sid4, entry.address) for entry in pair[1].servers)
            for sid4, address in sorted(now & self._gone[database]):
                self._back(database, sid4, address)
            self._gone[database] |= self._configured.get(database, frozenset()) - now
            self._configured[database] = now

    def _back(self, database: Database, sid: str, address: str) -> None:
        text = f"{database} server {sid[:4]} at {address} was removed, and is configured again under the same id"
        self.broken(text, database)
