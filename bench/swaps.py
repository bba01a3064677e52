"""What a swap in the simulator costs: ``python bench/swaps.py [RUNS [DIRECTORY]]`` (runs for each figure, default 5).

Milliseconds of CPU from the plan to the end of its last step, on a cluster that was made before, without and with the
client that writes a row a second; how much cluster time that was, and cluster seconds for one second of CPU (without
the client). The best of all runs, as the machine may have other things to do. DIRECTORY holds a fake_raft compiled by
bench/compile.py.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
if __name__ == "__main__" and len(sys.argv) > 2:
    sys.path.insert(0, sys.argv[2])

from harness.cluster import ClusterView
from harness.executors.simulated import SimulatedExecutor
from harness.journal import MemoryJournal
from harness.plan import Plan
from harness.procedures import guarded
from harness.runner import Progress, Runner
from harness.spec import ClusterSpec

SWAPS: dict[str, Callable[[ClusterView, str, str], Plan]] = {
    "remove": lambda view, old, _spare: guarded.remove(view, old),
    "add": lambda view, _old, spare: guarded.add(view, spare),
    "replace": guarded.replace,
}


def prepared(members: int, kind: str, *, client: bool) -> tuple[SimulatedExecutor, Callable[[], object]]:
    """A cluster, perhaps with a client that writes, and what makes and runs the plan of a guarded swap."""
    executor = SimulatedExecutor(ClusterSpec(members=members, spares=kind != "remove"))
    view = executor.view()
    old, spare = view.labelled()[-1].name, view.nodes[-1].name
    if client:
        executor.client().start()

    def run() -> object:
        return Runner(executor, SWAPS[kind](view, old, spare), journal=MemoryJournal(), watch=silent).run()

    return executor, run


def swap(members: int, kind: str, *, client: bool) -> tuple[float, float]:
    """(milliseconds of CPU, cluster seconds) of one guarded swap."""
    executor, run = prepared(members, kind, client=client)
    began, cpu = executor.now(), time.process_time()
    run()
    took = (time.process_time() - cpu) * 1000, executor.now() - began
    executor.close()
    return took


def silent(_progress: Progress) -> None:
    return


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    print(f"{'guarded':<10}{'nodes':>6}{'CPU':>10}{'with client':>14}{'cluster time':>15}{'s/s':>9}")
    for kind in SWAPS:
        for members in (3, 5):
            alone, together = ([swap(members, kind, client=client) for _ in range(runs)] for client in (False, True))
            cpu, with_client = (min(ms for ms, _ in runs_) for runs_ in (alone, together))
            lasted = alone[0][1]
            speed = lasted / cpu * 1000
            print(f"{kind:<10}{members:>6}{cpu:>7.0f} ms{with_client:>11.0f} ms{lasted:>13.0f} s{speed:>9,.0f}")


if __name__ == "__main__":
    main()
