"""One outgoing connection of a process with its retries, as lib/reconnect.c: 1, 2, 4, 8 s between attempts."""

from __future__ import annotations

from fake_raft.clock import Timer, VirtualClock
from fake_raft.network import MS, End, Host, Network

MIN_BACKOFF_MS, MAX_BACKOFF_MS = 1000, 8000


class Session:
    """Keeps dialling ``address`` until ``stop``. ``end`` is the live connection, if any."""

    __slots__ = ("_backoff_ms", "_clock", "_connected_us", "_network", "_owner", "_timer", "address", "end", "number")

    def __init__(self, clock: VirtualClock, network: Network, owner: Host, number: int, address: str) -> None:
        self.address = address
        self.number = number
        self.end: End | None = None
        self._clock = clock
        self._network = network
        self._owner = owner
        self._backoff_ms = 0
        self._connected_us = 0
        self._timer: Timer | None = None
        self._dial()

    def stop(self) -> None:
        """Close for good."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.end is not None:
            self._network.close(self.end)
            self.end = None

    def _dial(self) -> None:
        patience = max(1000, self._backoff_ms) * MS
        self._timer = self._clock.call_later(patience, self.failed)
        self._network.connect(self._owner, self.number, self.address, self._clock.now + patience)

    def established(self, end: End) -> bool:
        """The network got through; False if nobody wants that any more."""
        if self.end is not None or self._timer is None:
            return False
        self._timer.cancel()
        self._timer = None
        self.end = end
        self._connected_us = self._clock.now
        return True

    def failed(self) -> None:
        """Refused, or no answer in time."""
        self._back_off(escalate=True)

    def lost(self) -> None:
        """The connection ended: a short life counts as a failure."""
        end, self.end = self.end, None
        lived_us = end.heard_us - self._connected_us if end is not None else 0
        self._back_off(escalate=lived_us < self._backoff_ms * MS)

    def _back_off(self, *, escalate: bool) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if not escalate or self._backoff_ms < MIN_BACKOFF_MS:
            self._backoff_ms = MIN_BACKOFF_MS
        else:
            self._backoff_ms = min(2 * self._backoff_ms, MAX_BACKOFF_MS)
        self._timer = self._clock.call_later(self._backoff_ms * MS, self._dial)
