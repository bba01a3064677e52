"""S3: where two logs have the same entry, they are the same up to it."""

from __future__ import annotations

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class LogMatching(Property):
    """Each entry is compared with the first of its index and term, and with what that one followed: by induction the
    logs match up to it."""

    id = "S3"
    statement = (
        "Entries of the same index and term are the same and follow entries of the same term, which is no later one, "
        "on every server."
    )
    source = "Raft, figure 3.2 (Log Matching); etcd and CCF: LogMatchingInv; ovsdb-tool check-cluster; facts: testing C"

    def on_append(self, server: Replica, index: int, term: int, data: str | None, before: int) -> None:
        known = server.raft.entries[index, term]
        if known != (before, data):
            text = f"{server.words} has another entry {index} of term {term} than another server"
            self.broken(text, server.database)
        elif term < before:
            text = f"{server.words} has entry {index} of term {term} after one of term {before}"
            self.broken(text, server.database)
