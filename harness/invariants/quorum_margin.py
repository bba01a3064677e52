"""P1: a majority of each database's members is alive."""

from __future__ import annotations

from harness import health
from harness.cluster import DATABASES
from harness.forecast import Standing
from harness.invariants.base import EndState, Invariant


def check(end: EndState) -> list[str]:
    found = []
    for database in DATABASES:
        standing = Standing(health.member_hosts(end.view, database), health.live_hosts(end.view, database))
        if not standing.members or standing.margin < 0:
            live = sum(1 for host in standing.members if host in standing.live)
            found.append(f"{database}: {live} of {len(standing.members)} members live, {standing.needed} needed")
    return found


QUORUM_MARGIN = Invariant(
    "P1",
    "In each database at least a majority of the configured servers is alive and knows a leader.",
    "facts: kube-ovn 10, oracle (iv); testing C",
    check,
)
