"""One small cluster of servers twice behind the same words: real ovsdb-server processes, and fake_raft.

Servers are numbers; each life of a server has an id of its own. The fake takes the ids and addresses that the real
world made, so that answers, orders and texts can be compared as they are.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from fake_raft import Disk, Network, Process, StartRefused, VirtualClock, by_version
from fake_raft.network import Choices, split
from fake_raft.profile import Profile
from harness.cluster import MemberStatus
from harness.executors.simulated import member_status
from harness.raft_status import parse

NAME = "OVN_Northbound"
SCHEMA = (
    """{"name": "OVN_Northbound", "version": "1.0.0", "tables": {"T": {"columns": {"name": {"type": "string"}}}}}"""
)
SECOND = 1_000_000
Answer = tuple[int, str]


class World(Protocol):
    def create(self, number: int) -> None: ...

    def join(self, number: int, *via: int) -> None: ...

    def start(self, number: int) -> str:
        """Returns the reason why the server does not start, or ""."""

    def kill(self, number: int) -> None: ...

    def pause(self, number: int) -> None:
        """SIGSTOP."""

    def resume(self, number: int) -> None:
        """SIGCONT."""

    def isolate(self, number: int) -> None:
        """Let nothing get from or to this server, which goes on otherwise."""

    def rejoin(self, number: int) -> None:
        """End that."""

    def ask(self, number: int, command: str, *words: str) -> Answer:
        """An appctl command: exit code, and its words without the tool's own."""

    def status(self, number: int) -> MemberStatus | None: ...

    def sid(self, number: int, life: int = -1) -> str: ...

    def address(self, number: int) -> str: ...

    def write(self, number: int, row: str, seconds: float) -> bool: ...

    def rows(self, number: int) -> list[str] | None: ...

    def run(self, seconds: float) -> None: ...

    def until(self, condition: Callable[[], object], seconds: float) -> bool: ...


