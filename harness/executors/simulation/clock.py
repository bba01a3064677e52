"""One virtual clock for both fakes: fake_raft counts microseconds, fake_kube seconds."""

from __future__ import annotations

from collections.abc import Callable

from fake_kube.runtime import Timer
from fake_raft import VirtualClock

MICRO = 1_000_000


class SecondsClock:
    """fake_kube's view of the virtual clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def now(self) -> float:
        return self._clock.now / MICRO

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        return self._clock.call_later(round(delay * MICRO), callback)

    def read_later(self, delay: float, callback: Callable[[], None]) -> None:
        """The same for somebody who does nothing to servers but to read their rows."""
        self._clock.call_later(round(delay * MICRO), callback).reads = True
