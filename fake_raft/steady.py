"""Skipping the way of a client's write through a cluster that has nothing else to do.

Where all servers that are there agree, all links and disks work, all choices are 0, and nothing else happens and nobody
looks at more than rows until the last answer is back, a write takes the same way every time, in the same times:

* the leader appends the entry, begins to sync it and sends it to its followers;
* a link delay later these append it, begin to sync it, and answer when that is done;
* with enough answers the leader commits it, answers its client and sends a heartbeat;
* a link delay later the followers commit it, and answer that.

What this leaves is written down at once, records with their times. Only the client hears of it when its time has come.
Whatever is not exactly so goes the long way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from fake_raft import elections
from fake_raft.clients import Done
from fake_raft.clock import Timer
from fake_raft.disk import CommitRecord, EntryRecord, Record
from fake_raft.fsync import FSYNC_US
from fake_raft.idle import is_known, passes, tick
from fake_raft.messages import AppendReply, AppendRequest, Entry
from fake_raft.network import MS, End
from fake_raft.state import FOLLOWER, LEADER, STABLE, Peer, State, new_tuple

if TYPE_CHECKING:
    from fake_raft.process import Process

SYNC_US = FSYNC_US[0]


Answer: TypeAlias = tuple[Done, bool]


class Follower:
    """Somebody who takes the leader's entries, as found at its ``changes``-th change: the ends of both ways, and what
    the two servers remember of each other."""

    __slots__ = ("changes", "home", "leader", "near", "peer", "process", "state")

    def __init__(self, process: Process, state: State, leader: Peer, peer: Peer, near: End, home: End) -> None:
        self.process = process
        self.state = state
        self.leader = leader
        self.peer = peer
        self.near = near
        self.home = home
        self.changes = process.changes


class Course:
    """The way of a write, as found at the leader's ``changes``-th change. ``absent`` are those to whom none leads,
    ``names`` the choices on it."""

    __slots__ = ("absent", "changes", "followers", "me", "names")

    def __init__(self, changes: int, me: Peer, followers: list[Follower], absent: list[Peer], names: list[str]) -> None:
        self.changes = changes
        self.me = me
        self.followers = followers
        self.absent = absent
        self.names = names


def write(process: Process, data: str, done: Done) -> bool:
    """Whether all is as after the write of ``data`` and all that follows from it; ``done`` is called in its time."""
    network, clock, s = process._network, process._clock, process.idle
    delay, now = network.delay_us, clock.now
    choices = network.foresight
    if choices is None or s is None or not network.calm or not network.undisturbed:
        return False
    course = process.course
    if course is None or not holds(course, process):
        course = process.course = course_of(process, s, now)
        if course is None:
            return False
    there = now + delay
    if not keeps_time(course, process, s, now, there):
        return False
    if not nothing_else(process, now + 4 * delay + SYNC_US) or not choices.happy(course.names):
        return False
    eid = process._transactions.next_eid(s.sid, now)
    note(process, s, course, Entry(s.term, data=data, eid=eid))
    clock.post(now + 2 * delay + SYNC_US, _answer, (done, True))
    return True


def _answer(answer: Answer) -> None:
    answer[0](answer[1])


def nothing_else(process: Process, until: int) -> bool:
    """Whether nothing happens until ``until`` (us) that this cluster, its clients, or who reads its files can tell."""
    others = process._clock.soon(until)
    if others is None:
        return False
    for _, _, fn, what in others:
        if fn is tick:
            host, wake = what
            if wake == host._wake and (host.port == process.port or not ticks_quietly(host, until)):
                return False
        elif type(what) is not Timer or not (what.reads or what.fn is None):
            return False
    return True


def ticks_quietly(host: Process, until: int) -> bool:
    """Whether a server of another database writes nothing at a Tick before ``until``."""
    s = host.idle
    if s is None or s.leaving or s.joining:
        return False
    return elections.keeps_office(s) if s.role is LEADER else until // MS < s.deadline()


def holds(course: Course, process: Process) -> bool:
    """Whether the same way would be found again: what decides it changes only with somebody's ``changes``."""
    if course.changes != process.changes:
        return False
    for follower in course.followers:  # noqa: SIM110 (a generator costs more than what it looks at)
        if follower.changes != follower.process.changes:
            return False
    return True


def keeps_time(course: Course, process: Process, s: State, now: int, there: int) -> bool:
    """Whether nothing is on its way, nobody has to be woken at another time, and disks take what they are given."""
    if s.wake > now // MS + s.timer // 3 or process.disk.full or process.disk.slow_us or process.on_applied:
        return False
    for follower in course.followers:
        host, f = follower.process, follower.state
        if (
            follower.near.tail_us > there
            or follower.home.tail_us > there
            or f.wake > there // MS + f.timer
            or host.disk.full
            or host.disk.slow_us
            or host.on_applied
        ):
            return False
    return True


# -- finding the way -------------------------------------------------------------------------------------------------


def course_of(process: Process, s: State, now: int) -> Course | None:
    """The way of the next write; None if it is not the usual one."""
    me = s.peers.get(s.sid)
    if me is None or not s.others or not leads_steadily(s) or process._syncer.busy:
        return None
    followers: list[Follower] = []
    absent: list[Peer] = []
    for peer in s.others:
        if s.route(peer.sid) is None and peer.next_index == s.log.end and peer.phase == STABLE:
            absent.append(peer)  # as if it had been sent
            continue
        found = follower_of(process, s, peer, now)
        if found is None:
            return None
        followers.append(found)
    if len(followers) < len(s.peers) // 2:
        return None
    return Course(process.changes, me, followers, absent, _names(process, followers))


