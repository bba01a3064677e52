"""Database files of somebody's cluster: what they say, and the disks that a simulation begins with.

A member whose file is not given gets a copy of another member's log under its own id, without a vote: what a follower
has that acknowledged everything. Servers of the lab speak TCP, so addresses of SSL are taken for those of TCP.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from fake_raft import Disk, by_version
from fake_raft.disk import EntryRecord, LeaderRecord, Record, TermRecord
from fake_raft.file import FileError, read
from fake_raft.opening import StartRefused, open_file
from harness.addresses import host_of, raft_address
from harness.cluster import Database
from harness.errors import BadInput
from harness.spec import ClusterSpec, DatabaseFile

BEGINS = b"OVSDB "
TODO = "copy the file from a running member: /etc/origin/ovn/ovnnb_db.db or ovnsb_db.db"


@dataclass(frozen=True, slots=True)
class Told:
    """What one file says: whose it is, in which cluster, at which term, and who the members are (hosts)."""

    file: DatabaseFile
    host: str
    cluster: str
    term: int
    members: tuple[str, ...]
    timer_ms: int


def is_database(content: bytes) -> bool:
    """Whether this looks like a database's file rather than pasted text."""
    return content.startswith(BEGINS)


def tell(path: Path, ovs: str) -> Told:
    """Read the file of a member. Raises :class:`BadInput` for what no member of a cluster would start with."""
    content = _content(path)
    disk = _disk(path, hashlib.sha256(content).hexdigest())
    database = next((one for one in Database if one.schema == disk.header.name), None)
    if database is None:
        raise BadInput(f"{path} holds {disk.header.name}", why="neither OVN_Northbound nor OVN_Southbound", todo=TODO)
    if disk.joining:
        raise BadInput(f"{path} has not joined a cluster", why="it holds no configuration", todo=TODO)
    try:
        state = open_file(disk.clone(), by_version(ovs))
    except StartRefused as refused:
        raise BadInput(f"{path}: {refused}", why="no server would start with it", todo=TODO) from None
    assert disk.cid is not None, "only a joining file has no cluster id"
    return Told(
        file=DatabaseFile(database, path, hashlib.sha256(content).hexdigest()),
        host=host_of(disk.header.address),
        cluster=disk.cid,
        term=state.term,
        members=tuple(host_of(address) for address in disk.configuration().values()),
        timer_ms=state.timer,
    )


def disks(spec: ClusterSpec) -> dict[tuple[str, Database], Disk]:
    """(host, database) -> what lies there when the simulation begins. Raises :class:`BadInput` if a file is not what
    it was when it was named."""
    found: dict[tuple[str, Database], Disk] = {}
    for file in spec.files:
        disk = _disk(file.path, file.digest)
        found[host_of(disk.header.address), file.database] = disk.clone()
    for database in {file.database: None for file in spec.files}:
        given = [disk for (_, of), disk in found.items() if of is database]
        best = max(given, key=lambda disk: (disk.header.prev_index, len(disk.records)))
        for sid, address in best.configuration().items():
            found.setdefault((host_of(address), database), _copy(best, sid, address))
    return found


def rows(found: Sequence[Disk]) -> tuple[str, ...]:
    """Everything that was ever written into these files."""
    entries = (record.entry for disk in found for record in disk.records if isinstance(record, EntryRecord))
    snapshots = (row for disk in found for row in disk.header.data)
    return (*snapshots, *(entry.data for entry in entries if entry.data is not None))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"--from {path}: {error.strerror or error}", todo="name a file that can be read") from None


@lru_cache(maxsize=16)
def _disk(path: Path, digest: str) -> Disk:
    content = _content(path)
    if hashlib.sha256(content).hexdigest() != digest:
        raise BadInput(f"{path} has changed since the rehearsal began", todo="copy it to a place of its own, and again")
    try:
        return _plain(read(content))
    except FileError as error:
        raise BadInput(f"{path} is no database of a cluster: {error}", todo=TODO) from None


def _plain(disk: Disk) -> Disk:
    """The same with the addresses that servers of the lab have."""
    port = next((one.raft_port for one in Database if one.schema == disk.header.name), 0)

    def ours(address: str) -> str:
        return raft_address(host_of(address), port)

    def record(given: Record) -> Record:
        if not isinstance(given, EntryRecord) or given.entry.servers is None:
            return given
        servers = {sid: ours(address) for sid, address in given.entry.servers.items()}
        return given._replace(entry=given.entry._replace(servers=servers))

    servers = tuple((sid, ours(address)) for sid, address in disk.header.servers)
    header = replace(disk.header, address=ours(disk.header.address), servers=servers)
    return Disk(header, [record(given) for given in disk.records])


def _copy(disk: Disk, sid: str, address: str) -> Disk:
    records: list[Record] = [
        record._replace(vote=None) if isinstance(record, TermRecord) else record
        for record in disk.records
        if not isinstance(record, LeaderRecord)
    ]
    return Disk(replace(disk.header, sid=sid, address=address), records)
