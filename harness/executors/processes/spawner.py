"""Starts every process from one thread that lives as long as the run.

A child's parent-death signal is tied to the thread that started it, and a child inherits that thread's network
namespace: so one thread does all of it, and the children die with us even if we are killed.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from harness.executors.processes import linux
from harness.executors.processes.installed import search_path

RUN_VARIABLE = "OVNSWAP_RUN"
"""In the environment of every child: the run directory it belongs to."""


class Spawner:
    """``mark`` is the value of :data:`RUN_VARIABLE`; with ``outlive`` children go on after our death."""

    def __init__(self, mark: str, *, outlive: bool = False) -> None:
        self._environment = {**os.environ, "PATH": search_path(), RUN_VARIABLE: mark, "LC_ALL": "C.UTF-8"}
        self._prefix = () if outlive else ("setpriv", "--pdeathsig", "KILL", "--")
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._home: int | None = None
        self._thread = threading.Thread(target=self._work, name="spawner", daemon=True)
        self._thread.start()

    def start(
        self,
        command: Sequence[str],
        *,
        network: int | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: int | IO[Any] = subprocess.DEVNULL,
        stdout: int | IO[Any] = subprocess.DEVNULL,
        stderr: int | IO[Any] = subprocess.DEVNULL,
        directory: Path | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start ``command`` in the network namespace ``network`` (descriptor; None: ours), in a session of its own so
        that a terminal's Ctrl-C does not reach it. Raises OSError."""

        def order() -> subprocess.Popen[bytes]:
            with linux.inside(network, self._home if network is not None else None):
                return subprocess.Popen(
                    [*self._prefix, *command],
                    stdin=stdin,
                    stdout=stdout,
                    stderr=stderr,
                    cwd=directory,
                    env={**self._environment, **(environment or {})},
                    start_new_session=True,
                    restore_signals=False,  # SIGXFSZ stays ignored: a full disk is an error of write(2)
                )

        return self._do(order)

    def run(self, command: Sequence[str], text: str = "", *, network: int | None = None) -> None:
        """Run a command to its end with ``text`` as input. Raises OSError with its words if it fails."""
        pipe = subprocess.PIPE
        process = self.start(command, network=network, stdin=pipe, stderr=pipe)
        _, complaint = process.communicate(text.encode(), timeout=30)
        if process.returncode != 0:
            raise OSError(f"{' '.join(command)}: {complaint.decode(errors='replace').strip()}")

    def output(self, command: Sequence[str], *, network: int | None = None) -> str:
        """What a command prints. Raises OSError with its words if it fails."""
        process = self.start(command, network=network, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, complaint = process.communicate(timeout=30)
        if process.returncode != 0:
            raise OSError(f"{' '.join(command)}: {complaint.decode(errors='replace').strip()}")
        return out.decode(errors="replace")

    def stop(self) -> None:
        """The thread ends, and with it children that still run (unless they may outlive us). Safe to call twice."""
        self._orders.put(None)
        self._thread.join()

    def _do(self, order: Callable[[], subprocess.Popen[bytes]]) -> subprocess.Popen[bytes]:
        if not self._thread.is_alive():
            raise OSError("nothing can be started any more: the run is over")
        done: queue.SimpleQueue[subprocess.Popen[bytes] | BaseException] = queue.SimpleQueue()

        def carry_out() -> None:
            try:
                done.put(order())
            except BaseException as error:
                done.put(error)

        self._orders.put(carry_out)
        while True:
            try:
                result = done.get(timeout=1.0)
                break
            except queue.Empty:
                if not self._thread.is_alive():
                    raise OSError("nothing can be started any more: the run is over") from None
        if isinstance(result, BaseException):
            raise result
        return result

    def _work(self) -> None:
        if Path("/proc/thread-self/ns/net").exists():
            self._home = linux.own_network()
        while (order := self._orders.get()) is not None:
            order()
        if self._home is not None:
            os.close(self._home)
            self._home = None
