"""A client in the simulation: marker rows into nb, one at a time, and a look for northd's rows in sb."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator

from fake_kube.runtime import Timer
from fake_raft import Process
from harness.cluster import DATABASES, Database
from harness.executors.simulation.clock import SecondsClock
from harness.executors.simulation.cluster import Machines
from harness.reads import Reads
from harness.workload import History, Write

INTERVAL = 1.0
"""Seconds between an acknowledgement and the next write."""

RETRY = 0.5
"""Seconds until a client without a usable server tries again."""

PATIENCE = 5.0
"""Seconds until a write without an answer is given up (its row may still appear)."""

RECENT = 20


class SimulatedClient:
    """One writer. ``addresses(workload)`` gives the servers that a workload's OVN_DB_IPS lists at that moment."""

    def __init__(
        self, machines: Machines, clock: SecondsClock, addresses: Callable[[Database], tuple[str, ...]]
    ) -> None:
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
        self._reads = {database: Reads(database) for database in DATABASES}
        self._timer: Timer | None = None
        self._current: str | None = None

    def start(self) -> None:
        if self._running:
            return
        self._running, self._stopped = True, None
        self._nb.clear()
        self._sb.clear()
        self._unseen.clear()
        self._reads = {database: Reads(database) for database in DATABASES}
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
        missed = tuple(regression for reads in self._reads.values() for regression in reads.regressions)
        in_order = tuple(sorted(writes, key=lambda w: (w.invoked, w.database.value)))
        return History(self._started, stopped, in_order, missed)

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
        server.execute(row, lambda committed: self._answered(row, committed), last=True)

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

    # -- reading ------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        if not self._running:
            return
        self._look(Database.NB)
        rows = self._look(Database.SB)
        if rows and self._unseen:
            self._see(rows)
        self._clock.read_later(RETRY, self._read)

    def _see(self, rows: tuple[str, ...]) -> None:
        """What it waits for is nearly always among the last; else it is looked for among all."""
        now = self._clock.now()
        last: Container[str] = rows[-RECENT:]
        if not all(row in last for row in self._unseen):
            last = frozenset(rows)
        for row in [row for row in self._unseen if row in last]:
            del self._unseen[row]
            self._sb[row] = (self._sb[row][0], now)

    def _look(self, database: Database) -> tuple[str, ...]:
        """All rows that the client can read now: of any connected server that is listed, reached, and not behind what
        it has read before. ovn-controller reads from whichever answers."""
        reads = self._reads[database]
        server = next((s for s in self._reached(database) if s.connected and reads.fresh(s.index)), None)
        rows = server.rows() if server is not None else None
        if server is None or rows is None:
            return ()
        reads.look(rows, server.index, self._clock.now())
        return rows

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
