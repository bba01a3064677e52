"""Where real servers live: a network namespace for each, with packet filters (needs root), or the loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from harness.executors.processes import installed
from harness.executors.processes.loopback import Loopback
from harness.executors.processes.netns import Namespaces
from harness.executors.processes.spawner import Spawner


class Lan(Protocol):
    partitions: bool

    def host(self, number: int) -> str:
        """The address of a server's host, which is there from now on."""

    def namespace(self, number: int) -> int | None: ...

    def cut(self, source: int, target: int, word: str = "") -> None: ...

    def heal(self, *between: int) -> None: ...

    def close(self) -> None: ...


class LoopbackLan:
    """127.x.y.N: needs no rights and cuts nobody off."""

    partitions = False

    def __init__(self) -> None:
        self._loopback = Loopback()
        self._subnet = self._loopback.add("first").rpartition(".")[0]

    def host(self, number: int) -> str:
        return f"{self._subnet}.{number}"

    def namespace(self, _number: int) -> int | None:
        return None

    def cut(self, source: int, target: int, word: str = "") -> None:
        raise AssertionError("no partitions on the loopback")

    def heal(self, *between: int) -> None:
        pass

    def close(self) -> None:
        self._loopback.close()


class NamespaceLan:
    """A namespace for each server. Packets are dropped where they arrive: all of a sender's, or those with a word."""

    def __init__(self, spawner: Spawner) -> None:
        self._spawner = spawner
        self._namespaces = Namespaces(spawner)
        self.partitions = self._namespaces.partitions
        self._hosts: dict[int, str] = {}
        self._cuts: dict[tuple[int, int, str], None] = {}

    def host(self, number: int) -> str:
        if number not in self._hosts:
            self._hosts[number] = self._namespaces.add(str(number))
        return self._hosts[number]

    def namespace(self, number: int) -> int | None:
        self.host(number)
        return self._namespaces.namespace(str(number))

    def cut(self, source: int, target: int, word: str = "") -> None:
        self._cuts[source, target, word] = None
        self._filter(target)

    def heal(self, *between: int) -> None:
        ended = [cut for cut in self._cuts if not between or (cut[0] in between and cut[1] in between)]
        for cut in ended:
            del self._cuts[cut]
        for target in sorted({target for _, target, _ in ended}):
            self._filter(target)

    def _filter(self, number: int) -> None:
        rules = []
        for source, target, word in self._cuts:
            if target == number:
                match = f"-p tcp -m string --algo bm --hex-string |{word.encode().hex()}| " if word else ""
                rules.append(f"-A INPUT -s {self.host(source)} {match}-j DROP")
        table = "\n".join(["*filter", ":INPUT ACCEPT [0:0]", *rules, "COMMIT", ""])
        self._spawner.run(["iptables-restore", "-w"], table, network=self.namespace(number))

    def close(self) -> None:
        self._namespaces.close()


def make(spawner: Spawner, *, filters: bool) -> Lan:
    """Namespaces where they are wanted and allowed, else the loopback."""
    if filters and installed.may_use_namespaces() and Path("/proc/self/ns/net").exists():
        return NamespaceLan(spawner)
    return LoopbackLan()
