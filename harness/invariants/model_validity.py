"""M1: what was judged is what OVSDB does."""

from __future__ import annotations

from collections.abc import Iterable

from harness.invariants.base import EndState, Grade, Property
from harness.invariants.chronicle import Replica


class ModelValidity(Property):
    """The whole of it, that every event of a real run is one that fake_raft could have made, is the trace validator's
    (tests/conformance/histories). Here: files must make sense to this judge as they do to ovsdb-tool."""

    id = "M1"
    statement = "Every file is a history that the model has, and ovsdb-tool's check-cluster finds in it what we find."
    source = "CCF: trace validation; etcd-io/raft #113; ovsdb-tool(1), check-cluster; facts: testing C"
    grade = Grade.RUN

    def on_strange(self, server: Replica, text: str) -> None:
        if server.source.node not in self.world.forgetful:  # a full disk leaves holes
            self.broken(f"{server.words}: {text}", server.database)

    def at_end(self, end: EndState) -> Iterable[str]:
        seen = self.world.broken_raft
        return [f"{db}: check-cluster says: {text}" for db, text in end.tool.items() if text and db not in seen]
