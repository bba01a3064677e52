"""A clustered database's file: a header and a list of records, as ovsdb-server appends them.

Records that were appended but not synced yet survive a killed process (they are in the page cache) and are lost with
the machine's power. A forgetful disk acknowledges what it has not stored: later loss of power takes everything since.
A full one stores nothing more (:mod:`fake_raft.full_disk`), a slow one takes ``slow_us`` longer for each sync.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from fake_raft.messages import Entry, Servers


class TermRecord(NamedTuple):
    term: int
    vote: str | None


class EntryRecord(NamedTuple):
    """An entry at index ``position``; one below the end of the log truncates it there first."""

    position: int
    entry: Entry


class CommitRecord(NamedTuple):
    position: int


class LeaderRecord(NamedTuple):
    """Who led a term, for people and checkers: servers don't use it."""

    term: int
    sid: str


class NoteRecord(NamedTuple):
    """``left``: the server left the cluster; such a file is never opened again. Other notes are for people, and so
    is the comment, which a real server adds to each."""

    note: str
    comment: str | None = None


Record: TypeAlias = TermRecord | EntryRecord | CommitRecord | LeaderRecord | NoteRecord
RECORDS = frozenset((TermRecord, EntryRecord, CommitRecord, LeaderRecord, NoteRecord))


@dataclass(frozen=True, slots=True)
class Header:
    """The first record. A joining file has ``remotes`` and perhaps no cid; any other has a snapshot, maybe empty."""

    name: str
    address: str
    sid: str
    cid: str | None
    joining: bool = False
    remotes: tuple[str, ...] = ()
    prev_index: int = 0
    prev_term: int = 0
    servers: tuple[tuple[str, str], ...] = ()
    data: tuple[str, ...] = ()
    timer: int | None = None
    eid: str | None = None


class Disk:
    """One file. ``synced`` records survive a loss of power; ``birth_us`` is when the file was made (clock time).

    ``unwritten``, ``delayed`` and ``forgotten`` count the records that a full disk did not take, the syncs that a slow
    one delayed, and the records that a forgetful one had acknowledged and lost with its power.
    """

    __slots__ = (
        *("birth_us", "header", "records", "synced"),
        *("full", "slow_us", "holes", "remembers", "unwritten", "delayed", "forgotten"),
    )

    def __init__(self, header: Header, records: list[Record] | None = None, birth_us: int = 0) -> None:
        self.header = header
        self.records: list[Record] = records if records is not None else []
        self.synced = len(self.records)
        self.birth_us = birth_us
        self.full = False
        self.slow_us = 0
        self.holes = False
        self.remembers: Disk | None = None
        self.unwritten = self.delayed = self.forgotten = 0

    @classmethod
    def create_cluster(
        cls,
        name: str,
        address: str,
        sid: str,
        cid: str,
        *,
        election_timer_ms: int | None = None,
        data: tuple[str, ...] = (),
        birth_us: int = 0,
    ) -> Disk:
        """``ovsdb-tool create-cluster``; an election timer is a log entry of term 1 (facts: ovsdb-raft 0)."""
        header = Header(name, address, sid, cid, prev_index=1, servers=((sid, address),), data=data)
        records: list[Record] = []
        if election_timer_ms is not None:
            records = [EntryRecord(2, Entry(1, timer=election_timer_ms))]
        return cls(header, records, birth_us)

    @classmethod
    def join_cluster(
        cls,
        name: str,
        address: str,
        remotes: tuple[str, ...],
        sid: str,
        cid: str | None = None,
        *,
        birth_us: int = 0,
    ) -> Disk:
        """``ovsdb-tool join-cluster``. Raises ValueError with the text of the tool's refusal."""
        if not remotes:
            raise ValueError("join-cluster needs at least one remote address")
        if address in remotes:
            raise ValueError("remote addresses cannot be the same as the local address")
        return cls(Header(name, address, sid, cid, joining=True, remotes=tuple(remotes)), birth_us=birth_us)

    def clone(self) -> Disk:
        """A copy of what is on it now: restored later, it is a stale file of the same server."""
        copy = Disk(self.header, list(self.records), self.birth_us)
        copy.synced = self.synced
        return copy

    def rewrite(self, header: Header, records: list[Record]) -> None:
        """Replace the file in one step, as a snapshot does; it is synced before it is renamed into place."""
        self.header = header
        self.records = records
        self.synced = len(records)

    def sync(self, count: int) -> None:
        """The first ``count`` records are on the platter."""
        self.synced = max(self.synced, min(count, len(self.records)))

    def forget(self, forgets: bool = True) -> None:
        """From now on nothing that is acknowledged is stored (or all of it is, again)."""
        self.remembers = self.clone() if forgets else None

    def lose_power(self) -> None:
        """Unsynced records are gone, and all that was written while the disk forgot."""
        old = self.remembers
        if old is not None:
            self.forgotten += max(0, len(self.records) - old.synced)
            self.header, self.records, self.synced = old.header, list(old.records), old.synced
        del self.records[self.synced :]

    # -- what tools and start scripts read ------------------------------------------------------------------------

    @property
    def empty(self) -> bool:
        """Nothing was ever written after the header."""
        return not self.records

    @property
    def sid(self) -> str:
        return self.header.sid

    @property
    def cid(self) -> str | None:
        return self.header.cid

    @property
    def joining(self) -> bool:
        """The file has not joined a cluster yet."""
        return self.header.joining

    @property
    def joined(self) -> bool:
        return not self.header.joining

    @property
    def left(self) -> bool:
        return any(isinstance(record, NoteRecord) and record.note == "left" for record in self.records)

    def log(self) -> dict[int, Entry]:
        """The log after the header's snapshot, as a server that opens the file sees it: index -> entry."""
        log: dict[int, Entry] = {}
        end = self.header.prev_index + 1
        for record in self.records:
            if isinstance(record, EntryRecord):
                for index in range(record.position, end):
                    del log[index]
                log[record.position] = record.entry
                end = record.position + 1
        return log

    def configuration(self) -> Servers:
        """The latest configuration in the file, committed or not: sid -> address. Empty for a joining file."""
        found = [entry.servers for entry in self.log().values() if entry.servers is not None]
        return dict(found[-1] if found else self.header.servers)
