"""``python -m differential N [FIRST]``: N random scripts on the host's servers and on the model.

``python -m differential again DIRECTORY``: the real runs that were recorded there, and the model as it is now.

Environment: CONFORMANCE_WORKERS, how many scripts are played at a time; SUITE, another installation; RECORDS, where
real runs are recorded. The exit status says whether all agree. What differs is shrunk and saved to the corpus.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from catalogue.places import room_for
from installed_roots import HOST, find, missing
from language import Script
from play import play

from . import corpus, records
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


RECORDS = os.environ.get("RECORDS", "")


def compare(script: Script, suite: str, seed: int = -1) -> Difference | None:
    """Play a script on an installation, and look for the same on the model. Raises OSError or AssertionError where the
    real one can't be played. ``seed``: which run is recorded, if any is."""
    installation = find(suite)
    assert installation is not None, missing(suite)
    with room_for(installation.prefix, filters=needs_filters(script)) as world:
        if needs_filters(script) and not world.partitions:
            raise OSError("partitions need root")
        real = play(world, script)
        if RECORDS and seed >= 0:
            records.save(records.record(world, seed, installation.version, script, real), Path(RECORDS))
        return difference(world, installation.version, script, real)


def one(seed: int, suite: str) -> Result:
    """A seed's script. A difference has to come twice, as a machine that is busy elsewhere makes servers miss
    heartbeats, which the model's never do; then it is shrunk."""
    script = generate(seed, cuts=os.geteuid() == 0)
    try:
        found = compare(script, suite, seed)
        if found is not None:
            again = compare(script, suite, seed)
            if again is None:
                return Result(seed, script, None, once=str(found))
            script = shrink(script, lambda smaller: compare(smaller, suite) is not None, SHRINKING)
    except (AssertionError, OSError) as error:
        return Result(seed, script, None, f"{type(error).__name__}: {error}")
    return Result(seed, script, found)


def one_again(path: Path) -> tuple[Path, int, Difference | None]:
    recorded = records.load(path)
    return path, len(recorded.script), difference(recorded, recorded.release, recorded.script, recorded.real)


def again(directory: Path) -> int:
    """Real runs of before, and the model of now."""
    paths = sorted(directory.glob("*.json"))
    operations = differ = 0
    with ProcessPoolExecutor(AT_A_TIME) as pool:
        for path, length, found in pool.map(one_again, paths):
            operations += length
            if found is not None:
                differ += 1
                print(f"{path} differs: {found}", flush=True)
    print(f"{len(paths)} recorded runs with {operations} operations, and the model: {differ} disagree")
    return 1 if differ else 0


def main(words: Sequence[str]) -> int:
    if words[:1] == ["again"]:
        return again(Path(words[1]))
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
