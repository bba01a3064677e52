"""The moment in which a real server is elected, before others have heard from it as their leader.

Between a vote and the new leader's first entry there is less than a millisecond. So those who shall not hear of it are
made deaf beforehand: packets with an ``append_request`` do not get to them, except from who leads already; votes do.
TCP sends what was dropped again, so that it is late and not lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

LOOKS = 0.02
"""Real seconds between two looks for a leader of a later term."""


@dataclass(frozen=True, slots=True)
class Deaf:
    """Who must not hear: ``leaders`` has for each raft port the address that may go on speaking ("" for nobody)."""

    leaders: Mapping[int, str]

    def rules(self) -> list[str]:
        """For the mangle table of a node's namespace, in the words of iptables-restore."""
        found = []
        for port, leader in sorted(self.leaders.items()):
            spared = f"! -s {leader} " if leader else ""
            for side in ("--sport", "--dport"):
                found.append(
                    f"-A INPUT -p tcp -m tcp {side} {port} {spared}-m string --string append_request --algo bm -j DROP"
                )
        return found


class Waiting:
    """A thread that calls ``act`` as soon as ``elected()`` is true, and then ``hear``, which ends the deafness."""

    def __init__(self, elected: Callable[[], bool], act: Callable[[], None], hear: Callable[[], None]) -> None:
        self._elected = elected
        self._act = act
        self._hear = hear
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="election", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """No moment any more. Safe to call twice."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        try:
            while not self._over.wait(LOOKS):
                if self._elected():
                    self._act()
                    return
        finally:
            self._hear()
