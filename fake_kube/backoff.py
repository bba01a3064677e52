"""CrashLoopBackOff: how long a container that ended by itself has to wait."""

from __future__ import annotations

INITIAL = 10.0
MAXIMUM = 300.0
FORGET = 2 * MAXIMUM


class Backoff:
    """Counts the exits of one container (facts: kubernetes 2): 0, 10, 20, 40, 80, 160, 300, 300 ... seconds.

    A life of more than ten minutes since the last restart starts from 0 again.
    """

    __slots__ = ("_last", "_next")

    def __init__(self) -> None:
        self._next = 0.0
        self._last = 0.0

    def exited(self, now: float) -> float:
        """Seconds that the restart after this exit has to wait, counted from now."""
        if self._next and now - self._last > FORGET:
            self._next = 0.0
        wait = self._next
        self._next = min(MAXIMUM, wait * 2) if wait else INITIAL
        self._last = now + wait
        return wait

    def reset(self) -> None:
        self._next = 0.0
