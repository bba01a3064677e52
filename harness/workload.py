"""A client's history: what it wrote, what was acknowledged, how long it was kept waiting.

The client writes numbered marker rows into nb, one at a time, through the addresses that OVN_DB_IPS lists at that
moment, and waits for what northd makes of each in sb. A write without an answer may still take effect (OVSDB is
at-least-once: facts, ovsdb-raft 7 and testing S17), so only acknowledged rows are promises.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from harness.cluster import Database

DUE = 1.0
"""Cluster seconds from one acknowledgement until the client writes again, and another one is due."""


@dataclass(frozen=True, slots=True)
class Write:
    """One marker row. Times are cluster seconds; ``acknowledged`` is None while (or if) no answer came.

    For nb the acknowledgement is the server's; for sb it is the moment when the client could read northd's row there.
    """

    database: Database
    row: str
    invoked: float
    acknowledged: float | None


@dataclass(frozen=True, slots=True)
class Regression:
    """A row that a client read at ``seen`` and no longer at ``missed`` (cluster seconds)."""

    database: Database
    row: str
    seen: float
    missed: float


@dataclass(frozen=True, slots=True)
class History:
    """All writes of one client between ``started`` and ``stopped`` (cluster seconds), in order of invocation, and what
    it read and then missed."""

    started: float
    stopped: float
    writes: tuple[Write, ...]
    regressions: tuple[Regression, ...] = ()

    def acknowledged(self, database: Database) -> tuple[str, ...]:
        return tuple(w.row for w in self.writes if w.database is database and w.acknowledged is not None)

    def longest_stall(self, database: Database) -> float:
        """The longest time, in cluster seconds, in which ``database`` acknowledged nothing."""
        return max(b - a for a, b in self._gaps(database))

    def stalls(self, database: Database, longer_than: float) -> tuple[tuple[float, float], ...]:
        """(from, to) of every such gap longer than ``longer_than`` seconds."""
        return tuple((a, b) for a, b in self._gaps(database) if b - a > longer_than)

    def stall_begun_within(self, database: Database, since: float, until: float) -> float:
        """The longest such gap in which the next acknowledgement was due at ``since`` or later and before ``until``."""
        return max((b - a for a, b in self._gaps(database) if since <= a + DUE < until), default=0.0)

    def _gaps(self, database: Database) -> Iterator[tuple[float, float]]:
        acknowledged = [w.acknowledged for w in self.writes if w.database is database]
        times = sorted(at for at in acknowledged if at is not None)
        return pairwise([self.started, *times, self.stopped])


class Client(Protocol):
    """A running client workload."""

    def start(self) -> None: ...

    def stop(self) -> History:
        """Stop writing and return the whole history."""

    def history(self) -> History:
        """The history up to now."""
