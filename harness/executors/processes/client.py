"""The client workload: marker rows into nb, one at a time, a look for northd's rows in sb, at times at all.

Threads outside of all nodes, each with one connection to a leader among the addresses that OVN_DB_IPS lists at that
moment, as ovn-controller and kube-ovn-controller do it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from harness.cluster import DATABASES, Database
from harness.executors.processes import jsonrpc
from harness.executors.processes.database import insert_marker, markers, server_state
from harness.executors.processes.network import CLIENT, Network
from harness.executors.processes.real_clock import RealClock
from harness.reads import Reads
from harness.workload import History, Write

INTERVAL = 1.0
"""Cluster seconds between an acknowledgement and the next write."""

RETRY = 0.25
"""Cluster seconds until a client without a usable server tries again, and between two looks into sb."""

PATIENCE = 5.0
"""Cluster seconds until a write without an answer is given up (its row may still appear)."""

CONNECTS_WITHIN = 2.0
"""Cluster seconds until an address that does not answer is left for the next one."""

SHORTEST = 0.1
"""Real seconds: no time limit is shorter, however fast the cluster's clock."""

AT_ONCE = 50
"""Rows asked for in one look into sb, the oldest first."""

ALL_EVERY = 10.0
"""Cluster seconds between two looks at all rows of both databases."""


class LeaderConnection:
    """Finds a leader, keeps the connection, and drops it when the server no longer leads. Servers at an index that is
    not ``fresh`` are passed over."""

    def __init__(
        self,
        database: Database,
        network: Network,
        addresses: Callable[[], tuple[str, ...]],
        scale: float,
        fresh: Callable[[int], bool] = lambda _index: True,
    ) -> None:
        self._database = database
        self._fresh = fresh
        self._network = network
        self._addresses = addresses
        self._limit = max(SHORTEST, CONNECTS_WITHIN * scale)
        self._connection: jsonrpc.Connection | None = None
        self._address = ""

    def get(self) -> jsonrpc.Connection | None:
        """A connection to a server that says now that it leads; None if no listed one does."""
        listed = self._addresses()
        if self._connection is not None and self._address in listed and self._leads(self._connection):
            return self._connection
        self.drop()
        for address in listed:
            try:
                sock = self._network.socket(CLIENT)
                connection = jsonrpc.connect_tcp(sock, address, self._database.client_port, self._limit)
            except OSError:
                continue
            if self._leads(connection):
                self._connection, self._address = connection, address
                return connection
            connection.close()
        return None

    def drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _leads(self, connection: jsonrpc.Connection) -> bool:
        try:
            state = server_state(connection, self._database, self._limit)
        except (OSError, jsonrpc.Refused):
            return False
        return state is not None and state.leader and state.connected and self._fresh(state.index)


