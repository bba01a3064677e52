"""A process's requests to sync its file: one at a time, those that come meanwhile are merged into the next."""

from __future__ import annotations

from collections.abc import Callable

from fake_raft.clock import VirtualClock
from fake_raft.disk import Disk
from fake_raft.network import Choices

FSYNC_US = (1000, 1500, 2000, 3000, 5000)
"""How long one takes, by choice."""


class Syncer:
    """Calls ``done(ticket)`` when everything that was in the file when ``request(ticket)`` came is durable.

    While the file lacks a record that a full disk did not take, nothing becomes durable.
    """

    __slots__ = ("_choices", "_clock", "_disk", "_done", "_ticket", "busy", "choice")

    def __init__(
        self, clock: VirtualClock, choices: Choices, disk: Disk, done: Callable[[int], None], owner: str = ""
    ) -> None:
        self._clock = clock
        self._choices = choices
        self._disk = disk
        self._done = done
        self.busy = False
        self._ticket = 0
        self.choice = f"fsync: {owner}"

    def request(self, ticket: int) -> None:
        self._ticket = ticket
        if not self.busy:
            self._start()

    def stop(self) -> None:
        """The process is gone; what its kernel still writes is not told to anybody."""
        self._done = _nobody

    def skip(self, ticket: int) -> None:
        """``ticket`` was asked for and is done: all that is in the file now is durable."""
        self._ticket = ticket
        self._disk.sync(len(self._disk.records))

    def _start(self) -> None:
        self.busy = True
        delay = FSYNC_US[self._choices.choose(self.choice, len(FSYNC_US))] + self._disk.slow_us
        self._clock.post(self._clock.now + delay, self._finished, (self._ticket, len(self._disk.records)))

    def _finished(self, work: tuple[int, int]) -> None:
        ticket, records = work
        if self._done is _nobody:
            return
        self._disk.sync(records)
        self.busy = False
        if self._disk.slow_us:
            self._disk.delayed += 1
        if self._disk.full and self._disk.holes:
            return
        if self._ticket > ticket:
            self._start()
        self._done(ticket)


def _nobody(_ticket: int) -> None:
    pass
