"""What careless hands do, or automation that acts right after a failover (facts: ovsdb-raft 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness.cluster import ClusterView, Database, ServerEntry
from harness.executor import Executor, Reply, WaitTimeout
from harness.quorum import majority
from harness.steps.base import CENTRAL, Step

SILENT = 1.5
"""Election timers without a word after which a server is taken for dead."""
LOOKS_FOR = 30.0
"""Cluster seconds in which somebody who is silent is noticed: some elections, at the longest."""


@dataclass(frozen=True)
class KickSilent(Step):
    """Ask every server who leads, and have that one kick whom it has not heard from for :data:`SILENT` election timers:
    "that one is dead anyway". Does nothing if nobody is silent for :data:`LOOKS_FOR` seconds.
    """

    database: Database
    safe_point: ClassVar[bool] = False

    @property
    def title(self) -> str:
        return f"kick who is silent from {self.database}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        control = f"ovn-appctl -t {self.database.control} cluster/kick {self.database.schema}"
        who = "<ID of a server whose last msg is older than 1.5 election timers>"
        return (f"kubectl exec -n {view.namespace} <LEADER POD> -c {CENTRAL} -- {control} {who}",)

    def silent(self, view: ClusterView) -> tuple[str, tuple[ServerEntry, ...]] | None:
        """The node of the leader, and who it has not heard from; None if there is neither, or if it is the leader that
        hears too few: even a careless script knows that one by its status."""
        pair = view.leader(self.database)
        if pair is None:
            return None
        node, status = pair
        found = tuple(
            e for e in status.servers if not e.is_self and (e.last_msg_ms or 0) >= SILENT * status.election_timer
        )
        hears = len(status.servers) - len(found) >= majority(len(status.servers))
        return (node, found) if found and hears else None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        try:
            node, found = executor.wait(lambda: self.silent(executor.view()), LOOKS_FOR, self.title)
        except WaitTimeout:
            return Reply(0, "nobody is silent")
        return Reply(0, "; ".join(executor.kick(self.database, node, entry.sid4).text for entry in found))
