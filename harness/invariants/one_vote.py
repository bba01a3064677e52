"""S2: one vote a term, also across a restart."""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class OneVote(Property):
    """A vote that a machine loses with its power, and that it had told nobody, was none. A disk that forgets what it
    said is stored makes its server vote twice: that is the disk's doing; what comes of it is judged by S1 and S6."""

    id = "S2"
    statement = "A server never votes for two servers in one term, also not after a restart."
    source = "Raft, figure 3.2 (RequestVote); ovsdb-tool check-cluster (RAFT_REC_VOTE); facts: testing C"

    def begin(self) -> None:
        self._given: dict[tuple[Database, str, int], str] = {}

    def on_vote(self, server: Replica, term: int, vote: str) -> None:
        self._votes(server.database, server.source.node, server.sid, term, vote)

    def on_stop(self, server: Replica, lost_votes: tuple[tuple[int, str], ...]) -> None:
        for term, _ in lost_votes:
            self._given.pop((server.database, server.sid, term), None)

    def on_status(self, view: ClusterView) -> None:
        for database in DATABASES:
            for node, status in view.statuses(database):
                vote = status.server_id if status.vote == "self" else status.vote
                if vote != "unknown":
                    self._votes(database, node, status.server_id, status.term, vote)

    def _votes(self, database: Database, node: str, sid: str, term: int, vote: str) -> None:
        """``vote`` is a server id, or its first four digits, which a status shows."""
        if node in self.world.forgetful:
            return
        first = self._given.setdefault((database, sid, term), vote)
        if first[:4] != vote[:4]:
            text = f"{database} server {sid[:4]} on {node} voted for {first[:4]} and for {vote[:4]} in term {term}"
            self.broken(text, database)
