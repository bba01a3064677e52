"""S6: what is committed is committed for good, and the same everywhere."""

from __future__ import annotations

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class StateMachineSafety(Property):
    """What was committed at an index is written once. A server that cuts off what it has itself committed is told
    too: its clients have seen it."""

    id = "S6"
    statement = "All servers commit the same entry at an index, and none cuts off what it has committed."
    source = "Raft, figure 3.2 (State Machine Safety); etcd and CCF: LogInv; facts: testing C"

    def on_conflict(self, server: Replica, index: int, term: int, known: int) -> None:
        text = f"{server.words} committed entry {index} of term {term}, another server that of term {known}"
        self.broken(text, server.database, once=f"{server.database} {server.sid}")

    def on_cut(self, server: Replica, index: int, end: int) -> None:
        if index <= server.commit:
            text = f"{server.words} cut its log off at {index}, and had committed up to {server.commit}"
            self.broken(text, server.database)
