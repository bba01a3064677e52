"""A running ovsdb-server for one database: a :class:`fake_raft.server.Server` on a clock, a network and a disk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fake_raft import elections, membership, replication
from fake_raft.clock import Timer, VirtualClock
from fake_raft.disk import Disk, EntryRecord
from fake_raft.messages import Envelope, Message, Servers
from fake_raft.network import MS, Choices, Network, Pipe
from fake_raft.profile import Profile
from fake_raft.server import Closed, Durable, ElectionArmed, Opened, Received, Server, StartRefused, Tick
from fake_raft.state import (
    LEADER,
    Applied,
    ArmElection,
    CloseConnection,
    CommandLost,
    Died,
    Effect,
    Executed,
    Left,
    Reconnect,
    Rewrite,
    Save,
    Send,
    SendOn,
    State,
    hash_order,
)
from fake_raft.status import ServerStatus, status_of

ELECTION_RANGE_MS = 1000
"""The random part of every election timeout, whatever the election timer (facts: ovsdb-raft 2)."""

FSYNC_US = (1000, 1500, 2000, 3000, 5000)
BACKOFF_MS = (1000, 2000, 4000, 8000)
JOINER_PROBE_MS = 601_000
UNKNOWN_CLUSTER = "unknown cluster"

Done = Callable[[bool | None], None]


@dataclass(frozen=True, slots=True)
class CommandReply:
    """What ovs-appctl prints and exits with."""

    code: int
    text: str


@dataclass(slots=True)
class Command:
    """A client's transaction that has not been answered yet."""

    data: str
    done: Done
    sent: bool = False


