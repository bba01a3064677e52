"""What the nodes' network must offer, whichever way their addresses are made."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Protocol

CLIENT = "client"
"""The host outside of all nodes where clients run."""

Pair = tuple[str, str]
"""(sender, receiver), by host name."""


class Network(Protocol):
    """Hosts are node names and :data:`CLIENT`."""

    @property
    def partitions(self) -> bool:
        """Whether :meth:`cut`, and silence of a node without power, are possible."""

    def add(self, host: str) -> str:
        """Connect a new node; returns its address."""

    def namespace(self, host: str) -> int | None:
        """The descriptor of the network namespace that the host's processes run in; None: ours."""

    def socket(self, host: str) -> socket.socket:
        """A new TCP socket that sends from ``host``."""

    def link(self, host: str, up: bool) -> None:
        """Plug or unplug a node's cable."""

    @property
    def waits(self) -> bool:
        """Whether :meth:`delay` and :meth:`lose` are possible."""

    def cut(self, pairs: Iterable[Pair], port: int | None = None) -> bool:
        """Silently drop what each sender sends to its receiver, or only what belongs to TCP connections with ``port``,
        besides what is cut already; whether that is new."""

    def lose(self, host: str) -> bool:
        """Lose every third packet of raft that ``host`` sends or gets; whether that is new."""

    def delay(self, host: str, late: tuple[float, ...]) -> bool:
        """Hold packets of raft that ``host`` sends or gets for so many real seconds; a connection takes one of these
        times, in turn. Whether that is new."""

    def felt(self) -> int:
        """How many packets were lost by :meth:`lose` or held by :meth:`delay` so far."""

    def rejoin(self, pairs: Iterable[Pair]) -> None:
        """End the cuts of these pairs, where there are any."""

    def heal(self) -> bool:
        """End every cut, loss and delay; whether there was one."""

    def mangle(self, host: str, rules: Iterable[str]) -> None:
        """Rules (iptables-restore's, table mangle) for packets that arrive at ``host``, in place of the last ones."""

    def processes(self) -> list[int]:
        """Processes in the network namespaces that were made; after :meth:`close`, those that were left there."""

    def close(self) -> None:
        """Give everything back. Safe to call twice."""
