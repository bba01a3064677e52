"""One node: its directories and the processes that run on it."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.addresses import raft_address
from harness.cluster import Database
from harness.executors.processes import database, jsonrpc
from harness.executors.processes.hurt_disk import HurtDisk
from harness.executors.processes.network import Network
from harness.executors.processes.spawner import Spawner

GRACE = 1.0
"""Real seconds that a process gets to end by itself when it is asked to."""

TOOL_LIMIT = 30.0
"""Real seconds after which a tool that should end by itself is given up."""


class Over(Exception):
    """The container that wanted this is gone."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a tool printed, and its exit code."""

    code: int
    out: str
    error: str


class Host:
    """A node named ``name`` at ``address``; everything of it lies below ``root``.

    What faults do to it: its ``disk``, a container that starts ``late`` cluster seconds later, a readiness probe that
    ``says`` something of its own; how often a start was late and a probe lied is counted.
    """

    def __init__(self, name: str, root: Path, network: Network, spawner: Spawner) -> None:
        self.name = name
        self.root = root
        self.powered = True
        self.databases = root / "etc" / "ovn"
        self.run = root / "run"
        self.log = root / "log"
        for directory in (self.databases, self.run, self.log):
            directory.mkdir(parents=True)
        self.network = network
        self.address = network.add(name)
        self.disk = HurtDisk(self.databases, self.log, spawner)
        self.late = 0.0
        self.says: bool | None = None
        self.late_starts = self.lies = 0
        self._spawner = spawner

    # -- names --------------------------------------------------------------------------------------------------

    def file(self, db: Database) -> Path:
        return self.databases / db.file

    def header(self, db: Database) -> Path:
        return self.databases / db.header

    def control(self, db: Database) -> Path:
        return self.run / f"ovn{db}_db.ctl"

    def socket(self, db: Database) -> Path:
        return self.run / f"ovn{db}_db.sock"

    @property
    def northd_control(self) -> Path:
        return self.run / "ovn-northd.ctl"

    def raft_address(self, db: Database) -> str:
        return raft_address(self.address, db.raft_port)

    # -- processes ----------------------------------------------------------------------------------------------

    def start(self, command: Sequence[str], *, pipes: bool = False, log: str = "") -> subprocess.Popen[bytes]:
        """Start ``command`` here. Its words go to pipes, or to the file ``log``. Raises OSError."""
        environment = {
            "OVS_RUNDIR": str(self.run),
            "OVN_RUNDIR": str(self.run),
            "OVS_LOGDIR": str(self.log),
            "OVN_LOGDIR": str(self.log),
            "OVS_DBDIR": str(self.databases),
            "OVN_DBDIR": str(self.databases),
        }
        return self._spawn(command, environment, pipes=pipes, log=log)

    def _spawn(
        self, command: Sequence[str], environment: Mapping[str, str], *, pipes: bool, log: str
    ) -> subprocess.Popen[bytes]:
        namespace = self.network.namespace(self.name)
        command = [*self.disk.limit(command), *command]
        if pipes:
            return self._spawner.start(
                command, network=namespace, environment=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        with (self.log / log).open("wb") as words:
            return self._spawner.start(
                command, network=namespace, environment=environment, stdout=words, stderr=words, directory=self.root
            )

    # -- what a client on this node would see ---------------------------------------------------------------------

    def local(self, db: Database, timeout: float) -> jsonrpc.Connection:
        """A connection to this node's server. Raises OSError."""
        return jsonrpc.connect_unix(self.socket(db), timeout)

    def ask(self, db: Database, address: str, timeout: float) -> database.ServerState | None:
        """What the server at ``address`` says of itself, asked from here within ``timeout`` real seconds.

        Raises OSError (ConnectionRefusedError, TimeoutError, ...) or :class:`jsonrpc.Refused`.
        """
        deadline = time.monotonic() + timeout
        connection = jsonrpc.connect_tcp(self.network.socket(self.name), address, db.client_port, timeout)
        try:
            return database.server_state(connection, db, max(0.001, deadline - time.monotonic()))
        finally:
            connection.close()

    # -- files --------------------------------------------------------------------------------------------------

    def wipe(self) -> bool:
        """``rm -rf`` of what lies in the database directory, under whoever uses it; whether there was anything."""
        found = list(self.databases.iterdir())
        for path in found:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return bool(found)

    def keep_copy(self) -> bool:
        """``cp -a`` of the directory; whether there is anything in it."""
        shutil.rmtree(self._kept, ignore_errors=True)
        self._kept.mkdir()
        for path in self._visible():
            shutil.copy2(path, self._kept)
        return bool(self._visible())

    def differs_from_copy(self) -> bool:
        """Whether there is a copy, and it is not what is there now."""
        if not self._kept.exists():
            return False
        kept = {path.name: path.read_bytes() for path in self._kept.iterdir()}
        return kept != {path.name: path.read_bytes() for path in self._visible()}

    def put_back(self) -> None:
        """The copy that was kept takes the place of what is there."""
        self.wipe()
        for path in self._kept.iterdir():
            shutil.copy2(path, self.databases)

    @property
    def _kept(self) -> Path:
        return self.root / "kept"

    def _visible(self) -> list[Path]:
        return sorted(path for path in self.databases.iterdir() if not path.name.startswith("."))

    def names(self) -> tuple[str, ...]:
        """What ``ls`` shows of the database directory."""
        return tuple(sorted(path.name for path in self.databases.iterdir() if not path.name.startswith(".")))


class Processes:
    """All processes of one container. Once :meth:`kill` was called nothing can be added."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._lock = threading.Lock()
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._over = False
        self.paused = False

    def start(self, command: Sequence[str], *, log: str) -> subprocess.Popen[bytes]:
        """A daemon. Raises :class:`Over` or OSError."""
        return self._add(command, pipes=False, log=log)

    def tool(self, command: Sequence[str], *, patience: float | None = TOOL_LIMIT) -> Output:
        """Run a tool to its end, which must come within ``patience`` real seconds (None: whenever it likes).

        Raises :class:`Over` if the container is killed meanwhile.
        """
        process = self._add(command, pipes=True, log="")
        try:
            out, error = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            out, error = process.communicate()
        with self._lock:
            self._running.pop(process.pid, None)
            if self._over:
                raise Over
        self._host.disk.complained(_text(error))
        return Output(process.returncode, _text(out), _text(error))

    def kill(self) -> bool:
        """SIGKILL all, stopped ones too, and wait until they are gone. Returns whether anything ran."""
        with self._lock:
            self._over = True
            running = list(self._running.values())
            self._running.clear()
        alive = [process for process in running if process.poll() is None]
        for process in alive:
            process.kill()
        for process in alive:
            process.wait()
        return bool(alive)

    def stop(self) -> None:
        """Ask all to end, and kill those that don't in :data:`GRACE` seconds. More can be started afterwards."""
        with self._lock:
            running = list(self._running.values())
            self._running.clear()
        for process in running:
            process.terminate()
        deadline = time.monotonic() + GRACE
        for process in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.0, deadline - time.monotonic()))
            process.kill()
            process.wait()

    def pause(self, stop: bool) -> bool:
        """SIGSTOP or SIGCONT to all; returns whether anything was changed."""
        with self._lock:
            alive = [process for process in self._running.values() if process.poll() is None]
            if not alive or self.paused == stop:
                return False
            self.paused = stop
            for process in alive:
                process.send_signal(signal.SIGSTOP if stop else signal.SIGCONT)
            return True

    def pids(self) -> list[int]:
        with self._lock:
            return [process.pid for process in self._running.values() if process.poll() is None]

    def _add(self, command: Sequence[str], *, pipes: bool, log: str) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._over:
                raise Over
            process = self._host.start(command, pipes=pipes, log=log)
            self._running[process.pid] = process
            return process


def _text(data: bytes) -> str:
    return data.decode(errors="replace").rstrip("\n")
