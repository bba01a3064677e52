"""One raft server: ``handle(now, event) -> effects``. No clock, no randomness, no input or output inside.

Effects are in order, and a message that tells of a term, a vote or an index is sent only after the event that says
that these are durable. Times are milliseconds. Source: facts, ovsdb-raft appendix A, and raft.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from fake_raft import commands, elections, links, membership, replication
from fake_raft.disk import Disk
from fake_raft.messages import (
    AddServer,
    AddServerReply,
    AppendReply,
    AppendRequest,
    BecomeLeader,
    Envelope,
    Execute,
    ExecuteReply,
    Hello,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    RemoveServer,
    RemoveServerReply,
    VoteReply,
    VoteRequest,
)
from fake_raft.opening import open_file
from fake_raft.profile import Profile
from fake_raft.replies import remove_server_reply
from fake_raft.state import (
    LEADER,
    NEVER,
    DrawElection,
    Effect,
    EntryWait,
    Left,
    MessageWait,
    State,
    TermWait,
)


class Tick(NamedTuple):
    """Time passed: look at every deadline. ``choose`` and ``jitter`` (below T/10) are used by a leaver that leads."""

    choose: int = 0
    jitter: int = 0


TICK = Tick()


class ElectionArmed(NamedTuple):
    """The host drew the random part of the election timeout (ms)."""

    jitter: int


class Durable(NamedTuple):
    """Everything saved before this ticket is on disk."""

    ticket: int


class Accepted(NamedTuple):
    """A peer connected to us; the number comes from :meth:`Server.number_connection`."""

    connection: int


class Up(NamedTuple):
    """A dialled connection is established."""

    connection: int


class Down(NamedTuple):
    """A connection ended, other than by our own HangUp."""

    connection: int


class Received(NamedTuple):
    connection: int
    envelope: Envelope
    message: Message


Event: TypeAlias = Tick | ElectionArmed | Durable | Accepted | Up | Down | Received
Reply: TypeAlias = tuple[int, str]

TERM_CHECKED = frozenset((AppendReply, VoteReply, InstallSnapshot, InstallSnapshotReply, BecomeLeader))
"""Messages that are dropped if their term is past, and end ours if it is later. Two kinds have rules of their own."""


def _append_request(s: State, source: str, request: AppendRequest) -> None:
    if request.term == s.term:
        replication.append_request(s, source, request)
    elif request.term > s.term:
        elections.new_term(s, request.term)
        replication.append_request(s, source, request)
    else:
        # The one stale request that is answered: the higher term in the answer deposes the old leader.
        replication.answer(s, source, request, ok=False)


HANDLERS: dict[type, Callable[[State, str, Any], None]] = {
    Hello: lambda _s, _source, _message: None,
    AppendRequest: _append_request,
    AppendReply: replication.append_reply,
    VoteRequest: elections.vote_request,
    VoteReply: elections.vote_reply,
    InstallSnapshot: replication.install_snapshot,
    InstallSnapshotReply: replication.install_snapshot_reply,
    BecomeLeader: lambda s, _source, _message: elections.become_leader_request(s),
    AddServer: membership.add_server,
    AddServerReply: lambda s, _source, message: membership.add_server_reply_received(s, message),
    RemoveServer: membership.remove_server_request,
    RemoveServerReply: lambda s, _source, message: membership.remove_server_reply_received(s, message),
    Execute: commands.execute_request,
    ExecuteReply: lambda s, _source, message: commands.execute_reply(s, message),
}


class Server:
    """The state machine of one server. ``state`` is for reading (status, tests)."""

    __slots__ = ("state",)

    def __init__(self, disk: Disk, profile: Profile) -> None:
        """Raises :class:`fake_raft.opening.StartRefused` for a file that can't be opened."""
        self.state = open_file(disk, profile)

    def begin(self, now: int) -> list[Effect]:
        """The first effects: a cluster of one elects itself at once, everybody else waits out an election timeout."""
        s = self.state
        s.now = now
        s.join_at = now + membership.JOIN_RETRY
        if not s.joining and len(s.peers) == 1:
            elections.start(s, pre_vote=False, transfer=False)
        s.reset_election()
        s.want(s.deadline())
        return self.finish()

    def number_connection(self) -> int:
        """A number for a connection that a peer opened."""
        return links.new_number(self.state)

    def handle(self, now: int, event: Event) -> list[Effect]:
        """React to ``event`` at ``now`` (ms)."""
        if type(event) is Received:
            return self.receive(now, event.connection, event.envelope, event.message)
        if type(event) is Durable:
            return self.durable(now, event.ticket)
        s = self.state
        s.now = now
        if s.left or s.died:
            return []
        if type(event) is Tick:
            self._tick(event)
        else:
            self._other(event)
        return self.finish()

    def receive(self, now: int, number: int, envelope: Envelope, message: Message) -> list[Effect]:
        """``handle(now, Received(number, envelope, message))``, as most events are that."""
        s = self.state
        s.now = now
        connection = s.connections.get(number)
        if connection is None or s.left or s.died:
            return []
        new = envelope is not connection.seen
        if not new or links.accept_message(s, connection, envelope, message):
            repeats = s.repeats
            source = connection.sid or envelope.source
            peer = s.peers.get(source)
            if peer is not None:
                peer.last_msg = now
            kind = type(message)
            if kind not in TERM_CHECKED or message.term == s.term or self._new_term(message.term):  # type: ignore[union-attr]
                HANDLERS[kind](s, source, message)
            if new:
                s.repeats = repeats  # however often it was said: that it comes this way is new
        if s.tend or s.left or s.applied != s.commit or s.commit >= s.log.end:
            return self.finish()
        out = s.out
        if out:
            s.out = []
        return out

    def durable(self, now: int, ticket: int) -> list[Effect]:
        """``handle(now, Durable(ticket))``, as every write has that."""
        s = self.state
        s.now = now
        if s.left or s.died:
            return []
        self._durable(ticket)
        return self.finish()

    def _new_term(self, term: int) -> bool:
        """Take over a later term; returns whether a message of this term may be looked at."""
        s = self.state
        if term > s.term:
            elections.new_term(s, term)
        return term >= s.term

    def finish(self) -> list[Effect]:
        """What the main loop does after everything: see to connections, read what was committed, leave."""
        s = self.state
        if s.tend:
            links.tend(s)
        if s.applied != s.commit or s.commit >= s.log.end:
            replication.settle(s)
        if s.left:
            self._close()
        out = s.out
        if out:
            s.out = []
        return out

    def _close(self) -> None:
        s = self.state
        commands.shut_down(s)
        if s.removing is not None:
            remove_server_reply(s, s.removing.sid, s.removing.requester, success=False, comment="shutdown")
            s.removing = None
        s.out.append(Left())

    # -- time and disk --------------------------------------------------------------------------------------------

    def _other(self, event: Event) -> None:
        s = self.state
        match event:
            case ElectionArmed(jitter):
                if s.election_at == NEVER and s.election_min != NEVER:
                    s.election_at = s.election_min + jitter
                    s.want(s.election_at)
            case Accepted(connection):
                links.accepted(s, connection)
            case Up(connection):
                links.came_up(s, connection)
            case Down(connection):
                links.went_down(s, connection)

    def _tick(self, tick: Tick) -> None:
        s = self.state
        now = s.now
        s.wake = NEVER
        if not s.joining:
            if s.election_at is None:
                if now >= s.election_min:
                    s.election_at = NEVER
                    s.out.append(DrawElection(s.timer))
            elif now >= s.election_at:
                elections.timeout(s)
        if s.leaving and now >= s.leave_at:
            membership.ask_to_leave(s, tick.choose, tick.jitter)
        if s.joining and now >= s.join_at:
            membership.ask_to_join(s)
        if now >= s.ping_at:
            if s.role is LEADER:
                replication.heartbeat(s)
            if s.commands:
                commands.give_up(s)
            s.ping_later()
        due = s.deadline()
        if due < NEVER:
            s.want(due)

    def _durable(self, ticket: int) -> None:
        """Let go what waited, in order."""
        s = self.state
        waiters = s.waiters
        while waiters and waiters[0][0] <= ticket:
            waiter = waiters.pop(0)
            kind = type(waiter)
            if kind is MessageWait:
                self._release(waiter)  # type: ignore[arg-type]
            elif kind is EntryWait:
                replication.own_entry_durable(s, waiter[1])  # type: ignore[arg-type]
            else:
                assert type(waiter) is TermWait, "every kind of waiter is known"
                s.synced_term, s.synced_vote = waiter.term, waiter.vote

    def _release(self, waiter: MessageWait) -> None:
        """Send what had to wait, unless its term is over."""
        s = self.state
        term = getattr(waiter.message, "term", 0)
        connection = s.route(waiter.sid)
        if connection is not None and (not term or term >= s.term):
            envelope = connection.envelope or s.address_to(connection)
            s.out.append((connection.id, envelope, waiter.message, False))

    # -- what people ask for ------------------------------------------------------------------------------------------

    def kick(self, now: int, text: str, choose: int, jitter: int) -> Reply:
        """``cluster/kick``: exit code and text; effects are in :meth:`finish`."""
        self.state.now = now
        return membership.kick(self.state, text, choose, jitter)

    def leave(self, now: int, choose: int, jitter: int) -> Reply:
        """``cluster/leave``."""
        self.state.now = now
        error = membership.leave(self.state, choose, jitter)
        return (2, error) if error else (0, "")

    def change_election_timer(self, now: int, value: int) -> Reply:
        """``cluster/change-election-timer``."""
        self.state.now = now
        return membership.change_timer(self.state, value)

    def compact(self, now: int) -> Reply:
        """``ovsdb-server/compact``: a snapshot here and now; the role does not matter and does not change."""
        self.state.now = now
        error = replication.compact(self.state)
        return (2, error) if error else (0, "")

    def transfer_leadership(self, now: int, choose: int, *, step_down: bool = True) -> None:
        """Hand over to another server (``cluster/failure-test transfer-leadership``; exit does not step down)."""
        self.state.now = now
        if self.state.role is LEADER:
            elections.transfer(self.state, choose)
            if step_down:
                elections.become_follower(self.state)

    def execute(self, now: int, data: str, eid: str) -> str:
        """Take a client's command; returns its status, ``incomplete`` if news follow as Completed."""
        self.state.now = now
        return commands.execute(self.state, data, eid)
