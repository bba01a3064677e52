"""ovn-northd, as far as a client can tell: what is written to nb appears in sb, made by the one active instance."""

from __future__ import annotations

from collections.abc import Sequence

from fake_kube.runtime import Clock
from fake_raft import Process
from harness.cluster import DATABASES, Database
from harness.executors.simulation.central import Container
from harness.executors.simulation.cluster import Machines
from harness.executors.simulation.host import Machine

PERIOD = 0.5
"""Seconds between two looks at nb."""

GIVE_UP = 5.0
"""Seconds after which a row that sb did not confirm is sent again (northd's probe interval)."""


Leaders = tuple[tuple[Machine, Process], tuple[Machine, Process]]


class Northd:
    """All northd instances. The active one holds a lock in sb until it can no longer reach the leaders."""

    def __init__(self, machines: Machines, clock: Clock) -> None:
        self._machines = machines
        self._clock = clock
        self._holder: Container | None = None
        self._sent: dict[str, float] = {}
        self._done: set[str] = set()
        self._source: tuple[Process, int] | None = None
        self._quiet = -1
        """At which count of changes of all servers there was nothing to do."""

    def run(self) -> None:
        """Look now, and again every :data:`PERIOD`."""
        self._tick()
        self._clock.call_later(PERIOD, self.run)

    def active(self) -> Container | None:
        """The instance that holds the lock now."""
        leaders = self._leaders()
        return self._holding(leaders) if leaders is not None else None

    def knows(self, rows: Sequence[str]) -> None:
        """These rows of nb were translated before the simulation began."""
        self._done.update(rows)

    def _holding(self, leaders: Leaders) -> Container | None:
        if self._holder is not None and self._usable(self._holder, leaders):
            return self._holder
        self._holder = next((c for c in self._machines.containers.values() if self._usable(c, leaders)), None)
        return self._holder

    def _usable(self, container: Container, leaders: Leaders) -> bool:
        """It runs and its connections (NODE_IPS of its pod) reach both leaders."""
        if container.over or not container.northd:
            return False
        listed = container.pod.env.get("NODE_IPS", "").split(",")
        return all(
            machine.address in listed and self._machines.reachable(container.machine, machine) for machine, _ in leaders
        )

    def _leaders(self) -> Leaders | None:
        """Where nb and sb are led, and by whom; None if one is not."""
        nb, sb = (self._leader(database) for database in DATABASES)
        return (nb, sb) if nb is not None and sb is not None else None

    def _leader(self, database: Database) -> tuple[Machine, Process] | None:
        found = None
        for machine in self._machines:
            server = machine.servers.get(database)
            if server is not None and server.is_leader and not server.paused:
                found = (machine, server) if found is None or server.term > found[1].term else found
        return found

    def _tick(self) -> None:
        changes = self._machines.world.network.changes
        if changes == self._quiet and not self._sent:
            return
        source = self._leader(Database.NB)
        if source is None or not self._has_news(source[1]):
            self._quiet = changes
            return
        leaders = self._leaders()
        if leaders is not None and self._holding(leaders) is not None:
            (_, nb), (_, sb) = leaders
            rows = self._new_rows(nb)
            for row in rows:
                self._send(row, sb, last=len(rows) == 1)

    def _has_news(self, source: Process) -> bool:
        """Whether a look at nb can bring anything: cheap, for the many moments in which nobody writes."""
        return bool(self._sent) or self._source != (source, len(source.rows() or ()))

    def _new_rows(self, source: Process) -> list[str]:
        """Rows of nb that sb has not confirmed and that are not on their way."""
        rows = source.rows() or ()
        seen = self._source[1] if self._source is not None and self._source[0] is source else 0
        self._source = (source, len(rows))
        fresh = [row for row in rows[seen:] if row not in self._done]
        now = self._clock.now()
        late = [row for row, at in self._sent.items() if now - at > GIVE_UP]
        return late + [row for row in fresh if row not in self._sent]

    def _send(self, row: str, sb: Process, *, last: bool) -> None:
        self._sent[row] = self._clock.now()
        if row in (sb.rows() or ())[-50:]:
            self._confirm(row)
            return

        def done(committed: bool | None) -> None:
            if committed:
                self._confirm(row)

        sb.execute(row, done, last=last)

    def _confirm(self, row: str) -> None:
        self._sent.pop(row, None)
        self._done.add(row)
