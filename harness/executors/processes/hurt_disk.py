"""What can be done to the disk of a node whose processes run here: full, slow, forgetful.

**Full**: its processes may not make a file larger (RLIMIT_FSIZE; SIGXFSZ is ignored), so that write(2) fails as on a
full disk, with EFBIG in place of ENOSPC: ovsdb-server does not look which. A snapshot that is smaller than the file it
replaces is still written, which a full disk would refuse. **Slow**: strace(1) delays each fsync(2) of its servers.
**Forgetful**: what is on the disk when that begins is what will be there after the power was gone.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from harness.cluster import DATABASES, Database
from harness.executors.processes import installed
from harness.executors.processes.spawner import Spawner

LEAST = 64
"""Bytes that a new file may have on a full disk: a pidfile, which lies on another one."""

ATTACHES_WITHIN = 10.0
"""Real seconds until strace has hold of a server."""

TOO_LARGE = "write failed (File too large)"

Server = tuple[Database, int]
"""Database and process id of a running ovsdb-server."""


def can_slow() -> bool:
    """Whether strace is installed and may look at processes that are not its children (ptrace(2), Yama)."""
    if shutil.which("strace", path=installed.search_path()) is None:
        return False
    scope = Path("/proc/sys/kernel/yama/ptrace_scope")
    return not scope.exists() or scope.read_text().strip() == "0" or os.geteuid() == 0


class HurtDisk:
    """The disk below ``databases`` (files) and ``log`` (logs of the servers)."""

    def __init__(self, databases: Path, log: Path, spawner: Spawner) -> None:
        self.full = False
        self.slow = 0.0
        self.forgotten = 0
        self._databases = databases
        self._log = log
        self._spawner = spawner
        self._remembered: Path | None = None
        self._tracers: list[subprocess.Popen[bytes]] = []
        self._traces = 0

    # -- full ---------------------------------------------------------------------------------------------------

    def fill(self, servers: Sequence[Server]) -> bool:
        """Nothing more can be written; whether that is new."""
        if self.full:
            return False
        self.full = True
        for database, pid in servers:
            self._make_room_in_log(database)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (self._size(database), resource.RLIM_INFINITY))
        return True

    def limit(self, command: Sequence[str]) -> tuple[str, ...]:
        """What goes before a command that is started here."""
        if not self.full:
            return ()
        database = next((db for db in DATABASES if command[-1].endswith(db.file)), None)
        if command[0] == "ovsdb-server" and database is not None:
            self._make_room_in_log(database)
            return ("prlimit", f"--fsize={self._size(database)}:", "--")
        return ("prlimit", f"--fsize={LEAST}:", "--")

    def refused(self) -> int:
        """How many writes were refused, as far as the servers' logs tell, and tools."""
        logs = (*self._log.glob("ovsdb-server-*.log*"), *self._log.glob("refused-*"))
        return sum(path.read_text(errors="replace").count(TOO_LARGE) for path in logs)

    def complained(self, words: str) -> None:
        """What a tool said."""
        if self.full and "File too large" in words:
            path = self._log / f"refused-{time.monotonic_ns()}"
            path.write_text(f"{TOO_LARGE}\n")

    def _size(self, database: Database) -> int:
        path = self._databases / database.file
        return path.stat().st_size if path.exists() else LEAST

    def _make_room_in_log(self, database: Database) -> None:
        """The log is a file too, and should go on telling: its old content moves aside."""
        path = self._log / f"ovsdb-server-{database}.log"
        if path.exists():
            with path.with_suffix(".log.before").open("ab") as before:
                before.write(path.read_bytes())
            os.truncate(path, 0)

    # -- slow ---------------------------------------------------------------------------------------------------

    def slow_down(self, seconds: float, servers: Sequence[Server]) -> bool:
        """Every sync of the servers takes so many real seconds longer; whether that is new."""
        if self.slow:
            return False
        self.slow = seconds
        for database, pid in servers:
            self.started(database, pid)
        return True

    def started(self, database: Database, pid: int) -> None:
        """A server was started: it shares the fate of the disk. Returns when its syncs are slow."""
        if not self.slow:
            return
        self._traces += 1
        calls = "fsync,fdatasync,sync_file_range"
        trace = self._log / f"syncs-{database}-{self._traces}"
        delay = f"inject={calls}:delay_enter={round(self.slow * 1e6)}"
        command = ("strace", "-f", "-q", "-p", str(pid), "-e", f"trace={calls}", "-e", delay, "-o", str(trace))
        self._tracers.append(self._spawner.start(command))
        deadline = time.monotonic() + ATTACHES_WITHIN
        while not _traced(pid) and time.monotonic() < deadline:
            time.sleep(0.005)

    def delayed(self) -> int:
        """How many syncs were delayed."""
        return sum(path.read_text(errors="replace").count("(DELAYED)") for path in self._log.glob("syncs-*"))

    # -- forgetful ----------------------------------------------------------------------------------------------

    def forget(self) -> bool:
        """From now on the disk acknowledges what it does not store; whether that is new."""
        if self._remembered is not None:
            return False
        self._remembered = self._log.parent / "remembered"
        shutil.rmtree(self._remembered, ignore_errors=True)
        self._remembered.mkdir()
        for path in self._files():
            shutil.copy2(path, self._remembered)
        return True

    def lose_power(self) -> None:
        """The servers are gone; what the disk had forgotten to store is gone too."""
        if self._remembered is None:
            return
        for path in self._files():
            kept = self._remembered / path.name
            lost = path.read_bytes() != (kept.read_bytes() if kept.exists() else b"")
            self.forgotten += lost
            path.unlink()
            if kept.exists():
                shutil.copy2(kept, path)

    def _files(self) -> list[Path]:
        return [path for path in sorted(self._databases.iterdir()) if not path.name.startswith(".")]

    # -- end ----------------------------------------------------------------------------------------------------

    def mend(self, servers: Sequence[Server]) -> bool:
        """All is as it should be; whether it was not."""
        was = self.full or self.slow > 0 or self._remembered is not None
        self.full, self.slow, self._remembered = False, 0.0, None
        for _, pid in servers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        for tracer in self._tracers:
            tracer.terminate()  # it lets go of its process first
            tracer.wait()
        self._tracers.clear()
        return was


def _traced(pid: int) -> bool:
    """Whether somebody has hold of the process, or it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    return "TracerPid:\t0\n" not in status
