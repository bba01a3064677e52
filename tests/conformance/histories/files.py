"""Every record of a real clustered OVSDB file, as fake_raft writes them down (ovsdb(5); facts: ovsdb-raft 0)."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from fake_raft.disk import CommitRecord, EntryRecord, Header, LeaderRecord, NoteRecord, Record, TermRecord
from fake_raft.messages import Entry

MAGIC = re.compile(rb"OVSDB CLUSTER (\d+) ([0-9a-f]{40})\n")


def read(path: Path) -> tuple[Header, list[Record]]:
    """Header and records, up to one that is half written. Raises ValueError if there is no header."""
    found = bodies(path.read_bytes())
    if not found:
        raise ValueError(f"{path} is no clustered database")
    return header(found[0]), [record(body) for body in found[1:] if kinds(body)]


def bodies(content: bytes) -> list[dict[str, Any]]:
    found = []
    at = 0
    while (head := MAGIC.match(content, at)) is not None:
        at = head.end() + int(head[1])
        body = content[head.end() : at]
        if hashlib.sha1(body).hexdigest() != head[2].decode():
            break
        found.append(json.loads(body))
    return found


def header(body: dict[str, Any]) -> Header:
    return Header(
        body["name"],
        body["local_address"],
        body["server_id"],
        body.get("cluster_id"),
        joining="remote_addresses" in body,
        remotes=tuple(body.get("remote_addresses", ())),
        prev_index=body.get("prev_index", 0),
        prev_term=body.get("prev_term", 0),
        servers=tuple(servers(body.get("prev_servers", {})).items()),
        timer=body.get("prev_election_timer"),
        eid=body.get("prev_eid"),
    )


def servers(body: dict[str, Any]) -> dict[str, str]:
    return {sid: server if isinstance(server, str) else server["address"] for sid, server in body.items()}


def kinds(body: dict[str, Any]) -> bool:
    """Whether fake_raft has a record like this: not for a lone comment."""
    return any(key in body for key in ("index", "commit_index", "leader", "note", "term"))


def record(body: dict[str, Any]) -> Record:
    if "index" in body:
        entry = Entry(
            body["term"],
            data=json.dumps(body["data"]) if "data" in body else None,
            servers=servers(body["servers"]) if "servers" in body else None,
            timer=body.get("election_timer"),
            eid=body.get("eid"),
        )
        return EntryRecord(body["index"], entry)
    if "commit_index" in body:
        return CommitRecord(body["commit_index"])
    if "leader" in body:
        return LeaderRecord(body["term"], body["leader"])
    if "note" in body:
        return NoteRecord(body["note"])
    return TermRecord(body["term"], body.get("vote"))
