"""Many rehearsals at once: workers that share nothing, results in an order that does not depend on who was faster."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from types import FrameType
from typing import TypeVar

from harness.errors import OvnswapError
from harness.search import together, trial
from harness.search.case import Case
from harness.search.trial import Summary

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 8
"""Cases in flight for each worker: enough to keep it busy, few enough to stop soon."""
GROUPS_AHEAD = 2
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What a terminal, a service manager and a runner of jobs send to a whole group of processes."""


def _deaf() -> None:
    """Signals are the parent's to answer: it stops handing out cases, and those in flight end by themselves. Without a
    parent there is nobody who would."""
    heard = partial(_heard, os.getppid())
    for number in _SIGNALS:
        signal.signal(number, heard)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


_told: list[int] = []


def _heard(parent: int, number: int, _frame: FrameType | None) -> None:
    _told.append(number)
    if os.getppid() != parent:
        os._exit(128 + number)


def told() -> bool:
    """In a worker: whether a signal to the whole group said that nobody waits for the result any more."""
    return bool(_told)


@contextmanager
def _blocked() -> Iterator[None]:
    """Whoever is started meanwhile hears no signal before it says what to do with it; here they come afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run(cases: Iterable[Case], jobs: int, backend: str = "sim") -> Iterator[Summary]:
    """Every case's summary, in order. With one job it is done here, without another process."""
    work = ((case, backend) for case in cases)
    yield from each(_one, work, jobs, AHEAD)


def run_shared(cases: Iterable[Case], jobs: int, most: int = together.TOGETHER) -> Iterator[Summary]:
    """The same in the simulator for many faults of few procedures: :mod:`harness.search.together` does each group.

    Groups come in an order of no pattern, so that those of any time are a fair sample of all places.
    """
    yield from chain.from_iterable(each(together.run, together.groups(cases, most), jobs, GROUPS_AHEAD))


def each(act: Callable[[A], B], items: Iterable[A], jobs: int, ahead: int = AHEAD) -> Iterator[B]:
    """``act`` of every item, in order, in ``jobs`` processes (1: in this one); ``ahead`` items wait for each worker.

    ``act`` must be a function of a module and depend on its item alone. Whoever stops taking results stops the work.
    Raises :class:`OvnswapError` if a worker is killed.
    """
    if jobs <= 1:
        yield from map(act, items)
        return
    context = multiprocessing.get_context("spawn")  # nothing of the parent's state gets into a run
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context, initializer=_deaf) as pool:
        waiting = iter(items)
        flying: list[concurrent.futures.Future[B]] = []
        try:
            for item in islice(waiting, jobs * ahead):
                flying.append(_submitted(pool, act, item))
            while flying:
                yield flying.pop(0).result()
                for item in islice(waiting, 1):
                    flying.append(_submitted(pool, act, item))
        except BrokenProcessPool:
            seen = "a worker process was killed"
            raise OvnswapError(seen, why="memory may have run out", todo="try again, or with --jobs 1") from None
        finally:
            for future in flying:
                future.cancel()


def _submitted(pool: concurrent.futures.Executor, act: Callable[[A], B], item: A) -> concurrent.futures.Future[B]:
    with _blocked():  # a worker may be started for it
        return pool.submit(act, item)


def _one(work: tuple[Case, str]) -> Summary:
    return trial.run(*work)
