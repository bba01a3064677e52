"""What servers send each other (raft-rpc.c). Messages without a ``term`` never move a term, whoever sends them."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Servers: TypeAlias = dict[str, str]
"""A configuration: sid -> address, oldest member first. Never changed in place."""


class Entry(NamedTuple):
    """A log entry: client data (with its id), a configuration, an election timer, or none (a new leader's no-op)."""

    term: int
    data: str | None = None
    servers: Servers | None = None
    timer: int | None = None
    eid: str | None = None


class Hello(NamedTuple):
    """The first message on a connection, from the server that opened it."""

    address: str


class AppendRequest(NamedTuple):
    term: int
    prev_index: int
    prev_term: int
    commit: int
    entries: tuple[Entry, ...]


class AppendReply(NamedTuple):
    """``log_end`` is what the sender had when it answered."""

    term: int
    log_end: int
    prev_index: int
    n_entries: int
    ok: bool


class VoteRequest(NamedTuple):
    term: int
    last_index: int
    last_term: int
    transfer: bool
    pre_vote: bool


class VoteReply(NamedTuple):
    """``vote`` is whom the sender voted for: a "no" names somebody else."""

    term: int
    vote: str
    pre_vote: bool


class InstallSnapshot(NamedTuple):
    term: int
    last_index: int
    last_term: int
    servers: Servers
    data: tuple[str, ...]
    timer: int
    eid: str | None


class InstallSnapshotReply(NamedTuple):
    term: int
    last_index: int
    last_term: int


class BecomeLeader(NamedTuple):
    term: int


class AddServer(NamedTuple):
    address: str


class AddServerReply(NamedTuple):
    success: bool
    comment: str
    remotes: tuple[str, ...]


class RemoveServer(NamedTuple):
    sid: str


class RemoveServerReply(NamedTuple):
    """``target`` is None when it is the receiver."""

    success: bool
    comment: str
    target: str | None


class Execute(NamedTuple):
    """A client's command, forwarded. ``prereq`` is the last command that its server had applied."""

    data: str
    eid: str
    prereq: str | None


class ExecuteReply(NamedTuple):
    eid: str
    status: str


Message: TypeAlias = (
    Hello
    | AppendRequest
    | AppendReply
    | VoteRequest
    | VoteReply
    | InstallSnapshot
    | InstallSnapshotReply
    | BecomeLeader
    | AddServer
    | AddServerReply
    | RemoveServer
    | RemoveServerReply
    | Execute
    | ExecuteReply
)


class Envelope(NamedTuple):
    """What every RPC says besides its message: cluster and sender, and the server it is meant for, where known."""

    cid: str | None
    source: str
    target: str | None
