"""Signals that are kept waiting for a moment in which they would do harm."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a service manager's stop, and a terminal that was closed."""


@contextmanager
def held() -> Iterator[None]:
    """Signals that come meanwhile come afterwards. Whoever is started meanwhile hears none until it says otherwise.

    Modules are imported so, too: a KeyboardInterrupt that passes through code made from a string (dataclasses are)
    makes CPython 3.11 end the process by SIGINT in the end, however orderly it was handled.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
