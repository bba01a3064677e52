"""The records of a cluster's file as JSON objects, and as fake_raft's (ovsdb(5); ovsdb/raft-private.c)."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

from fake_raft.disk import CommitRecord, EntryRecord, Header, LeaderRecord, NoteRecord, Record, TermRecord
from fake_raft.file_contents import NotReplayable, replay
from fake_raft.file_data import Json, Schema, compact, marker_of, markers_of, snapshot, transaction
from fake_raft.messages import Entry, Servers

NO_EID = "00000000-0000-0000-0000-000000000000"
COMMANDS = uuid.UUID("6f766e73-7761-5000-8000-66616b656964")
UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
ADDRESS = re.compile(r"unix:.|(tcp|ssl):(\[[^\]]+\]|[^:]+):\d+$")

Members: TypeAlias = dict[str, tuple[Any, str]]
"""The members of a record: name -> (value, its text)."""


class Wrong(ValueError):
    """A record that no server takes or that none can be made of; the text says what is wrong with it."""


# -- reading ---------------------------------------------------------------------------------------------------------


class Reader:
    """Takes members one by one; ``finish`` complains about those that nobody asked for, as the server does."""

    def __init__(self, members: Members) -> None:
        self._members = members
        self._taken: list[str] = []

    def text(self, name: str) -> str:
        """The member as it is written. The member exists."""
        self._taken.append(name)
        return self._members[name][1]

    def has(self, name: str) -> bool:
        return name in self._members

    def take(self, name: str, kind: type | tuple[type, ...], what: str) -> Any:
        if name not in self._members:
            raise Wrong(f"there is no member {name!r}")
        self._taken.append(name)
        value = self._members[name][0]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise Wrong(f"{name!r} is not {what}")
        return value

    def string(self, name: str) -> str:
        return str(self.take(name, str, "a string"))

    def number(self, name: str) -> int:
        value = int(self.take(name, int, "an integer"))
        if value < 0:
            raise Wrong(f"{name!r} is negative")
        return value

    def uuid(self, name: str) -> str:
        value = self.string(name)
        if not UUID.fullmatch(value):
            raise Wrong(f"{name!r} is not a UUID: {value!r}")
        return value.lower()

    def servers(self, name: str) -> Servers:
        found = self.take(name, dict, "an object")
        if not found:
            raise Wrong(f"{name!r} names no server")
        for sid, address in found.items():
            if not UUID.fullmatch(sid):
                raise Wrong(f"{name!r}: {sid!r} is not a UUID")
            check_address(address)
        return {sid.lower(): address for sid, address in found.items()}

    def finish(self) -> None:
        unknown = [name for name in self._members if name not in self._taken]
        if unknown:
            raise Wrong(f"unknown member {unknown[0]!r}")


def check_address(address: object) -> None:
    if not isinstance(address, str) or not ADDRESS.match(address):
        raise Wrong(f"{address!r} is not an address of a server (tcp:IP:PORT, ssl:IP:PORT or unix:FILE)")


def header_from(members: Members) -> Header:
    """Raises :class:`Wrong`."""
    reader = Reader(members)
    name, address, sid = reader.string("name"), reader.string("local_address"), reader.uuid("server_id")
    cid = reader.uuid("cluster_id") if reader.has("cluster_id") else None
    if reader.has("remote_addresses"):
        remotes = tuple(reader.take("remote_addresses", list, "an array"))
        for remote in remotes:
            check_address(remote)
        if not [remote for remote in remotes if remote != address]:
            raise Wrong("'remote_addresses' names no other server")
        reader.finish()
        return Header(name, address, sid, cid, joining=True, remotes=remotes)
    if cid is None:
        raise Wrong("there is no member 'cluster_id'")
    servers = tuple(reader.servers("prev_servers").items())
    snap = (0, 0, (), None, None) if not reader.has("prev_index") else snapshot_from(reader)
    reader.finish()
    index, term, data, timer, eid = snap
    return Header(
        name,
        address,
        sid,
        cid,
        prev_index=index,
        prev_term=term,
        servers=servers,
        data=data,
        timer=timer,
        eid=eid,
    )


def snapshot_from(reader: Reader) -> tuple[int, int, tuple[str, ...], int | None, str | None]:
    """Index, term, data, election timer and the last command's id."""
    index, term = reader.number("prev_index"), reader.number("prev_term")
    if not reader.has("prev_data"):
        raise Wrong("there is no member 'prev_data'")
    text = reader.text("prev_data")
    markers = markers_of(text)
    eid = reader.uuid("prev_eid")
    timer = reader.number("prev_election_timer") if reader.has("prev_election_timer") else None
    return index, term, (Json(text),) if markers is None else markers, timer, None if eid == NO_EID else eid


def record_from(members: Members) -> Record:
    """Raises :class:`Wrong`."""
    reader = Reader(members)
    comment = reader.string("comment") if reader.has("comment") else None
    record = find_record(reader, comment)
    reader.finish()
    return record


