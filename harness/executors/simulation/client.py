"""A client in the simulation: marker rows into nb, one at a time, and a look for northd's rows in sb."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from fake_kube.runtime import Clock, Timer
from fake_raft import Process
from harness.cluster import Database
from harness.executors.simulation.cluster import Machines
from harness.workload import History, Write

INTERVAL = 1.0
"""Seconds between an acknowledgement and the next write."""

RETRY = 0.5
"""Seconds until a client without a usable server tries again."""

PATIENCE = 5.0
"""Seconds until a write without an answer is given up (its row may still appear)."""


class SimulatedClient:
    """One writer. ``addresses(workload)`` gives the servers that a workload's OVN_DB_IPS lists at that moment."""

    def __init__(self, machines: Machines, clock: Clock, addresses: Callable[[Database], tuple[str, ...]]) -> None:
        self._machines = machines
        self._clock = clock
        self._addresses = addresses
        self._running = False
        self._started = 0.0
        self._stopped: float | None = None
        self._serial = 0
        self._nb: dict[str, tuple[float, float | None]] = {}
        self._sb: dict[str, tuple[float, float | None]] = {}
        self._unseen: dict[str, None] = {}
        self._timer: Timer | None = None
        self._current: str | None = None

    def start(self) -> None:
        if self._running:
            return
        self._running, self._stopped = True, None
        self._nb.clear()
        self._sb.clear()
        self._unseen.clear()
        self._started = self._clock.now()
        self._write()
        self._read()

    def stop(self) -> History:
        if self._running:
            self._running = False
            self._stopped = self._clock.now()
        return self.history()

    def history(self) -> History:
        stopped = self._stopped if self._stopped is not None else self._clock.now()
        writes = [Write(Database.NB, row, at, ack) for row, (at, ack) in self._nb.items()]
        writes += [Write(Database.SB, row, at, ack) for row, (at, ack) in self._sb.items()]
        return History(self._started, stopped, tuple(sorted(writes, key=lambda w: (w.invoked, w.database.value))))

    # -- nb -----------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        if not self._running:
            return
        server = self._leader(Database.NB)
        if server is None:
            self._clock.call_later(RETRY, self._write)
            return
        self._serial += 1
        row = f"m{self._serial}"
        now = self._clock.now()
        self._current = row
        self._nb[row] = (now, None)
        self._timer = self._clock.call_later(PATIENCE, lambda: self._give_up(row))
        server.execute(row, lambda committed: self._answered(row, committed))

    def _answered(self, row: str, committed: bool | None) -> None:
        if not self._running or self._current != row:
            return
        if not committed:
            self._give_up(row)
            return
        now = self._clock.now()
        self._nb[row] = (self._nb[row][0], now)
        self._sb[row] = (now, None)
        self._unseen[row] = None
        self._next(INTERVAL)

    def _give_up(self, row: str) -> None:
        if self._running and self._current == row:
            self._next(RETRY)

    def _next(self, delay: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._current = None
        self._clock.call_later(delay, self._write)

    # -- sb -----------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        if not self._running:
            return
        server = self._reader() if self._unseen else None
        if server is not None:
            rows = frozenset(server.rows() or ())
            now = self._clock.now()
            for row in [row for row in self._unseen if row in rows]:
                del self._unseen[row]
                self._sb[row] = (self._sb[row][0], now)
        self._clock.call_later(RETRY, self._read)

    def _reader(self) -> Process | None:
        """Any connected sb server that is listed and reached: ovn-controller reads from whichever answers."""
        return next((s for s in self._reached(Database.SB) if s.connected), None)

    def _leader(self, database: Database) -> Process | None:
        """The leader among the listed servers that this client reaches: writers connect to leaders only."""
        return next((s for s in self._reached(database) if s.is_leader and s.connected), None)

    def _reached(self, database: Database) -> Iterator[Process]:
        for address in self._addresses(database):
            machine = self._machines.at(address)
            if machine is None or not machine.powered or self._machines.isolated(machine):
                continue
            server = machine.server(database)
            if server is not None and not server.paused:
                yield server