def _names(process: Process, followers: list[Follower]) -> list[str]:
    """Syncs, and for each follower two messages there and two back."""
    names = [process._syncer.choice]
    for follower in followers:
        names += [follower.process._syncer.choice, *[follower.near.choice] * 2, *[follower.home.choice] * 2]
    return names


def leads_steadily(s: State) -> bool:
    """Whether a leader has committed all it has, and nothing is asked of it."""
    return (
        s.role is LEADER
        and not (s.leaving or s.joining or s.left or s.died or s.tend or s.out)
        and not (s.adding or s.waiters or s.commands)
        and s.removing is None
        and s.commit == s.applied == s.log_synced == s.log.end - 1
        and s.applied_eid == s.log.eid()
        and s.synced_term >= s.term
    )


def follower_of(process: Process, s: State, peer: Peer, now: int) -> Follower | None:
    """Who answers for ``peer``, if it has all that the leader has and follows it, and both ways are open."""
    way = s.route(peer.sid)
    if way is None or peer.phase != STABLE or peer.snapshotting:
        return None
    if peer.next_index != s.log.end or peer.match_index != s.log.end - 1:
        return None
    near = process.ends.get(way.id)
    if near is None or not passes(near, now):
        return None
    far = near.peer
    host: Process = far.owner  # type: ignore[assignment]
    f = host.idle
    if f is None or not follows_steadily(f, s) or host._syncer.busy:
        return None
    home, leader = f.route(s.sid), f.peers.get(s.sid)
    end = host.ends.get(home.id) if home is not None else None
    if home is None or leader is None or end is None or end.peer.owner is not process or not passes(end, now):
        return None
    if not is_known(f, far, way.envelope) or not is_known(s, end.peer, home.envelope):
        return None
    return Follower(host, f, leader, peer, near, end)


def follows_steadily(f: State, s: State) -> bool:
    """Whether a follower has what its leader has, and nothing else to do."""
    return (
        f.role is FOLLOWER
        and f.leader == s.sid
        and f.term == s.term
        and not (f.leaving or f.joining or f.left or f.died or f.tend or f.out)
        and not (f.waiters or f.commands)
        and f.commit == f.applied == f.log_synced == f.log.end - 1 == s.commit
        and f.applied_eid == s.applied_eid
        and f.log.term_at(f.commit) == s.log.term_at(s.commit)
        and f.synced_term >= f.term
    )


# -- what remains of it ----------------------------------------------------------------------------------------------


def note(process: Process, s: State, course: Course, entry: Entry) -> None:
    """Write down what remains of a write that begins now: in what order, the head of this file says."""
    network, now, delay = process._network, process._clock.now, process._network.delay_us
    followers = course.followers
    index = s.log.end
    written: EntryRecord = new_tuple(EntryRecord, (index, entry))
    committed: CommitRecord = new_tuple(CommitRecord, (index,))
    end = now + 4 * delay + SYNC_US
    _note_record(process, now, written)
    for follower in followers:
        _note_record(follower.process, now + delay, written)
    _take(process, s, entry, index, end - 2 * delay)
    _note_record(process, now + 2 * delay + SYNC_US, committed)
    beat: AppendRequest = new_tuple(AppendRequest, (s.term, index, entry.term, index, ()))
    reply: AppendReply = new_tuple(AppendReply, (s.term, index + 1, index, 0, True))
    for follower in followers:
        _take(follower.process, follower.state, entry, index, end - delay)
        _note_record(follower.process, end - delay, committed)
        _note_follower(follower, index, beat, reply, end - delay, end)
    for peer in course.absent:
        peer.next_index = index + 1
    course.me.match_index = index
    s.beats_key = (s.term, index, index + 1)
    s.beats.clear()
    s.beats[index] = beat
    s.ping_at = (now + 2 * delay + SYNC_US) // MS + s.timer // 3
    s.now = end // MS
    process.skipped += 2 + 2 * len(followers)
    network.messages += 4 * len(followers)
    network.changes += 1 + len(followers)
    course.changes = process.changes


def _note_record(process: Process, at: int, record: Record) -> None:
    process.disk.records.append(record)
    if process.journal is not None:
        process.journal.append((at, process, record))


def _take(process: Process, s: State, entry: Entry, index: int, at: int) -> None:
    """The entry is in the log, synced, committed, and from ``at`` (us) on applied."""
    s.log.append(entry)
    s.ticket += 1
    process._syncer.skip(s.ticket)
    s.log_synced = s.commit = s.applied = index
    s.applied_eid = entry.eid
    s.rows.append(entry.data or "")
    process._ahead_us = at
    process.changes += 1


def _note_follower(
    follower: Follower, index: int, beat: AppendRequest, reply: AppendReply, there: int, end: int
) -> None:
    """The heartbeat that says that it is committed came ``there``, its answer back at the ``end`` (us)."""
    near, home, f, peer = follower.near, follower.home, follower.state, follower.peer
    near.tail_us = near.peer.heard_us = there
    home.tail_us = home.peer.heard_us = end
    f.now = f.election_base = follower.leader.last_msg = now = there // MS
    f.election_min, f.election_at = now + f.timer, None
    f.beat, f.beat_reply = beat, reply
    peer.next_index, peer.match_index = index + 1, index
    peer.replied, peer.last_msg = True, end // MS
    follower.process.skipped += 3
    follower.changes = follower.process.changes
