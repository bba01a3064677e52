"""S7: a leader commits what a majority has."""

from __future__ import annotations

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica
from harness.quorum import majority


class QuorumLog(Property):
    """Judged when a leader commits, by the configuration in force, which is when a disk that has lost an entry could
    have been counted. Needs events of all files in order of time. Copies that a disk has lost by a fault are counted as
    before: the fault has taken them, not the leader."""

    id = "S7"
    statement = "When a leader commits an entry, a majority of its configuration has it in its log."
    source = "CCF and etcd: QuorumLogInv, at the moment of commitment; facts: testing C"

    def on_commit(self, server: Replica, before: int, index: int) -> None:
        if server.leads != server.term or index <= server.raft.last or not self.world.ordered:
            return
        term = server.term_at(index)
        if term is None:
            return
        replicas, database = self.world.chronicle.replicas, server.source[0]
        servers = server.servers
        have = 0
        for sid in servers:
            other = replicas.get((database, sid))
            if other is None or other.has(index, term) or other.source[1] in self.world.forgetful:
                have += 1
        needed = majority(len(servers)) if servers else 0
        if have < needed:
            text = (
                f"{server.words} committed entry {index}, which {have} of {len(servers)} servers have, {needed} needed"
            )
            self.broken(text, database)
