"""S11: a leader changes the membership only when it has committed something of its own term."""

from __future__ import annotations

from collections.abc import Mapping

from harness.cluster import Database
from harness.invariants.acts import Act
from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class OwnTerm(Property):
    """OVSDB's leaders do not keep it (facts: testing 0.2: two committing leaders), so by default it is asked of a
    procedure's kicks alone: the gate that the guarded procedure has and the page has not. ``own_term`` of
    :class:`World` asks it of every configuration that a leader appends."""

    id = "S11"
    statement = "A change of membership is asked only of a leader that has committed an entry of its own term."
    source = (
        "Ongaro 2015, raft-dev: bug in single-server membership changes; etcd: pendingConfIndex; facts: testing 0.2"
    )

    def begin(self) -> None:
        self._owes: dict[tuple[Database, str], int] = {}

    def on_act(self, act: Act) -> None:
        if act.what != "kick" or not act.own or act.database is None or not self.world.gated:
            return
        leader = act.view.leader(act.database)
        if leader is not None and not leader[1].own_term_committed:
            text = f"{act.database} leader on {leader[0]} was asked to kick before it committed anything of its term"
            self.broken(f"{text} {leader[1].term}", act.database)

    def on_configure(self, server: Replica, index: int, servers: Mapping[str, str], before: Mapping[str, str]) -> None:
        if self.world.own_term and server.leads == server.term and server.term_at(server.commit) != server.term:
            self._owes[server.database, server.sid] = index

    def on_append(self, server: Replica, index: int, term: int, data: str | None, before: int) -> None:
        if self._owes:
            self._pays(server, 0)

    def on_commit(self, server: Replica, before: int, index: int) -> None:
        if self._owes:
            self._pays(server, server.term_at(index) or 0)

    def _pays(self, server: Replica, committed_term: int) -> None:
        index = self._owes.pop((server.database, server.sid), 0)
        if index and committed_term != server.term:
            text = f"{server.words} appended a configuration at {index} before an entry of its term was committed"
            self.broken(f"{text} ({server.term})", server.database)
