"""A real ovsdb-server's status is read, and printed again byte for byte."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cluster import MemberStatus
from harness.raft_status import ErrorKind, ServerError, classify_error, parse, render

SCHEMA = (
    """{"name": "OVN_Northbound", "version": "1.0.0", "tables": {"T": {"columns": {"name": {"type": "string"}}}}}"""
)
NAME = "OVN_Northbound"
PATIENCE = 60.0
"""Real seconds after which a state that must come is given up."""

pytestmark = pytest.mark.usefixtures("real_ovsdb")


class Servers:
    """A few ovsdb-server processes on the loopback, all of them in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self.addresses: dict[str, str] = {}
        (directory / "schema").write_text(SCHEMA, encoding="utf-8")

    def create(self, name: str, host: str = "127.0.0.1", timer: int = 1000) -> str:
        self._tool(f"--election-timer={timer}", "create-cluster", f"{name}.db", "schema", self._address(name, host))
        return self._start(name)

    def join(self, name: str, *remotes: str, host: str = "127.0.0.1") -> str:
        self._tool("join-cluster", f"{name}.db", NAME, self._address(name, host), *remotes)
        return self._start(name)

    def kill(self, name: str) -> None:
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def freeze(self, *names: str) -> None:
        for name in names:
            self.running[name].send_signal(signal.SIGSTOP)

    def ask(self, name: str, *words: str) -> str:
        command = ["ovs-appctl", "-T", "10", "-t", f"{self.directory}/{name}.ctl", *words]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout

    def error(self, name: str, *words: str) -> str:
        command = ["ovs-appctl", "-T", "10", "-t", f"{self.directory}/{name}.ctl", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        assert done.returncode
        return done.stderr

    def until(self, name: str, wanted: Callable[[MemberStatus], object]) -> MemberStatus:
        """The first status of ``name`` that is ``wanted``; every one on the way is printed again."""
        deadline = time.monotonic() + PATIENCE
        text = ""
        while time.monotonic() < deadline:
            if text := self.ask(name, "cluster/status", NAME):
                status = parse(text)
                assert render(status) == text
                if wanted(status):
                    return status
            time.sleep(0.01)
        pytest.fail(f"{name} did not get there; it says:\n{text}")

    def close(self) -> None:
        for name in list(self.running):
            self.kill(name)

    def _tool(self, *words: str) -> None:
        subprocess.run(["ovsdb-tool", *words], cwd=self.directory, check=True, timeout=20)

    def _address(self, name: str, host: str) -> str:
        if host == "unix":
            self.addresses[name] = f"unix:{self.directory}/{name}.raft"
        else:
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as free:
                free.bind((host.strip("[]"), 0))
                self.addresses[name] = f"tcp:{host}:{free.getsockname()[1]}"
        return self.addresses[name]

    def _start(self, name: str) -> str:
        where = [f"--unixctl={self.directory}/{name}.ctl", f"--remote=punix:{self.directory}/{name}.sock"]
        command = ["ovsdb-server", "--no-chdir", "-vconsole:off", *where, f"{name}.db"]
        self.running[name] = subprocess.Popen(command, cwd=self.directory, stderr=subprocess.DEVNULL)
        return self.addresses[name]


@pytest.fixture
def servers() -> Iterator[Servers]:
    # Paths of sockets may have 108 bytes, which pytest's own directories use up.
    directory = Path(tempfile.mkdtemp(prefix="ovsdb-"))
    made = Servers(directory)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(directory)


def leads(members: int) -> Callable[[MemberStatus], bool]:
    return lambda status: status.is_leader and len(status.servers) == members


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "unix"])
def test_a_life_in_a_cluster(servers: Servers, host: str) -> None:
    first = servers.create("s1", host)
    alone = servers.until("s1", leads(1))
    assert (alone.nickname == alone.server_id[:4]) is (host != "unix")
    second = servers.join("s2", first, host=host)
    servers.until("s2", lambda status: status.is_member and status.leader == alone.nickname)
    both = servers.until("s1", lambda s: leads(2)(s) and all(e.is_self or e.last_msg_ms is not None for e in s.servers))
    assert {entry.address for entry in both.servers} == {first, second}
    assert [entry.is_self for entry in both.servers].count(True) == 1
    servers.kill("s1")
    alone = servers.until("s2", lambda status: status.status.startswith("disconnected"))
    assert (alone.role, alone.leader, alone.vote) == ("candidate", "unknown", "self")
    assert [entry.voted_for for entry in alone.servers if entry.is_self] == [alone.nickname]
    kick = classify_error(servers.error("s2", "cluster/kick", NAME, first))
    assert kick is not None
    assert kick.kind is ErrorKind.NOT_SENT


def test_changes_that_can_not_be_committed(servers: Servers) -> None:
    # A leader that hears nobody keeps its role for one or two election timers: time to look at what it waits for.
    remote = servers.create("s1", timer=10000)
    servers.until("s1", leads(1))
    for name in ("s2", "s3"):
        servers.join(name, remote)
        servers.until(name, lambda status: status.is_member and status.has_leader)
    three = servers.until("s1", leads(3))
    victim = next(entry for entry in three.servers if entry.address == servers.addresses["s3"])
    servers.freeze("s2", "s3")
    servers.ask("s1", "cluster/change-election-timer", NAME, "5000")
    assert servers.until("s1", lambda status: status.election_timer_new == 5000).uncommitted
    assert servers.ask("s1", "cluster/kick", NAME, victim.sid4).strip() == "started removal"
    pending = servers.until("s1", lambda status: status.removing)
    assert [(s.sid4, s.phase) for s in pending.removing] == [(victim.sid4, "removing")]
    servers.join("s4", remote)
    pending = servers.until("s1", lambda status: status.adding)
    assert [s.address for s in pending.adding] == [servers.addresses["s4"]]
    assert pending.adding[0].phase in ("adding: catchup", "adding: caught up")
    joining = servers.until("s4", lambda status: status.status == "joining cluster" and status.cluster_id)
    assert joining.cluster_id == three.cluster_id
    assert remote in joining.remotes


def test_a_joiner_that_finds_nobody(servers: Servers) -> None:
    nobody = "tcp:127.0.0.1:1"
    servers.join("s1", nobody)
    status = servers.until("s1", lambda status: status.connections)
    assert (status.cluster_id, status.remotes, status.servers) == (None, (nobody,), ())


def test_errors_of_a_real_server(servers: Servers) -> None:
    servers.create("s1")
    servers.until("s1", leads(1))
    with pytest.raises(ServerError) as caught:
        parse(servers.error("s1", "cluster/status", "OVN_Southbound"))
    assert caught.value.kind is ErrorKind.UNKNOWN_CLUSTER
    servers.ask("s1", "cluster/leave", NAME)
    assert servers.until("s1", lambda status: not status.is_member).status == "leaving cluster"
    error = classify_error(servers.error("s1", "cluster/leave", NAME))
    assert error is not None
    assert error.kind is ErrorKind.REFUSED
    servers.kill("s1")
    with pytest.raises(ServerError) as caught:
        parse(servers.error("s1", "cluster/status", NAME))
    assert caught.value.kind is ErrorKind.UNREACHABLE
