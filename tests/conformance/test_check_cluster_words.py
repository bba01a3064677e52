"""What ``ovsdb-tool check-cluster`` says of files in which one property of raft is broken, in every release; and that
our judge, who reads the same files, finds the same."""

from __future__ import annotations

import re
import subprocess
import uuid
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from installed_roots import HOST, Installation, need
from worlds.real import SCHEMA

from fake_raft import Disk
from fake_raft.disk import CommitRecord, EntryRecord, Header, LeaderRecord, NoteRecord, Record, TermRecord
from fake_raft.file import Schema, write
from fake_raft.journal import Begun
from fake_raft.messages import Entry
from harness.cluster import Database
from harness.executors.simulation.journal import FACTS, begun
from harness.invariants import RAFT, ModelValidity, Monitor
from harness.invariants.check_cluster import WORDS, meant
from harness.raft_events import RaftEvent, Source

A, B, C = (str(uuid.UUID(int=(n << 112) + 1)) for n in (0xA, 0xB, 0xC))
CID, OTHER = (str(uuid.UUID(int=(n << 112) + 1)) for n in (0xD, 0xE))
ADDRESS = {sid: f"tcp:10.0.0.{n}:6643" for n, sid in enumerate((A, B, C), 1)}


def file(sid: str, *records: Record, cid: str = CID) -> Disk:
    """A member of three whose log begins at index 2 of term 1."""
    servers = tuple(ADDRESS.items())
    return Disk(
        Header("OVN_Northbound", ADDRESS[sid], sid, cid, prev_index=1, prev_term=1, servers=servers), [*records]
    )


def entry(index: int, term: int, row: str) -> EntryRecord:
    return EntryRecord(index, Entry(term, data=row, eid=str(uuid.uuid5(uuid.NAMESPACE_DNS, row))))


LEADS = (TermRecord(2, A), LeaderRecord(2, A))
X, Y = entry(2, 2, "x"), entry(3, 2, "y")

BROKEN: dict[str, tuple[list[Disk], str, str]] = {
    "two leaders": (
        [file(A, *LEADS), file(B, TermRecord(2, B), LeaderRecord(2, B))],
        r"term 2 has two different leaders: s1.db says that the leader is s1.db and s2.db says that the leader is s2",
        "S1",
    ),
    "two leaders in one file": (
        [file(C, TermRecord(2, None), LeaderRecord(2, A), LeaderRecord(2, B))],
        r"record 3 reports leader 000b for term 2 but record 2 previously reported the leader as 000a in that term",
        "S1",
    ),
    "two votes": (
        [file(A, TermRecord(2, B), TermRecord(2, C))],
        r"record 2 votes for 000b in term 2 but a previous record for the same term voted for 000c",
        "S2",
    ),
    "two entries": (
        [file(A, *LEADS, X), file(B, TermRecord(2, A), entry(2, 2, "z"))],
        r"log entries with index 2 differ:\ns1.db has .*\ns2.db has ",
        "S3",
    ),
    "a leader cuts its log off": (
        [file(A, *LEADS, X, Y, entry(2, 2, "z"))],
        r"record 5 truncates log from 4 to 2 entries while server is leader",
        "S4",
    ),
    "a leader lacks what was committed": (
        [file(A, *LEADS, X, CommitRecord(2)), file(B, TermRecord(3, B), LeaderRecord(3, B))],
        r"leader s2.db for term 3 has log entries only up to index 1, but index 2 was committed in a previous term",
        "S5",
    ),
    "a committed entry is cut off": (
        [file(B, TermRecord(2, A), X, Y, CommitRecord(3), entry(2, 3, "z"))],
        r"record 5 attempts to truncate log from 4 to 2 entries, but commit index is already 3",
        "S6",
    ),
    "a vote in an old term": (
        [file(A, TermRecord(3, None), TermRecord(2, C))],
        r"record 2 votes for term 2 but current term is 3",
        "S9",
    ),
    "an entry of an old term": (
        [file(A, TermRecord(3, None), entry(2, 3, "x"), entry(3, 2, "y"))],
        r"record 3 with index 3 term 2 precedes previous entry's term 3",
        "S3",
    ),
    "a commit index goes back": (
        [file(B, TermRecord(2, A), X, Y, CommitRecord(3), CommitRecord(2))],
        r"record 5 regresses commit index from 3 to 2",
        "S9",
    ),
    "a commit index beyond the log": (
        [file(B, TermRecord(2, A), X, CommitRecord(3))],
        r"record 3 advances commit index to 3 but last log index is 2",
        "S9",
    ),
    "two clusters": (
        [file(A, *LEADS), file(B, TermRecord(2, A), cid=OTHER)],
        r"s1.db has cluster ID 000d but s2.db has cluster ID 000e",
        "S15",
    ),
    "one server twice": (
        [file(A, *LEADS), file(A, TermRecord(2, A))],
        r"Duplicate server ID 000a in s2.db and s1.db",
        "S14",
    ),
    "a hole": (
        [file(B, TermRecord(2, A), entry(3, 2, "y"))],
        r"record 2 with index 3 skips past expected index 2",
        "M1",
    ),
    "two databases": (
        [file(A, *LEADS), Disk(replace(file(B).header, name="OVN_Southbound"), [TermRecord(2, A)])],
        r's1.db is named "OVN_Northbound" but s2.db is named "OVN_Southbound"',
        "M1",
    ),
    "nothing written": ([file(A)], r"all logs are empty", "M1"),
}

