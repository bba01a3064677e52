"""Packets that wait: a netfilter queue in a node's namespace whose packets are let go some time later.

The kernel's ``NFQUEUE`` hands each packet of a rule to this process and waits for its verdict (libnetfilter_queue's
protocol over netlink, linux/netfilter/nfnetlink_queue.h). Every packet is accepted, so nothing is lost, and packets of
one connection keep their order: this is delay as a long path has it, where the kernel has no netem.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import selectors
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator

QUEUE = 1
"""Number of the queue; each namespace has its own numbers."""

_NETLINK_NETFILTER = 12
_SUBSYSTEM = 3 << 8
_PACKET, _VERDICT, _CONFIG = (_SUBSYSTEM | number for number in range(3))
_REQUEST, _ACKNOWLEDGE = 1, 4
_BIND, _COPY_PACKET, _ACCEPT = 1, 2, 1
_HEADERS = 60 + 20
"""Bytes of a packet that are looked at: the longest IP header and TCP's ports."""

DelayOf = Callable[[tuple[int, int]], float]
"""Real seconds by which packets between these two TCP ports are late."""


def ports_of(packet: bytes) -> tuple[int, int]:
    """(source, destination) port of an IPv4 TCP packet."""
    length = (packet[0] & 15) * 4
    source, target = struct.unpack_from("!HH", packet, length)
    return source, target


class Waiting:
    """Packets that the rules of the current network namespace send to :data:`QUEUE` go on after ``delay_of`` seconds.

    Made in the namespace (the socket belongs to it); works on a thread until :meth:`stop`. Raises OSError where the
    kernel has no such queue. ``counted`` is how many packets have waited.
    """

    def __init__(self, delay_of: DelayOf) -> None:
        self.counted = 0
        self._delay_of = delay_of
        self._late: list[tuple[float, int, int]] = []
        self._serial = itertools.count()
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        try:
            self._socket.bind((0, 0))
            self._configure(1, struct.pack("!BBH", _BIND, 0, 0))
            self._configure(2, struct.pack("!IB", _HEADERS, _COPY_PACKET))
        except BaseException:
            self._socket.close()
            raise
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._work, name="packets", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Let everything go. Safe to call twice."""
        with contextlib.suppress(OSError):
            self._wake.send(b"x")
        self._thread.join()

    def _configure(self, kind: int, value: bytes) -> None:
        self._send(_CONFIG, _REQUEST | _ACKNOWLEDGE, kind, value)
        self._socket.settimeout(2.0)
        for kind_, payload in _messages(self._socket.recv(65536)):
            error = struct.unpack_from("=i", payload)[0] if kind_ == 2 else 0
            if error:
                raise OSError(-error, "netfilter queue")
        self._socket.settimeout(None)

    def _send(self, message: int, flags: int, kind: int, value: bytes) -> None:
        attribute = struct.pack("=HH", 4 + len(value), kind) + value
        attribute += b"\0" * (-len(attribute) % 4)
        body = struct.pack("!BBH", 0, 0, QUEUE) + attribute
        self._socket.send(struct.pack("=IHHII", 16 + len(body), message, flags, 0, 0) + body)

    def _work(self) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(self._socket, selectors.EVENT_READ)
            ready.register(self._woken, selectors.EVENT_READ)
            stopped = False
            while not stopped:
                pause = max(0.0, self._late[0][0] - time.monotonic()) if self._late else None
                for key, _ in ready.select(pause):
                    if key.fileobj is self._woken:
                        stopped = True
                    else:
                        self._take()
                self._let_go(float("inf") if stopped else time.monotonic())
        for part in (self._socket, self._wake, self._woken):
            part.close()

    def _take(self) -> None:
        with contextlib.suppress(OSError):  # ENOBUFS: the kernel had to drop some, and TCP sends them again
            for kind, payload in _messages(self._socket.recv(1 << 20)):
                if kind == _PACKET:
                    self._queue(dict(_attributes(payload[4:])))

    def _queue(self, attributes: dict[int, bytes]) -> None:
        number = struct.unpack_from("!I", attributes[1])[0]
        try:
            delay = self._delay_of(ports_of(attributes[10]))
        except (KeyError, struct.error, IndexError):
            delay = 0.0
        self.counted += 1
        heapq.heappush(self._late, (time.monotonic() + delay, next(self._serial), number))

    def _let_go(self, until: float) -> None:
        while self._late and self._late[0][0] <= until:
            _, _, number = heapq.heappop(self._late)
            with contextlib.suppress(OSError):
                self._send(_VERDICT, _REQUEST, 2, struct.pack("!II", _ACCEPT, number))


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 16:
        length, kind = struct.unpack_from("=IH", data)
        yield kind, data[16:length]
        data = data[(length + 3) & ~3 :]


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        yield kind & 0x7FFF, data[4:length]
        data = data[(length + 3) & ~3 :]
