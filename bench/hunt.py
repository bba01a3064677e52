"""Hunt for lost writes in a window of four members, shrink what is found, and with ``--backend ovsdb`` run it on real
servers and check their files: ``python bench/hunt.py [--backend ovsdb] [--leaver NODE] [--runs N] [--jobs N]``.

Exit code 1 if something was found that should not be: nothing in the careless window, or something in the guarded one.
"""

from __future__ import annotations

import argparse
import sys

from harness.search import hunt
from harness.search.explore import Budget


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend", choices=("sim", "ovsdb"), default="sim")
    parser.add_argument("--leaver", default="kube-ovn-control-plane3")
    parser.add_argument("--runs", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=1)
    given = parser.parse_args()
    found = hunt.hunt(hunt.careless(given.leaver), Budget(runs=given.runs), jobs=given.jobs)
    print(f"careless: {found.runs} runs, {found.cpu:.1f} s of CPU, {found.states} abstract states", flush=True)
    if found.summary is None:
        print("nothing was found")
        return 1
    small = hunt.smallest(found.summary)
    print(f"found: {found.summary.reasons[0]}\nshrunk in {small.runs} runs to: {' '.join(map(str, small.case.hits))}")
    print(f"tape: {small.case.source}")
    print("\n".join(f"{at:8.1f} s  {words}" for at, words, *_ in small.summary.story), flush=True)
    if given.backend == "ovsdb":
        for attempt in range(1, 9):
            told = hunt.on_real_servers(hunt.slowed(small.case))
            words = [f"{database}: {text}" for database, text in told.items()] or ["the files are consistent"]
            print(f"real servers, attempt {attempt}: {'; '.join(words)}", flush=True)
            if told:
                break
    guarded = hunt.hunt(hunt.guarded(given.leaver), Budget(runs=min(given.runs, 200)), jobs=given.jobs)
    print(f"guarded: {guarded.runs} runs, {'nothing' if guarded.summary is None else guarded.summary.reasons[0]} found")
    return int(guarded.summary is not None)


if __name__ == "__main__":
    sys.exit(main())
