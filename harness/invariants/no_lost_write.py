"""S17: what was acknowledged is there."""

from __future__ import annotations

from collections.abc import Iterable

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.base import EndState, Property


class NoLostWrite(Property):
    """A write without an answer may be there or not, and more than once (OVSDB is at-least-once).

    A follower that has not got its leader's log makes no claim to be current: the row is not lost, it is late. That is
    L1's matter. Whoever leads, and whoever has the log, must serve every row.
    """

    id = "S17"
    statement = "Every acknowledged row is served by every member that has its leader's log, in nb and in sb."
    source = "ovsdb(7) on durability; facts: kube-ovn 10, oracle (v); testing C"

    def at_end(self, end: EndState) -> Iterable[str]:
        if end.history is None:
            return ["there is no client history to check"]
        found = []
        for database in DATABASES:
            promised = end.history.acknowledged(database)
            for (asked, node), rows in end.rows.items():
                if asked is not database or rows is None or _late(end.view, database, node):
                    continue
                lost = [row for row in promised if row not in rows]
                if lost:
                    found.append(f"{database} on {node} lacks {len(lost)} acknowledged rows, first {lost[0]}")
        return found


def _late(view: ClusterView, database: Database, node: str) -> bool:
    """Whether the server on ``node`` follows somebody whose log is longer by more than what is in flight."""
    mine = next((status for name, status in view.statuses(database) if name == node), None)
    if mine is None or mine.is_leader:
        return False
    leads = [s for _, s in view.leaders(database) if s.nickname == mine.leader and s.cluster_id == mine.cluster_id]
    return any(leader.log_end - mine.log_end > health.LAG for leader in leads)
