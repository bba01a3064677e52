"""Skipping what changes nothing but times: heartbeats of a quiet cluster, wake-ups that come too early, and a leader's
counting of who has answered.

A leader's heartbeat and the answers to it take two link delays. If nothing else happens and nobody looks in that time,
and each message repeats the last one between two servers that agree, then all that it leaves is when who was heard
last: this is written down at once, instead of six steps for each message. Whatever is not exactly so goes the long way.
"""

from __future__ import annotations

from fake_raft import elections
from fake_raft.clock import VirtualClock
from fake_raft.messages import AppendReply, AppendRequest, Envelope
from fake_raft.network import MS, End, Host, Network
from fake_raft.state import CATCHUP, FOLLOWER, LEADER, Connection, Peer, State


class Echo:
    """How a follower answers a heartbeat that repeats the last one, as found at its ``changes``-th change: each way's
    end, and what the two servers remember of each other."""

    __slots__ = ("changes", "follower", "home", "leader", "near", "peer", "state")

    def __init__(self, peer: Peer, follower: Host, state: State, near: End, home: End) -> None:
        self.peer = peer
        self.follower = follower
        self.state = state
        self.near = near
        self.home = home
        self.leader = state.peers.get(state.leader or "")
        self.changes = follower.changes

    def holds(self, there: int) -> bool:
        """Whether it will do so again, if the leader has not changed and its heartbeat arrives at ``there`` (us)."""
        state = self.state
        return (
            self.changes == self.follower.changes
            and self.near.tail_us <= there
            and self.home.tail_us <= there
            and there // MS + state.timer >= state.wake
        )

    def note(self, there: int, back: int) -> None:
        """Write down what remains of a heartbeat that arrives at ``there`` and its answer at ``back`` (us)."""
        near, home, f = self.near, self.home, self.state
        near.tail_us = near.peer.heard_us = there
        home.tail_us = home.peer.heard_us = back
        f.now = f.election_base = now = there // MS
        f.election_min, f.election_at = now + f.timer, None
        if self.leader is not None:
            self.leader.last_msg = now
        self.peer.last_msg = back // MS
        self.peer.replied = True
        self.follower.skipped += 1


class Routine:
    """All echoes of a leader's heartbeat, as found at its ``changes``-th change."""

    __slots__ = ("changes", "echoes")

    def __init__(self, changes: int, echoes: list[Echo]) -> None:
        self.changes = changes
        self.echoes = echoes

    def holds(self, host: Host, network: Network, there: int) -> bool:
        """Whether all of that would be found again: what decides it changes only with somebody's ``changes``."""
        if self.changes != host.changes or not network.calm:
            return False
        for echo in self.echoes:  # noqa: SIM110 (a generator costs more than what it looks at)
            if not echo.holds(there):
                return False
        return True