class Process:
    """One process. ``name`` tells processes apart when nothing else does (see ``stagger``)."""

    def __init__(
        self,
        clock: VirtualClock,
        network: Network,
        choices: Choices,
        profile: Profile,
        disk: Disk,
        address: str,
        *,
        name: str = "",
    ) -> None:
        self.address = address
        self.name = name or address
        self.alive = False
        self.paused = False
        self.death: str | None = None
        self.disk = disk
        self.on_applied: list[Callable[[Process, int, str], None]] = []
        self._clock = clock
        self._network = network
        self._choices = choices
        self._profile = profile
        self._server: Server | None = None
        self._dropped = False
        self._durable_at = 0
        self._wake: Timer | None = None
        self._wake_at = -1
        self._ids: dict[Pipe, int] = {}
        self._pipes: dict[int, Pipe] = {}
        self._outgoing: dict[str, int] = {}
        self._attempts: dict[str, int] = {}
        self._serial = 0
        self._commands: dict[str, Command] = {}
        self._stagger = 0

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the file and begin. Raises :class:`StartRefused` with the server's own text."""
        self._server = Server(self.disk, self._profile)
        self._stagger = hash_order([self.name]).index(self.name) + _spread(self.name)
        self.alive = True
        self._network.listen(self)
        self._perform(self._server.begin(self._now()))

    def kill(self) -> None:
        """SIGKILL: what was written stays written, nobody is told anything but what the kernel says."""
        if not self.alive:
            return
        self.alive = False
        if self._wake is not None:
            self._wake.cancel()
        self._commands.clear()
        self._network.died(self)

    def lose_power(self) -> None:
        """As :meth:`kill`, and what was not synced is gone."""
        self.kill()
        self.disk.lose_power()

    def terminate(self) -> None:
        """SIGTERM: a leader hands over first."""
        if self.alive and not self.paused and self._server is not None:
            elections.transfer(self._server.state, self._pick_target())
            self._flush()
        self._clock.call_later(2 * MS, self.kill)

    def pause(self) -> None:
        """SIGSTOP."""
        self.paused = True
        self._network.stopped(self)

    def unpause(self) -> None:
        """SIGCONT: time has passed."""
        self.paused = False
        self._network.resumed(self)
        self._tick()

    # -- what others may know -----------------------------------------------------------------------------------

    @property
    def error(self) -> str:
        """What appctl answers when there is no status."""
        return UNKNOWN_CLUSTER if self._dropped else "no server"

    def status(self) -> ServerStatus | None:
        """``cluster/status``; None once the database was dropped."""
        if self._server is None or self._dropped or not self.alive:
            return None
        return status_of(self._server.state, self._now())

    @property
    def is_leader(self) -> bool:
        """The ``leader`` column of ``_Server``."""
        return self._running and self._state.role == LEADER

    @property
    def connected(self) -> bool:
        """The ``connected`` column of ``_Server``."""
        return self._running and self._state.is_connected

    @property
    def term(self) -> int:
        return self._server.state.term if self._server is not None else 0

    def rows(self) -> list[str] | None:
        """What the server serves, in the order in which it was applied; not to be changed. None: no answer."""
        if not self._running or self._state.joining:
            return None
        return self._state.rows

    def configuration(self) -> Servers:
        """The latest configuration, committed or not."""
        return dict(self._state.servers) if self._running else {}

    @property
    def probe_ms(self) -> int:
        """The inactivity probe of this server's connections (facts: ovsdb-raft 4, 6)."""
        if self._server is None:
            return 1000
        joining = self._server.state.joining and self._profile.join_by_commit
        return JOINER_PROBE_MS if joining else self._server.state.timer + 1000

    @property
    def _running(self) -> bool:
        return self.alive and self._server is not None and not self._dropped

    @property
    def _state(self) -> State:
        assert self._server is not None
        return self._server.state

    # -- commands -----------------------------------------------------------------------------------------------

    def kick(self, text: str) -> CommandReply:
        """``cluster/kick``."""
        if not self._running:
            return CommandReply(2, UNKNOWN_CLUSTER)
        code, answer = membership.kick(self._state, text, self._pick_target(), self._leave_jitter())
        return self._answer(code, answer)

    def leave(self) -> CommandReply:
        """``cluster/leave``."""
        if not self._running:
            return CommandReply(2, UNKNOWN_CLUSTER)
        error = membership.leave(self._state, self._pick_target(), self._leave_jitter())
        return self._answer(2 if error else 0, error or "")

    def change_election_timer(self, milliseconds: int) -> CommandReply:
        """``cluster/change-election-timer``."""
        if not self._running:
            return CommandReply(2, UNKNOWN_CLUSTER)
        return self._answer(*membership.change_timer(self._state, milliseconds))

    def compact(self) -> CommandReply:
        """``ovsdb-server/compact``: a leader of several hands over first and then writes its snapshot."""
        if not self._running:
            return CommandReply(2, "not found")
        if self._state.role == LEADER and len(self._state.servers) > 1:
            elections.transfer(self._state, self._pick_target())
        if self._state.role != LEADER or len(self._state.servers) == 1:
            replication.compact(self._state)
        return self._answer(0, "")

    def execute(self, data: str, done: Done) -> None:
        """A client's transaction: ``done(True)`` when committed; no call while there is no leader.

        At least once: a command whose fate is unknown after a change of leader is sent again.
        """
        self._serial += 1
        eid = f"{self._state.sid}/{self._clock.now}.{self._serial}"
        self._commands[eid] = Command(data, done)
        self._submit()
        self._flush()

    def _answer(self, code: int, text: str) -> CommandReply:
        self._flush()
        return CommandReply(code, text)

    def _pick_target(self) -> int:
        n = len(self._state.servers)
        return self._choices.choose("transfer target", n) if n > 2 and self._profile.join_by_commit else 0

    def _leave_jitter(self) -> int:
        span = self._state.timer // 10
        return self._choices.choose("leave delay", span) if self._profile.patient_leave and span > 1 else 0

    def _submit(self) -> None:
        if not self._running:
            return
        for eid, command in self._commands.items():
            if not command.sent:
                command.sent = membership.execute(self._state, command.data, eid)

    # -- effects ------------------------------------------------------------------------------------------------

    def _now(self) -> int:
        return self._clock.now // MS

    def _flush(self) -> None:
        if self._server is not None and self.alive:
            self._perform(self._server.effects())

    def _perform(self, effects: list[Effect]) -> None:
        assert self._server is not None
        saved = False
        index = 0
        while index < len(effects):
            effect = effects[index]
            index += 1
            kind = type(effect)
            if kind is Send:
                self._send(effect.sid, effect.message)  # type: ignore[union-attr]
            elif kind is Save:
                if not saved:
                    saved = True
                    self._durable_at = max(self._durable_at, self._clock.now + self._fsync())
                self._save(effect.record)  # type: ignore[union-attr]
            elif kind is ArmElection:
                effects.extend(self._arm(effect.base))  # type: ignore[union-attr]
            else:
                self._other(effect)
            if not self.alive:
                return
        if saved:
            self._clock.call_at(self._durable_at, self._synced, len(self.disk.records), self._server.state.log.end - 1)
        if self._commands:
            self._submit()
            if self._server.state.out:
                self._perform(self._server.effects())
        self._schedule()

    def _other(self, effect: Effect) -> None:
        if isinstance(effect, SendOn):
            self._send_on(effect.connection, effect.message)
        elif isinstance(effect, Reconnect):
            self._reconnect()
        elif isinstance(effect, Applied):
            self._applied(effect)
        elif isinstance(effect, Executed):
            self._finish(effect.eid)
        elif isinstance(effect, CommandLost):
            for command in self._commands.values():
                command.sent = False
        elif isinstance(effect, Rewrite):
            self.disk.rewrite(effect.header, effect.records)
        elif isinstance(effect, CloseConnection):
            self._drop(effect.connection)
        elif isinstance(effect, Left):
            self._dropped = True
            for command in list(self._commands.values()):
                command.done(False)
            self._commands.clear()
            self._hang_up()
        elif isinstance(effect, Died):
            self.death = effect.text
            self.kill()

    def _fsync(self) -> int:
        return FSYNC_US[self._choices.choose("fsync", len(FSYNC_US))]

    def _save(self, record: object) -> None:
        self.disk.append(record)  # type: ignore[arg-type]

    def _synced(self, records: int, index: int) -> None:
        self.disk.sync(records)
        if self._running and not self.paused:
            assert self._server is not None
            self._perform(self._server.handle(self._now(), Durable(index)))

    def _applied(self, effect: Applied) -> None:
        for callback in self.on_applied:
            callback(self, effect.position, effect.data)
        if effect.eid is not None:
            self._finish(effect.eid)

    def _finish(self, eid: str) -> None:
        command = self._commands.pop(eid, None)
        if command is not None:
            command.done(True)

    # -- time ---------------------------------------------------------------------------------------------------

    def _arm(self, base: int) -> list[Effect]:
        assert self._server is not None
        drawn = self._choices.choose("election jitter", ELECTION_RANGE_MS)
        jitter = (drawn + self._stagger) % ELECTION_RANGE_MS
        return self._server.handle(self._now(), ElectionArmed(self._now() + base + jitter))

    def _schedule(self) -> None:
        """Keep one timer at or before the next deadline: one that comes too early only looks and goes on."""
        assert self._server is not None
        due = self._server.deadline()
        if due is None or not self.alive:
            return
        at = due * MS
        if self._wake is not None and self._clock.now <= self._wake_at <= at:
            return
        if self._wake is not None:
            self._wake.cancel()
        self._wake_at = max(at, self._clock.now)
        self._wake = self._clock.call_at(self._wake_at, self._woken)

    def _woken(self) -> None:
        self._wake = None
        self._tick()

    def _tick(self) -> None:
        if self._running and not self.paused:
            assert self._server is not None
            due = self._server.deadline()
            if due is not None and due <= self._now():
                self._perform(self._server.handle(self._now(), Tick()))
            else:
                self._schedule()

    # -- connections --------------------------------------------------------------------------------------------

    def _reconnect(self) -> None:
        assert self._server is not None
        wanted = self._server.wanted()
        for address in [address for address in self._outgoing if address not in wanted]:
            number = self._outgoing.pop(address)
            pipe = self._pipes.pop(number, None)
            self._attempts.pop(address, None)
            if pipe is not None:
                self._ids.pop(pipe, None)
                self._network.close(pipe, self)
            self._server.handle(self._now(), Closed(number, True))
        for address in wanted:
            if address not in self._outgoing:
                self._serial += 1
                self._outgoing[address] = self._serial
                self._server.handle(self._now(), Opened(self._serial, address, True, False))
                self._clock.call_later(0, self._try, address, self._serial)

    def _try(self, address: str, number: int) -> None:
        if not self._running or self._outgoing.get(address) != number or number in self._pipes:
            return
        if self._network.connect(self, address) is not True:
            self._retry(address, number)

    def _retry(self, address: str, number: int) -> None:
        attempt = self._attempts.get(address, 0)
        self._attempts[address] = attempt + 1
        wait = BACKOFF_MS[min(attempt, len(BACKOFF_MS) - 1)]
        self._clock.call_later(wait * MS, self._try, address, number)

    def accepted(self, pipe: Pipe) -> None:
        """A peer connected to us."""
        if not self._running:
            return
        self._serial += 1
        self._ids[pipe] = self._serial
        self._pipes[self._serial] = pipe
        self._event(Opened(self._serial, pipe.client.address, False, True))

    def established(self, pipe: Pipe) -> None:
        """Our connection is up."""
        number = self._outgoing.get(pipe.server.address)
        if not self._running or number is None or number in self._pipes:
            self._network.close(pipe, self)
            return
        self._ids[pipe] = number
        self._pipes[number] = pipe
        self._attempts.pop(pipe.server.address, None)
        self._event(Opened(number, pipe.server.address, True, True))

    def closed(self, pipe: Pipe) -> None:
        """A connection ended."""
        number = self._ids.pop(pipe, None)
        if number is None:
            if pipe.client is self and self._running and (waiting := self._outgoing.get(pipe.server.address)):
                self._retry(pipe.server.address, waiting)
            return
        self._pipes.pop(number, None)
        outgoing = pipe.client is self
        if not self._running:
            return
        self._event(Closed(number, not outgoing))
        if outgoing and self._outgoing.get(pipe.server.address) == number:
            self._retry(pipe.server.address, number)

    def received(self, pipe: Pipe, envelope: Envelope) -> None:
        """A message arrived."""
        number = self._ids.get(pipe)
        if number is not None:
            self._event(Received(number, envelope))

    def _hang_up(self) -> None:
        """The database is dropped: what it had said before is still sent, then every connection is closed."""
        for pipe in list(self._pipes.values()):
            self._clock.call_at(self._durable_at, self._network.close, pipe, self)
        self._network.unlisten(self)

    def _drop(self, number: int) -> None:
        pipe = self._pipes.get(number)
        if pipe is not None:
            self._network.close(pipe, self)

    def _event(self, event: Opened | Closed | Received) -> None:
        if self._running:
            assert self._server is not None
            self._perform(self._server.handle(self._now(), event))

    def _send(self, sid: str, message: Message) -> None:
        """Over the first live connection that leads there."""
        for number, connection in self._state.connections.items():
            if connection.up and connection.sid == sid:
                self._transmit(number, sid, message)
                return

    def _send_on(self, number: int, message: Message) -> None:
        connection = self._state.connections.get(number)
        if connection is not None:
            self._transmit(number, connection.sid, message)

    def _transmit(self, number: int, target: str | None, message: Message) -> None:
        pipe = self._pipes.get(number)
        if pipe is not None:
            envelope = Envelope(self._state.cid, self._state.sid, target, message)
            self._network.send(pipe, self, envelope, self._durable_at)


def _spread(name: str) -> int:
    """A number below the election range that depends on the name alone."""
    import zlib

    return zlib.crc32(name.encode()) % ELECTION_RANGE_MS


__all__ = ["CommandReply", "EntryRecord", "Process", "StartRefused"]
