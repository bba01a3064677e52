"""Many rehearsals at once: workers that share nothing, results in an order that does not depend on who was faster."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from itertools import chain, islice
from multiprocessing.synchronize import Event
from types import FrameType
from typing import TypeVar

from harness.errors import OvnswapError
from harness.search import halting, together, trial
from harness.search.case import Case
from harness.search.halting import Halt, Halted
from harness.search.trial import Summary
from harness.signals import SIGNALS, held

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 8
"""Cases in flight for each worker: enough to keep it busy, few enough to stop soon."""
GROUPS_AHEAD = 2
LOOK_EVERY = 0.2
"""Seconds between two looks whether to halt, while a result is waited for."""


def _begin(halt: Event) -> None:
    """Signals are the parent's to answer: it tells its workers by ``halt``, and the case in hand ends by itself.
    Without a parent there is nobody who would."""
    halting.listen(halt)
    heard = partial(_heard, os.getppid())
    for number in SIGNALS:
        signal.signal(number, heard)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


_told: list[int] = []


def _heard(parent: int, number: int, _frame: FrameType | None) -> None:
    _told.append(number)
    if os.getppid() != parent:
        os._exit(128 + number)


def told() -> bool:
    """In a worker: whether a signal to the whole group said that nobody waits for the result any more."""
    return bool(_told)


def run(cases: Iterable[Case], jobs: int, backend: str = "sim", halt: Halt = halting.never) -> Iterator[Summary]:
    """Every case's summary, in order. With one job it is done here, without another process."""
    work = ((case, backend) for case in cases)
    yield from each(_one, work, jobs, AHEAD, halt)


def run_shared(
    cases: Iterable[Case], jobs: int, most: int = together.TOGETHER, halt: Halt = halting.never
) -> Iterator[Summary]:
    """The same in the simulator for many faults of few procedures: :mod:`harness.search.together` does each group.

    Groups come in an order of no pattern, so that those of any time are a fair sample of all places.
    """
    groups = together.groups(cases, most)
    act = partial(together.run, halt=halt) if jobs <= 1 else together.run
    yield from chain.from_iterable(each(act, groups, jobs, GROUPS_AHEAD, halt))


def each(
    act: Callable[[A], B], items: Iterable[A], jobs: int, ahead: int = AHEAD, halt: Halt = halting.never
) -> Iterator[B]:
    """``act`` of every item, in order, in ``jobs`` processes (1: in this one); ``ahead`` items wait for each worker.

    ``act`` must be a function of a module and depend on its item alone. Whoever stops taking results stops the work,
    and so does ``halt``, which is asked all the time: there are no more results then, and what is under way ends with
    the case in hand.
    Raises :class:`OvnswapError` if a worker is killed.
    """
    if jobs <= 1:
        yield from _here(act, items, halt)
        return
    context = multiprocessing.get_context("spawn")  # nothing of the parent's state gets into a run
    stop = context.Event()
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(stop,)) as pool:
        waiting = iter(items)
        flying: list[concurrent.futures.Future[B]] = []
        try:
            for item in islice(waiting, jobs * ahead):
                flying.append(_submitted(pool, act, item))
            while flying:
                if not _done(flying[0], halt):
                    return
                yield flying.pop(0).result()
                for item in islice(waiting, 1):
                    flying.append(_submitted(pool, act, item))
        except BrokenProcessPool:
            seen = "a worker process was killed"
            raise OvnswapError(seen, why="memory may have run out", todo="try again, or with --jobs 1") from None
        finally:
            stop.set()  # the pool has handed out some that can't be cancelled any more
            for future in flying:
                future.cancel()


def _here(act: Callable[[A], B], items: Iterable[A], halt: Halt) -> Iterator[B]:
    for item in items:
        try:
            found = act(item)
        except Halted:
            return
        yield found
        if halt():
            return


def _done(future: concurrent.futures.Future[B], halt: Halt) -> bool:
    """Wait for ``future``; False if ``halt`` says so first."""
    while not halt():
        if concurrent.futures.wait((future,), timeout=LOOK_EVERY).done:
            return True
    return False


def _heeding(act: Callable[[A], B], item: A) -> B:
    halting.check()
    return act(item)


def _submitted(pool: concurrent.futures.Executor, act: Callable[[A], B], item: A) -> concurrent.futures.Future[B]:
    with held():  # a worker may be started for it
        return pool.submit(_heeding, act, item)


def _one(work: tuple[Case, str]) -> Summary:
    return trial.run(*work)
