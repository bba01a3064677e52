"""Addresses of 127.0.0.0/8 for the nodes: needs no rights, and can't cut anybody off."""

from __future__ import annotations

import os
import socket
import warnings
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock, Timeout
from platformdirs import user_runtime_path

from harness.errors import BadInput
from harness.executors.processes.network import Pair
from harness.spec import FIRST_ADDRESS_OCTET

_SECOND = range(80, 90)
_THIRD = range(256)


class Loopback:
    """One /24 of 127.80.0.0 to 127.89.255.0 that no other run of this user has; a lock file holds it while we live."""

    partitions = False
    waits = False

    def __init__(self) -> None:
        """Raises :class:`BadInput` when every subnet is taken."""
        self._lock, self._subnet = _reserve()
        self._hosts: list[str] = []

    def add(self, host: str) -> str:
        self._hosts.append(host)
        return f"{self._subnet}.{FIRST_ADDRESS_OCTET + len(self._hosts) - 1}"

    def namespace(self, _host: str) -> int | None:
        return None

    def socket(self, _host: str) -> socket.socket:
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def link(self, _host: str, up: bool) -> None:
        """There is no cable: a node without power refuses connections instead of being silent."""

    def cut(self, pairs: Iterable[Pair], port: int | None = None) -> bool:
        raise BadInput("partitions need a network namespace for each node", todo="run as root")

    def rejoin(self, pairs: Iterable[Pair]) -> None:
        """Never called: there are no partitions here."""

    def lose(self, host: str) -> bool:
        raise BadInput("loss needs a network namespace for each node", todo="run as root")

    def delay(self, host: str, late: tuple[float, ...]) -> bool:
        raise BadInput("delay needs a network namespace for each node", todo="run as root")

    def felt(self) -> int:
        return 0

    def heal(self) -> bool:
        return False

    def mangle(self, host: str, rules: Iterable[str]) -> None:
        """Never called: there are no partitions here."""

    def processes(self) -> list[int]:
        return []

    def close(self) -> None:
        self._lock.release()


def _reserve() -> tuple[FileLock, str]:
    """The first free subnet, beginning at one that depends on our pid so that parallel runs seldom meet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it falls back to a directory of ours below /tmp, which is good enough
        directory = Path(user_runtime_path("ovnswap", ensure_exists=True))
    subnets = [f"127.{second}.{third}" for second in _SECOND for third in _THIRD]
    first = os.getpid() % len(subnets)
    for subnet in (*subnets[first:], *subnets[:first]):
        lock = FileLock(directory / f"{subnet}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue
        if _unused(subnet):
            return lock, subnet
        lock.release()
    raise BadInput("no free addresses below 127.80.0.0/12", todo=f"look at {directory}: are that many runs alive?")


def _unused(subnet: str) -> bool:
    """Other users' runs have locks elsewhere; their servers show themselves by their ports."""
    with socket.socket() as probe:
        try:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((f"{subnet}.{FIRST_ADDRESS_OCTET}", 6641))
        except OSError:
            return False
    return True
