"""The model's files, judged by ovsdb-tool and opened by ovsdb-server; and files of real servers in the model."""

from __future__ import annotations

import json
import random
import subprocess
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from catalogue import CASES, Case
from catalogue.places import room_for
from installed_roots import HOST, Installation, need
from play import play
from raft_worlds import FakeWorld, Invented, RealWorld, Seeded
from worlds import files
from worlds.real import SCHEMA as SCHEMA_TEXT

from fake_raft import Disk, Network, Process, StartRefused, VirtualClock, by_version
from fake_raft.file import FileError, Json, Schema, read, write
from fake_raft.file_contents import Contents, replay
from harness.executors.processes import jsonrpc

pytestmark = pytest.mark.usefixtures("real_ovsdb")
SCHEMA = Schema(SCHEMA_TEXT, "T")
SECOND = 1_000_000
NORTHBOUND = Path("/usr/share/ovn/ovn-nb.ovsschema")


class At:
    """Ids of no real server at the addresses of a real world."""

    def __init__(self, real: RealWorld) -> None:
        self.address = real.address
        self.sid = Invented().sid


class Fakes:
    """Servers of the model on the disks that these files are, at the addresses that they name."""

    def __init__(self, version: str, disks: dict[int, Disk], seed: int = 0) -> None:
        self.disks = disks
        self.clock = VirtualClock()
        choices = Seeded(seed)
        network = Network(self.clock, choices)
        self.at = {
            n: Process(self.clock, network, choices, by_version(version), disk, disk.header.address, name=f"s{n}")
            for n, disk in disks.items()
        }

    def start(self, *numbers: int) -> None:
        for number in numbers or self.at:
            self.at[number].start()

    def settle(self) -> bool:
        """Everybody is a member that follows one leader and has applied what it has."""
        running = [process for process in self.at.values() if process.alive]

        def settled() -> bool:
            found = [process.status() for process in running]
            return (
                all(s is not None and s.status == "cluster member" and s.leader != "unknown" for s in found)
                and len({s.log_end for s in found if s is not None}) == 1
                and all(s is not None and s.uncommitted == s.unapplied == 0 for s in found)
            )

        return self.clock.run_while(lambda: not settled(), 40 * SECOND)

    def contents(self, number: int, schema: Schema | None = None) -> Contents:
        rows = self.at[number].rows()
        assert rows is not None
        return replay(rows, schema)

    def wrote(self, number: int, row: str) -> bool:
        answers: list[bool | None] = []
        self.at[number].execute(row, answers.append)
        self.clock.run_while(lambda: not answers, 10 * SECOND)
        return answers == [True]


def names(contents: Contents) -> list[str]:
    return sorted(row.get("name", "") for row in contents.tables.get("T", {}).values())


def formed(real: RealWorld, *numbers: int) -> bool:
    """Every one is a member and serves clients, and one of them leads."""

    def look() -> bool:
        found = [status for status in map(real.status, numbers) if status is not None]
        if len(found) < len(numbers) or not any(status.is_leader for status in found):
            return False
        members = all(status.status == "cluster member" and status.has_leader for status in found)
        return members and all(real.connected(number) for number in numbers)

    return real.until(look, 30)


def serves(real: RealWorld, number: int, rows: list[str]) -> bool:
    return real.until(lambda: real.rows(number) == rows, 15) or real.rows(number) == rows