class ProcessClient:
    """``listed(database)`` gives the addresses that the database's clients use at that moment; ``now`` cluster time."""

    def __init__(
        self,
        network: Network,
        listed: Callable[[Database], tuple[str, ...]],
        now: Callable[[], float],
        clock: RealClock,
    ) -> None:
        self._network = network
        self._listed = listed
        self._now = now
        self._scale = clock.scale
        self._failed = clock.failed
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._threads: list[threading.Thread] = []
        self._serial = 0
        self._started = 0.0
        self._stopped: float | None = 0.0
        self._nb: dict[str, Write] = {}
        self._sb: dict[str, Write] = {}
        self._unseen: dict[str, None] = {}
        self._reads = {database: Reads(database) for database in DATABASES}

    def start(self) -> None:
        """Begin a new history. Names of rows go on where an earlier one ended."""
        if self._stopped is None:
            return
        with self._lock:
            self._nb.clear()
            self._sb.clear()
            self._unseen.clear()
            self._reads = {database: Reads(database) for database in DATABASES}
            self._started, self._stopped = self._now(), None
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._guarded, args=(work, self._ending), name=f"client {work.__name__}", daemon=True
            )
            for work in (self._write, self._read, self._read_all)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> History:
        if self._stopped is None:
            self._ending.set()
            for thread in self._threads:
                if thread.ident is not None:  # else an interrupt came before it was started
                    thread.join()
            self._stopped = self._now()
        return self.history()

    def history(self) -> History:
        with self._lock:
            writes = [*self._nb.values(), *self._sb.values()]
            missed = tuple(regression for reads in self._reads.values() for regression in reads.regressions)
            stopped = self._stopped if self._stopped is not None else self._now()
        in_order = tuple(sorted(writes, key=lambda w: (w.invoked, w.database.value)))
        return History(self._started, stopped, in_order, missed)

    def _guarded(self, work: Callable[[threading.Event], None], ending: threading.Event) -> None:
        try:
            work(ending)
        except BaseException as error:
            self._failed(error)

    def _leader_connection(self, database: Database) -> LeaderConnection:
        return LeaderConnection(database, self._network, lambda: self._listed(database), self._scale)

    def _fresh_leader(self, database: Database) -> LeaderConnection:
        """For reading: not behind what was read before."""
        fresh = self._reads[database].fresh
        return LeaderConnection(database, self._network, lambda: self._listed(database), self._scale, fresh)

    # -- nb -----------------------------------------------------------------------------------------------------

    def _write(self, ending: threading.Event) -> None:
        leader = self._leader_connection(Database.NB)
        patience = max(SHORTEST, PATIENCE * self._scale)
        try:
            while not ending.is_set():
                connection = leader.get()
                written = connection is not None and self._write_one(connection, patience)
                if not written:
                    leader.drop()
                ending.wait((INTERVAL if written else RETRY) * self._scale)
        finally:
            leader.drop()

    def _write_one(self, connection: jsonrpc.Connection, patience: float) -> bool:
        """Write a row of a new name. Whether it was acknowledged."""
        self._serial += 1
        row = f"m{self._serial}"
        invoked = self._now()
        with self._lock:
            self._nb[row] = Write(Database.NB, row, invoked, None)
        try:
            insert_marker(connection, row, patience)
        except (OSError, jsonrpc.Refused):
            return False
        acknowledged = self._now()
        with self._lock:
            self._nb[row] = Write(Database.NB, row, invoked, acknowledged)
            self._sb[row] = Write(Database.SB, row, acknowledged, None)
            self._unseen[row] = None
        return True

    # -- sb -----------------------------------------------------------------------------------------------------

    def _read(self, ending: threading.Event) -> None:
        leader = self._fresh_leader(Database.SB)
        patience = max(SHORTEST, PATIENCE * self._scale)
        try:
            while not ending.wait(RETRY * self._scale):
                with self._lock:
                    unseen = list(self._unseen)[:AT_ONCE]
                connection = leader.get() if unseen else None
                if connection is None:
                    continue
                try:
                    seen = markers(connection, Database.SB, patience, unseen)
                except (OSError, jsonrpc.Refused):
                    leader.drop()
                    continue
                self._saw(seen, self._now())
        finally:
            leader.drop()

    def _saw(self, rows: list[str], now: float) -> None:
        with self._lock:
            for row in rows:
                del self._unseen[row]
                self._sb[row] = Write(Database.SB, row, self._sb[row].invoked, now)

    # -- all rows -----------------------------------------------------------------------------------------------

    def _read_all(self, ending: threading.Event) -> None:
        """As OVN's clients read: from a leader, and from none that is behind what was read before."""
        leaders = {database: self._fresh_leader(database) for database in DATABASES}
        try:
            while not ending.wait(ALL_EVERY * self._scale):
                for database, leader in leaders.items():
                    self._look(database, leader)
        finally:
            for leader in leaders.values():
                leader.drop()

    def _look(self, database: Database, leader: LeaderConnection) -> None:
        patience = max(SHORTEST, PATIENCE * self._scale)
        connection = leader.get()
        if connection is None:
            return
        try:
            rows = sorted(markers(connection, database, patience))
            state = server_state(connection, database, patience)  # after the rows: the index is no older than these
        except (OSError, jsonrpc.Refused):
            leader.drop()
            return
        if state is not None:
            with self._lock:
                self._reads[database].look(rows, state.index, self._now())
