"""S1 over time: one leader a term, S15 over time: one cluster id a database."""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.base import Violation


class ElectionSafety:
    """Remembers who led each term; two servers that ever led the same term are a violation, also at different times.

    Source: Raft, figure 3.2 (Election Safety); facts: testing C, S1.
    """

    id = "S1"
    statement = "In each database, at most one server leads a given term of a given cluster id."

    def __init__(self) -> None:
        self._led: dict[tuple[Database, str | None, int], str] = {}
        self.violations: list[Violation] = []

    def observe(self, view: ClusterView) -> None:
        for database in DATABASES:
            for _, status in view.leaders(database):
                self.leads(database, status.cluster_id, status.term, status.server_id)

    def leads(self, database: Database, cluster_id: str | None, term: int, server_id: str) -> None:
        """Note that ``server_id`` leads ``term``."""
        first = self._led.setdefault((database, cluster_id, term), server_id)
        if first != server_id:
            text = f"{database} term {term} was led by {first[:4]} and by {server_id[:4]}"
            self.violations.append(Violation(self.id, text))
