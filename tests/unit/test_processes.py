"""The rooms below the backend ovsdb that need no OVS: files, JSON-RPC, workers, run directories."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.executors.processes import files, janitor, jsonrpc, linux
from harness.executors.processes.files import Format
from harness.executors.processes.workers import Workers

A, B, C = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abc")
AT = {sid: f"tcp:[10.0.0.{i}]:6643" for i, sid in enumerate((A, B, C), 1)}


def records(*bodies: dict[str, Any]) -> bytes:
    out = b""
    for body in bodies:
        text = json.dumps(body).encode() + b"\n"
        out += b"OVSDB CLUSTER %d %s\n" % (len(text), hashlib.sha1(text).hexdigest().encode()) + text
    return out


HEADER = {
    "name": "OVN_Northbound",
    "server_id": A,
    "cluster_id": "1" * 8,
    "local_address": AT[A],
    "prev_index": 5,
    "prev_servers": {A: AT[A]},
}


def written(path: Path, *bodies: dict[str, Any], tail: bytes = b"") -> files.DatabaseLog:
    (path / "file.db").write_bytes(records(*bodies) + tail)
    log = files.read(path / "file.db")
    assert log is not None
    return log


def test_the_latest_configuration_counts_committed_or_not(tmp_path: Path) -> None:
    log = written(
        tmp_path,
        HEADER,
        {"term": 1, "index": 6, "servers": {A: AT[A], B: AT[B]}},
        {"term": 1, "index": 7, "data": [{}, {}]},
        {"term": 1, "index": 8, "servers": {sid: {"address": AT[sid], "nickname": "s"} for sid in AT}},
    )
    assert (log.format, log.name, log.sid, log.joined, log.left) == (Format.CLUSTERED, "OVN_Northbound", A, True, False)
    assert log.servers == AT


def test_a_truncated_configuration_does_not_count(tmp_path: Path) -> None:
    log = written(
        tmp_path,
        HEADER,
        {"term": 1, "index": 6, "servers": {A: AT[A], B: AT[B]}},
        {"term": 1, "index": 7, "servers": AT},
        {"term": 2, "index": 7, "data": [{}, {}]},
    )
    assert log.servers == {A: AT[A], B: AT[B]}


def test_without_entries_the_snapshot_counts(tmp_path: Path) -> None:
    assert written(tmp_path, HEADER).servers == {A: AT[A]}


def test_a_damaged_tail_is_ignored(tmp_path: Path) -> None:
    good = {"term": 1, "index": 6, "servers": {A: AT[A], B: AT[B]}}
    bad = bytearray(records({"term": 1, "index": 7, "servers": AT}))
    bad[-10] ^= 1
    assert written(tmp_path, HEADER, good, tail=bytes(bad)).servers == good["servers"]
    assert written(tmp_path, HEADER, good, tail=bytes(bad)[:-20]).servers == good["servers"]


def test_the_note_of_having_left_is_seen(tmp_path: Path) -> None:
    assert written(tmp_path, HEADER, {"note": "left", "comment": "x"}).left


def test_other_files(tmp_path: Path) -> None:
    assert files.read(tmp_path / "none") is None
    path = tmp_path / "file.db"
    for content in (b"", b"garbage\n", b"OVSDB CLUSTER 99 abc\n{}"):
        path.write_bytes(content)
        assert files.read(path) == files.DatabaseLog(Format.OTHER)
    path.write_bytes(records({"name": "OVN_Northbound"}).replace(b"CLUSTER", b"JSON"))
    log = files.read(path)
    assert log is not None
    assert (log.format, log.name) == (Format.STANDALONE, "OVN_Northbound")


def test_a_server_id_can_be_set_in_a_join_file_only(tmp_path: Path) -> None:
    path = tmp_path / "file.db"
    path.write_bytes(records({"name": "X", "remote_addresses": [AT[B]], "server_id": A, "local_address": AT[A]}))
    files.set_server_id(path, C)
    log = files.read(path)
    assert log is not None
    assert (log.sid, log.joined, log.local_address) == (C, False, AT[A])
    path.write_bytes(records(HEADER))
    with pytest.raises(ValueError, match="joins"):
        files.set_server_id(path, C)


# -- JSON-RPC ---------------------------------------------------------------------------------------------------------


class Peer:
    """The other end of a connection."""

    def __init__(self) -> None:
        ours, self.theirs = socket.socketpair()
        self.connection = jsonrpc.Connection(ours)

    def say(self, *messages: dict[str, Any]) -> None:
        self.theirs.sendall(b"".join(json.dumps(message).encode() for message in messages))

    def heard(self) -> dict[str, Any]:
        self.theirs.settimeout(5)
        message = json.loads(self.theirs.recv(65536))
        assert isinstance(message, dict)
        return message


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.connection.close()
    peer.theirs.close()


def test_an_answer_is_found_among_echoes_and_notifications(peer: Peer) -> None:
    peer.say(
        {"method": "echo", "params": ["are you there"], "id": "echo"},
        {"method": "update", "params": [1], "id": None},
        {"id": 1, "result": {"text": '}{ é"'}, "error": None},
    )
    assert peer.connection.request("get", [], 5) == {"text": '}{ é"'}
    assert peer.connection.notice(0.01) == ("update", [1])
    peer.theirs.settimeout(5)
    sent = peer.theirs.recv(65536).decode()
    assert '"result": ["are you there"]' in sent


def test_an_answer_in_pieces(peer: Peer) -> None:
    whole = json.dumps({"id": 1, "result": {"a": {"b": "é}"}}, "error": None}, ensure_ascii=False).encode()

    def trickle() -> None:
        for at in range(len(whole)):
            peer.theirs.sendall(whole[at : at + 1])

    thread = threading.Thread(target=trickle)
    thread.start()
    assert peer.connection.request("get", [], 5) == {"a": {"b": "é}"}}
    thread.join()


def test_an_error_answer_is_refused_with_its_words(peer: Peer) -> None:
    peer.say({"id": 1, "result": None, "error": "unknown cluster\n"})
    with pytest.raises(jsonrpc.Refused, match="unknown cluster"):
        peer.connection.request("cluster/status", ["X"], 5)


def test_silence_ends_in_a_timeout_and_a_late_answer_is_not_taken_for_another(peer: Peer) -> None:
    with pytest.raises(TimeoutError):
        peer.connection.request("first", [], 0.01)
    peer.say({"id": 1, "result": "late", "error": None}, {"id": 2, "result": "right", "error": None})
    assert peer.connection.request("second", [], 5) == "right"


def test_a_closed_connection_says_so(peer: Peer) -> None:
    peer.theirs.shutdown(socket.SHUT_RDWR)
    with pytest.raises(OSError, match=r"closed|Broken"):
        peer.connection.request("get", [], 5)


# -- workers ----------------------------------------------------------------------------------------------------------


def test_answers_come_in_the_order_of_the_questions() -> None:
    failures: list[BaseException] = []
    workers = Workers(3, failures.append)
    first_may_end = threading.Event()

    def slow() -> str:
        assert first_may_end.wait(5)
        return "slow"

    def quick() -> str:
        first_may_end.set()
        return "quick"

    assert workers.ask_all([slow, quick]) == ["slow", "quick"]
    assert workers.ask_all([]) == []
    with pytest.raises(ZeroDivisionError):
        workers.ask_all([lambda: 1, lambda: 1 // 0])
    assert not failures
    workers.stop()


def test_a_job_that_fails_is_reported_and_the_worker_goes_on() -> None:
    failures: list[BaseException] = []
    workers = Workers(1, failures.append)
    done = threading.Event()
    workers.run([].pop)
    workers.run(done.set)
    assert done.wait(5)
    workers.stop()
    assert [type(failure) for failure in failures] == [IndexError]


# -- run directories --------------------------------------------------------------------------------------------------


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(janitor, "base", lambda: tmp_path)
    return tmp_path


def test_the_directory_of_a_living_run_is_left_alone(base: Path) -> None:
    directory = janitor.make_run_directory()
    assert directory.parent == base
    assert janitor.sweep() == ()
    assert directory.is_dir()


def dead_owner() -> str:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    start = linux.start_ticks(process.pid)
    process.communicate(b"\n")
    return f"ovnswap-{linux.pid_namespace()}-{process.pid}-{start}-abc"


def until_marked(directory: Path) -> None:
    """The kernel shows a new program's environment a moment after exec has told the parent."""
    deadline = time.monotonic() + 10
    while not janitor.marked(directory):
        assert time.monotonic() < deadline, "a child's environment never appeared in /proc"


