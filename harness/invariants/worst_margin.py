"""P2: the majority is never lost by the procedure's own doing, at any instant."""

from __future__ import annotations

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.forecast import Standing
from harness.invariants.base import Property


class WorstMargin(Property):
    """A majority is lost by the procedure's own doing when it would have been lost although the servers that a fault
    befell were up (``forgiven`` of :class:`World`). What a fault takes, and what the kubelet does to the others because
    of it for three minutes, is not the procedure's doing."""

    id = "P2"
    statement = (
        "At every instant, apart from servers that a fault has taken, a majority of each database's members runs."
    )
    source = "Raft 4.4; facts: kube-ovn 3 (what restarts when), testing C"

    def begin(self) -> None:
        self.margins: dict[Database, int] = {}
        self.lowest: dict[Database, int] = {}

    def on_look(self, view: ClusterView) -> None:
        for database in DATABASES:
            members = health.member_hosts(view, database)
            if not members:
                continue
            up = health.running_hosts(view, database)
            margin = Standing(members, up).margin
            if margin < 0 <= self.margins.get(database, 0):
                self._lost(view.at, database, members, up)
            self.margins[database] = margin
            self.lowest[database] = min(margin, self.lowest.get(database, margin))

    def _lost(self, at: float, database: Database, members: tuple[str, ...], up: frozenset[str]) -> None:
        """A majority is lost now. Whose doing is it?"""
        words = f"{database}: {len(up & set(members))} of {len(members)} servers run: no majority"
        self.world.happened(at, words)
        forgiven = self.world.forgiven
        spared = Standing(members, frozenset(members) - forgiven)
        if spared.margin < 0 or Standing(members, up | forgiven).margin >= 0:
            self.world.excuse(at)
        elif at > self.world.excused_until and not self.world.waived:
            self.broken(words, database)
