"""Reading (and twice writing) OVSDB files without a server: ovsdb(7), "File Formats"; facts, ovsdb-raft 0 and 5."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

_RECORD = re.compile(rb"OVSDB (JSON|CLUSTER) (\d+) ([0-9a-f]{40})\n")


class Format(Enum):
    """``OTHER`` is anything without a readable first record, an empty file too."""

    OTHER = "other"
    STANDALONE = "standalone"
    CLUSTERED = "clustered"


@dataclass(frozen=True, slots=True)
class DatabaseLog:
    """What a database file says. All but ``format`` and ``name`` speak of a clustered one.

    ``servers`` (full sid -> address) is the latest configuration among snapshot and entries that were not truncated
    later, committed or not: what the server itself would use. ``joined`` is False for a pristine join file.
    """

    format: Format
    name: str = ""
    sid: str = ""
    cid: str = ""
    local_address: str = ""
    joined: bool = True
    left: bool = False
    servers: Mapping[str, str] = field(default_factory=dict)


def read(path: Path) -> DatabaseLog | None:
    """The file's content up to its first damaged record; None if there is no file."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    records = _records(content)
    header = next(records, None)
    if header is None:
        return DatabaseLog(Format.OTHER)
    if content.startswith(b"OVSDB JSON"):
        return DatabaseLog(Format.STANDALONE, name=str(header.get("name", "")))
    servers, left = _replay(header, records)
    return DatabaseLog(
        Format.CLUSTERED,
        name=str(header.get("name", "")),
        sid=str(header.get("server_id", "")),
        cid=str(header.get("cluster_id", "")),
        local_address=str(header.get("local_address", "")),
        joined="remote_addresses" not in header,
        left=left,
        servers=servers,
    )


def _records(content: bytes) -> Iterator[dict[str, Any]]:
    """Whole, undamaged records; whatever follows a damaged one was never acknowledged."""
    return iter(records(content)[0])


def records(content: bytes) -> tuple[list[dict[str, Any]], int]:
    """Whole, undamaged records from the beginning on, and how many bytes they take."""
    found: list[dict[str, Any]] = []
    read = 0
    while (head := _RECORD.match(content, read)) is not None:
        end = head.end() + int(head[2])
        body = content[head.end() : end]
        if len(body) < int(head[2]) or hashlib.sha1(body).hexdigest() != head[3].decode():
            break
        record = json.loads(body)
        if not isinstance(record, dict):
            break
        found.append(record)
        read = end
    return found, read


def _replay(header: dict[str, Any], records: Iterator[dict[str, Any]]) -> tuple[Mapping[str, str], bool]:
    """An entry with an index that was there before replaces it and all that came after."""
    configurations = [(int(header.get("prev_index", 0)), servers_of(header.get("prev_servers", {})))]
    left = False
    for record in records:
        left = left or record.get("note") == "left"
        if "index" in record:
            index = int(record["index"])
            configurations = [c for c in configurations if c[0] < index] or configurations[:1]
            if "servers" in record:
                configurations.append((index, servers_of(record["servers"])))
    return configurations[-1][1], left


def servers_of(value: Mapping[str, Any]) -> dict[str, str]:
    """A server is its address, or an object with address and nickname."""
    return {sid: server if isinstance(server, str) else str(server["address"]) for sid, server in value.items()}


def set_server_id(path: Path, sid: str) -> None:
    """Give a join file an old server id: what ``join-cluster --sid`` and ``rejoin-cluster`` of Kube-OVN's patched
    ovsdb-tool write (facts: kube-ovn 2), which stock ovsdb-tool can't. Raises ValueError if it is no join file."""
    header = next(_records(path.read_bytes()), None)
    if header is None or "remote_addresses" not in header:
        raise ValueError(f"{path} is not a file that joins a cluster")
    body = json.dumps({**header, "server_id": sid}, separators=(",", ":")).encode() + b"\n"
    digest = hashlib.sha1(body).hexdigest()
    path.write_bytes(b"OVSDB CLUSTER %d %s\n" % (len(body), digest.encode()) + body)
