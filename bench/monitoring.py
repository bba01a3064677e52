"""What it costs to be judged: ``python bench/monitoring.py [RUNS]`` (runs for each figure, default 7).

Milliseconds of CPU of one rehearsal without a fault in the simulator, from the cluster's beginning to its verdict: when
nobody looks on the way, with the chronicle of what servers write and the margins at each look, and with all properties.
The best of all runs, in turn, as the machine may have other things to do.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from harness.cluster import ClusterView
from harness.invariants import CATALOGUE
from harness.invariants.worst_margin import WorstMargin
from harness.procedures.wanted import Wanted
from harness.search import judge, trial
from harness.search.case import Case
from harness.spec import ClusterSpec
from harness.witness import Witness

WANTED = {
    "remove": Wanted("guarded", "remove", "kube-ovn-control-plane3"),
    "add": Wanted("guarded", "add", "kube-ovn-control-plane{spare}"),
    "replace": Wanted("guarded", "replace", "kube-ovn-control-plane3", "kube-ovn-control-plane{spare}"),
}


SEED = 1


class Blind(Witness):
    """Sees nothing until the end."""

    def look(self, view: ClusterView) -> None:
        return

    def catch_up(self) -> None:
        return


@contextmanager
def judged_by(witness: type[Witness], properties: Sequence[type[Any]]) -> Iterator[None]:
    usual = judge.Witness, judge.CATALOGUE
    judge.Witness, judge.CATALOGUE = witness, tuple(properties)  # type: ignore[misc]
    try:
        yield
    finally:
        judge.Witness, judge.CATALOGUE = usual  # type: ignore[misc]


WAYS: dict[str, tuple[type[Witness], Sequence[type[Any]]]] = {
    "nobody": (Blind, [WorstMargin]),
    "chronicle": (Witness, [WorstMargin]),
    "all": (Witness, CATALOGUE),
}


def rehearsal(kind: str, members: int) -> Callable[[], float]:
    wanted = WANTED[kind]
    at = str(members + 1)
    named = Wanted(wanted.procedure, wanted.verb, wanted.node.format(spare=at), wanted.spare.format(spare=at))
    case = Case(named, ClusterSpec(members=members, spares=kind != "remove"), seed=SEED)

    def run() -> float:
        began = time.process_time()
        trial.run(case)
        return (time.process_time() - began) * 1000

    return run


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(f"{'guarded':<10}{'nodes':>6}{'nobody':>11}{'chronicle':>12}{'':>7}{'all':>11}{'':>7}")
    for kind in WANTED:
        for members in (3, 5):
            run = rehearsal(kind, members)
            took: dict[str, list[float]] = {way: [] for way in WAYS}
            for _ in range(runs):
                for way, (witness, properties) in WAYS.items():
                    with judged_by(witness, properties):
                        took[way].append(run())
            best = {way: min(found) for way, found in took.items()}
            more = {way: f"{100 * (ms / best['nobody'] - 1):+.0f} %" for way, ms in best.items()}
            figures = f"{best['chronicle']:>9.0f} ms{more['chronicle']:>7}{best['all']:>8.0f} ms{more['all']:>7}"
            print(f"{kind:<10}{members:>6}{best['nobody']:>8.0f} ms{figures}", flush=True)


if __name__ == "__main__":
    main()
