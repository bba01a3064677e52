"""What ``ovsdb-tool check-cluster`` would find in the files of the model's servers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from fake_raft.disk import CommitRecord, Disk, EntryRecord, LeaderRecord, TermRecord
from fake_raft.messages import Entry


@dataclass(slots=True)
class Findings:
    """``entries``: (term, index) -> entry; ``committed``: index -> (entry, in which term it was seen committed);
    ``led``: term -> the leader's log when it took office."""

    entries: dict[tuple[int, int], Entry] = field(default_factory=dict)
    committed: dict[int, tuple[Entry, int]] = field(default_factory=dict)
    led: dict[int, tuple[int, dict[int, Entry]]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


def check(disks: Sequence[Disk]) -> str:
    """Log matching, one committed entry per index, leader completeness, and each server in a list of its own file; the
    first complaint, or ""."""
    found = Findings()
    for disk in disks:
        replay(disk, found)
    for term, (end, log) in found.led.items():
        for index, (entry, seen) in found.committed.items():
            if seen < term and (index >= end or log.get(index, entry) != entry):
                found.complaints.append(f"the leader of term {term} lacks index {index}, committed in term {seen}")
    found.complaints += [f"no list of servers has {disk.sid[:4]}" for disk in disks if not is_listed(disk)]
    return next(iter(found.complaints), "")


def is_listed(disk: Disk) -> bool:
    """Whether any configuration in the file, not truncated, has its own server: not if it crashed while joining."""
    lists = [dict(disk.header.servers), *(entry.servers or {} for entry in disk.log().values())]
    return any(disk.sid in servers for servers in lists)


def replay(disk: Disk, found: Findings) -> None:
    """One file from its beginning, with what was true at each record."""
    term, end, commit = disk.header.prev_term, disk.header.prev_index + 1, disk.header.prev_index
    log: dict[int, Entry] = {}
    for record in disk.records:
        if isinstance(record, TermRecord):
            term = record.term
        elif isinstance(record, EntryRecord):
            for index in range(record.position, end):
                log.pop(index, None)
            log[record.position], end = record.entry, record.position + 1
            term = max(term, record.entry.term)
            if found.entries.setdefault((record.entry.term, record.position), record.entry) != record.entry:
                found.complaints.append(f"two entries of term {record.entry.term} at index {record.position}")
        elif isinstance(record, CommitRecord):
            for index in range(commit + 1, record.position + 1):
                if index in log:
                    commit_one(found, index, log[index], term)
            commit = max(commit, record.position)
        elif isinstance(record, LeaderRecord) and record.sid == disk.sid:
            found.led[record.term] = (end, dict(log))


def commit_one(found: Findings, index: int, entry: Entry, term: int) -> None:
    known, seen = found.committed.setdefault(index, (entry, term))
    if known != entry:
        found.complaints.append(f"two entries were committed at index {index}")
    found.committed[index] = (known, min(seen, term))
