"""A network namespace for each node, and a hub with a bridge that joins them: needs root.

The namespaces have no names: the kernel removes them, with all links, when the last process and descriptor in them is
gone, however that comes about. Nothing is made in the host's own namespace.
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterable
from functools import cached_property

from harness.cluster import DATABASES
from harness.executors.processes import linux
from harness.executors.processes.network import CLIENT, Pair
from harness.executors.processes.packets import QUEUE, Waiting
from harness.executors.processes.spawner import Spawner
from harness.spec import FIRST_ADDRESS_OCTET

SUBNET = "10.88.0"
HUB = f"{SUBNET}.1"

_RAFT = "-p tcp -m multiport --ports " + ",".join(str(database.raft_port) for database in DATABASES)
_LOST = f"{_RAFT} -m statistic --mode nth --every 3 --packet 0 -j DROP"
_LOSE = f"-A INPUT {_LOST}"
_WAIT = f"-A INPUT {_RAFT} -j NFQUEUE --queue-num {QUEUE} --queue-bypass"


class Namespaces:
    """Nodes get 10.88.0.3, .4, ... in every run, since nobody else sees them; clients run in the hub, at .1."""

    def __init__(self, spawner: Spawner) -> None:
        """Raises OSError where namespaces or bridges can't be made. Without packet filters nobody can be cut off."""
        self._spawner = spawner
        self._home = linux.own_network()
        self._inside: dict[str, int] = {}
        self._left: dict[int, int | None] = {}
        self._addresses: dict[str, str] = {CLIENT: HUB}
        self._cut: dict[tuple[Pair, int | None], None] = {}
        self._lossy: dict[str, None] = {}
        self._waiting: dict[str, Waiting] = {}
        self._lost = self._held = 0
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

    @cached_property
    def waits(self) -> bool:
        """Tried once, in the hub: a rule of each kind, and a queue."""
        try:
            self._table(CLIENT, [_LOSE, _WAIT])
            with linux.inside(self._inside[CLIENT], self._home):
                Waiting(lambda ports: 0.0).stop()
            self._filter({CLIENT})
        except OSError:
            return False
        return True

    def cut(self, pairs: Iterable[Pair], port: int | None = None) -> bool:
        new = [(pair, port) for pair in pairs if (pair, port) not in self._cut]
        self._cut.update(dict.fromkeys(new))
        self._filter({receiver for (_, receiver), _ in new})
        return bool(new)

    def rejoin(self, pairs: Iterable[Pair]) -> None:
        ended = [pair for pair in pairs if self._cut.pop((pair, None), self) is None]
        self._filter({receiver for _, receiver in ended})

    def lose(self, host: str) -> bool:
        if host in self._lossy:
            return False
        self._lossy[host] = None
        self._filter(set(self._inside))
        return True

    def delay(self, host: str, late: tuple[float, ...]) -> bool:
        if host in self._waiting:
            return False
        connections: dict[tuple[int, ...], float] = {}

        def delay_of(ports: tuple[int, int]) -> float:
            return connections.setdefault(tuple(sorted(ports)), late[len(connections) % len(late)])

        with linux.inside(self._inside[host], self._home):
            self._waiting[host] = Waiting(delay_of)
        self._filter({host})
        return True

    def felt(self) -> int:
        held = sum(waiting.counted for waiting in self._waiting.values())
        return self._lost + self._held + held + sum(self._dropped(host) for host in self._inside if self._lossy)

    def heal(self) -> bool:
        hosts = {receiver for (_, receiver), _ in self._cut} | set(self._waiting)
        if self._lossy:
            hosts |= set(self._inside)
            self._lost += sum(self._dropped(host) for host in self._inside)
        self._cut.clear()
        self._lossy.clear()
        self._filter(hosts)
        self._stop_waiting()
        return bool(hosts)

    def _stop_waiting(self) -> None:
        for waiting in self._waiting.values():
            waiting.stop()
            self._held += waiting.counted
        self._waiting.clear()

    def _dropped(self, host: str) -> int:
        """Packets that the rules of :meth:`lose` dropped where they arrived at ``host``."""
        command = ["iptables", "-w", "-L", "INPUT", "-v", "-x", "-n"]
        words = self._spawner.output(command, network=self._inside[host]).splitlines()
        return sum(int(line.split()[0]) for line in words if "statistic" in line)

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
        self._stop_waiting()
        # Who is inside is asked while it is ours: the kernel gives the inode of a namespace that is gone to a new one.
        self._left |= {pid: linux.start_ticks(pid) for pid in self.processes()}
        for descriptor in (*self._inside.values(), self._home):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._inside.clear()
        self._home = -1

    def _filter(self, hosts: set[str]) -> None:
        """Packets are dropped where they arrive, so that a sender learns nothing, as with a broken path."""
        for host in sorted(hosts):
            rules: list[str] = []
            for (sender, to), port in self._cut:
                if to == host:
                    ends = [""] if port is None else [f" -p tcp --dport {port}", f" -p tcp --sport {port}"]
                    rules += [f"-A INPUT -s {self._addresses[sender]}{end} -j DROP" for end in ends]
            if host in self._lossy:
                rules.append(_LOSE)
            rules += [f"-A INPUT -s {self._addresses[lossy]} {_LOST}" for lossy in self._lossy if lossy != host]
            if host in self._waiting:
                rules += [_WAIT, _WAIT.replace("INPUT", "OUTPUT")]
            self._table(host, rules)

    def _table(self, host: str, rules: list[str]) -> None:
        table = "\n".join(["*filter", ":INPUT ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]", *rules, "COMMIT", ""])
        self._spawner.run(["iptables-restore", "-w"], table, network=self._inside[host])

    def _ip(self, host: str, *commands: str) -> None:
        self._spawner.run(["ip", "-batch", "-"], "\n".join(commands) + "\n", network=self._inside[host])


def _port(index: int) -> str:
    return f"port{index}"
