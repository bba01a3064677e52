"""``python -m differential N [FIRST]``: N random scripts on the host's servers and on the model.

Environment: CONFORMANCE_WORKERS, how many scripts are played at a time; SUITE, another installation. The exit status
says whether all agree. What differs is shrunk and saved to the corpus.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from catalogue.places import room_for
from installed_roots import HOST, find, missing
from language import Script
from play import play

from . import corpus
from .compare import Difference, difference
from .generate import generate, needs_filters
from .shrink import shrink

AT_A_TIME = int(os.environ.get("CONFORMANCE_WORKERS", "6"))
SHRINKING = 10
"""Scripts that are played to make one that differs smaller."""


@dataclass(frozen=True, slots=True)
class Result:
    seed: int
    script: Script
    found: Difference | None
    error: str = ""
    once: str = ""


def compare(script: Script, suite: str) -> Difference | None:
    """Play a script on an installation, and look for the same on the model. Raises OSError or AssertionError where the
    real one can't be played."""
    installation = find(suite)
    assert installation is not None, missing(suite)
    with room_for(installation.prefix, filters=needs_filters(script)) as world:
        if needs_filters(script) and not world.partitions:
            raise OSError("partitions need root")
        real = play(world, script)
        return difference(world, installation.version, script, real)


def one(seed: int, suite: str) -> Result:
    """A seed's script. A difference has to come twice, as a machine that is busy elsewhere makes servers miss
    heartbeats, which the model's never do; then it is shrunk."""
    script = generate(seed, cuts=os.geteuid() == 0)
    try:
        found = compare(script, suite)
        if found is not None:
            again = compare(script, suite)
            if again is None:
                return Result(seed, script, None, once=str(found))
            script = shrink(script, lambda smaller: compare(smaller, suite) is not None, SHRINKING)
    except (AssertionError, OSError) as error:
        return Result(seed, script, None, f"{type(error).__name__}: {error}")
    return Result(seed, script, found)


def main(words: Sequence[str]) -> int:
    count = int(words[0]) if words else 20
    first = int(words[1]) if len(words) > 1 else 0
    suite = os.environ.get("SUITE", HOST)
    installation = find(suite)
    if installation is None:
        print(f"no random scripts: {missing(suite)}")
        return 1
    began = time.monotonic()
    operations = differ = errors = once = 0
    with ProcessPoolExecutor(AT_A_TIME) as pool:
        for future in as_completed([pool.submit(one, seed, suite) for seed in range(first, first + count)]):
            result = future.result()
            operations += len(generate(result.seed, cuts=os.geteuid() == 0))
            if result.error:
                errors += 1
                print(f"seed {result.seed} could not be played: {result.error}", flush=True)
            if result.once:
                once += 1
                print(f"seed {result.seed} differed, and did not when played again: {result.once}", flush=True)
            if result.found is not None:
                differ += 1
                path = corpus.save(result.script, installation.version, str(result.found))
                print(f"seed {result.seed} differs, saved as {path.name}: {result.found}", flush=True)
    took = time.monotonic() - began
    print(
        f"{count} random scripts with {operations} operations on ovsdb-server {installation.version} and on the model, "
        f"in {took:.0f} s: {differ} disagree, {once} did only once, {errors} could not be played"
    )
    return 1 if differ or errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