def find_record(reader: Reader, comment: str | None) -> Record:
    if reader.has("note"):
        return NoteRecord(reader.string("note"), comment)
    if reader.has("commit_index"):
        return CommitRecord(reader.number("commit_index"))
    term = reader.number("term")
    if reader.has("leader"):
        return LeaderRecord(term, somebody(reader, "leader"))
    if reader.has("vote"):
        return TermRecord(term, somebody(reader, "vote"))
    if not reader.has("index"):
        return TermRecord(term, None)
    index = reader.number("index")
    servers = reader.servers("servers") if reader.has("servers") else None
    timer = reader.number("election_timer") if reader.has("election_timer") else None
    if not reader.has("data"):
        return EntryRecord(index, Entry(term, servers=servers, timer=timer))
    reader.take("data", (list, dict), "an array or an object")
    text = reader.text("data")
    marker = marker_of(text)
    return EntryRecord(index, Entry(term, Json(text) if marker is None else marker, servers, timer, reader.uuid("eid")))


def somebody(reader: Reader, name: str) -> str:
    sid = reader.uuid(name)
    if sid == NO_EID:
        raise Wrong(f"{name!r} is nobody (all zeros)")
    return sid


# -- writing ---------------------------------------------------------------------------------------------------------


def header_text(header: Header, schema: Schema | None) -> str:
    """Raises :class:`Wrong`."""
    members = {"server_id": quoted_uuid("sid", header.sid)}
    if header.cid is not None:
        members["cluster_id"] = quoted_uuid("cid", header.cid)
    members["name"] = quoted(header.name)
    check_address(header.address)
    members["local_address"] = quoted(header.address)
    if header.joining:
        if not [remote for remote in header.remotes if remote != header.address]:
            raise Wrong("a server that joins needs the address of another one")
        members["remote_addresses"] = compact(list(header.remotes))
        return joined(members)
    if header.cid is None:
        raise Wrong("a server that is no joiner needs a cid")
    members["prev_servers"] = servers_text(header.servers)
    if header.prev_index:
        members["prev_index"], members["prev_term"] = str(header.prev_index), str(header.prev_term)
        members["prev_data"] = snapshot_text(header.data, schema)
        members["prev_eid"] = quoted(NO_EID if header.eid is None else eid_text(header.eid))
        if header.timer is not None:
            members["prev_election_timer"] = str(header.timer)
    elif header.data:
        raise Wrong("a snapshot needs an index")
    return joined(members)


def snapshot_text(data: tuple[str, ...], schema: Schema | None) -> str:
    """One real snapshot as it was; what has been done since in one with it; markers alone under the schema."""
    if len(data) == 1 and isinstance(data[0], Json):
        return str(data[0])
    if data and isinstance(data[0], Json):
        try:
            return replay(data, schema).text()
        except NotReplayable as error:
            raise Wrong(f"the snapshot can't be made: {error}") from None
    if schema is None:
        raise Wrong("rows that were never in a real file need a schema")
    if any(isinstance(row, Json) for row in data):
        return replay(data, schema).text()
    for marker in data:
        quoted(marker)
    return snapshot(data, schema)


def record_text(record: Record, schema: Schema | None) -> str:
    """Raises :class:`Wrong`."""
    if isinstance(record, EntryRecord):
        return entry_text(record.position, record.entry, schema)
    if isinstance(record, CommitRecord):
        return joined({"commit_index": str(record.position)})
    if isinstance(record, LeaderRecord):
        return joined({"term": str(record.term), "leader": quoted_uuid("leader", record.sid)})
    if isinstance(record, NoteRecord):
        comment = {} if record.comment is None else {"comment": quoted(record.comment)}
        return joined(comment | {"note": quoted(record.note)})
    vote = {} if record.vote is None else {"vote": quoted_uuid("vote", record.vote)}
    return joined({"term": str(record.term)} | vote)


def entry_text(index: int, entry: Entry, schema: Schema | None) -> str:
    members = {"term": str(entry.term), "index": str(index)}
    if entry.data is not None:
        members["data"] = data_text(entry.data, schema)
        members["eid"] = quoted(eid_text(entry.eid or f"{entry.term}.{index}"))
    if entry.servers is not None:
        members["servers"] = servers_text(entry.servers.items())
    if entry.timer is not None:
        members["election_timer"] = str(entry.timer)
    return joined(members)


def data_text(data: str, schema: Schema | None) -> str:
    if isinstance(data, Json):
        return str(data)
    quoted(data)
    return transaction(data, schema.table, schema.column) if schema else transaction(data, "Address_Set", "name")


def eid_text(eid: str) -> str:
    """fake_raft's own ids of commands say more than fits into a UUID: what is written follows from them."""
    return eid.lower() if UUID.fullmatch(eid) else str(uuid.uuid5(COMMANDS, eid))


def servers_text(servers: Iterable[tuple[str, str]]) -> str:
    found = dict(servers)
    if not found:
        raise Wrong("a configuration needs a server")
    for sid, address in found.items():
        quoted_uuid("server", sid)
        check_address(address)
    return compact(found)


def quoted_uuid(what: str, value: str) -> str:
    if not UUID.fullmatch(value) or value == NO_EID:
        raise Wrong(f"{what} {value!r} is not a UUID")
    return quoted(value)


def quoted(value: str) -> str:
    """A JSON string. OVS takes neither NUL nor half a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Wrong(f"{value!r} is not Unicode text") from None
    if "\0" in value:
        raise Wrong(f"{value!r} has a NUL")
    return compact(value)


def joined(members: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members.items()) + "}"
