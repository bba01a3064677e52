"""Is a rehearsal the same each time? Every failure and some of the passes are run once more, in another process that
orders its sets and dictionaries of text in another way (PYTHONHASHSEED), one by one and not together.

``python -m harness.search.again`` is that process: pickled cases come in, digests go out.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.search import trial
from harness.search.case import Case
from harness.search.trial import Summary

SHARE = 100
"""One of so many passes is run again."""
HASH_SEEDS = ("1", "4242")
"""PYTHONHASHSEED of the other process; the second where this process has the first."""


@dataclass(frozen=True, slots=True)
class Differs:
    """A case that was not the same run again: a fault of the simulator, whatever the run showed."""

    case: Case
    first: str
    second: str


def chosen(summary: Summary) -> bool:
    """Whether this run is to be run again: each failure, and a part of the rest that depends on the case alone."""
    number = int.from_bytes(hashlib.sha256(repr(summary.case).encode()).digest()[:4], "big")
    return summary.bad or number % SHARE == 0


def differing(summaries: Iterable[Summary]) -> list[Differs]:
    """Run all ``summaries``' cases again; those that gave another digest. Raises RuntimeError if the process fails."""
    known = [(summary.case, summary.digest) for summary in summaries]
    found = digests([case for case, _ in known])
    return [Differs(case, first, second) for (case, first), second in zip(known, found, strict=True) if first != second]


def digests(cases: Sequence[Case], hash_seed: str | None = None) -> list[str]:
    """The digest of each case, from a new process with ``hash_seed``. Raises RuntimeError if it fails."""
    if not cases:
        return []
    seed = hash_seed or HASH_SEEDS[os.environ.get("PYTHONHASHSEED") == HASH_SEEDS[0]]
    done = subprocess.run(
        [sys.executable, "-m", "harness.search.again"],
        input=pickle.dumps(list(cases)),
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"running cases again failed: {done.stderr.decode(errors='replace').strip()[-500:]}")
    return done.stdout.decode().split()


def _answer() -> None:
    given, told = os.fdopen(0, "rb"), os.fdopen(1, "w")
    for case in pickle.load(given):
        told.write(trial.run(case).digest + "\n")
    told.flush()


if __name__ == "__main__":
    _answer()
