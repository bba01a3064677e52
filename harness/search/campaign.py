"""Many rehearsals at once: workers that share nothing, results in the order of the cases."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import signal
from collections.abc import Iterable, Iterator
from itertools import islice

from harness.search import trial
from harness.search.case import Case
from harness.search.trial import Summary


def _deaf() -> None:
    """Ctrl-C is the parent's to answer: it stops handing out cases, and those in flight end by themselves."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


AHEAD = 8
"""Cases in flight for each worker: enough to keep it busy, few enough to stop soon."""


def run(cases: Iterable[Case], jobs: int, backend: str = "sim") -> Iterator[Summary]:
    """Every case's summary, in order. With one job it is done here, without another process."""
    if jobs <= 1:
        for case in cases:
            yield trial.run(case, backend)
        return
    context = multiprocessing.get_context("spawn")  # nothing of the parent's state gets into a run
    with concurrent.futures.ProcessPoolExecutor(jobs, mp_context=context, initializer=_deaf) as pool:
        waiting = iter(cases)
        flying = [pool.submit(trial.run, case, backend) for case in islice(waiting, jobs * AHEAD)]
        try:
            while flying:
                yield flying.pop(0).result()
                flying += [pool.submit(trial.run, case, backend) for case in islice(waiting, 1)]
        finally:
            for future in flying:
                future.cancel()