def tool(real: RealWorld, *words: str) -> tuple[int, str]:
    done = subprocess.run(
        [*real.prefix, "ovsdb-tool", *words],
        cwd=real.directory,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    return done.returncode, done.stdout + done.stderr


# -- from real servers -----------------------------------------------------------------------------------------------


def live(real: RealWorld) -> None:
    """Three members with a timer change and a snapshot on s2; s4 was kicked, s5 is a pristine join file."""
    real.create(1)
    assert formed(real, 1)
    for number in (2, 3, 4):
        real.join(number, 1)
        assert formed(real, 1, number)
    for row in ("a", 'b"\n\u00e9', "c"):
        assert real.write(1, row, 10)
    assert real.ask(1, "cluster/change-election-timer", "1500")[0] == 0
    assert real.write(3, "d", 10)
    assert real.ask(2, "ovsdb-server/compact")[0] == 0
    assert real.ask(1, "cluster/kick", real.address(4))[0] == 0
    assert real.until(lambda: real.status(4) is None, 10)
    assert real.write(2, "e", 10)
    real.ask(1, "cluster/failure-test", "transfer-leadership")
    assert real.until(lambda: formed(real, 1, 2, 3), 20)
    assert real.write(2, "f", 10)
    for number in (1, 2, 3, 4):
        real.kill(number)
    real.tool("join-cluster", "s5.db", "OVN_Northbound", real.address(5), real.address(2))


ROWS = ["a", 'b"\n\u00e9', "c", "d", "e", "f"]


def test_a_cluster_goes_from_real_servers_to_the_model_and_back(real: RealWorld, installation: Installation) -> None:
    live(real)
    fakes = Fakes(installation.version, {n: read(real.file(n).read_bytes()) for n in (1, 2, 3, 4, 5)})
    with pytest.raises(StartRefused) as refused:
        fakes.at[4].start()
    assert str(refused.value) in real.start(4) + real.log(4).read_text(encoding="utf-8")
    fakes.start(1, 2, 3)
    assert fakes.settle()
    assert [names(fakes.contents(number)) for number in (1, 2, 3)] == [ROWS] * 3
    status = fakes.at[3].status()
    assert status is not None
    assert status.election_timer == 1500
    fakes.start(5)
    assert fakes.settle()
    assert fakes.wrote(5, "of the model")
    assert fakes.settle()
    assert fakes.at[3].compact().ok
    for number in (1, 2, 3, 5):
        real.file(number).write_bytes(write(fakes.disks[number], SCHEMA))
    assert real.check_cluster(1, 2, 3, 4, 5) == ""
    assert [real.start(number) for number in (1, 2, 3, 5)] == [""] * 4
    assert formed(real, 1, 2, 3, 5)
    assert real.write(5, "real again", 10)
    for number in (1, 2, 3, 5):
        assert serves(real, number, sorted([*ROWS, "of the model", "real again"]))


def test_what_tools_print_of_a_real_file_they_print_of_its_copy(real: RealWorld) -> None:
    live(real)
    for number in (1, 2, 3, 4, 5):
        content = real.file(number).read_bytes()
        (real.directory / "copy.db").write_bytes(write(read(content)))
        assert objects(write(read(content))) == objects(content)
        for words in (["-mmm", "show-log"], ["db-cid"], ["db-sid"], ["db-name"], ["db-local-address"]):
            code, printed = tool(real, *words, f"s{number}.db")
            assert tool(real, *words, "copy.db") == (code, printed.replace(f"s{number}.db", "copy.db"))


def objects(content: bytes) -> list[Any]:
    return [json.loads(line) for line in content.split(b"\n") if line and not line.startswith(b"OVSDB ")]


# -- to real servers -------------------------------------------------------------------------------------------------


def imagined(real: RealWorld, installation: Installation, seed: int) -> FakeWorld:
    """The same story in the model."""
    fake = FakeWorld(At(real), installation.version, Seeded(seed))
    fake.create(1, timer=1200)
    for number in (2, 3, 4):
        fake.join(number, 1)
        assert fake.until(partial(member, fake, number), 20)
    for row in ("a", "b", "a", "\u00fc\n\"'"):
        assert fake.write(1, row, 20)
    leader = next(n for n in (1, 2, 3, 4) if is_leader(fake, n))
    assert fake.ask(leader, "cluster/change-election-timer", "1800")[0] == 0
    assert fake.write(2, "c", 20)
    assert fake.ask(2, "ovsdb-server/compact")[0] == 0
    assert fake.ask(3 if leader == 4 else leader, "cluster/kick", fake.address(4))[0] == 0
    assert fake.until(lambda: fake.status(4) is None, 20)
    assert fake.write(3, "d", 20)
    for number in (1, 2, 3):
        fake.kill(number)
    return fake


def member(fake: FakeWorld, number: int) -> bool:
    status = fake.status(number)
    return status is not None and status.status == "cluster member"


def is_leader(fake: FakeWorld, number: int) -> bool:
    status = fake.status(number)
    return status is not None and status.role == "leader"


def put(real: RealWorld, fake: FakeWorld, *numbers: int) -> None:
    for number in numbers:
        disk = fake.disk(number)
        assert disk is not None
        real.file(number).write_bytes(write(disk, SCHEMA))


def test_a_cluster_of_the_model_goes_on_on_real_servers(real: RealWorld, installation: Installation) -> None:
    fake = imagined(real, installation, seed=1)
    put(real, fake, 1, 2, 3, 4)
    join = Disk.join_cluster("OVN_Northbound", real.address(5), (real.address(3),), Invented().sid(5, 1))
    real.file(5).write_bytes(write(join))
    assert real.check_cluster(1, 2, 3, 4, 5) == ""
    found = fake.disk(4)
    assert found is not None
    with pytest.raises(StartRefused) as refused:
        Fakes(installation.version, {4: read(real.file(4).read_bytes())}).start(4)
    assert str(refused.value) in real.start(4) + real.log(4).read_text(encoding="utf-8")
    assert [real.start(number) for number in (1, 2, 3)] == [""] * 3
    assert formed(real, 1, 2, 3)
    status = real.status(1)
    assert status is not None
    assert status.election_timer == 1800
    assert real.start(5) == ""
    assert formed(real, 1, 2, 3, 5)
    assert real.write(5, "real", 10)
    for number in (1, 2, 3, 5):
        assert serves(real, number, sorted(["a", "b", "\u00fc\n\"'", "c", "d", "real"]))


def test_tools_tell_what_the_model_wrote(real: RealWorld, installation: Installation) -> None:
    fake = imagined(real, installation, seed=2)
    put(real, fake, 1, 2, 3, 4)
    for number in (1, 2, 3, 4):
        disk = fake.disk(number)
        assert disk is not None
        file = f"s{number}.db"
        assert tool(real, "db-cid", file) == (0, f"{disk.cid}\n")
        assert tool(real, "db-sid", file) == (0, f"{disk.sid}\n")
        assert tool(real, "db-name", file) == (0, "OVN_Northbound\n")
        assert tool(real, "db-local-address", file) == (0, f"{disk.header.address}\n")
        assert tool(real, "db-is-clustered", file)[0] == 0
        code, printed = tool(real, "-m", "show-log", file)
        assert code == 0
        assert printed.count("record ") == len(disk.records) + 1
        for index, entry in disk.log().items():
            assert f" index: {index}\n" in printed
            assert entry.data is None or f"insert row {json.dumps(entry.data, ensure_ascii=False)}" in printed
        assert (' note: "left"\n' in printed) == disk.left


# -- a model's run is judged by ovsdb-tool ---------------------------------------------------------------------------

JUDGED = 3
"""Runs of each case of the catalogue."""


@pytest.mark.parametrize("release", ["3.1", "3.5", "newest"])
def test_ovsdb_tool_thinks_of_the_files_what_the_model_thinks(tmp_path: Path, release: str) -> None:
    ended, complaints = 0, 0
    for case in CASES:
        for world in ends_of(case, release):
            disks = [disk for disk in map(world.disk, range(1, 10)) if disk is not None and disk.joined]
            if not disks or len({(disk.cid, disk.header.name) for disk in disks}) > 1:
                continue
            paths = []
            for number, disk in enumerate(disks):
                paths.append(str(tmp_path / f"{number}.db"))
                Path(paths[-1]).write_bytes(write(disk, SCHEMA))
            done = subprocess.run(["ovsdb-tool", "check-cluster", *paths], capture_output=True, text=True, check=False)
            own = files.check(disks)
            assert (done.returncode == 0) == (not own), (case.name, own, done.stderr)
            ended += 1
            complaints += bool(own)
    assert ended > len(CASES)
    assert complaints, "nothing went wrong anywhere, though the catalogue has such cases"


def test_every_file_of_the_catalogue_is_opened_or_refused_alike(of_the_host: RealWorld) -> None:
    real, release = of_the_host, need(HOST).version
    refusals: list[str] = []
    opened = compared = 0
    for case in CASES:
        fake = FakeWorld(At(real), release, Seeded(1, calm=True))
        play(fake, case.script)
        for number, disk in [(n, fake.disk(n)) for n in range(1, 10)]:
            if disk is None:
                continue
            real.remove_file(number)
            real.file(number).write_bytes(write(disk, SCHEMA))
            alone = Fakes(release, {number: read(real.file(number).read_bytes())})
            refusal, printed = refusal_of(alone.at[number]), real.start(number)
            assert bool(refusal) == bool(printed), (case.name, number, refusal, printed)
            assert refusal in printed, (case.name, number)
            if refusal:
                refusals.append(refusal)
                continue
            opened += 1
            if alone.at[number].answers_reads:
                rows = sorted({*(alone.at[number].rows() or ())})
                assert serves(real, number, rows), (case.name, number, rows, real.rows(number))
                compared += 1
            real.kill(number)
    assert opened > 100
    assert compared > 50
    assert any("indicates server has left" in text for text in refusals)
    assert "server does not belong to cluster" in refusals


def refusal_of(process: Process) -> str:
    try:
        process.start()
    except StartRefused as refused:
        return str(refused)
    return ""


@pytest.fixture
def of_the_host() -> Iterator[RealWorld]:
    with room_for(need(HOST).prefix, filters=False) as world:
        yield world


def ends_of(case: Case, release: str) -> Iterator[FakeWorld]:
    for seed in range(JUDGED):
        world = FakeWorld(Invented(), release, Seeded(seed, calm=True))
        play(world, case.script)
        yield world


# -- a database like production's ------------------------------------------------------------------------------------


def transact(real: RealWorld, number: int, *operations: dict[str, Any]) -> list[Any]:
    connection = jsonrpc.connect_unix(real.directory / f"s{number}.sock", 10)
    try:
        results: list[Any] = connection.request("transact", ["OVN_Northbound", *operations], 10)
    finally:
        connection.close()
    assert not [result for result in results if result and "error" in result], results
    return results


def change_things(real: RealWorld, seed: int, count: int) -> None:
    """Inserts, updates, mutations and deletions, on every kind of column that there is."""
    draw = random.Random(seed)
    for n in range(count):
        table = draw.choice(["Address_Set", "Logical_Switch", "Logical_Switch_Port"])
        words = [draw.choice("abcdefg") for _ in range(draw.randrange(4))]
        ids = ["map", sorted({(word, draw.choice("xy")) for word in words if word > "b"}, key=lambda pair: pair[0])]
        ids = ["map", list({pair[0]: list(pair) for pair in ids[1]}.values())]
        where = [["name", "==", f"n{draw.randrange(6)}"]] if draw.random() < 0.7 else []
        row: dict[str, Any] = {"external_ids": ids}
        if table == "Address_Set":
            row["addresses"] = ["set", sorted(set(words))]
        if table == "Logical_Switch_Port":
            row |= {"addresses": ["set", sorted(set(words))], "up": draw.choice([["set", []], True, False])}
            row |= {"tag": draw.choice([["set", []], 7, 8]), "options": ids}
        what = draw.randrange(6)
        name = f"{table}.{n}" if draw.random() < 0.5 else f"n{n}"
        if what < 3 and table == "Logical_Switch_Port":
            port = {"op": "insert", "table": table, "row": {"name": name, **row}, "uuid-name": "p"}
            switch = {"name": f"w{n}", "ports": ["set", [["named-uuid", "p"]]]}
            transact(real, 1, port, {"op": "insert", "table": "Logical_Switch", "row": switch})
        elif what < 3:
            transact(real, 1, {"op": "insert", "table": table, "row": {"name": name, **row}})
        elif what < 5:
            transact(real, 1, {"op": "update", "table": table, "where": where, "row": row})
        elif table != "Logical_Switch_Port":
            transact(real, 1, {"op": "delete", "table": table, "where": where or [["name", "==", name]]})
    transact(real, 1, {"op": "insert", "table": "NB_Global", "row": {"nb_cfg": 5, "options": ["map", [["k", "v"]]]}})
    transact(real, 1, {"op": "update", "table": "NB_Global", "where": [], "row": {"nb_cfg": 0}})


def plain(contents: Contents) -> Any:
    """With sets and maps in order, and rows of tables that have any."""

    def value(found: Any) -> Any:
        ordered = isinstance(found, list) and found[0] in ("set", "map")
        return [found[0], sorted(found[1], key=json.dumps)] if ordered else found

    return {
        table: {key: {column: value(found) for column, found in row.items()} for key, row in rows.items()}
        for table, rows in contents.tables.items()
        if rows
    }


@pytest.mark.skipif(not NORTHBOUND.exists(), reason="no schema of OVN_Northbound: apt-get install ovn-central")
def test_a_snapshot_of_the_model_is_the_one_that_real_servers_make(real: RealWorld, installation: Installation) -> None:
    (real.directory / "schema").write_text(NORTHBOUND.read_text(encoding="utf-8"), encoding="utf-8")
    real.create(1)
    assert formed(real, 1)
    change_things(real, seed=5, count=150)
    real.kill(1)
    before = real.file(1).read_bytes()
    fakes = Fakes(installation.version, {1: read(before)})
    fakes.start()
    assert fakes.settle()
    assert fakes.at[1].compact().ok
    (ours,) = read(write(fakes.disks[1])).header.data
    assert real.start(1) == ""
    assert formed(real, 1)
    assert real.ask(1, "ovsdb-server/compact")[0] == 0
    real.kill(1)
    (theirs,) = read(real.file(1).read_bytes()).header.data
    assert isinstance(ours, Json)
    assert isinstance(theirs, Json)
    found = plain(replay([theirs]))
    assert sum(len(rows) for rows in found.values()) > 30
    assert plain(replay([ours])) == found
    assert json.loads(ours)[0] == json.loads(theirs)[0]


@pytest.mark.skipif(not NORTHBOUND.exists(), reason="no schema of OVN_Northbound: apt-get install ovn-central")
def test_markers_are_address_sets_of_northbound(real: RealWorld) -> None:
    sid, cid = str(uuid.UUID(int=7)), str(uuid.UUID(int=8))
    disk = Disk.create_cluster("OVN_Northbound", real.address(1), sid, cid, data=("base",))
    fakes = Fakes("3.1", {1: disk})
    fakes.start()
    assert fakes.settle()
    assert all(fakes.wrote(1, row) for row in ("x", "y", "x"))
    real.file(1).write_bytes(write(disk, Schema(NORTHBOUND.read_text(encoding="utf-8"))))
    assert real.start(1) == ""
    assert formed(real, 1)
    (found,) = transact(real, 1, {"op": "select", "table": "Address_Set", "where": [], "columns": ["name"]})
    assert sorted(row["name"] for row in found["rows"]) == ["base", "x", "y"]


# -- damage ----------------------------------------------------------------------------------------------------------


def damaged(content: bytes, seed: int) -> bytes:
    draw = random.Random(seed)
    at = draw.randrange(1, len(content))
    kind = seed % 3
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + bytes([content[at] ^ draw.randrange(1, 256)]) + content[at + 1 :]
    return content[: max(at, 600)] + b"\0" * draw.randrange(1, 600)


def test_a_damaged_file_keeps_what_a_real_server_keeps(real: RealWorld, installation: Installation) -> None:
    real.create(1)
    assert formed(real, 1)
    rows = [f"row {n}" for n in range(12)]
    assert all(real.write(1, row, 10) for row in rows)
    real.kill(1)
    content = real.file(1).read_bytes()
    kept: list[int] = []
    for seed in range(18):
        spoiled = damaged(content, seed)
        real.file(1).write_bytes(spoiled)
        refused = real.start(1)
        if refused:
            with pytest.raises(FileError):
                read(spoiled, drop_damaged=True)
            continue
        disk = read(spoiled, drop_damaged=True)
        fakes = Fakes(installation.version, {1: disk})
        fakes.start()
        assert fakes.settle()
        assert formed(real, 1)
        expected = names(fakes.contents(1))
        assert serves(real, 1, expected), (seed, expected, real.rows(1))
        kept.append(len(expected))
        real.kill(1)
    assert 0 in kept or min(kept) < 6
    assert max(kept) > 6
