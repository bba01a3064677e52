"""S1: one leader a term, also at different times."""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class ElectionSafety(Property):
    """Who led a term is written once: a check of one instant does not see two leaders of a term at different times."""

    id = "S1"
    statement = "In each database, at most one server ever leads a given term of a given cluster id."
    source = "Raft, figure 3.2 (Election Safety); ovsdb-tool check-cluster; facts: testing C"

    def begin(self) -> None:
        self._led: dict[tuple[Database, str | None, int], str] = {}

    def on_leader(self, server: Replica, term: int, sid: str, known: str) -> None:
        if known != sid:
            self._twice(server.database, term, known, sid)

    def on_status(self, view: ClusterView) -> None:
        for database in DATABASES:
            for _, status in view.leaders(database):
                first = self._led.setdefault((database, status.cluster_id, status.term), status.server_id)
                if first != status.server_id:
                    self._twice(database, status.term, first, status.server_id)

    def _twice(self, database: Database, term: int, first: str, second: str) -> None:
        self.broken(f"{database} term {term} was led by {first[:4]} and by {second[:4]}", database)
