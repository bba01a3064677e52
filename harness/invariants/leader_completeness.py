"""S5: who leads has all that was committed."""

from __future__ import annotations

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class LeaderCompleteness(Property):
    """Only the last committed entry is looked for: Log Matching (S3) answers for those before it."""

    id = "S5"
    statement = "A leader's log has every entry that was committed in an earlier term."
    source = "Raft, figure 3.2 (Leader Completeness); CCF and etcd: LeaderCompletenessInv; facts: testing C"

    def on_lead(self, server: Replica, term: int) -> None:
        committed = server.raft.committed
        index = server.raft.last
        while index > 1 and committed.get(index, 0) >= term:
            index -= 1
        wanted = committed.get(index)
        if wanted is not None and not server.has(index, wanted):
            self._lacks(server, term, index, wanted)

    def on_commit(self, server: Replica, before: int, index: int) -> None:
        raft = server.raft
        if server.leads != server.term or raft.led <= server.term or index <= raft.last:
            return
        term = server.term_at(index)
        for other in self.world.chronicle.replicas.values():  # an old leader commits, a later one is there
            if other.raft is raft and other.leads > server.term and term is not None and not other.has(index, term):
                self._lacks(other, other.leads, index, term)

    def _lacks(self, server: Replica, term: int, index: int, wanted: int) -> None:
        text = f"{server.words} leads term {term} without entry {index} of term {wanted}, which was committed"
        self.broken(text, server.database)
