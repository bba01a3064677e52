"""What ``cluster/status`` prints, as a value (facts: ovsdb-raft 1.1, 1.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fake_raft.order import bucket_order
from fake_raft.state import CANDIDATE, CATCHUP, CAUGHT_UP, COMMITTING, LEADER, REMOVE, Peer, State, nickname_of

PHASES = {
    CATCHUP: "adding: catchup",
    CAUGHT_UP: "adding: caught up",
    COMMITTING: "adding: committing",
    REMOVE: "removing",
}


@dataclass(frozen=True, slots=True)
class CommandReply:
    """What ovs-appctl prints (without its own "server returned an error") and exits with."""

    code: int
    text: str

    @property
    def ok(self) -> bool:
        return self.code == 0


class PendingLine(NamedTuple):
    """An ``Adding server`` or ``Removing server`` line."""

    nickname: str
    sid4: str
    address: str
    phase: str


class ConnectionItem(NamedTuple):
    nickname: str
    outgoing: bool
    connected: bool


class ServerLine(NamedTuple):
    """A line below ``Servers:``."""

    nickname: str
    sid4: str
    address: str
    is_self: bool
    phase: str | None
    voted_for: str | None
    next_index: int | None
    match_index: int | None
    last_msg_ms: int | None


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One server's status. Times in ms; ``leader`` and ``vote`` are ``self``, ``unknown`` or a nickname."""

    nickname: str
    name: str
    cid: str | None
    sid: str
    address: str
    status: str
    remotes: tuple[str, ...]
    adding: tuple[PendingLine, ...]
    removing: tuple[PendingLine, ...]
    role: str
    term: int
    leader: str
    vote: str
    election_started_ms: int | None
    election_reason: str | None
    election_won_ms: int | None
    election_timer: int
    election_timer_new: int | None
    log_start: int
    log_end: int
    uncommitted: int
    unapplied: int
    connections: tuple[ConnectionItem, ...]
    disconnections: int
    servers: tuple[ServerLine, ...]


class Ages(NamedTuple):
    """What of a status changes with time alone (ms)."""

    election_started: int | None
    election_won: int | None
    last_msg: tuple[int | None, ...]


def ages_of(s: State, now: int) -> Ages:
    """The ages of :func:`status_of`, servers in its order."""
    return Ages(
        None if s.election_started is None else now - s.election_started,
        None if s.election_won is None else now - s.election_won,
        tuple([None if peer.last_msg is None else now - peer.last_msg for peer in s.peers.values()]),
    )


def status_line(s: State) -> str:
    """The ``Status:`` line, by precedence."""
    if s.joining:
        return "joining cluster"
    if s.leaving:
        return "leaving cluster"
    if s.left:
        return "left cluster"
    if s.died:
        return "failed"
    if s.candidate_retrying:
        return "disconnected from the cluster (election timeout)"
    return "cluster member"


def status_of(s: State, now: int) -> ServerStatus:
    """The status of ``s`` at ``now`` (ms)."""
    leads = s.role == LEADER
    started = s.election_started
    return ServerStatus(
        nickname=s.nickname(s.sid),
        name=s.name,
        cid=s.cid,
        sid=s.sid,
        address=s.address,
        status=status_line(s),
        remotes=tuple(s.remotes) if s.joining else (),
        adding=tuple(_pending(s.adding[sid]) for sid in bucket_order(s.adding)) if leads else (),
        removing=(_pending(s.removing),) if leads and s.removing is not None else (),
        role=s.role,
        term=s.term,
        leader=_name(s, s.leader),
        vote=_name(s, s.vote),
        election_started_ms=None if started is None else now - started,
        election_reason=None if started is None else s.election_reason,
        election_won_ms=None if s.election_won is None else now - s.election_won,
        election_timer=s.timer,
        election_timer_new=s.timer_new if leads else None,
        log_start=s.log.start,
        log_end=s.log.end,
        uncommitted=s.log.end - s.commit - 1,
        unapplied=s.log.end - s.applied - 1,
        connections=tuple(ConnectionItem(c.nickname, c.outgoing, c.up) for c in s.connections.values()),
        disconnections=s.disconnections,
        servers=tuple(_server(s, peer, now) for peer in s.peers.values()),
    )


def _name(s: State, sid: str | None) -> str:
    if sid is None:
        return "unknown"
    return "self" if sid == s.sid else s.nickname(sid)


def _pending(peer: Peer) -> PendingLine:
    return PendingLine(
        nickname_of(peer.address, peer.sid), peer.sid[:4], peer.address, PHASES.get(peer.phase, peer.phase)
    )


def _server(s: State, peer: Peer, now: int) -> ServerLine:
    leads = s.role == LEADER
    voted = s.nickname(peer.vote) if s.role == CANDIDATE and peer.vote is not None else None
    return ServerLine(
        nickname_of(peer.address, peer.sid),
        peer.sid[:4],
        peer.address,
        peer.sid == s.sid,
        PHASES.get(peer.phase),
        voted,
        peer.next_index if leads else None,
        peer.match_index if leads else None,
        None if peer.last_msg is None else now - peer.last_msg,
    )
