"""A network namespace for each node, and a hub with a bridge that joins them: needs root.

The namespaces have no names: the kernel removes them, with all links, when the last process and descriptor in them is
gone, however that comes about. Nothing is made in the host's own namespace.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable

from harness.executors.processes import linux
from harness.executors.processes.network import CLIENT, Pair
from harness.executors.processes.spawner import Spawner
from harness.spec import FIRST_ADDRESS_OCTET

SUBNET = "10.88.0"
HUB = f"{SUBNET}.1"


class Namespaces:
    """Nodes get 10.88.0.3, .4, ... in every run, since nobody else sees them; clients run in the hub, at .1."""

    def __init__(self, spawner: Spawner) -> None:
        """Raises OSError where namespaces or bridges can't be made. Without packet filters nobody can be cut off."""
        self._spawner = spawner
        self._home = linux.own_network()
        self._inside: dict[str, int] = {}
        self._left: dict[int, int | None] = {}
        self._addresses: dict[str, str] = {CLIENT: HUB}
        self._cut: dict[Pair, None] = {}
        try:
            self._new(CLIENT)
            self._ip(
                CLIENT, "link set lo up", "link add hub type bridge", "link set hub up", f"address add {HUB}/24 dev hub"
            )
            self.partitions = self._can_filter()
        except BaseException:
            self.close()
            raise

    def _can_filter(self) -> bool:
        try:
            self._filter({CLIENT})
        except OSError:
            return False
        return True

    def add(self, host: str) -> str:
        index = len(self._inside) - 1
        address = f"{SUBNET}.{FIRST_ADDRESS_OCTET + index}"
        namespace = self._new(host)
        self._addresses[host] = address
        peer = f"/proc/{os.getpid()}/fd/{namespace}"
        self._ip(
            CLIENT,
            f"link add {_port(index)} type veth peer name eth0 netns {peer}",
            f"link set {_port(index)} master hub up",
        )
        self._ip(host, "link set lo up", f"address add {address}/24 dev eth0", "link set eth0 up")
        return address

    def namespace(self, host: str) -> int | None:
        return self._inside[host]

    def socket(self, host: str) -> socket.socket:
        with linux.inside(self._inside[host], self._home):
            return socket.socket(socket.AF_INET, socket.SOCK_STREAM)

    def link(self, host: str, up: bool) -> None:
        index = list(self._inside).index(host) - 1
        self._ip(CLIENT, f"link set {_port(index)} {'up' if up else 'down'}")

    def cut(self, pairs: Iterable[Pair]) -> bool:
        new = [pair for pair in pairs if pair not in self._cut]
        self._cut.update(dict.fromkeys(new))
        self._filter({receiver for _, receiver in new})
        return bool(new)

    def rejoin(self, pairs: Iterable[Pair]) -> None:
        ended = [pair for pair in pairs if self._cut.pop(pair, self) is None]
        self._filter({receiver for _, receiver in ended})

    def heal(self) -> bool:
        receivers = {receiver for _, receiver in self._cut}
        self._cut.clear()
        self._filter(receivers)
        return bool(receivers)

    def mangle(self, host: str, rules: Iterable[str]) -> None:
        """Other rules for packets that arrive at ``host``, in place of those of the last call."""
        table = "\n".join(["*mangle", ":INPUT ACCEPT [0:0]", *rules, "COMMIT", ""])
        self._spawner.run(["iptables-restore", "-w"], table, network=self._inside[host])

    def processes(self) -> list[int]:
        if self._inside:
            return linux.processes_in({linux.network_inode(namespace) for namespace in self._inside.values()})
        return [pid for pid, started in self._left.items() if started and linux.start_ticks(pid) == started]

    def _new(self, host: str) -> int:
        namespace = self._inside[host] = linux.new_network()
        return namespace

    def close(self) -> None:
        # Who is inside is asked while it is ours: the kernel gives the inode of a namespace that is gone to a new one.
        self._left |= {pid: linux.start_ticks(pid) for pid in self.processes()}
        for descriptor in (*self._inside.values(), self._home):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._inside.clear()
        self._home = -1

    def _filter(self, receivers: set[str]) -> None:
        """Packets are dropped where they arrive, so that a sender learns nothing, as with a broken path."""
        for receiver in sorted(receivers):
            senders = (self._addresses[sender] for sender, to in self._cut if to == receiver)
            rules = [f"-A INPUT -s {address} -j DROP" for address in senders]
            table = "\n".join(["*filter", ":INPUT ACCEPT [0:0]", *rules, "COMMIT", ""])
            self._spawner.run(["iptables-restore", "-w"], table, network=self._inside[receiver])

    def _ip(self, host: str, *commands: str) -> None:
        self._spawner.run(["ip", "-batch", "-"], "\n".join(commands) + "\n", network=self._inside[host])


def _port(index: int) -> str:
    return f"port{index}"
