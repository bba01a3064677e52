"""Is a rehearsal the same each time? Every failure and some of the passes are run once more, in another process that
orders its sets and dictionaries of text in another way (PYTHONHASHSEED), one by one and not together.

``python -m harness.search.again SECONDS`` is that process: pickled cases come in, digests go out, until the time is up.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from harness.search import halting, trial
from harness.search.case import Case
from harness.search.halting import Halt
from harness.search.trial import Summary

SHARE = 100
"""One of so many passes is run again."""
HASH_SEEDS = ("1", "4242")
"""PYTHONHASHSEED of the other process; the second where this process has the first."""
HELD = 5000
"""Cases of a sample that are kept: far more than there is ever time for."""
FOREVER = 1e9
LOOK_EVERY = 0.2

Known = tuple[Case, str]
"""A case and the digest of its run."""


@dataclass(frozen=True, slots=True)
class Differs:
    """A case that was not the same run again: a fault of the simulator, whatever the run showed."""

    case: Case
    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Again:
    """Of ``chosen`` runs (all failures and a share of the passes) ``run`` were made again; ``differing`` were not the
    same. Fewer than all are run where there was no more time; those are a fair sample."""

    chosen: int = 0
    run: int = 0
    differing: tuple[Differs, ...] = ()

    @property
    def alike(self) -> int:
        return self.run - len(self.differing)


class Sample:
    """Chooses from summaries as they come. ``chosen`` is how many; :meth:`known` are those to run again, in an order of
    no pattern, so that the first of them are a fair sample of all."""

    def __init__(self) -> None:
        self.chosen = 0
        self._held: list[tuple[bytes, Known]] = []

    def hear(self, summary: Summary) -> None:
        if not chosen(summary):
            return
        self.chosen += 1
        self._held.append((_order(summary.case), (summary.case, summary.digest)))
        if len(self._held) > 2 * HELD:
            self._held = self._sorted()[:HELD]

    def known(self) -> list[Known]:
        return [known for _, known in self._sorted()]

    def _sorted(self) -> list[tuple[bytes, Known]]:
        return sorted(self._held, key=lambda one: one[0])


def _order(case: Case) -> bytes:
    return hashlib.sha256(repr(case).encode()).digest()


def chosen(summary: Summary) -> bool:
    """Whether this run is to be run again: each failure, and a part of the rest that depends on the case alone."""
    return summary.bad or int.from_bytes(_order(summary.case)[-4:], "big") % SHARE == 0


def rerun(
    known: Sequence[Known], *, seconds: float = FOREVER, jobs: int = 1, halt: Halt = halting.never
) -> tuple[int, tuple[Differs, ...]]:
    """Run ``known`` again in ``jobs`` new processes, for about so many ``seconds`` or until ``halt``: how many were run
    (the first ones, in turn by process; each process makes one at least), and those that gave another digest.

    Raises RuntimeError if a process fails.
    """
    dealt = [share for first in range(jobs) if (share := known[first::jobs])]
    run, differing = 0, []
    with ExitStack() as stack:
        others = [_Other([case for case, _ in share], seconds, stack) for share in dealt]
        for share, other in zip(dealt, others, strict=True):
            found = other.digests(halt)
            run += len(found)
            made = zip(share[: len(found)], found, strict=True)
            differing += [Differs(case, first, second) for (case, first), second in made if first != second]
    return run, tuple(differing)


def digests(cases: Sequence[Case], hash_seed: str | None = None) -> list[str]:
    """The digest of each case, from a new process with ``hash_seed``. Raises RuntimeError if it fails."""
    if not cases:
        return []
    with ExitStack() as stack:
        return _Other(cases, FOREVER, stack, hash_seed).digests(halting.never)


class _Other:
    """The other process, which lives no longer than ``stack``."""

    def __init__(self, cases: Sequence[Case], seconds: float, stack: ExitStack, hash_seed: str | None = None) -> None:
        seed = hash_seed or HASH_SEEDS[os.environ.get("PYTHONHASHSEED") == HASH_SEEDS[0]]
        paths = os.pathsep.join(path for path in sys.path if path)
        with tempfile.TemporaryFile() as given:
            pickle.dump(list(cases), given)
            given.seek(0)
            process = subprocess.Popen(
                [sys.executable, "-m", "harness.search.again", f"{seconds:g}"],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": paths},
                start_new_session=True,  # Ctrl-C is this process's to answer
            )
        self._process = stack.enter_context(process)
        stack.callback(self._process.kill)

    def digests(self, halt: Halt) -> list[str]:
        """Those that it came to."""
        halted = False
        while True:
            try:
                told, complaint = self._process.communicate(timeout=LOOK_EVERY)
                break
            except subprocess.TimeoutExpired:
                if halt() and not halted:
                    halted = True
                    self._process.terminate()
        if self._process.returncode and not halted:
            raise RuntimeError(f"running cases again failed: {complaint.decode(errors='replace').strip()[-500:]}")
        return told.decode().splitlines()


def _answer(seconds: float) -> None:
    ends = time.monotonic() + seconds
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    given, told = os.fdopen(0, "rb"), os.fdopen(1, "w")
    for case in pickle.load(given):
        told.write(trial.run(case).digest + "\n")
        told.flush()
        if time.monotonic() >= ends:
            return


if __name__ == "__main__":
    _answer(float(sys.argv[1]))
