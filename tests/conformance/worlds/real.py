"""Real ovsdb-server processes, with everything they make in one directory."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from harness.cluster import MemberStatus
from harness.executors.processes import jsonrpc
from harness.executors.processes.spawner import Spawner
from harness.raft_status import parse

from . import lan
from .protocol import ACKNOWLEDGED, NAME, NO_ANSWER, REFUSED, Answer

SCHEMA = (
    """{"name": "OVN_Northbound", "version": "1.0.0", "tables": {"T": {"columns": {"name": {"type": "string"}}}}}"""
)
ANSWERS_WITHIN = 10.0
"""Seconds for a question to a server that runs: it answers within milliseconds unless the machine is very busy."""

AT_ONCE = 1.0
"""Seconds for an answer that does not wait for anything, on a busy machine."""

STARTS_WITHIN = 20.0
"""Seconds for a process to answer or to refuse its file: tenths unless the machine is very busy."""

POLL = 0.015
"""Seconds between two looks: short against the election timer's third, and cheap with eight clusters at a time."""

STAMP = re.compile(r"^\S+Z\|\d+\|([^|]+)\|([A-Z]+)\|")


class RealWorld:
    """``prefix`` goes before every command and says whose programs they are (see installed_roots).

    ``filters``: servers get a network namespace each, if that is allowed, so that they can be cut off. ``close`` ends
    everything; it may be called twice.
    """

    def __init__(self, directory: Path, prefix: Sequence[str] = (), *, filters: bool = False) -> None:
        self.directory = directory
        self.prefix = tuple(prefix)
        self.sids: dict[int, list[str]] = {}
        self.running: dict[int, subprocess.Popen[bytes]] = {}
        self._spawner = Spawner(str(directory))
        try:
            self._lan = lan.make(self._spawner, filters=filters)
        except BaseException:
            self._spawner.stop()
            raise
        self.partitions = self._lan.partitions
        self._hosts: dict[int, str] = {}
        (directory / "schema").write_text(SCHEMA, encoding="utf-8")

    def close(self) -> None:
        try:
            for number in list(self.running):
                self.kill(number)
        finally:
            self._lan.close()
            self._spawner.stop()

    # -- names ------------------------------------------------------------------------------------------------------

    def address(self, number: int) -> str:
        if number not in self._hosts:
            self._hosts[number] = self._lan.host(number)
        return f"tcp:{self._hosts[number]}:6643"

    def sid(self, number: int, life: int = -1) -> str:
        return self.sids[number][life]

    def lives(self, number: int) -> int:
        return len(self.sids.get(number, []))

    def file(self, number: int) -> Path:
        return self.directory / f"s{number}.db"

    # -- files ------------------------------------------------------------------------------------------------------

    def create(self, number: int, timer: int | None = None) -> None:
        options = [f"--election-timer={timer}"] if timer is not None else []
        self._make(number, *options, "create-cluster", f"s{number}.db", "schema", self.address(number))
        assert not self.start(number)

    def join(self, number: int, *via: int, cid: str = "", database: str = NAME) -> None:
        remotes = [self.address(other) for other in via]
        options = [f"--cid={cid}"] if cid else []
        self._make(number, *options, "join-cluster", f"s{number}.db", database, self.address(number), *remotes)
        shutil.copyfile(self.file(number), self._kept(number, pristine=True))
        assert not self.start(number)

    def _make(self, number: int, *words: str) -> None:
        known = {sid[:4] for sids in self.sids.values() for sid in sids}
        while True:
            self.remove_file(number)
            self.tool(*words)
            sid = self.tool("db-sid", f"s{number}.db").strip()
            if sid[:4] not in known:  # what is printed must tell all servers apart
                break
        self.sids.setdefault(number, []).append(sid)

    def tool(self, *words: str) -> str:
        """What ovsdb-tool prints. Raises CalledProcessError."""
        command = [*self.prefix, "ovsdb-tool", *words]
        return subprocess.run(
            command, cwd=self.directory, check=True, timeout=ANSWERS_WITHIN, capture_output=True, text=True
        ).stdout

    def remove_file(self, number: int) -> None:
        if self.alive(number):
            self.kill(number)
        self.file(number).unlink(missing_ok=True)
        (self.directory / f".s{number}.db.~lock~").unlink(missing_ok=True)

    def copy(self, number: int) -> None:
        shutil.copyfile(self.file(number), self._kept(number, pristine=False))

    def restore(self, number: int, *, pristine: bool) -> None:
        self.remove_file(number)
        shutil.copyfile(self._kept(number, pristine=pristine), self.file(number))

    def _kept(self, number: int, *, pristine: bool) -> Path:
        return self.directory / f"s{number}.{'join' if pristine else 'copy'}"

    # -- processes --------------------------------------------------------------------------------------------------

    def start(self, number: int) -> str:
        self.address(number)
        where = [f"--unixctl={self.directory}/s{number}.ctl", f"--remote=punix:{self.directory}/s{number}.sock"]
        log = self.log(number)
        begins = log.stat().st_size if log.exists() else 0
        with log.open("ab") as errors:
            process = self._spawner.start(
                [*self.prefix, "ovsdb-server", "--no-chdir", *where, f"s{number}.db"],
                network=self._lan.namespace(number),
                stderr=errors,
                directory=self.directory,
            )
        self.running[number] = process
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            if process.poll() is not None:
                del self.running[number]
                return log.read_bytes()[begins:].decode()
            if self._ask(number, "version") is not None:
                return ""
            time.sleep(POLL)
        raise AssertionError(f"s{number} does not answer")

    def log(self, number: int) -> Path:
        """What all its processes have printed."""
        return self.directory / f"s{number}.err"

    def kill(self, number: int) -> None:
        process = self.running.pop(number)
        process.kill()
        process.wait()

    def stop(self, number: int) -> None:
        self._ends(number, subprocess.Popen.terminate)

    def exit(self, number: int) -> None:
        self._ends(number, lambda _: self._ask(number, "exit"))

    def _ends(self, number: int, how: Callable[[subprocess.Popen[bytes]], object]) -> None:
        process = self.running[number]
        how(process)
        try:
            process.wait(ANSWERS_WITHIN)
        finally:
            self.kill(number)

    def pause(self, number: int) -> None:
        self.running[number].send_signal(signal.SIGSTOP)

    def resume(self, number: int) -> None:
        self.running[number].send_signal(signal.SIGCONT)

    def alive(self, number: int) -> bool:
        return number in self.running and self.running[number].poll() is None

    def death(self, number: int) -> str:
        process = self.running.get(number)
        if process is None or process.poll() is None:
            return ""
        if process.returncode == -signal.SIGSEGV:
            return "Segmentation fault"
        lines = self.log(number).read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line for line in lines if "|EMER|" in line or line.startswith("ovsdb-server: ")]
        return STAMP.sub("", (said or lines or [""])[-1])

    # -- network ----------------------------------------------------------------------------------------------------

    def isolate(self, number: int) -> None:
        assert self.ask(number, "cluster/failure-test", "stop-raft-rpc") == (0, "test engaged")

    def rejoin(self, number: int) -> None:
        assert self.ask(number, "cluster/failure-test", "clear") == (0, "test dismissed")

    def cut(self, source: int, target: int) -> None:
        self._lan.cut(source, target)

    def cut_at(self, source: int, target: int, word: str) -> None:
        self._lan.cut(source, target, '"servers":' if word == "servers" else word)

    def heal(self, *between: int) -> None:
        self._lan.heal(*between)

    # -- questions --------------------------------------------------------------------------------------------------

    def _ask(self, number: int, *words: str, seconds: float = ANSWERS_WITHIN) -> Answer | None:
        """What ovs-appctl would say, without a process for each question. None: nobody answers."""
        try:
            return 0, jsonrpc.control(self.directory / f"s{number}.ctl", *words, timeout=seconds)
        except jsonrpc.Refused as refused:
            return 2, refused.text.rstrip("\n")
        except OSError:
            return None

    def ask(self, number: int, command: str, *words: str) -> Answer:
        database = [] if command.startswith("cluster/failure") else [NAME]
        return self._ask(number, command, *database, *words) or (1, "no server")

    def status(self, number: int) -> MemberStatus | None:
        code, text = self.ask(number, "cluster/status")
        return parse(text + "\n") if code == 0 else None

    # -- clients ----------------------------------------------------------------------------------------------------

    def insert(self, number: int, row: str, seconds: float) -> str:
        answer = self._transact(number, seconds, {"op": "insert", "table": "T", "row": {"name": row}})
        return answer if isinstance(answer, str) else ACKNOWLEDGED

    def write(self, number: int, row: str, seconds: float) -> bool:
        return self.insert(number, row, seconds) == ACKNOWLEDGED

    def read(self, number: int, seconds: float) -> list[str] | str:
        operation = {"op": "select", "table": "T", "where": [], "columns": ["name"]}
        answer = self._transact(number, seconds, operation)
        return answer if isinstance(answer, str) else sorted(row["name"] for row in answer[0]["rows"])

    def rows(self, number: int) -> list[str] | None:
        answer = self.read(number, AT_ONCE)
        return None if isinstance(answer, str) else answer

    def connected(self, number: int) -> bool:
        operation = {"op": "select", "table": "Database", "where": [["name", "==", NAME]], "columns": ["connected"]}
        answer = self._transact(number, ANSWERS_WITHIN, operation, "_Server")
        return not isinstance(answer, str) and bool(answer[0]["rows"]) and bool(answer[0]["rows"][0]["connected"])

    def check_cluster(self, *numbers: int) -> str:
        words = [*self.prefix, "ovsdb-tool", "check-cluster", *(f"s{number}.db" for number in numbers)]
        done = subprocess.run(
            words, cwd=self.directory, check=False, timeout=ANSWERS_WITHIN, capture_output=True, text=True
        )
        return "" if done.returncode == 0 else done.stderr.strip() or "failed"

    def _transact(self, number: int, seconds: float, operation: dict[str, Any], database: str = NAME) -> Any:
        """The operation's result, or NO_ANSWER, or REFUSED."""
        try:
            connection = jsonrpc.connect_unix(self.directory / f"s{number}.sock", ANSWERS_WITHIN)
        except OSError:
            return REFUSED
        try:
            results = connection.request("transact", [database, operation], seconds)
        except TimeoutError:
            return NO_ANSWER
        except (jsonrpc.Refused, OSError):
            return REFUSED
        finally:
            connection.close()
        return REFUSED if any(result and "error" in result for result in results) else results

    # -- time -------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return time.monotonic()

    def run(self, seconds: float) -> None:
        time.sleep(seconds)

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL)
        return True
