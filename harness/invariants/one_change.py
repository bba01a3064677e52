"""S10: one membership change at a time."""

from __future__ import annotations

from collections.abc import Mapping

from harness.cluster import Database
from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class OneChange(Property):
    """A leader writes the next configuration before it writes that the one before is committed, in one go (raft.c,
    raft_update_commit_index): so the very next thing in its file must be that."""

    id = "S10"
    statement = "A leader appends a configuration only when the one before it in its log is committed."
    source = "Raft 4.1; raft.c, raft_has_uncommitted_configuration; facts: testing C"

    def begin(self) -> None:
        self._owes: dict[tuple[Database, str], tuple[int, int]] = {}

    def on_configure(self, server: Replica, index: int, servers: Mapping[str, str], before: Mapping[str, str]) -> None:
        if server.leads == server.term and server.configured > server.commit:
            self._owes[server.database, server.sid] = (index, server.configured)

    def on_append(self, server: Replica, index: int, term: int, data: str | None, before: int) -> None:
        if self._owes:
            self._pays(server, 0)

    def on_commit(self, server: Replica, before: int, index: int) -> None:
        if self._owes:
            self._pays(server, index)

    def _pays(self, server: Replica, commit: int) -> None:
        index, earlier = self._owes.pop((server.database, server.sid), (0, 0))
        if commit < earlier:
            text = f"{server.words} appended a configuration at {index} while that at {earlier} was not committed"
            self.broken(text, server.database)