class RealWorld:
    """Processes on 127.x.y.N, with everything they make in one directory.

    ``prefix`` goes before every command and says whose programs they are (see installed_roots).
    """

    def __init__(self, directory: Path, network: str, prefix: Sequence[str] = ()) -> None:
        self.directory = directory
        self.network = network
        self.prefix = tuple(prefix)
        self.lives: dict[int, list[str]] = {}
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        (directory / "schema").write_text(SCHEMA, encoding="utf-8")

    def address(self, number: int) -> str:
        return f"tcp:{self.network}.{number}:6643"

    def sid(self, number: int, life: int = -1) -> str:
        return self.lives[number][life]

    def create(self, number: int) -> None:
        self._make(number, "create-cluster", f"s{number}.db", "schema", self.address(number))

    def join(self, number: int, *via: int) -> None:
        remotes = [self.address(other) for other in via]
        self._make(number, "join-cluster", f"s{number}.db", NAME, self.address(number), *remotes)

    def _make(self, number: int, *words: str) -> None:
        (self.directory / f"s{number}.db").unlink(missing_ok=True)
        (self.directory / f".s{number}.db.~lock~").unlink(missing_ok=True)
        subprocess.run(
            [*self.prefix, "ovsdb-tool", *words], cwd=self.directory, check=True, timeout=20, capture_output=True
        )
        sid = subprocess.run(
            [*self.prefix, "ovsdb-tool", "db-sid", f"s{number}.db"],
            cwd=self.directory,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        self.lives.setdefault(number, []).append(sid)
        assert not self.start(number)

    def start(self, number: int) -> str:
        where = [f"--unixctl={self.directory}/s{number}.ctl", f"--remote=punix:{self.directory}/s{number}.sock"]
        log = self.directory / f"s{number}.err"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [*self.prefix, "ovsdb-server", "--no-chdir", *where, f"s{number}.db"], cwd=self.directory, stderr=errors
            )
        self.running[number] = process
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if process.poll() is not None:
                del self.running[number]
                return log.read_text(encoding="utf-8")
            if self._appctl(number, "version")[0] == 0:
                return ""
            time.sleep(0.01)
        raise AssertionError(f"s{number} does not answer")

    def kill(self, number: int) -> None:
        process = self.running.pop(number)
        process.kill()
        process.wait()

    def pause(self, number: int) -> None:
        self.running[number].send_signal(signal.SIGSTOP)

    def resume(self, number: int) -> None:
        self.running[number].send_signal(signal.SIGCONT)

    def isolate(self, number: int) -> None:
        assert self.ask(number, "cluster/failure-test", "stop-raft-rpc") == (0, "test engaged")

    def rejoin(self, number: int) -> None:
        assert self.ask(number, "cluster/failure-test", "clear") == (0, "test dismissed")

    def close(self) -> None:
        for number in list(self.running):
            self.kill(number)

    def _appctl(self, number: int, *words: str) -> Answer:
        command = [*self.prefix, "ovs-appctl", "-T", "10", "-t", f"{self.directory}/s{number}.ctl", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
        said = done.stdout if done.returncode == 0 else done.stderr
        return done.returncode, re.sub(r"\n?ovs-appctl: .*\n$", "", said).rstrip("\n")

    def ask(self, number: int, command: str, *words: str) -> Answer:
        return self._appctl(number, command, *([] if command.startswith("cluster/failure") else [NAME]), *words)

    def status(self, number: int) -> MemberStatus | None:
        code, text = self.ask(number, "cluster/status")
        return parse(text + "\n") if code == 0 else None

    def write(self, number: int, row: str, seconds: float) -> bool:
        change = {"op": "insert", "table": "T", "row": {"name": row}}
        return self._client(number, seconds, change) is not None

    def rows(self, number: int) -> list[str] | None:
        answer = self._client(number, 5, {"op": "select", "table": "T", "where": [], "columns": ["name"]})
        if answer is None:
            return None
        return sorted(row["name"] for row in answer[0]["rows"])

    def _client(
        self, number: int, seconds: float, operation: dict[str, object]
    ) -> list[dict[str, list[dict[str, str]]]] | None:
        words = [*self.prefix, "ovsdb-client", "--no-leader-only", f"--timeout={max(1, round(seconds))}", "transact"]
        done = subprocess.run(
            [*words, f"unix:{self.directory}/s{number}.sock", json.dumps([NAME, operation])],
            capture_output=True,
            text=True,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else None

    def run(self, seconds: float) -> None:
        time.sleep(seconds)

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


class Zeros:
    def choose(self, name: str, n: int) -> int:
        return 0


class Seeded:
    """Choices drawn anew: another one of the runs that the fake allows; ``calm``: the network and disks don't vary."""

    def __init__(self, seed: int, *, calm: bool = False) -> None:
        self._random = random.Random(seed)
        self._usual = ("delay", "fsync") if calm else ()

    def choose(self, name: str, n: int) -> int:
        return 0 if name in self._usual else self._random.randrange(n)


class Names(Protocol):
    """Whose ids and addresses a fake world takes."""

    def address(self, number: int) -> str: ...

    def sid(self, number: int, life: int = -1) -> str: ...


class Invented:
    """Ids and addresses of no real world."""

    def address(self, number: int) -> str:
        return f"tcp:127.0.1.{number}:6643"

    def sid(self, number: int, life: int = -1) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{number} {life}"))


class FakeWorld:
    """fake_raft with the ids of a real world."""

    def __init__(self, real: Names, release: str | Profile, choices: Choices | None = None) -> None:
        self._real = real
        self._profile = release if isinstance(release, Profile) else by_version(release)
        self._choices = choices or Zeros()
        self._clock = VirtualClock()
        self._network = Network(self._clock, self._choices)
        self._lives: dict[int, int] = {}
        self._disks: dict[int, Disk] = {}
        self._at: dict[int, Process] = {}

    def address(self, number: int) -> str:
        return self._real.address(number)

    def sid(self, number: int, life: int = -1) -> str:
        return self._real.sid(number, self._lives[number] - 1 if life == -1 else life)

    def create(self, number: int) -> None:
        self._lives[number] = self._lives.get(number, 0) + 1
        self._disks[number] = Disk.create_cluster(NAME, self.address(number), self.sid(number), self._cid(number))
        assert not self.start(number)

    def _cid(self, number: int) -> str:
        return f"{number:04x}{self._lives[number]:04x}-0000-4000-8000-000000000000"

    def join(self, number: int, *via: int) -> None:
        self._lives[number] = self._lives.get(number, 0) + 1
        remotes = tuple(self.address(other) for other in via)
        self._disks[number] = Disk.join_cluster(NAME, self.address(number), remotes, self.sid(number))
        assert not self.start(number)

    def start(self, number: int) -> str:
        process = Process(
            self._clock,
            self._network,
            self._choices,
            self._profile,
            self._disks[number],
            self.address(number),
            name=f"s{number}",
        )
        try:
            process.start()
        except StartRefused as refused:
            return str(refused)
        self._at[number] = process
        return ""

    def kill(self, number: int) -> None:
        self._at[number].kill()

    def pause(self, number: int) -> None:
        self._at[number].pause()

    def resume(self, number: int) -> None:
        self._at[number].unpause()

    def isolate(self, number: int) -> None:
        for other in self._at:
            self._network.cut(self._host(number), self._host(other))
            self._network.cut(self._host(other), self._host(number))

    def rejoin(self, number: int) -> None:
        for other in self._at:
            self._network.heal(self._host(number), self._host(other))
            self._network.heal(self._host(other), self._host(number))

    def _host(self, number: int) -> str:
        return split(self.address(number))[0]

    def ask(self, number: int, command: str, *words: str) -> Answer:
        process = self._at[number]
        answer = {
            "cluster/kick": lambda: process.kick(words[0]),
            "cluster/leave": process.leave,
            "cluster/change-election-timer": lambda: process.change_election_timer(int(words[0])),
            "cluster/failure-test": process.transfer_leadership,
            "ovsdb-server/compact": process.compact,
            "cluster/status": lambda: process.kick(""),
        }[command]()
        return answer.code, answer.text

    def status(self, number: int) -> MemberStatus | None:
        status = self._at[number].status()
        return member_status(status) if status is not None else None

    def write(self, number: int, row: str, seconds: float) -> bool:
        answers: list[bool | None] = []
        self._at[number].execute(row, answers.append)
        self.until(lambda: answers, seconds)
        return answers == [True]

    def rows(self, number: int) -> list[str] | None:
        rows = self._at[number].rows()
        return sorted(rows) if rows is not None else None

    def run(self, seconds: float) -> None:
        self._clock.run_until(self._clock.now + round(seconds * SECOND))

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        return self._clock.run_while(lambda: not condition(), round(seconds * SECOND))
