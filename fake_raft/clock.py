"""Virtual time: integer microseconds, and callbacks in the order of their time."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any, TypeAlias

Callback: TypeAlias = tuple[int, int, Callable[[Any], object], Any]
"""When, how many were asked for before, and what to call with which argument: one, as that is the cheapest call."""


class Timer:
    """A callback that will be made; ``cancel`` unmakes it. ``reads``: all that it wants from servers is their rows."""

    __slots__ = ("args", "fn", "reads")

    def __init__(self, fn: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.fn: Callable[..., object] | None = fn
        self.args = args
        self.reads = False

    def cancel(self) -> None:
        self.fn = None

    def fire(self) -> None:
        if self.fn is not None:
            self.fn(*self.args)


class VirtualClock:
    """A heap of callbacks. Equal times are served in the order in which they were asked for.

    ``now`` is to be read only; ``posted`` counts what was asked for.
    """

    __slots__ = ("_heap", "_limit", "now", "posted")

    def __init__(self) -> None:
        self.now = 0
        self._heap: list[Callback] = []
        self.posted = 0
        self._limit = 0

    @property
    def events(self) -> int:
        """How many callbacks were served."""
        return self.posted - len(self._heap)

    def call_later(self, delay_us: int, fn: Callable[..., object], *args: Any) -> Timer:
        """Call ``fn(*args)`` after ``delay_us`` microseconds (at least 0)."""
        timer = Timer(fn, args)
        self.post(self.now + (delay_us if delay_us > 0 else 0), Timer.fire, timer)
        return timer

    def call_at(self, at_us: int, fn: Callable[..., object], *args: Any) -> Timer:
        """Call ``fn(*args)`` at ``at_us``, or next if that is past."""
        timer = Timer(fn, args)
        self.post(max(at_us, self.now), Timer.fire, timer)
        return timer

    def post(self, at_us: int, fn: Callable[[Any], object], what: Any) -> None:
        """Call ``fn(what)`` at ``at_us``, for good: nothing to cancel, and ``at_us`` must not be past."""
        self.posted = number = self.posted + 1
        heappush(self._heap, (at_us, number, fn, what))

    def soon(self, at_us: int) -> list[Callback] | None:
        """What has been asked for up to ``at_us``, in no order; None if somebody may look before that time."""
        heap = self._heap
        if self._limit <= at_us:
            return None
        found: list[Callback] = []
        if not heap or heap[0][0] > at_us:
            return found
        below = [0]
        for index in below:  # whatever is later than its parent's time is below it in the heap
            if index < len(heap) and heap[index][0] <= at_us:
                found.append(heap[index])
                below += (2 * index + 1, 2 * index + 2)
        return found

    def step(self) -> bool:
        """Serve the next callback; returns whether there was one. A cancelled one counts, and takes its time."""
        if not self._heap:
            return False
        self.now, _, fn, what = heappop(self._heap)
        fn(what)
        return True

    def run_until(self, at_us: int) -> None:
        """Serve everything up to and including ``at_us``; then it is that late."""
        heap = self._heap
        limit, self._limit = self._limit, at_us + 1
        try:
            while heap and heap[0][0] <= at_us:
                self.now, _, fn, what = heappop(heap)
                fn(what)
        finally:
            self._limit = limit
        self.now = max(self.now, at_us)

    def run_while(self, condition: Callable[[], bool], limit_us: int | None = None) -> bool:
        """Serve callbacks while ``condition()`` holds, for at most ``limit_us``; returns whether it stopped holding."""
        end = None if limit_us is None else self.now + limit_us
        self._limit = 0
        while condition():
            if not self._heap or (end is not None and self._heap[0][0] > end):
                if end is not None:
                    self.now = max(self.now, end)
                return not condition()
            self.step()
        return True
