"""L3: nobody joins or leaves for ever."""

from __future__ import annotations

from collections.abc import Iterable

from harness.cluster import DATABASES, ClusterView, Database, MemberStatus
from harness.invariants.base import EndState, Grade, Property

LONGEST = 600.0
"""Cluster seconds: Kubernetes' own deadline for a rollout; a join or a removal takes seconds (facts: ovsdb-raft 3)."""


class PhasesEnd(Property):
    id = "L3"
    statement = "No server stays joining or leaving, and no membership change pending, for ten minutes or at the end."
    source = "OVS af5a99737, 5b9feacfc, 9d15da43b; kube-ovn #6907; facts: testing C"
    grade = Grade.ORDER

    def begin(self) -> None:
        self._since: dict[tuple[Database, str, str], float] = {}

    def on_look(self, view: ClusterView) -> None:
        before, self._since = self._since, {}
        for database in DATABASES:
            for node, status in view.statuses(database):
                if status.status == "cluster member" and not status.adding and not status.removing:
                    continue
                for words in phases(status):
                    key = database, node, words
                    since = self._since[key] = before.get(key, view.at)
                    if view.at - since > LONGEST:
                        self.broken(f"{database} server on {node}: {words} for ten minutes", database)

    def at_end(self, end: EndState) -> Iterable[str]:
        return [
            f"{database} server on {node}: {words}"
            for database in DATABASES
            for node, status in end.view.statuses(database)
            for words in phases(status)
        ]


def phases(status: MemberStatus) -> list[str]:
    """What a server has begun and not ended: its own joining or leaving, and as leader others'."""
    found = [status.status] if status.status in ("joining cluster", "leaving cluster") else []
    found += [f"adding {server.address}" for server in status.adding]
    return found + [f"removing {server.address}" for server in status.removing]
