"""Links that are slow, lossy or uneven: what is sent arrives late, and in order within each connection.

TCP repeats what is lost, so loss is lateness too: a lost segment comes after a retransmission timeout, and all behind
it on the same connection wait for it. Different connections overtake each other. Which segment is lost follows a
pattern and not a draw, so that the same weather bites in every schedule. Sources: RFC 6298; facts, ovsdb-raft 4.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from fake_raft.clock import VirtualClock

DELAY, LOSS, REORDER = "delay", "loss", "reorder"
DELAY_US = 1_000_000
REORDER_US = (0, 700_000, 1_400_000)
"""By which the connections of a host are late, in turn."""

LOST_US = (0, 0, 200_000, 0, 0, 200_000, 0, 0, 600_000)
"""Every third segment is lost, and of these every third is lost twice."""

PassOn = Callable[[Any, Any], None]


class Weather:
    """``hosts`` are those with bad weather: all they send and get is late. ``felt`` counts what was."""

    __slots__ = ("_clock", "_numbers", "_pass_on", "_sent", "_under_way", "felt", "hosts")

    def __init__(self, clock: VirtualClock, pass_on: PassOn) -> None:
        self.hosts: dict[str, str] = {}
        self.felt = 0
        self._clock = clock
        self._pass_on = pass_on
        self._sent = 0
        self._numbers: dict[Any, int] = {}
        self._under_way: dict[Any, deque[tuple[int, Any]]] = {}

    def delays(self, source: Any, host: str, target: str, item: Any) -> bool:
        """Take ``item`` on its way from the connection end ``source``; False if it is not late."""
        late = self._late_us(source, host, target)
        queue = self._under_way.get(source)
        if not late and not queue:
            return False
        if queue is None:
            queue = self._under_way[source] = deque()
        self.felt += late > 0
        due = self._clock.now + late
        if queue:
            due = max(due, queue[-1][0])
        queue.append((due, item))
        self._clock.post(due, self._let_go, source)
        return True

    def handshake_us(self, host: str, target: str) -> int:
        """By how much longer a connection takes to be made."""
        kind = self.hosts.get(host) or self.hosts.get(target)
        return 2 * DELAY_US if kind == DELAY else 0

    def clear(self) -> None:
        """The weather is fine again: what is still under way arrives now."""
        self.hosts.clear()
        self._numbers.clear()
        under_way, self._under_way = self._under_way, {}
        for source, queue in under_way.items():
            for _, item in queue:
                self._pass_on(source, item)

    def _late_us(self, source: Any, host: str, target: str) -> int:
        kind = self.hosts.get(host) or self.hosts.get(target)
        if kind is None:
            return 0
        if kind == DELAY:
            return DELAY_US
        if kind == LOSS:
            self._sent += 1
            return LOST_US[(self._sent - 1) % len(LOST_US)]
        number = self._numbers.setdefault(source, len(self._numbers))
        return REORDER_US[number % len(REORDER_US)]

    def _let_go(self, source: Any) -> None:
        queue = self._under_way.get(source)
        while queue and queue[0][0] <= self._clock.now:
            self._pass_on(source, queue.popleft()[1])
