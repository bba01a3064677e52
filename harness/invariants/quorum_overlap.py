"""S12: a leader's configuration can't decide anything without the last committed one."""

from __future__ import annotations

from collections.abc import Mapping

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica
from harness.quorum import majority


class QuorumOverlap(Property):
    """Judged when a leader takes office and when it appends a configuration. An old leader, in whose time others have
    committed more, may have any: it can't commit."""

    id = "S12"
    statement = "Every majority of a leader's configuration meets every majority of the last committed one."
    source = "Raft 4.1 (why one server at a time); facts: testing C"

    def on_lead(self, server: Replica, term: int) -> None:
        self._meets(server, server.servers)

    def on_configure(self, server: Replica, index: int, servers: Mapping[str, str], before: Mapping[str, str]) -> None:
        if server.leads == server.term:
            self._meets(server, servers)

    def _meets(self, server: Replica, servers: Mapping[str, str]) -> None:
        settled = server.raft.settled
        if not settled or not servers or server.raft.settled_term > server.term:
            return
        together = len({**settled, **servers})
        if majority(len(settled)) + majority(len(servers)) <= together:
            mine, last = (",".join(sorted(sid[:4] for sid in group)) for group in (servers, settled))
            text = (
                f"{server.words} leads term {server.term} with {mine}; {last} is committed, and majorities may not meet"
            )
            self.broken(text, server.database)
