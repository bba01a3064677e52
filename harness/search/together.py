"""Cases that differ in what goes wrong, run together: what they have in common is simulated once.

Until its first fault comes, a case is the undisturbed run. That run is made once, and at each place the process splits
(``fork``): the child is befallen and goes on to the end, the parent waits for its summary and goes on undisturbed. A
summary is the same as from :func:`harness.search.trial.run`, but for its ``cpu``, which counts the child's alone.
"""

from __future__ import annotations

import gc
import hashlib
import os
import pickle
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace

from harness.executor import LabExecutor
from harness.search import trial
from harness.search.case import Case, Position
from harness.search.opened import opened
from harness.search.tape import Tape
from harness.search.trial import Summary, Trial

TOGETHER = 60
"""Cases in one group: the common part is then a small share of the work, and a group takes some seconds."""


def groups(cases: Iterable[Case], most: int = TOGETHER) -> list[tuple[Case, ...]]:
    """``cases`` in groups that :func:`run` can take, no longer than ``most``; an order of no pattern, always the same.

    Cases of one group befall the same nodes, because what these lose is forgiven from the beginning.
    """
    alike: dict[tuple[Case, tuple[str, ...]], list[Case]] = {}
    for case in cases:
        alike.setdefault((replace(case, hits=()), trial.befallen(case)), []).append(case)
    found = [
        tuple(same[first : first + most])
        for same in (sorted(same, key=_first) for same in alike.values())
        for first in range(0, len(same), most)
    ]
    return sorted(found, key=lambda group: hashlib.sha256(repr((group[0].seed, group[0].hits)).encode()).digest())


def _first(case: Case) -> tuple[int, ...]:
    return tuple(hit.step for hit in case.hits)


def run(cases: Sequence[Case]) -> list[Summary]:
    """Every case's summary, in order, in the simulator. Raises what :func:`harness.search.trial.run` raises."""
    if len(cases) < 2 or not hasattr(os, "fork"):
        return [trial.run(case) for case in cases]
    began = time.process_time()
    tape = cases[0].tape()
    with closing(opened(cases[0], tape=tape)) as lab:
        split = _Split(cases, lab, tape)
        try:
            split.play()
            split.report(split.ended(tape, began))
        except _Done:
            pass
        except BaseException as error:
            split.report(error)
            raise
    return [split.found[case] if case in split.found else trial.run(case) for case in cases]


class _Done(BaseException):
    """The parent has seen every place. Not an Exception: no step may take it for a failure of its own."""


class _Split(Trial):
    """The common run. ``found`` are the summaries that children sent; a child has a ``_pipe``, the parent none."""

    def __init__(self, cases: Sequence[Case], lab: LabExecutor, tape: Tape) -> None:
        super().__init__(cases[0], lab, tape=tape)
        self._waiting = list(dict.fromkeys(cases))
        self._pipe: int | None = None
        self.found: dict[Case, Summary] = {}
        self._director.expect(())
        self._director.arrived = self._arrived

    def _attempt(self) -> None:
        super()._attempt()
        if self._pipe is None:
            raise _Done

    def _arrived(self, step: int, position: Position) -> None:
        if self._pipe is not None:
            return
        for case in [c for c in self._waiting if any(h.step == step and h.position is position for h in c.hits)]:
            self._waiting.remove(case)
            if self._split(case):
                return

    def _split(self, case: Case) -> bool:
        """Whether this is the child, to which ``case`` happens now."""
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            gc.freeze()  # what is the parent's is not looked at again: its pages stay shared
            os.close(here)
            self._pipe, self._case = there, case
            self._director.expect(case.hits)
            return True
        os.close(there)
        with open(here, "rb") as pipe:
            sent = pipe.read()
        os.waitpid(child, 0)
        if not sent:
            raise RuntimeError(f"the run of {case} ended without a word")
        found = pickle.loads(sent)
        if isinstance(found, BaseException):
            raise found
        self.found[case] = found
        return False

    def report(self, found: Summary | BaseException) -> None:
        """A child's last act. Nothing for the parent."""
        if self._pipe is None:
            return
        with open(self._pipe, "wb") as pipe:
            pipe.write(pickle.dumps(found))
        os._exit(0)  # the rest of this stack is the parent's


def shared(cases: Sequence[Case], most: int = TOGETHER) -> Iterator[Summary]:
    """Every case once, group by group, in this process."""
    for group in groups(cases, most):
        yield from run(group)
