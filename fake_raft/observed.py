"""What others may know of a process: its status, and what it answers without being changed by the question."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fake_raft.clients import Transactions
from fake_raft.clock import VirtualClock
from fake_raft.messages import Servers
from fake_raft.network import MS
from fake_raft.server import Server
from fake_raft.state import LEADER, State
from fake_raft.status import Ages, ServerStatus, ages_of, status_line, status_of

if TYPE_CHECKING:
    from fake_raft.idle import Routine
    from fake_raft.steady import Course

UNKNOWN_CLUSTER = "unknown cluster"


class Observed:
    """The part of :class:`fake_raft.process.Process` that is looked at.

    ``changes`` grows whenever ``status`` may have changed in more than ages.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.alive = False
        self.paused = False
        self.changes = 0
        self._clock = clock
        self._server: Server | None = None
        self._state: State
        self._running_server: Server
        """Both are there once it was started."""
        self._dropped = False
        self._running = False
        """Whether it is alive and has the database."""
        self._transactions = Transactions()
        self.routine: Routine | None = None
        self.course: Course | None = None
        self._ahead_us = 0
        """Until then the last row is not there yet (:mod:`fake_raft.steady`)."""

    def ages(self) -> Ages:
        """What differs in :meth:`status` while ``changes`` is the same. Only for a server that has a status."""
        return ages_of(self._state, self._clock.now // MS)

    @property
    def health(self) -> tuple[str, str] | None:
        """The ``Status`` and ``Role`` lines of :meth:`status` alone."""
        return (status_line(self._state), self._state.role) if self._running else None

    @property
    def error(self) -> str:
        """What appctl answers when there is no status."""
        return UNKNOWN_CLUSTER if self._dropped else "" if self.alive else "no server"

    def status(self) -> ServerStatus | None:
        """``cluster/status``; None when the process is gone or has dropped the database (see ``error``)."""
        return status_of(self._state, self._clock.now // MS) if self._running else None

    @property
    def is_leader(self) -> bool:
        """The ``leader`` column of ``_Server``."""
        return self._running and self._state.role is LEADER

    @property
    def connected(self) -> bool:
        """The ``connected`` column of ``_Server``."""
        return self._running and self._state.is_connected

    @property
    def term(self) -> int:
        return self._state.term if self._server is not None else 0

    def rows(self) -> tuple[str, ...] | None:
        """What the server serves, in the order in which it was applied; None while joining or without the database."""
        if not self._running or self._state.joining or self._state.lacks_database:
            return None
        return self._state.served if self._clock.now >= self._ahead_us else tuple(self._state.rows[:-1])

    @property
    def index(self) -> int:
        """The ``index`` column of ``_Server``: how far the database has come, in entries (ovsdb-server(5))."""
        applied = self._state.applied if self._running else 0
        return applied if self._clock.now >= self._ahead_us else applied - 1

    @property
    def answers_reads(self) -> bool:
        """Whether a client's read is answered now: not while the log has a command that is not applied yet, as on 3.1.0
        after a leader that had taken a write lost quorum."""
        if not self._running or self._state.joining or self._state.lacks_database:
            return False
        return self._state.applied_eid == self._state.log.eid()

    def configuration(self) -> Servers:
        """The latest configuration that the server knows, committed or not: sid -> address."""
        return dict(self._state.servers) if self._running else {}

    @property
    def probe_ms(self) -> int:
        """The inactivity probe of this server's connections (facts: ovsdb-raft 4, 6), or what it was in the end: one
        that sleeps may still find what a peer asked that is gone now."""
        return self._state.probe_ms if self._server is not None else 1000

    @property
    def idle(self) -> State | None:
        """The server's state, if it runs and no client waits for it."""
        if not self._running or self.paused or self._transactions.waiting:
            return None
        return self._state
