"""S9: terms and commit indexes only grow."""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class Monotone(Property):
    """A commit index is not synced before it is used, so a machine that loses its power may forget it (raft.c writes it
    without waiting); a term may not be forgotten once anybody could know it. A disk that was put back, wiped or lied
    is excused: its server forgets by the fault."""

    id = "S9"
    statement = "A server's term and commit index never fall, also not by a restart, and its log reaches its commit."
    source = 'Raft, figure 3.2; CCF: MonotonicTermProp; check-cluster "regresses commit index"; facts: testing C'

    def begin(self) -> None:
        self._terms: dict[tuple[Database, str], int] = {}

    def on_term(self, server: Replica, term: int) -> None:
        if term < server.term:
            self.broken(f"{server.words} went from term {server.term} back to {term}", server.database)

    def on_commit(self, server: Replica, before: int, index: int) -> None:
        if index < before:
            self.broken(f"{server.words} went from commit index {before} back to {index}", server.database)
        elif index >= server.end:
            text = f"{server.words} says that {index} is committed, and its log reaches to {server.end - 1}"
            self.broken(text, server.database)

    def on_open(self, server: Replica, last: Replica | None, joining: bool, remotes: tuple[str, ...]) -> None:
        if last is None or joining or server.source.node in self.world.forgetful:
            return
        if server.term < last.term:
            text = f"{server.words} began again in term {server.term}, and had been in {last.term}"
            self.broken(text, server.database)
        if server.commit < last.commit:
            text = f"{server.words} began again with commit index {server.commit}, and had {last.commit}"
            self.broken(text, server.database)

    def on_status(self, view: ClusterView) -> None:
        for database in DATABASES:
            for node, status in view.statuses(database):
                key = database, status.server_id
                before = self._terms.get(key, 0)
                if status.term < before and node not in self.world.forgetful:
                    words = f"{database} server {status.server_id[:4]} on {node}"
                    self.broken(f"{words} went from term {before} back to {status.term}", database)
                self._terms[key] = status.term
