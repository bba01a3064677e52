"""``make judge-page``: documented and guarded procedures with every single fault; writes docs/page-judged.md and .json.

Arguments: RUNS, at most so many faults for each procedure (0: all), JOBS (0: one for each processor), and sizes
(3, 5; all if none). Without arguments the page is only written anew from what was kept.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from harness.procedures.wanted import Wanted  # noqa: E402
from harness.report.page_judged import page, row  # noqa: E402
from harness.search import campaign, places, shrink, trial  # noqa: E402
from harness.search.case import Case  # noqa: E402
from harness.search.control import Controls  # noqa: E402
from harness.search.tally import Tally  # noqa: E402
from harness.search.troubles import TROUBLES  # noqa: E402
from harness.spec import ClusterSpec  # noqa: E402

KEPT = ROOT / "docs" / "page-judged.json"
PAGE = ROOT / "docs" / "page-judged.md"
PACE = 15.0
NAME = "kube-ovn-control-plane"
STORIES, SHRINK_RUNS = 6, 12


def asked() -> list[Case]:
    """Each procedure on 3 and on 5 nodes; nodes are counted with the one that leaves or comes in."""
    found = []
    for nodes in (3, 5):
        whole, smaller = ClusterSpec(members=nodes, spares=1), ClusterSpec(members=nodes - 1, spares=1)
        last, spare = f"{NAME}{nodes}", f"{NAME}{nodes + 1}"
        found += [Case(Wanted(name, "remove", last), whole, pace=PACE) for name in ("documented", "guarded")]
        found += [Case(Wanted(name, "add", last), smaller, pace=PACE) for name in ("documented", "guarded")]
        found += [Case(Wanted(name, "replace", last, spare), whole, pace=PACE) for name in ("documented", "guarded")]
    return found


def judged(case: Case, most: int, jobs: int) -> dict[str, object]:
    cases = places.spread(list(places.single_faults(case, places.survey(case), tuple(TROUBLES.values()))))
    tried = cases[:most] if most else cases
    tally, controls, began = Tally(), Controls(), time.monotonic()
    for summary in campaign.run(tried, jobs) if most else campaign.run_shared(tried, jobs):
        tally.add(controls.judged(summary))
    for failing in tally.failing[:STORIES]:
        failing.shortest = shrink.shrink(failing.shortest, runs=SHRINK_RUNS).summary
    partial = f"a sample of {most}" if len(tried) < len(cases) else ""
    found = row(trial.run(case, tell=True), tally, len(cases), partial)
    words = f"{found['procedure']} {found['subject']}: {found['survived']} of {found['counted']}"
    print(f"{words}, {tally.runs} runs in {time.monotonic() - began:.0f} s", flush=True)
    return found


def keep(found: dict[str, object]) -> None:
    """Put a row in the place of the one that was there, so that other sizes may be judged at the same time."""
    with FileLock(KEPT.with_suffix(".lock")):
        data = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"rows": []}
        rows = {key(one): one for one in data["rows"]} | {key(found): found}
        order = [key(row_of(case)) for case in asked()]
        when = f"last done on {datetime.now(UTC).date().isoformat()}, with {len(TROUBLES)} kinds of faults."
        kept = {"when": when, "pace": PACE, "rows": [rows[one] for one in order if one in rows]}
        KEPT.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    KEPT.with_suffix(".lock").unlink(missing_ok=True)


def key(one: Mapping[str, object]) -> tuple[object, ...]:
    return one["procedure"], one["verb"], one["nodes"]


def row_of(case: Case) -> dict[str, object]:
    wanted = case.wanted
    return {"procedure": wanted.procedure, "verb": wanted.verb, "nodes": case.spec.members + (wanted.verb == "add")}


def main(arguments: list[str]) -> int:
    if arguments:
        most, jobs, *sizes = map(int, arguments)
        for case in asked():
            if not sizes or row_of(case)["nodes"] in sizes:
                keep(judged(case, most, jobs or os.cpu_count() or 1))
    PAGE.write_text(page(json.loads(KEPT.read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
