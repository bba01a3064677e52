"""Run directories, and the removal of those whose owner is dead.

A directory's name says who owns it (pid namespace, pid, start time), so there is no moment without an owner; a run that
was killed outright leaves its directory, which the next run removes together with processes that still carry its mark.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import tempfile
import time
from pathlib import Path

from harness.executors.processes import linux
from harness.executors.processes.spawner import RUN_VARIABLE

KEPT = "kept"
_NAME = re.compile(r"ovnswap-(?P<pidns>\d+)-(?P<pid>\d+)-(?P<start>\d+)-\w+")
_LONGEST_BASE = 48
"""Longer temporary directories leave no room for socket names (107 bytes)."""


def base() -> Path:
    """Where run directories lie: the temporary directory, or /tmp if that one's name is too long for sockets."""
    usual = tempfile.gettempdir()
    return Path(usual if len(usual) <= _LONGEST_BASE else "/tmp")


def make_run_directory() -> Path:
    """A new directory that belongs to this process."""
    pid = os.getpid()
    prefix = f"ovnswap-{linux.pid_namespace()}-{pid}-{linux.start_ticks(pid)}-"
    return Path(tempfile.mkdtemp(prefix=prefix, dir=base()))


def keep(directory: Path) -> None:
    """Later runs leave ``directory`` and its processes alone."""
    (directory / KEPT).touch()


def sweep() -> tuple[Path, ...]:
    """Remove what dead runs of this user left behind; returns the directories."""
    removed = []
    for directory in sorted(base().glob("ovnswap-*")):
        if _abandoned(directory):
            remove(directory)
            removed.append(directory)
    return tuple(removed)


def remove(directory: Path) -> None:
    """Kill the processes that carry the mark of ``directory``, then remove it."""
    kill_marked(directory)
    shutil.rmtree(directory, ignore_errors=True)


def kill_marked(directory: Path) -> None:
    """SIGKILL every process of a run and wait until they are gone. Reaps those that are ours."""
    deadline = time.monotonic() + 5.0
    while (pids := marked(directory)) and time.monotonic() < deadline:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def marked(directory: Path) -> list[int]:
    """Processes of a run that still live."""
    return linux.processes_with(RUN_VARIABLE, str(directory))


def _abandoned(directory: Path) -> bool:
    match = _NAME.fullmatch(directory.name)
    try:
        status = directory.lstat()
    except OSError:
        return False
    if match is None or directory.is_symlink() or not directory.is_dir() or status.st_uid != os.geteuid():
        return False
    if int(match["pidns"]) != linux.pid_namespace() or (directory / KEPT).exists():
        return False
    return linux.start_ticks(int(match["pid"])) != int(match["start"])
