"""S12: a leader's configuration can't decide anything without the last committed one."""

from __future__ import annotations

from collections.abc import Mapping

from harness.cluster import Database
from harness.invariants.base import Property
from harness.invariants.chronicle import Replica
from harness.quorum import majority


class QuorumOverlap(Property):
    """Judged when a leader takes office and when it appends a configuration. An old leader, in whose time others have
    committed more, may have any: it can't commit."""

    id = "S12"
    statement = "Every majority of a leader's configuration meets every majority of the last committed one."
    source = "Raft 4.1 (why one server at a time); facts: testing C"

    def begin(self) -> None:
        self._waits: dict[tuple[Database, str], Mapping[str, str]] = {}

    def on_lead(self, server: Replica, term: int) -> None:
        if server.raft.settled_term < term:
            self._meets(server, server.servers)

    def on_configure(self, server: Replica, index: int, servers: Mapping[str, str], before: Mapping[str, str]) -> None:
        if server.leads != server.term or server.raft.settled_at >= index:
            return  # an old leader; or files are read one after the other, and this one late
        if server.configured > server.commit:  # written in one go with the record that commits the one before (S10)
            self._waits[server.database, server.sid] = servers
        else:
            self._meets(server, servers)

    def on_settle(self, server: Replica, index: int, servers: Mapping[str, str], before: Mapping[str, str]) -> None:
        waiting = self._waits.pop((server.database, server.sid), None)
        if waiting is not None:
            self._meets(server, waiting, servers)

    def _meets(self, server: Replica, servers: Mapping[str, str], last: Mapping[str, str] | None = None) -> None:
        """``last``: the configuration that is just being committed."""
        settled = last or server.raft.settled
        if not settled or not servers or server.raft.settled_term > server.term:
            return
        together = len({**settled, **servers})
        if majority(len(settled)) + majority(len(servers)) <= together:
            mine, theirs = (",".join(sorted(sid[:4] for sid in group)) for group in (servers, settled))
            text = f"{server.words} leads term {server.term} with {mine}: {theirs} is committed, and they need not meet"
            self.broken(text, server.database)
