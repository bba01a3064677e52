"""The few Linux calls that Python 3.11 does not have, and facts about processes from /proc."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def own_network() -> int:
    """A descriptor of the calling thread's network namespace."""
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def new_network() -> int:
    """A descriptor of a new, nameless network namespace: it is gone with the last process and descriptor that uses it.

    Raises OSError (EPERM without CAP_SYS_ADMIN).
    """
    made: list[int | OSError] = []

    def make() -> None:
        try:
            _check(_libc.unshare(CLONE_NEWNET), "unshare")
            made.append(own_network())
        except OSError as error:
            made.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    if isinstance(made[0], OSError):
        raise made[0]
    return made[0]


@contextmanager
def inside(namespace: int | None, home: int | None) -> Iterator[None]:
    """The calling thread is in ``namespace`` meanwhile and in ``home`` afterwards; None for both does nothing.

    Sockets and children that it makes stay where they were made.
    """
    if namespace is None or home is None:
        yield
        return
    _check(_libc.setns(namespace, CLONE_NEWNET), "setns")
    try:
        yield
    finally:
        _check(_libc.setns(home, CLONE_NEWNET), "setns back")


def network_inode(namespace: int) -> int:
    """What identifies a namespace in ``/proc/PID/ns/net``."""
    return os.fstat(namespace).st_ino


def pid_namespace() -> int:
    return os.stat("/proc/self/ns/pid").st_ino


def start_ticks(pid: int) -> int | None:
    """When a process started, in clock ticks since boot: tells it from a later one of the same number. None: gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return int(fields[19]) if fields[0] not in ("Z", "X") else None


def processes_with(variable: str, value: str) -> list[int]:
    """Living processes that were started with ``variable=value`` in their environment, as far as we may look."""
    wanted = f"{variable}={value}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue
        if wanted in environment.split(b"\0") and start_ticks(int(entry.name)) is not None:
            found.append(int(entry.name))
    return sorted(found)


def processes_in(namespaces: Collection[int]) -> list[int]:
    """Processes in network namespaces of these inodes, as far as we may look."""
    found = []
    for entry in Path("/proc").iterdir() if namespaces else ():
        if entry.name.isdigit():
            with suppress(OSError):
                if os.stat(entry / "ns" / "net").st_ino in namespaces:
                    found.append(int(entry.name))
    return sorted(found)
