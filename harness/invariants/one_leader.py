"""End state of S1: exactly one server leads each database, and the others follow it."""

from __future__ import annotations

from harness.cluster import DATABASES
from harness.invariants.base import EndState, Invariant


def check(end: EndState) -> list[str]:
    found = []
    for database in DATABASES:
        leaders = end.view.leaders(database)
        if len(leaders) != 1:
            claims = ", ".join(f"{node} in term {status.term}" for node, status in leaders) or "nobody"
            found.append(f"{database} is led by {claims}")
            continue
        nickname = leaders[0][1].nickname
        for node, status in end.view.statuses(database):
            if status.is_member and not status.is_leader and status.leader != nickname:
                found.append(f"{database} server on {node} follows {status.leader}, not {nickname}")
    return found


ONE_LEADER = Invariant(
    "L1",
    "Once faults have stopped each database has exactly one leader and every member follows it.",
    "facts: kube-ovn 10, oracle (iii); testing C",
    check,
)
