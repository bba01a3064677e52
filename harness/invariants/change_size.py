"""S13: one server comes or goes with each configuration."""

from __future__ import annotations

from collections.abc import Mapping

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class ChangeSize(Property):
    id = "S13"
    statement = "Each configuration in a log differs from the one before it by exactly one server."
    source = "Raft 4.1 (single-server changes); facts: testing C"

    def on_configure(self, server: Replica, index: int, servers: Mapping[str, str], before: Mapping[str, str]) -> None:
        changed = sum(sid not in before for sid in servers) + sum(sid not in servers for sid in before)
        if before and changed != 1:
            text = f"{server.words} has a configuration at {index} that changes {changed} servers at once"
            self.broken(text, server.database)
