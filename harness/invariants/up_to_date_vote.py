"""S8: nobody votes for a server that lacks what the voter knows to be committed."""

from __future__ import annotations

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class UpToDateVote(Property):
    """Judged when the vote is given, for a voter that the candidate counts. Needs events in order of time."""

    id = "S8"
    statement = "A server votes only for a candidate whose log has all that the voter knows to be committed."
    source = "CCF: MoreUpToDateCorrect, for candidates; Raft 3.6.1; facts: testing C"

    def on_vote(self, server: Replica, term: int, vote: str) -> None:
        candidate = self.world.chronicle.replicas.get((server.database, vote))
        if candidate is None or candidate is server or candidate.raft is not server.raft or not self.world.ordered:
            return
        known = server.term_at(server.commit)
        if known is None or server.sid not in candidate.servers or candidate.has(server.commit, known):
            return
        text = f"{server.words} voted for {vote[:4]}, which lacks entry {server.commit} that the voter has committed"
        self.broken(text, server.database)
