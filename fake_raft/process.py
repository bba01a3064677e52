"""A running ovsdb-server for one database: a :class:`fake_raft.server.Server` on a clock, a network and a disk."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from fake_raft import steady
from fake_raft.backlog import Backlog
from fake_raft.clients import Done
from fake_raft.clock import VirtualClock
from fake_raft.disk import RECORDS, Disk
from fake_raft.fsync import Syncer
from fake_raft.full_disk import is_fatal
from fake_raft.idle import idle_tick, tick
from fake_raft.journal import Journal, note_begin, note_end, note_rewrite
from fake_raft.messages import Envelope, Message
from fake_raft.network import MS, Choices, End, Network, split
from fake_raft.observed import UNKNOWN_CLUSTER, Observed
from fake_raft.profile import Profile
from fake_raft.server import TICK, Accepted, Down, ElectionArmed, Event, Reply, Server, Tick, Up
from fake_raft.session import Session
from fake_raft.state import (
    LEADER,
    NEVER,
    Applied,
    Completed,
    Dial,
    Died,
    DrawElection,
    Effect,
    HangUp,
    Left,
    Redial,
    Rewrite,
    Sync,
    Wake,
    new_tuple,
)
from fake_raft.status import CommandReply

ELECTION_RANGE_MS = 1000
"""The random part of every election timeout, whatever the election timer (facts: ovsdb-raft 2)."""

LISTEN_RETRY_US = 1_000_000


class Process(Observed):
    """One process. ``name`` tells processes apart when nothing else does: it staggers election timeouts."""

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
        super().__init__(clock)
        self.address = address
        self.port = split(address)[1]
        self.name = name or address
        self.death: str | None = None
        self.disk = disk
        self.events = 0
        self.skipped = 0  # events that changed nothing but times (fake_raft.idle); the others are in ``events``
        self.ends: dict[int, End] = {}
        self.on_applied: list[Callable[[Process, int, str], None]] = []
        self.journal: Journal | None = None  # whoever wants to know what is written puts a list here
        self._network = network
        self._choices = choices
        self._profile = profile
        self._wake = 0
        self._sessions: dict[int, Session] = {}
        self._syncer = Syncer(clock, choices, disk, self._synced, self.name)
        self._jitter = f"election jitter: {self.name}"
        self._late = 0
        self._paused_us = 0
        self._stagger = zlib.crc32(self.name.encode()) % ELECTION_RANGE_MS

    # -- life ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Open the file and begin. Raises :class:`fake_raft.StartRefused` with the server's own text."""
        self._server = self._running_server = Server(self.disk, self._profile)
        note_begin(self, self._clock.now)
        self._state = self._server.state
        self.alive = self._running = True
        self._listen()
        self.changes += 1
        self._network.changes += 1
        self._perform(self._server.begin(self._clock.now // MS))

    def _listen(self) -> None:
        if self._running and not self._network.listen(self):
            self._clock.call_later(LISTEN_RETRY_US, self._listen)

    def kill(self) -> None:
        """SIGKILL: what was written stays written, peers are told by the kernel."""
        if self.alive:
            note_end(self, self._clock.now, ())
            self._die()
            self._network.died(self)

    def lose_power(self) -> None:
        """The machine stops: what was not synced is gone, and nobody is told (:meth:`Network.host_down` calls this)."""
        if self.alive:
            note_end(self, self._clock.now, self.disk.records[self.disk.synced :])
            self._die()
            self._network.unlisten(self)
            self.disk.lose_power()
        elif self._server is not None and self.disk.synced < len(self.disk.records):  # it was killed just before
            note_end(self, self._clock.now, self.disk.records[self.disk.synced :])
            self.disk.lose_power()

    def exit(self) -> None:
        """``ovs-appctl exit``: a leader hands over, then the process exits. SIGTERM does not: it is :meth:`kill`
        (measured on 3.1.0, 3.5.0 and 4.0)."""
        if self._running and not self.paused:
            server = self._running_server
            server.transfer_leadership(self._clock.now // MS, self._pick_target(), step_down=False)
            self._perform(server.finish())
        self.kill()

    def _die(self) -> None:
        self.alive = self._running = False
        self.changes += 1
        self._network.changes += 1
        self._syncer.stop()
        self._wake += 1
        self._transactions.clear()
        for session in self._sessions.values():
            session.stop()
        self._sessions.clear()

    def pause(self) -> None:
        """SIGSTOP."""
        if self.alive and not self.paused:
            self.paused = True
            self._paused_us = self._clock.now
            self.changes += 1
            self._network.changes += 1
            self._network.stopped()

    def unpause(self) -> None:
        """SIGCONT: what arrived is read, and time has passed."""
        if not self.paused:
            return
        self.paused = False
        self.changes += 1
        self._network.changes += 1
        if self.alive:
            backlog = Backlog(self._network, self, self._paused_us)
            self._finish_sync()
            goes_on = True
            while goes_on:
                backlog.read()
                if self._running:
                    self._event(self._tick())
                goes_on = backlog.close()
            self._network.resumed()

    # -- what people ask for --------------------------------------------------------------------------------------

    def kick(self, text: str) -> CommandReply:
        """``cluster/kick``."""
        return self._ask(lambda server, now: server.kick(now, text, self._pick_target(), self._leave_jitter()))

    def leave(self) -> CommandReply:
        """``cluster/leave``."""
        return self._ask(lambda server, now: server.leave(now, self._pick_target(), self._leave_jitter()))

    def change_election_timer(self, milliseconds: int) -> CommandReply:
        """``cluster/change-election-timer``."""
        return self._ask(lambda server, now: server.change_election_timer(now, milliseconds))

    def compact(self) -> CommandReply:
        """``ovsdb-server/compact``: writes a snapshot; a leader stays leader (measured on 3.1.0)."""
        if not self._running:
            return CommandReply(2, "no database by that name")
        return self._ask(lambda server, now: server.compact(now))

    def transfer_leadership(self) -> CommandReply:
        """``cluster/failure-test transfer-leadership``: a leader hands over and steps down."""

        def hand_over(server: Server, now: int) -> Reply:
            server.transfer_leadership(now, self._pick_target())
            return 0, "test engaged"

        return self._ask(hand_over) if self._running else CommandReply(0, "test engaged")

    def _ask(self, question: Callable[[Server, int], Reply]) -> CommandReply:
        if not self._running:
            return CommandReply(2, UNKNOWN_CLUSTER)
        server = self._running_server
        code, text = question(server, self._clock.now // MS)
        self.changes += 1
        self._network.changes += 1
        self._perform(server.finish())
        return CommandReply(code, text)

    def _pick_target(self) -> int:
        s = self._state
        n = len(s.others)
        return self._choices.choose("transfer target", n) if n > 1 and s.role is LEADER and self._patient else 0

    def _leave_jitter(self) -> int:
        span = self._state.timer // 10
        return self._choices.choose("leave delay", span) if self._profile.patient_leave and span > 1 else 0

    @property
    def _patient(self) -> bool:
        return self._profile.join_by_commit

    # -- clients ----------------------------------------------------------------------------------------------------

    def execute(self, data: str, done: Done, *, last: bool = False) -> None:
        """A client's transaction: ``done(True)`` when committed, ``done(False)`` when the database is dropped.

        Hangs (no call) while there is no leader. One whose fate is unknown is sent again, as the server does: at least
        once. ``last``: the caller does nothing more at this instant (:mod:`fake_raft.steady`).
        """
        if not self._running:
            done(False)
            return
        if last and steady.write(self, data, done):
            return
        self.events += 1
        self.changes += 1
        self._network.changes += 1
        self._transactions.add(data, done)
        self._submit()
        self._perform(self._running_server.finish())

    def hang_up(self, done: Done) -> None:
        """The client of :meth:`execute` gives up: ``done`` is not called any more. What has been sent may commit."""
        self._transactions.drop(done)

    def _submit(self) -> None:
        self._transactions.submit(self._running_server, self._clock.now)
        if self.disk.full and self._state.role is LEADER and any(type(effect) in RECORDS for effect in self._state.out):
            self._fail()

    def _fail(self) -> None:
        """A leader could not write what its own client asked for: it stays as it is and does nothing more."""
        self.disk.unwritten += 1
        self.disk.holes = True
        self.changes += 1
        self._state.died = True
        self._state.out.clear()
        self._wake += 1
        self._syncer.stop()
        self._transactions.refuse()

    # -- effects ------------------------------------------------------------------------------------------------

    def _event(self, event: Event) -> None:
        self.events += 1
        self.changes += 1
        self._network.changes += 1
        self._perform(self._running_server.handle(self._clock.now // MS, event))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            kind = type(effect)
            if kind is tuple:
                number, envelope, message, routine = effect  # type: ignore[misc]
                end = self.ends.get(number)
                if end is not None:
                    self._network.send(end, envelope, message, routine)
            elif kind in RECORDS:
                if not self.disk.full:
                    self.disk.records.append(effect)  # type: ignore[arg-type]
                elif is_fatal(self.disk, effect, self._state):  # type: ignore[arg-type]
                    self._drop_database(Left())
                    return
                if self.journal is not None:
                    self.journal.append((self._clock.now, self, effect))  # type: ignore[arg-type]
            else:
                PERFORM[kind](self, effect)
        if self._transactions.waiting and self._running:
            self._submit()
            if self._state.out:
                self.changes += 1
                self._network.changes += 1
                self._perform(self._running_server.finish())

    def _wake_at(self, at: int) -> None:
        """Tick at ``at`` (ms), and not when it was asked for before."""
        self._wake = wake = self._wake + 1
        clock = self._clock
        at *= MS
        clock.post(at if at > clock.now else clock.now, tick, (self, wake))

    def draw_election(self) -> int:
        """The random part of an election timeout (ms)."""
        return (self._choices.choose(self._jitter, ELECTION_RANGE_MS) + self._stagger) % ELECTION_RANGE_MS

    def _applied(self, effect: Applied) -> None:
        for callback in self.on_applied:
            callback(self, effect.position, effect.data)

    def _completed(self, effect: Completed) -> None:
        self._transactions.completed(effect.eid, effect.status)

    def _rewrite(self, effect: Rewrite) -> None:
        note_rewrite(self, self._clock.now, effect)
        if self.disk.full:  # a snapshot is written beside the file first
            self.disk.unwritten += 1
            self.disk.holes = True
            return
        self.disk.rewrite(effect.header, effect.records)

    def _abort(self, effect: Died) -> None:
        self.death = effect.text
        self.kill()

    def _dial(self, effect: Dial) -> None:
        number = effect.connection
        self._sessions[number] = Session(self._clock, self._network, self, number, effect.address)

    def _redial(self, effect: Redial) -> None:
        end = self.ends.get(effect.connection)
        if end is not None:
            self._network.close(end)
            self.closed(end)

    def _drop_database(self, effect: Left) -> None:
        self._dropped, self._running = True, False
        self._wake += 1
        for number in list(self.ends) + list(self._sessions):
            self._hang_up(number)
        self._network.unlisten(self)
        self._transactions.refuse()

    def _hang_up(self, number: int) -> None:
        session = self._sessions.pop(number, None)
        end = self.ends.pop(number, None)
        if session is not None:
            session.stop()
        elif end is not None:
            self._network.close(end)

    # -- time and disk ----------------------------------------------------------------------------------------------

    def woken(self, wake: int) -> None:
        """It is time for a Tick, unless another time was asked for since."""
        if wake != self._wake or not self._running or self.paused:
            return
        again = idle_tick(self, self._clock, self._network)
        if again is None:
            s, network, changes = self._state, self._network, self.changes
            leads = s.role is LEADER and not s.leaving and self.idle is not None
            self._event(self._tick())
            if leads and s.role is LEADER:  # heartbeats and counting answers change nothing that it tells
                network.changes -= self.changes - changes
                self.changes = changes
        elif again < NEVER:
            self._wake_at(again)

    def _tick(self) -> Tick:
        s = self._state
        hands_over = s.leaving and s.role is LEADER
        return Tick(self._pick_target(), self._leave_jitter()) if hands_over else TICK

    def _synced(self, ticket: int) -> None:
        if self.paused:
            self._late = ticket
        elif self._running:
            self.events += 1
            self.changes += 1
            self._network.changes += 1
            self._perform(self._running_server.durable(self._clock.now // MS, ticket))

    def _finish_sync(self) -> None:
        """Tell the server what became durable while it was stopped."""
        late, self._late = self._late, 0
        if late:
            self._synced(late)

    # -- connections (fake_raft.network.Host) -------------------------------------------------------------------------

    def accepted(self, end: End) -> None:
        """A peer connected to us."""
        if not self._running:
            self._network.close(end)
            return
        end.number = self._running_server.number_connection()
        self.ends[end.number] = end
        self._event(new_tuple(Accepted, (end.number,)))

    def established(self, number: int, end: End) -> None:
        """A connection that we dialled is up."""
        session = self._sessions.get(number)
        if session is None or not session.established(end):
            self._network.close(end)
            return
        self.ends[number] = end
        self._event(new_tuple(Up, (number,)))

    def refused(self, number: int) -> None:
        """Nobody listens there."""
        session = self._sessions.get(number)
        if session is not None:
            session.failed()

    def closed(self, end: End) -> None:
        """A connection ended, by the other side, by a probe, or by our Redial."""
        number = end.number
        if self.ends.get(number) is not end:
            return
        del self.ends[number]
        session = self._sessions.get(number)
        if session is not None:
            session.lost()
        if self._running:
            self._event(new_tuple(Down, (number,)))

    def received(self, end: End, envelope: Envelope, message: Message) -> None:
        """A message arrived."""
        if self._running:
            self.events += 1
            s = self._state
            repeats = s.repeats
            effects = self._running_server.receive(self._clock.now // MS, end.number, envelope, message)
            if s.repeats == repeats:
                self.changes += 1
                self._network.changes += 1
            if effects or self._transactions.waiting:
                self._perform(effects)


PERFORM: dict[type, Callable[[Process, Any], None]] = {
    Sync: lambda process, effect: process._syncer.request(effect[0]),
    Wake: lambda process, effect: process._wake_at(effect[0]),
    DrawElection: lambda process, _: process._event(new_tuple(ElectionArmed, (process.draw_election(),))),
    Applied: Process._applied,
    Completed: Process._completed,
    Rewrite: Process._rewrite,
    Died: Process._abort,
    Dial: Process._dial,
    HangUp: lambda process, effect: process._hang_up(effect.connection),
    Redial: Process._redial,
    Left: Process._drop_database,
}
"""What a process does for each effect, other than to send and to save."""
