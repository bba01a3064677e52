"""S4: a leader never takes back what it wrote."""

from __future__ import annotations

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class LeaderAppendOnly(Property):
    """Another server can't cut it off in the same term, for that would be led by two."""

    id = "S4"
    statement = "A server never cuts its log off in a term that it leads or has led."
    source = 'Raft, figure 3.2 (Leader Append-Only); check-cluster "truncates log while server is leader"'

    def on_cut(self, server: Replica, index: int, end: int) -> None:
        if server.leads == server.term != 0:
            text = f"{server.words} cut its log off at {index} (it reached to {end - 1}) in term {server.term}, its own"
            self.broken(text, server.database)
