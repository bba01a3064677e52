"""S17: what was acknowledged is there."""

from __future__ import annotations

from collections.abc import Iterable

from harness.cluster import DATABASES
from harness.invariants.base import EndState, Property


class NoLostWrite(Property):
    """A write without an answer may be there or not, and more than once (OVSDB is at-least-once)."""

    id = "S17"
    statement = "Every acknowledged row is served by every member, in nb and in sb."
    source = "ovsdb(7) on durability; facts: kube-ovn 10, oracle (v); testing C"

    def at_end(self, end: EndState) -> Iterable[str]:
        if end.history is None:
            return ["there is no client history to check"]
        found = []
        for database in DATABASES:
            promised = end.history.acknowledged(database)
            for (asked, node), rows in end.rows.items():
                if asked is not database or rows is None:
                    continue
                lost = [row for row in promised if row not in rows]
                if lost:
                    found.append(f"{database} on {node} lacks {len(lost)} acknowledged rows, first {lost[0]}")
        return found
