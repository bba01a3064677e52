"""What raft servers write to their files, as values: the same evidence in the simulator and on real servers.

A server's file is all that it is bound to after a crash, and what ``ovsdb-tool check-cluster`` judges by. Events come
in the order of each file; where a backend knows it (``sim``) also in the order of time over all files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

from harness.cluster import Database


class Source(NamedTuple):
    """Whose file: the server ``sid`` of ``database`` on ``node``."""

    database: Database
    node: str
    sid: str


class Appended(NamedTuple):
    """An entry at ``position``; one below the end of the log cuts the log off there first. ``data`` is what tells
    entries apart (a command's id or text, or None), ``servers`` a configuration (sid -> address)."""

    position: int
    term: int
    data: str | None = None
    servers: Mapping[str, str] | None = None


class Committed(NamedTuple):
    """Everything up to ``position`` is committed, as this server knows."""

    position: int


class Term(NamedTuple):
    """A term, and whom the server votes for in it (None: nobody, or as before)."""

    term: int
    vote: str | None


class Led(NamedTuple):
    """``sid`` leads ``term``: written by the leader when it takes office, by others when they first hear of it."""

    term: int
    sid: str


class Left(NamedTuple):
    """The server has left the cluster: its file is never opened again."""


class Contents(NamedTuple):
    """A whole file. ``base`` is the last index that its snapshot covers; ``led`` are its notes (term, who led it)."""

    cid: str | None
    base: int
    base_term: int
    servers: Mapping[str, str]
    entries: tuple[Appended, ...]
    term: int
    vote: str | None
    commit: int
    led: tuple[tuple[int, str], ...] = ()


class Opened(NamedTuple):
    """A process began with this file. ``remotes``: whom a server that has not joined yet asks (else empty)."""

    address: str
    joining: bool
    remotes: tuple[str, ...]
    contents: Contents


class Rewritten(NamedTuple):
    """The file was replaced by a snapshot and what follows it."""

    contents: Contents


class Stopped(NamedTuple):
    """The process is gone, and with it the events ``lost``: never synced, or synced by a disk that lied.
    ``term`` and ``vote`` are what the server had been told is durable."""

    lost: tuple[Appended | Committed | Term | Led | Left, ...]
    term: int
    vote: str | None


Fact: TypeAlias = Appended | Committed | Term | Led | Left | Opened | Rewritten | Stopped


class RaftEvent(NamedTuple):
    """One event, at ``at`` cluster seconds (of the look that found it, where the backend knows no better)."""

    at: float
    source: Source
    fact: Fact


def gathered(cid: str | None, base: int, base_term: int, servers: Mapping[str, str], facts: Iterable[Fact]) -> Contents:
    """A file as a server that opens it takes it: its snapshot, and what is left of the records that follow."""
    entries: list[Appended] = []
    led: list[tuple[int, str]] = []
    term, vote, commit = 0, None, base
    for fact in facts:
        if isinstance(fact, Appended):
            while entries and entries[-1].position >= fact.position:
                entries.pop()
            entries.append(fact)
        if isinstance(fact, Appended | Term | Led) and fact.term > term:
            term, vote = fact.term, None
        if isinstance(fact, Term) and fact.vote is not None:
            vote = fact.vote
        elif isinstance(fact, Committed):
            commit = fact.position
        elif isinstance(fact, Led):
            led.append((fact.term, fact.sid))
    return Contents(cid, base, base_term, servers, tuple(entries), term, vote, commit, tuple(led))