def test_the_directory_of_a_dead_run_goes_with_its_processes(base: Path) -> None:
    directory = base / dead_owner()
    (directory / "n1" / "etc").mkdir(parents=True)
    orphan = subprocess.Popen(["sleep", "1000"], env={**os.environ, "OVNSWAP_RUN": str(directory)})
    until_marked(directory)
    assert janitor.sweep() == (directory,)
    assert not directory.exists()
    assert orphan.wait(5) == -9


def test_only_abandoned_directories_of_ours_are_swept(base: Path) -> None:
    kept = base / dead_owner()
    kept.mkdir()
    janitor.keep(kept)
    other_namespace = base / kept.name.replace(str(linux.pid_namespace()), "1")
    other_namespace.mkdir()
    (base / "ovnswap-notes").mkdir()
    (base / f"{kept.name}d").symlink_to(kept)
    assert janitor.sweep() == ()
    assert len(list(base.iterdir())) == 4


def test_a_pid_that_was_given_to_another_process_is_not_the_owner(base: Path) -> None:
    ticks = linux.start_ticks(os.getpid())
    assert ticks is not None
    directory = base / f"ovnswap-{linux.pid_namespace()}-{os.getpid()}-{ticks - 1}-abc"
    directory.mkdir()
    assert janitor.sweep() == (directory,)
