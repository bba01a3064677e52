"""Many rehearsals at once: workers that share nothing, results in an order that does not depend on who was faster."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

from harness.search import together, trial
from harness.search.case import Case
from harness.search.trial import Summary

A = TypeVar("A")
B = TypeVar("B")

AHEAD = 8
"""Cases in flight for each worker: enough to keep it busy, few enough to stop soon."""
GROUPS_AHEAD = 2


def _deaf() -> None:
    """Ctrl-C is the parent's to answer: it stops handing out cases, and those in flight end by themselves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


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
    """
    if jobs <= 1:
        yield from map(act, items)
        return
    context = multiprocessing.get_context("spawn")  # nothing of the parent's state gets into a run
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context, initializer=_deaf) as pool:
        waiting = iter(items)
        flying = [pool.submit(act, item) for item in islice(waiting, jobs * ahead)]
        try:
            while flying:
                yield flying.pop(0).result()
                flying += [pool.submit(act, item) for item in islice(waiting, 1)]
        finally:
            for future in flying:
                future.cancel()


def _one(work: tuple[Case, str]) -> Summary:
    return trial.run(*work)
