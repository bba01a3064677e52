"""Files of clustered databases, written and read without a server."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raft_support import Cluster, Seeded, address, sid

from fake_raft import OVS_3_1, OVS_NEWEST, Disk, Process, StartRefused
from fake_raft.disk import CommitRecord, EntryRecord, Header, LeaderRecord, NoteRecord, Record, TermRecord
from fake_raft.file import FileError, Json, Schema, read, write
from fake_raft.file_contents import NotReplayable, replay
from fake_raft.messages import Entry

CID = "c1c1c1c1-0000-4000-8000-000000000000"
SCHEMA = Schema(
    '{"name": "OVN_Northbound", "version": "1.0.0", "tables": {"T": {"columns": {"name": {"type": "string"}}}}}',
    "T",
)
REAL = (
    '[{"name":"N","version":"1.0.0","tables":{"T":{"columns":{"name":{"type":"string"},'
    '"ids":{"type":{"key":"string","value":"string","min":0,"max":"unlimited"}},'
    '"ports":{"type":{"key":"integer","min":0,"max":"unlimited"}},'
    '"ratio":{"type":{"key":"real","min":0,"max":1}}}}}},'
    '{"T":{"00000000-0000-4000-8000-000000000001":{"name":"r\\u00e9al","ports":["set",[1,2]],'
    '"ids":["map",[["a","1"],["b","2"]]],"ratio":1.50}},"_date":1795475875426,"_is_diff":true}]'
)
ROW = "00000000-0000-4000-8000-000000000001"


def same(disk: Disk, other: Disk) -> bool:
    return (disk.header, disk.records) == (other.header, other.records)


def bodies(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines() if not line.startswith(b"OVSDB ")]


def record(body: bytes, magic: bytes = b"CLUSTER") -> bytes:
    return b"OVSDB %s %d %s\n" % (magic, len(body), hashlib.sha1(body).hexdigest().encode()) + body


def file_of(*objects: dict[str, Any]) -> bytes:
    return b"".join(record(json.dumps(found).encode() + b"\n") for found in objects)


HEADER: dict[str, Any] = {
    "name": "N",
    "server_id": sid(1),
    "cluster_id": CID,
    "local_address": address(1),
    "prev_servers": {sid(1): address(1)},
    "prev_index": 1,
    "prev_term": 1,
    "prev_data": [{"name": "N", "version": "1.0.0", "tables": {}}, {}],
    "prev_eid": sid(9),
}


# -- round trips -----------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
SIDS = st.uuids().map(str).filter(lambda found: found.strip("0-"))
ADDRESSES = st.one_of(
    st.builds("tcp:{}:{}".format, st.ip_addresses(v=4), st.integers(1, 65535)),
    st.builds("ssl:[{}]:{}".format, st.ip_addresses(v=6), st.integers(1, 65535)),
    st.just("unix:s1.raft"),
)
SERVERS = st.dictionaries(SIDS, ADDRESSES, min_size=1, max_size=5)
NUMBERS = st.integers(1, 1 << 62)
ATOMS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(ATOMS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6)
LAYOUTS = st.sampled_from([None, 1, "\t"])
REALS = st.builds(lambda value, indent: Json(json.dumps([None, value], indent=indent)), VALUES, LAYOUTS)
ENTRIES = st.one_of(
    NUMBERS.map(Entry),
    st.tuples(NUMBERS, WORDS | REALS, SIDS).map(lambda e: Entry(e[0], data=e[1], eid=e[2])),
    st.tuples(NUMBERS, SERVERS).map(lambda e: Entry(e[0], servers=e[1])),
    st.tuples(NUMBERS, NUMBERS).map(lambda e: Entry(e[0], timer=e[1])),
)
RECORDS: st.SearchStrategy[Record] = st.one_of(
    st.builds(TermRecord, NUMBERS, st.none() | SIDS),
    st.builds(EntryRecord, NUMBERS, ENTRIES),
    st.builds(CommitRecord, NUMBERS),
    st.builds(LeaderRecord, NUMBERS, SIDS),
    st.builds(NoteRecord, st.just("left") | WORDS, st.none() | WORDS),
)
SNAPSHOTS = st.lists(WORDS, unique=True).map(tuple) | st.tuples(REALS)
MEMBERS = st.builds(
    lambda servers, **rest: Header(servers=tuple(servers.items()), **rest),
    SERVERS,
    name=WORDS,
    address=ADDRESSES,
    sid=SIDS,
    cid=SIDS,
    prev_index=NUMBERS,
    prev_term=st.integers(0, 1 << 62),
    data=SNAPSHOTS,
    timer=st.none() | NUMBERS,
    eid=st.none() | SIDS,
)
JOINERS = st.builds(
    Header,
    WORDS,
    st.just("tcp:10.0.0.99:6643"),
    SIDS,
    st.none() | SIDS,
    joining=st.just(True),
    remotes=st.lists(ADDRESSES, min_size=1).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(MEMBERS, st.lists(RECORDS, max_size=8))
def test_what_is_written_is_read(header: Header, records: list[Record]) -> None:
    disk = Disk(header, records)
    assert same(read(write(disk, SCHEMA)), disk)


@settings(max_examples=50, deadline=None)
@given(JOINERS)
def test_a_pristine_join_file_is_read_as_it_was_written(header: Header) -> None:
    assert same(read(write(Disk(header))), Disk(header))


@settings(max_examples=100, deadline=None)
@given(MEMBERS, st.lists(RECORDS, min_size=1, max_size=5), st.data())
def test_a_file_that_is_cut_anywhere_keeps_its_whole_records(
    header: Header, records: list[Record], data: st.DataObject
) -> None:
    disk = Disk(header, records)
    content = write(disk, SCHEMA)
    first = len(write(Disk(header), SCHEMA))
    end = data.draw(st.integers(first, len(content)))
    left = read(content[:end])
    count = len(left.records)
    assert left.records == records[:count]
    assert len(write(Disk(header, records[:count]), SCHEMA)) <= end
    assert count == len(records) or end < len(write(Disk(header, records[: count + 1]), SCHEMA))


@settings(max_examples=100, deadline=None)
@given(MEMBERS, st.lists(RECORDS, max_size=4), st.data())
def test_a_byte_that_changed_is_never_read_as_something_else(
    header: Header, records: list[Record], data: st.DataObject
) -> None:
    disk = Disk(header, records)
    content = bytearray(write(disk, SCHEMA))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    try:
        left = read(bytes(content))
    except FileError:
        return
    assert left.header == header
    assert left.records == records[: len(left.records)]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.binary(max_size=80).map(lambda tail: b"OVSDB CLUSTER " + tail))
def test_rubbish_is_refused_by_name(content: bytes) -> None:
    with pytest.raises(FileError, match=r"^record 0 at offset 0: "):
        read(content)


def test_real_data_goes_back_as_it_was_to_the_byte() -> None:
    transaction = '[null,{"T" : {"%s":{"ratio":1.10e+2, "name":"\\u00e9\\/x"}},"_date":1795475875426}]' % ROW  # noqa: UP031
    content = file_of(HEADER)
    body = b'{"term":1,"index":2,"eid":"%s","data":%s}\n' % (sid(7).encode(), transaction.encode())
    found = read(content + record(body))
    (entry,) = found.records
    assert isinstance(entry, EntryRecord)
    assert isinstance(entry.entry.data, Json)
    assert entry.entry.data == transaction
    assert transaction.encode() in write(found)
    assert json.dumps(HEADER["prev_data"]).encode() in write(found)


def test_a_command_id_of_a_simulation_becomes_the_same_uuid_in_every_file() -> None:
    header = read(file_of(HEADER)).header
    first = read(write(Disk(header, [EntryRecord(2, Entry(1, "a", eid="s1/17.0"))])))
    other = read(write(Disk(header, [EntryRecord(2, Entry(1, "a", eid="s1/17.0"))])))
    third = read(write(Disk(header, [EntryRecord(2, Entry(1, "a", eid="s1/17.1"))])))
    assert first.records == other.records != third.records


# -- what simulations leave ------------------------------------------------------------------------------------------


def busy(seed: int = 0) -> Cluster:
    """Three members, one joiner that was kicked, a longer election timer, a snapshot on s2, a joiner on its way."""
    cluster = Cluster(OVS_3_1, Seeded(seed, ("delay", "fsync")), timer=1500).form(3)
    for row in "abc":
        assert cluster.wrote(1, row)
    cluster.join(4)
    assert cluster.until(lambda: cluster.member(4), 5)
    assert cluster.at[cluster.leader()].change_election_timer(2000).ok
    cluster.run(1)
    assert cluster.at[2].compact().ok
    assert cluster.at[cluster.leader()].kick(sid(4)).ok
    cluster.run(1)
    assert cluster.wrote(2, "d")
    cluster.join_file(5)
    return cluster


@pytest.mark.parametrize("seed", range(3))
def test_the_files_of_a_simulation_open_again_and_go_on(seed: int) -> None:
    before = busy(seed)
    files = {number: write(disk, SCHEMA) for number, disk in before.disks.items()}
    again = Cluster(OVS_NEWEST)
    for number, content in files.items():
        again.disks[number] = read(content)
        assert write(again.disks[number], SCHEMA) == content
    assert again.disks[4].left
    with pytest.raises(StartRefused, match="indicates server has left the cluster"):
        again.start(4)
    for number in (1, 2, 3, 5):
        again.start(number)
    assert again.until(lambda: bool(again.leaders()) and again.member(5), 20)
    assert again.wrote(5, "e")
    again.run(3)
    assert [again.rows(number) for number in (1, 2, 3, 5)] == [("base", "a", "b", "c", "d", "e")] * 4
    assert again.status(1).election_timer == 2000


def test_what_a_snapshot_of_real_data_has_taken_since_becomes_one_with_it() -> None:
    cluster = Cluster(OVS_3_1)
    header = Header("N", address(1), sid(1), CID, prev_index=7, prev_term=3, servers=((sid(1), address(1)),))
    cluster.disks[1] = Disk(replace(header, data=(Json(REAL),), eid=sid(8)))
    cluster.start(1)
    assert cluster.wrote(1, "new")
    assert cluster.wrote(1, Json('[null,{"T":{"%s":{"ports":["set",[2,3]]}},"_is_diff":true}]' % ROW))  # noqa: UP031
    assert cluster.at[1].compact().ok
    with pytest.raises(FileError, match="record 0 at offset 0: the snapshot can't be made: no table Address_Set"):
        write(cluster.disks[1])
    (body, *_) = bodies(write(cluster.disks[1], SCHEMA))
    schema, tables = body["prev_data"]
    assert schema == json.loads(REAL)[0]
    row = {"name": "réal", "ports": ["set", [1, 3]], "ids": ["map", [["a", "1"], ["b", "2"]]], "ratio": 1.5}
    assert sorted(tables["T"].values(), key=str) == sorted([row, {"name": "new"}], key=str)


# -- replaying transactions ------------------------------------------------------------------------------------------


def after(**changes: Any) -> dict[str, Any] | None:
    rows = (Json(REAL), Json(json.dumps([None, {"T": {ROW: changes}, "_is_diff": True}])))
    return replay(rows).tables["T"].get(ROW)


def test_differences_are_applied_as_the_server_does() -> None:
    before = after()
    assert before == {
        "name": "réal",
        "ports": ["set", [1, 2]],
        "ids": ["map", [["a", "1"], ["b", "2"]]],
        "ratio": 1.5,
    }
    assert after(ports=["set", [2, 5]])["ports"] == ["set", [1, 5]]  # type: ignore[index]
    assert after(ports=2)["ports"] == 1  # type: ignore[index]
    assert "ports" not in after(ports=["set", [1, 2]])  # type: ignore[operator]
    assert after(ids=["map", [["a", "1"], ["b", "9"], ["c", "3"]]])["ids"] == ["map", [["b", "9"], ["c", "3"]]]  # type: ignore[index]
    assert after(ratio=2.0)["ratio"] == 2.0  # type: ignore[index]
    assert "ratio" not in after(ratio=["set", []])  # type: ignore[operator]
    assert "name" not in after(name="")  # type: ignore[operator]


def test_what_does_not_fit_the_database_is_named() -> None:
    with pytest.raises(NotReplayable, match="no column size in table T"):
        after(size=1)
    with pytest.raises(NotReplayable, match="deletes row 7 of T, which does not exist"):
        replay((Json(REAL), Json('[null,{"T":{"7":null}}]')))
    with pytest.raises(NotReplayable, match="no table U"):
        replay((Json(REAL), Json('[null,{"U":{}}]')))


def test_a_schema_that_comes_later_replaces_the_database() -> None:
    schema = json.loads(SCHEMA.text)
    found = replay((Json(REAL), Json(json.dumps([schema, {"T": {ROW: {"name": "x"}}}]))))
    assert found.schema == schema
    assert found.tables == {"T": {ROW: {"name": "x"}}}


# -- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "the file is empty"),
        (b"\0" * 100, "no file of OVSDB: it begins with"),
        (b"PK\3\4", "no file of OVSDB"),
        (record(b'{"name":"N"}\n', b"JSON"), "a standalone database (OVSDB JSON)"),
        (record(b"{}\n", b"RELAY"), "not a cluster's (OVSDB RELAY)"),
        (file_of(HEADER)[:-9], "bytes, and the file ends after"),
        (file_of(HEADER).replace(b"prev_term", b"prev_TERM"), "have SHA-1 hash"),
        (record(b"[1]\n"), "it is not a JSON object"),
        (record(b'{"a":1,}\n'), "it is not a JSON object"),
        (record(b'{"a":NaN}\n'), "NaN is no JSON"),
        (record(b'{"a":1} x\n'), "something follows the object"),
        (record(b'{"a":"\xff"}\n'), "it is not a JSON object"),
        (file_of({**HEADER, "server_id": "x"}), "'server_id' is not a UUID: 'x'"),
        (file_of({**HEADER, "name": 1}), "'name' is not a string"),
        (file_of({**HEADER, "prev_term": -1}), "'prev_term' is negative"),
        (file_of({**HEADER, "prev_servers": {}}), "'prev_servers' names no server"),
        (file_of({**HEADER, "prev_servers": {sid(1): "10.0.0.1"}}), "'10.0.0.1' is not an address"),
        (file_of({**HEADER, "colour": 1}), "unknown member 'colour'"),
        (file_of({**HEADER, "remote_addresses": [address(1)]}), "'remote_addresses' names no other server"),
        (file_of({key: HEADER[key] for key in HEADER if key != "cluster_id"}), "there is no member 'cluster_id'"),
        (file_of({key: HEADER[key] for key in HEADER if key != "prev_data"}), "there is no member 'prev_data'"),
    ],
)
def test_a_header_that_can_not_be_read_is_named(content: bytes, problem: str) -> None:
    with pytest.raises(FileError, match=re.escape(problem)) as caught:
        read(content)
    assert (caught.value.record, caught.value.offset) == (0, 0)


@pytest.mark.parametrize(
    ("found", "problem"),
    [
        ({}, "there is no member 'term'"),
        ({"term": "1"}, "'term' is not an integer"),
        ({"term": True}, "'term' is not an integer"),
        ({"term": 1, "vote": "00000000-0000-0000-0000-000000000000"}, "'vote' is nobody (all zeros)"),
        ({"term": 1, "leader": 7}, "'leader' is not a string"),
        ({"term": 1, "index": 2, "data": [None, {}]}, "there is no member 'eid'"),
        ({"term": 1, "index": 2, "data": "x", "eid": sid(1)}, "'data' is not an array or an object"),
        ({"term": 1, "index": 2, "servers": {"x": address(1)}}, "'servers': 'x' is not a UUID"),
        ({"commit_index": 2, "term": 1}, "unknown member 'term'"),
        ({"note": 3}, "'note' is not a string"),
    ],
)
def test_a_record_that_makes_no_sense_is_named_wherever_it_stands(found: dict[str, Any], problem: str) -> None:
    before = file_of(HEADER, {"term": 1})
    for content in (before + file_of(found), before + file_of(found, {"term": 1})):
        with pytest.raises(FileError) as caught:
            read(content)
        assert (caught.value.record, caught.value.offset, caught.value.problem) == (2, len(before), problem)


def test_damage_within_the_file_is_refused_unless_one_wants_what_the_server_takes() -> None:
    whole = file_of(HEADER, {"term": 1}), file_of({"term": 2}), file_of({"term": 3})
    damaged = whole[1].replace(b"2}", b"9}")
    with pytest.raises(
        FileError, match=r"record 2 at offset \d+: its \d+ bytes .*, and whole records follow"
    ) as caught:
        read(whole[0] + damaged + whole[2])
    assert caught.value.offset == len(whole[0])
    assert read(whole[0] + damaged + whole[2], drop_damaged=True).records == [TermRecord(1, None)]
    assert read(whole[0] + damaged).records == [TermRecord(1, None)]
    assert read(whole[0] + b"\0" * 512).records == [TermRecord(1, None)]


def test_of_a_joining_file_only_the_header_counts() -> None:
    joiner = write(Disk.join_cluster("N", address(2), (address(1),), sid(2)))
    found = read(joiner + file_of({"colour": 1}) + b"rubbish" + file_of({"term": 1}))
    assert found.joining
    assert found.records == []


@pytest.mark.parametrize(
    ("disk", "record_number", "problem"),
    [
        (Disk(Header("N", address(1), "s1", CID)), 0, "sid 's1' is not a UUID"),
        (Disk.create_cluster("N", address(1), sid(1), CID), 0, "rows that were never in a real file need a schema"),
        (Disk.create_cluster("N", "here", sid(1), CID), 0, "'here' is not an address"),
        (Disk(Header("N", address(1), sid(1), None, servers=((sid(1), address(1)),))), 0, "no joiner needs a cid"),
        (Disk(Header("N", address(1), sid(1), CID)), 0, "a configuration needs a server"),
        (Disk(Header("N", address(1), sid(1), CID, servers=((sid(1), address(1)),), data=("a",))), 0, "needs an index"),
        (Disk(read(file_of(HEADER)).header, [EntryRecord(2, Entry(1, "a\0b", eid="e"))]), 1, "has a NUL"),
        (Disk(read(file_of(HEADER)).header, [EntryRecord(2, Entry(1, "\ud800", eid="e"))]), 1, "is not Unicode text"),
        (
            Disk(read(file_of(HEADER)).header, [TermRecord(1, None), LeaderRecord(1, "x")]),
            2,
            "leader 'x' is not a UUID",
        ),
    ],
)
def test_what_no_file_can_say_is_not_written(disk: Disk, record_number: int, problem: str) -> None:
    with pytest.raises(FileError, match=re.escape(problem)) as caught:
        write(disk)
    assert caught.value.record == record_number


@pytest.mark.parametrize(
    "schema", ["", "[]", "{}", '{"tables":{"Address_Set":{"columns":{"name":{"type":"integer"}}}}}']
)
def test_a_schema_without_a_place_for_markers_is_refused(schema: str) -> None:
    with pytest.raises(ValueError, match="Address_Set"):
        Schema(schema)


def test_a_schema_is_written_without_what_clusters_refuse() -> None:
    text = SCHEMA.text.replace('"string"}', '"string"}, "up": {"type": "boolean", "ephemeral": true}')
    header = read(file_of(HEADER)).header
    (body,) = bodies(write(Disk(replace(header, data=("a",))), Schema(text, "T")))
    assert body["prev_data"][0]["tables"]["T"]["columns"]["up"] == {"type": "boolean"}


# -- what a server refuses when the records do not go together ---------------------------------------------------------


@pytest.mark.parametrize(
    ("found", "text"),
    [
        ([{"term": 2}, {"term": 1, "vote": sid(1)}], "record 2 votes for term 1 but current term is 2"),
        (
            [{"term": 2, "vote": sid(1)}, {"term": 2, "vote": sid(2)}],
            "record 2 votes for 1a1a in term 2 but a previous record for the same term voted for 2a2a",
        ),
        (
            [{"term": 3, "index": 2}, {"term": 2, "index": 3}],
            "record 2 with index 3 term 2 precedes previous entry's term 3",
        ),
        ([{"term": 1, "index": 4}], "record 1 with index 4 skips past expected index 2"),
    ],
)
def test_records_that_contradict_each_other_are_refused_when_opened(found: list[dict[str, Any]], text: str) -> None:
    cluster = Cluster(OVS_3_1)
    cluster.disks[1] = read(file_of(HEADER, *found))
    with pytest.raises(StartRefused) as caught:
        cluster.start(1)
    assert str(caught.value) == f"error reading record {len(found)} from N log: {text}"


def test_a_term_alone_leaves_the_vote() -> None:
    cluster = Cluster(OVS_3_1)
    header = {**HEADER, "prev_servers": {sid(n): address(n) for n in (1, 2, 3)}}
    cluster.disks[1] = read(file_of(header, {"term": 4, "vote": sid(2)}, {"term": 4}))
    process: Process = cluster.start(1)
    status = process.status()
    assert status is not None
    assert (status.term, status.vote) == (4, "2a2a")
