"""Work in many processes that ends soon after somebody has asked for it: every worker looks between two cases."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.synchronize import Event


class Halted(Exception):
    """This piece of work was not done, for nobody waits for it any more."""


_event: Event | None = None


def listen(event: Event) -> None:
    """In a worker, once: this is what tells it to stop."""
    global _event
    _event = event


def asked() -> bool:
    """Whether this process is a worker that is to stop."""
    return _event is not None and _event.is_set()


def check() -> None:
    """Between two pieces of work. Raises :class:`Halted` if the next one is not to begin."""
    if asked():
        raise Halted


def never() -> bool:
    """Nobody asks."""
    return False


Halt = Callable[[], bool]
"""Asked again and again by who hands out work: whether to stop."""
