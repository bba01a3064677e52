"""What servers send each other (raft-rpc.c). ``term`` is None in messages that carry none: they never move a term."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

Servers: TypeAlias = dict[str, str]
"""A configuration: sid -> address. Never changed in place."""


class Entry(NamedTuple):
    """A log entry: client data, a configuration, an election timer, or none of them (a new leader's no-op)."""

    term: int
    data: str | None = None
    servers: Servers | None = None
    timer: int | None = None
    eid: str | None = None


class Hello(NamedTuple):
    """The first message on a connection, in both directions."""

    address: str


class AppendRequest(NamedTuple):
    term: int
    prev_index: int
    prev_term: int
    commit: int
    entries: tuple[Entry, ...]


class AppendReply(NamedTuple):
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


class InstallSnapshotReply(NamedTuple):
    term: int
    last_index: int


class BecomeLeader(NamedTuple):
    term: int


class AddServer(NamedTuple):
    address: str


class AddServerReply(NamedTuple):
    success: bool
    remotes: tuple[str, ...]


class RemoveServer(NamedTuple):
    sid: str


class RemoveServerReply(NamedTuple):
    success: bool
    target: str


class Execute(NamedTuple):
    data: str
    eid: str


class ExecuteReply(NamedTuple):
    eid: str
    position: int


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
    """A message with the header of every raft RPC: cluster, sender, and the server it is meant for (if known)."""

    cid: str | None
    source: str
    target: str | None
    message: Message
