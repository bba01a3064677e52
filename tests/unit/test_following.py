"""Files of servers are followed while they grow, are replaced and are removed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fake_raft import Disk, file
from fake_raft.disk import CommitRecord, EntryRecord, Header, LeaderRecord, NoteRecord, TermRecord
from fake_raft.file_data import Json
from fake_raft.messages import Entry
from harness.cluster import Database
from harness.executors.processes.following import Followed
from harness.raft_events import Appended, Committed, Contents, Fact, Led, Left, Opened, Rewritten, Term

CID = "c1c1c1c1-0000-4000-8000-000000000000"
A, B = ("aaaaaaaa-0000-4000-8000-000000000000", "bbbbbbbb-0000-4000-8000-000000000000")
EID = "eeeeeeee-0000-4000-8000-000000000000"
SERVERS = {A: "tcp:10.0.0.1:6643", B: "tcp:10.0.0.2:6643"}
ENTRY = EntryRecord(2, Entry(1, servers=SERVERS))


def disk(*records: object, base: int = 1, base_term: int = 0) -> Disk:
    data = (Json("[{},{}]"),)
    header = Header(
        *("OVN_Northbound", SERVERS[A], A, CID),
        prev_index=base,
        prev_term=base_term,
        servers=tuple(SERVERS.items())[:1],
        data=data,
        eid=EID,
    )
    return Disk(header, list(records))  # type: ignore[arg-type]


def text(whole: Disk) -> bytes:
    return file.write(whole)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ovnnb_db.db"


@pytest.fixture
def followed(path: Path) -> Iterator[Followed]:
    found = Followed(Database.NB, "one", path)
    yield found
    found.close()


def facts(followed: Followed) -> list[Fact]:
    return [event.fact for event in followed.news(7.0)]


FIRST = Contents(CID, 1, 0, {A: SERVERS[A]}, (Appended(2, 1, f"servers {A},{B}", SERVERS),), 1, A, 1, ((1, A),))


def test_the_first_look_tells_the_whole_file(path: Path, followed: Followed) -> None:
    assert facts(followed) == [], "there is no file yet"
    path.write_bytes(text(disk(TermRecord(1, A), LeaderRecord(1, A), ENTRY)))
    (event,) = followed.news(7.0)
    assert (event.at, event.source) == (7.0, (Database.NB, "one", A))
    assert event.fact == Opened(SERVERS[A], False, (), FIRST)
    assert facts(followed) == []


def test_records_come_when_they_are_whole(path: Path, followed: Followed) -> None:
    before = disk(TermRecord(1, A), LeaderRecord(1, A), ENTRY)
    path.write_bytes(text(before))
    assert len(facts(followed)) == 1
    more = (CommitRecord(2), TermRecord(2, None), LeaderRecord(2, B), EntryRecord(3, Entry(2, timer=500)))
    grown = text(disk(*before.records, *more, NoteRecord("left")))
    path.write_bytes(grown[:-9])
    assert facts(followed) == [Committed(2), Term(2, None), Led(2, B), Appended(3, 2, "timer 500")]
    path.write_bytes(grown)
    assert facts(followed) == [Left()]


def test_a_snapshot_replaces_the_file_of_the_same_server(path: Path, followed: Followed) -> None:
    before = disk(TermRecord(1, A), ENTRY)
    path.write_bytes(text(before))
    assert len(facts(followed)) == 1
    with path.open("ab") as still_open:
        fresh = path.with_suffix(".tmp")
        fresh.write_bytes(text(disk(TermRecord(1, A), CommitRecord(2), base=2, base_term=1)))
        fresh.rename(path)
        grown = text(disk(*before.records, CommitRecord(2)))
        still_open.write(grown[len(text(before)) :])
    last, replaced = facts(followed)
    assert last == Committed(2), "what was written to the old file is not missed"
    assert isinstance(replaced, Rewritten)
    assert (replaced.contents.base, replaced.contents.base_term, replaced.contents.commit) == (2, 1, 2)


def test_a_removed_file_goes_on_and_a_new_one_is_another_server(path: Path, followed: Followed) -> None:
    before = disk(TermRecord(1, A), ENTRY)
    path.write_bytes(text(before))
    assert len(facts(followed)) == 1
    with path.open("ab") as still_open:
        path.unlink()
        still_open.write(text(disk(*before.records, CommitRecord(2)))[len(text(before)) :])
    assert facts(followed) == [Committed(2)]
    joining = Disk.join_cluster("OVN_Northbound", SERVERS[B], (SERVERS[A],), B, CID)
    path.write_bytes(text(joining))
    (event,) = followed.news(8.0)
    assert event.source.sid == B
    assert isinstance(event.fact, Opened)
    assert (event.fact.joining, event.fact.remotes) == (True, (SERVERS[A],))


def test_what_is_no_clustered_database_is_waited_for(path: Path, followed: Followed) -> None:
    path.write_bytes(b"OVSDB JSON 2 " + b"0" * 40 + b"\n{}")
    assert facts(followed) == []
    path.write_bytes(text(disk(TermRecord(1, A)))[:40])
    assert facts(followed) == []