def idle_tick(host: Host, clock: VirtualClock, network: Network) -> int | None:
    """If the Tick that is due need not be handled: all is as after it, and this is when to tick next (ms)."""
    s = host.idle if network.skips_idle else None
    if s is None:
        return None
    if wakes_early(s, clock.now // MS):
        host.skipped += 1
        return s.wake
    return leads_idly(host, s, clock, network)


def tick(call: tuple[Host, int]) -> None:
    """What a clock calls for a process's Tick."""
    host, wake = call
    host.woken(wake)


def nobody_else(host: Host, clock: VirtualClock, until: int) -> bool:
    """Whether nothing happens to the servers of ``host``'s cluster until ``until`` (us), and nobody looks.

    Ticks of servers at other ports, that is of another database, do not count: they talk among themselves.
    """
    others = clock.soon(until)
    return others is not None and all(
        fn is tick and call[0].port != host.port and call[0].idle is not None for _, _, fn, call in others
    )


def wakes_early(s: State, now: int) -> bool:
    """Whether a Tick at ``now`` (ms) finds nothing to do but to ask for the next; if so, the state is as after it."""
    due = s.deadline()
    if now >= due or s.leaving:
        return False
    s.now = now
    if now >= s.ping_at:
        s.ping_at = now + s.timer // 3
    s.wake = due
    return True


def leads_idly(host: Host, s: State, clock: VirtualClock, network: Network) -> int | None:
    """If the Tick that is due now is a leader's routine: all is as after it and the answers to its heartbeats, but for
    the next wake-up, which is to be then (ms). Routine is to send heartbeats that change nothing, and to find at the
    end of the election timeout, when its random part has been drawn, that enough servers have answered."""
    now = clock.now // MS
    if s.role is not LEADER or s.leaving or s.joining:
        return None
    over = now >= (s.election_min if s.election_at is None else s.election_at)
    beats = now >= s.ping_at
    draws = over and s.election_at is None
    if (over and not draws and not elections.keeps_office(s)) or (beats and not beats_idly(host, s, clock, network)):
        return None
    host.skipped += 1
    s.now = now
    if draws:
        host.skipped += 1
        s.election_at = s.election_min + host.draw_election()
    elif over:
        elections.stay(s)
    if beats:
        note_beats(host, s, clock, network)
        s.ping_at = now + s.timer // 3
    s.wake = s.deadline()
    return s.ping_at if draws else s.wake  # as the wake-up that was asked for before the draw is what lasts


def beats_idly(host: Host, s: State, clock: VirtualClock, network: Network) -> bool:
    """Whether the heartbeats that are due now change nothing, and :func:`note_beats` writes down all they leave."""
    there = clock.now + network.delay_us
    if not network.undisturbed or not repeats_itself(s) or not nobody_else(host, clock, there + network.delay_us):
        return False
    routine = host.routine
    if routine is None or not routine.holds(host, network, there):
        routine = host.routine = routine_of(host, s, there)
    return routine is not None


def note_beats(host: Host, s: State, clock: VirtualClock, network: Network) -> None:
    """Write down what heartbeats that are sent now and the answers to them leave."""
    assert host.routine is not None, "they were found to change nothing"
    there = clock.now + network.delay_us
    back = there + network.delay_us
    for echo in host.routine.echoes:
        echo.note(there, back)
    answers = len(host.routine.echoes)
    if answers:
        host.skipped += answers
        network.messages += 2 * answers
        s.now = back // MS


def routine_of(host: Host, s: State, there: int) -> Routine | None:
    """What the next heartbeat, which arrives at ``there`` (us), brings from all followers; None if that is more than
    the last one brought."""
    request = s.beats.get(s.log.end - 1)
    if request is None:
        return None
    echoes = []
    for peer in s.others:
        connection = s.route(peer.sid)
        if connection is None:
            continue
        echo = echo_of(host, s, peer, connection, request, there)
        if echo is None:
            return None
        echoes.append(echo)
    return Routine(host.changes, echoes)


def repeats_itself(s: State) -> bool:
    """Whether a leader's heartbeat repeats the last one, and nothing is sent besides."""
    return s.beats_key == (s.term, s.commit, s.log.end) and not (s.waiters or s.commands)


def echo_of(host: Host, s: State, peer: Peer, way: Connection, request: AppendRequest, there: int) -> Echo | None:
    """How a follower answers ``request`` at ``there`` (us), if it does so as the last time and the leader learns
    nothing from it."""
    near = host.ends[way.id]
    far = near.peer
    f = far.owner.idle
    if f is None or peer.next_index != s.log.end or peer.phase == CATCHUP or not passes(near, there):
        return None
    reply = f.beat_reply
    home = f.route(s.sid)
    if f.beat is not request or reply is None or home is None or not agrees(f, s, reply):
        return None
    back = far.owner.ends[home.id]
    if (
        reply.prev_index <= peer.match_index
        and there // MS + f.timer >= f.wake
        and passes(back, there)
        and back.peer.owner is host
        and is_known(f, far, way.envelope)
        and is_known(s, back.peer, home.envelope)
    ):
        return Echo(peer, far.owner, f, near, back)
    return None


def passes(end: End, at: int) -> bool:
    """Whether a message from ``end`` arrives at ``at`` with nothing before it."""
    return end.open and end.peer.open and not end.held and not end.gone and end.tail_us <= at


def agrees(f: State, s: State, reply: AppendReply) -> bool:
    """Whether a follower's state is the one from which it gave its last answer, to the same leader."""
    return (
        f.role is FOLLOWER
        and f.leader == s.sid
        and f.term == reply.term == s.term
        and f.log.end == reply.log_end
        and not f.waiters
    )


def is_known(s: State, end: End, envelope: Envelope | None) -> bool:
    """Whether the owner of ``end`` has accepted messages in this very envelope."""
    connection = s.connections.get(end.number)
    return connection is not None and envelope is not None and connection.seen is envelope
