"""Follows the files of real servers while these write: what is new since the last look, as events.

A file is held open, so that what a server still writes to one that was removed or replaced is read too. The format is
that of ovsdb(5), "File Formats"; what a clustered file's records say is in ovsdb(7) and raft-private.h.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from harness.cluster import DATABASES, Database
from harness.executors.processes import files
from harness.executors.processes.machines import Machines
from harness.raft_events import (
    Appended,
    Committed,
    Fact,
    Led,
    Left,
    Opened,
    RaftEvent,
    Rewritten,
    Source,
    Term,
    gathered,
)

Record = dict[str, Any]


class Files:
    """The files of all nodes: in the order of each file, not of time over all of them."""

    def __init__(self, machines: Machines) -> None:
        self._machines = machines
        self._followed: dict[tuple[str, Database], Followed] = {}

    def news(self, at: float) -> Iterator[RaftEvent]:
        """What came since the last call; ``at`` is now, in cluster seconds."""
        for node, host in self._machines.hosts.items():
            for database in DATABASES:
                if (node, database) not in self._followed:
                    self._followed[node, database] = Followed(database, node, host.file(database))
                yield from self._followed[node, database].news(at)

    def close(self) -> None:
        for followed in self._followed.values():
            followed.close()


class Followed:
    """One database of one node, whatever file lies there."""

    def __init__(self, database: Database, node: str, path: Path) -> None:
        self._database = database
        self._node = node
        self._path = path
        self._open: BinaryIO | None = None
        self._rest = b""
        self._source: Source | None = None

    def news(self, at: float) -> Iterator[RaftEvent]:
        """What came since the last call; the first time the whole file."""
        if self._open is not None:
            if os.fstat(self._open.fileno()).st_size < self._open.tell():
                self._drop()  # a file that has not joined is written anew from its header on
            else:
                yield from self._grown(at)
        if self._replaced():
            yield from self._begin(at)

    def close(self) -> None:
        self._drop()

    def _drop(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open, self._rest = None, b""

    def _replaced(self) -> bool:
        try:
            found = os.stat(self._path)
        except OSError:
            return False
        return self._open is None or os.fstat(self._open.fileno()).st_ino != found.st_ino

    def _read(self) -> list[Record]:
        """Whole records that were appended. What follows a damaged one is never read, as servers don't either."""
        assert self._open is not None, "somebody has opened it"
        self._rest += self._open.read()
        found, read = files.records(self._rest)
        self._rest = self._rest[read:]
        return found

    def _grown(self, at: float) -> Iterator[RaftEvent]:
        for record in self._read():
            fact = fact_of(record)
            if fact is not None and self._source is not None:
                yield RaftEvent(at, self._source, fact)

    def _begin(self, at: float) -> Iterator[RaftEvent]:
        """Another file lies there: a new server's, or a snapshot of the same."""
        self._drop()
        try:
            self._open = self._path.open("rb")
        except OSError:
            return
        header, *records = self._read() or [{}]
        if "server_id" not in header:
            self._drop()  # not whole yet, or no clustered database
            return
        source = Source(self._database, self._node, str(header["server_id"]))
        opened = _opened(header, records)
        again = source == self._source and not opened.joining
        self._source = source
        yield RaftEvent(at, source, Rewritten(opened.contents) if again else opened)


def _opened(header: Record, records: list[Record]) -> Opened:
    joining = "remote_addresses" in header
    facts = () if joining else tuple(fact for record in records if (fact := fact_of(record)) is not None)
    base, term = int(header.get("prev_index", 0)), int(header.get("prev_term", 0))
    servers = files.servers_of(header.get("prev_servers", {}))
    cid = header.get("cluster_id")
    contents = gathered(str(cid) if cid else None, base, term, servers, facts)
    return Opened(str(header.get("local_address", "")), joining, tuple(header.get("remote_addresses", ())), contents)


def fact_of(record: Record) -> Fact | None:
    """What one record says; None for notes to people."""
    if "note" in record:
        return Left() if record["note"] == "left" else None
    if "commit_index" in record:
        return Committed(int(record["commit_index"]))
    term = int(record.get("term", 0))
    if "leader" in record:
        return Led(term, str(record["leader"]))
    if "index" not in record:
        return Term(term, str(record["vote"]) if "vote" in record else None)
    servers = files.servers_of(record["servers"]) if "servers" in record else None
    data = record.get("eid")
    if "election_timer" in record:
        data = f"timer {record['election_timer']}"
    elif servers is not None:
        data = f"servers {','.join(sorted(servers))}"
    return Appended(int(record["index"]), term, data, servers)
