"""Signals: the first one stops a run in order, and cleaning up is not disturbed by the second."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import FrameType

from harness.commands.output import say
from harness.signals import SIGNALS

FORCED = 3
"""The so many-th signal stops even the cleaning up."""


class _Stop:
    """The handler. ``heard``: how many signals came before."""

    def __init__(self, heard: int) -> None:
        self._count = heard

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self._count == 1 or self._count >= FORCED:
            raise KeyboardInterrupt
        say("stopping already: what was made is being removed")


def stoppable() -> AbstractContextManager[None]:
    """Each of :data:`SIGNALS` raises KeyboardInterrupt, once: a second one only says that the first was heard."""
    return _handled(_Stop(0))


def undisturbed() -> AbstractContextManager[None]:
    """Signals are only answered while a lab is being removed; a second one breaks that off too."""
    return _handled(_Stop(1))


class Noted:
    """Whether a signal was heard. The first one interrupts nothing; the second raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.heard = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if self.heard:
            raise KeyboardInterrupt
        self.heard = True


@contextmanager
def noted() -> Iterator[Noted]:
    """Signals are noted, for a loop that looks between two pieces of work: code that shares locks with other threads
    is not broken off in the middle."""
    found = Noted()
    with _handled(found):
        yield found


@contextmanager
def _handled(stop: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, stop) for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
