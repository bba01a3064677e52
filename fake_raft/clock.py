"""Virtual time: integer microseconds, and callbacks in the order of their time."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any


class Timer:
    """A callback that will be made; ``cancel`` unmakes it."""

    __slots__ = ("args", "fn")

    def __init__(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.fn: Callable[..., object] | None = fn
        self.args = args

    def cancel(self) -> None:
        self.fn = None


class VirtualClock:
    """A heap of timers. Equal times are served in the order in which they were asked for."""

    __slots__ = ("_heap", "_serial", "events", "now")

    def __init__(self) -> None:
        self.now = 0
        self.events = 0
        self._heap: list[tuple[int, int, Timer]] = []
        self._serial = 0

    def call_later(self, delay_us: int, fn: Callable[..., object], *args: Any) -> Timer:
        """Call ``fn(*args)`` after ``delay_us`` microseconds (at least 0)."""
        return self.call_at(self.now + delay_us if delay_us > 0 else self.now, fn, *args)

    def call_at(self, at_us: int, fn: Callable[..., object], *args: Any) -> Timer:
        """Call ``fn(*args)`` at ``at_us``, or next if that is past."""
        timer = Timer(fn, args)
        self._serial += 1
        heapq.heappush(self._heap, (max(at_us, self.now), self._serial, timer))
        return timer

    def step(self) -> bool:
        """Serve the next timer; returns whether there was one."""
        while self._heap:
            at, _, timer = heapq.heappop(self._heap)
            if timer.fn is not None:
                self.now = at
                self.events += 1
                timer.fn(*timer.args)
                return True
        return False

    def run_until(self, at_us: int) -> None:
        """Serve everything up to and including ``at_us``; then it is that late."""
        heap = self._heap
        while heap and heap[0][0] <= at_us:
            at, _, timer = heapq.heappop(heap)
            fn = timer.fn
            if fn is not None:
                self.now = at
                self.events += 1
                fn(*timer.args)
        self.now = max(self.now, at_us)

    def run_while(self, condition: Callable[[], bool], limit_us: int) -> bool:
        """Serve timers while ``condition()`` holds, for at most ``limit_us``; returns whether it stopped holding."""
        end = self.now + limit_us
        while condition():
            if not self._heap or self._heap[0][0] > end:
                self.now = max(self.now, end)
                return not condition()
            self.step()
        return True
