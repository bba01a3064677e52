"""A clock for fake_kube in real, scaled time: callbacks one at a time, in order of their time, on one thread."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(order=True)
class RealTimer:
    """A call that is due. Order is by time, then by the order in which calls were asked for."""

    due: float
    serial: int
    callback: Callable[[], None] = field(compare=False)
    cancelled: bool = field(default=False, compare=False)

    def cancel(self) -> None:
        self.cancelled = True


class RealClock:
    """Cluster seconds that pass ``scale`` real seconds each.

    Callbacks run with :attr:`lock` held; whoever touches what they touch holds it too. A callback that raises stops
    nothing; the first such exception waits for :meth:`check`.
    """

    def __init__(self, scale: float) -> None:
        self.scale = scale
        self.latest = 0.0
        """By how many cluster seconds the latest callback came late: what a busy machine costs everybody on it."""
        self.lock = threading.RLock()
        self._began = time.monotonic()
        self._heap: list[RealTimer] = []
        self._serial = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="cluster clock", daemon=True)
        self._thread.start()

    def now(self) -> float:
        return (time.monotonic() - self._began) / self.scale

    def call_later(self, delay: float, callback: Callable[[], None]) -> RealTimer:
        """Callable from every thread. A timer that is cancelled with the lock held never runs."""
        timer = RealTimer(self.now() + max(0.0, delay), next(self._serial), callback)
        with self._changed:
            heapq.heappush(self._heap, timer)
            self._changed.notify()
        return timer

    def failed(self, error: BaseException) -> None:
        """Keep an error that happened on some thread; the first one counts."""
        if self._failure is None:
            self._failure = error

    def check(self) -> None:
        """Raise what was kept, each time until the end: a run whose machinery broke proves nothing."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """No callback starts any more when this returns. Safe to call twice, and from a callback."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            timer = self._next()
            if timer is None:
                return
            with self.lock:
                if timer.cancelled or self._stopped:
                    continue
                self.latest = max(self.latest, self.now() - timer.due)
                try:
                    timer.callback()
                except BaseException as error:
                    self.failed(error)

    def _next(self) -> RealTimer | None:
        """Wait for the next due timer; None when the clock was stopped."""
        with self._changed:
            while not self._stopped:
                if not self._heap:
                    self._changed.wait()
                    continue
                wait = (self._heap[0].due - self.now()) * self.scale
                if wait <= 0:
                    return heapq.heappop(self._heap)
                self._changed.wait(wait)
            return None