JOINING = Disk.join_cluster("OVN_Northbound", ADDRESS[B], (ADDRESS[A],), B)
FINE: dict[str, tuple[list[Disk], str]] = {
    "two that agree": ([file(A, *LEADS, X, CommitRecord(2)), file(B, TermRecord(2, A), X)], ""),
    "one that was cut off in order": (
        [file(B, TermRecord(2, A), X, Y, TermRecord(3, C), entry(3, 3, "z"))],
        "record 5 truncates log from 4 to 3 entries",
    ),
    "one that left": ([file(A, *LEADS, NoteRecord("left"))], "record 3 shows that the server left the cluster"),
    "one that has not joined": ([file(A, *LEADS), JOINING], "s2.db has not joined the cluster, omitting"),
}


def check(directory: Path, installation: Installation, disks: Sequence[Disk]) -> tuple[int, str]:
    names = [f"s{number}.db" for number in range(1, len(disks) + 1)]
    for name, disk in zip(names, disks, strict=True):
        (directory / name).write_bytes(write(disk, Schema(SCHEMA, "T")))
    words = [*installation.prefix, "ovsdb-tool", "check-cluster", *names]
    done = subprocess.run(words, cwd=directory, capture_output=True, text=True, check=False, timeout=20)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.usefixtures("real_ovsdb")
@pytest.mark.parametrize("broken", BROKEN)
def test_each_broken_property_has_its_words(tmp_path: Path, installation: Installation, broken: str) -> None:
    disks, words, identity = BROKEN[broken]
    code, text = check(tmp_path, installation, disks)
    assert code == 1
    assert re.search(words, text, re.DOTALL), text
    assert meant(text) == identity


@pytest.mark.usefixtures("real_ovsdb")
@pytest.mark.parametrize("fine", FINE)
def test_what_is_said_of_files_in_order_is_no_complaint(tmp_path: Path, installation: Installation, fine: str) -> None:
    disks, words = FINE[fine]
    code, text = check(tmp_path, installation, disks)
    assert code == 0, text
    assert words in text


def judged(disks: Sequence[Disk]) -> set[str]:
    """The properties that our judge finds broken in the same files."""
    monitor = Monitor([*RAFT, ModelValidity])
    for number, disk in enumerate(disks):
        source = Source(Database.NB, f"n{number}", disk.sid)
        monitor.raft([RaftEvent(0.0, source, begun(Begun(disk.header, ())))])
        facts = (FACTS[type(record)](record) for record in disk.records)
        monitor.raft([RaftEvent(0.0, source, fact) for fact in facts if fact is not None])
    return {violation.invariant for violation in monitor.violations}


TOOL_ALONE = {"one server twice", "two databases", "nothing written"}
"""What is about files and not about servers: our judge knows whose file it reads."""


@pytest.mark.parametrize("broken", [name for name in BROKEN if name not in TOOL_ALONE])
def test_our_judge_finds_the_same(broken: str) -> None:
    disks, _, identity = BROKEN[broken]
    assert identity in judged(disks)


@pytest.mark.parametrize("fine", FINE)
def test_our_judge_finds_nothing_where_the_tool_finds_nothing(fine: str) -> None:
    assert judged(FINE[fine][0]) == set()


@pytest.mark.usefixtures("real_ovsdb")
def test_every_message_that_is_known_is_met_here(tmp_path: Path) -> None:
    texts = [check(tmp_path, need(HOST), disks)[1] for disks, _, _ in BROKEN.values()]
    met = {pattern for text in texts for pattern, _ in WORDS if re.search(pattern, text, re.DOTALL)}
    assert met == {pattern for pattern, _ in WORDS}
