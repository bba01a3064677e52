"""S15: a database has one cluster id."""

from __future__ import annotations

from harness.cluster import DATABASES
from harness.invariants.base import EndState, Invariant


def check(end: EndState) -> list[str]:
    found = []
    for database in DATABASES:
        ids = sorted({status.cluster_id for _, status in end.view.statuses(database) if status.cluster_id is not None})
        if len(ids) > 1:
            found.append(f"{database} has {len(ids)} cluster ids: {', '.join(ids)}")
    return found


ONE_CLUSTER_ID = Invariant(
    "S15",
    "All servers of a database that have joined have the same cluster id.",
    "ovsdb(7) on clustered databases; facts: kube-ovn 10, oracle (i)",
    check,
)
