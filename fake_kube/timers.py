"""Timers that can be cancelled together."""

from __future__ import annotations

from collections.abc import Callable

from fake_kube.runtime import Clock, Timer


class _Never:
    """The timer of somebody who is closed."""

    def cancel(self) -> None:
        pass


class Timers:
    """A group of timers on a clock. Once closed it takes no more: late callers need not know."""

    __slots__ = ("_clock", "_closed", "_live", "_serial")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: dict[int, Timer] = {}
        self._serial = 0
        self._closed = False

    def later(self, delay: float, callback: Callable[[], None]) -> Timer:
        if self._closed:
            return _Never()
        self._serial += 1
        serial = self._serial

        def fire() -> None:
            if self._live.pop(serial, None) is not None:
                callback()

        timer = self._clock.call_later(max(0.0, delay), fire)
        self._live[serial] = timer
        return timer

    def cancel_all(self) -> None:
        live, self._live = self._live, {}
        for timer in live.values():
            timer.cancel()

    def close(self) -> None:
        self._closed = True
        self.cancel_all()


class WorkQueue:
    """A controller's queue: one pending ``sync(key)`` a key, at the soonest time that was asked for."""

    __slots__ = ("_clock", "_pending", "_sync", "_timers")

    def __init__(self, clock: Clock, timers: Timers, sync: Callable[[str], None]) -> None:
        self._clock = clock
        self._timers = timers
        self._sync = sync
        self._pending: dict[str, tuple[float, Timer]] = {}

    def add(self, key: str, delay: float) -> None:
        due = self._clock.now() + delay
        pending = self._pending.get(key)
        if pending is not None:
            if pending[0] <= due:
                return
            pending[1].cancel()
        self._pending[key] = (due, self._timers.later(delay, lambda: self._run(key, due)))

    def _run(self, key: str, due: float) -> None:
        pending = self._pending.get(key)
        if pending is not None and pending[0] == due:
            del self._pending[key]
            self._sync(key)
