"""L1: once nothing disturbs any more, each database has one leader whom all follow, and clients go on."""

from __future__ import annotations

from collections.abc import Iterable

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.base import EndState, Grade, Property

RESUMES = 60.0
"""Cluster seconds from the end of faults until a client's write must have been acknowledged: a client tries again every
half second, northd within its longest pause of 8 s, and an election takes at most two timeouts."""


class Converged(Property):
    """When faults ended is :attr:`World.disturbed`: a client that stopped writing earlier is not asked about."""

    id = "L1"
    statement = (
        "Once faults have stopped each database has one leader, every member follows it with the same log, and a "
    )
    statement += "client's writes are acknowledged again."
    source = "TigerBeetle VOPR (liveness on a core); facts: kube-ovn 10, oracle (iii); testing C"
    grade = Grade.ORDER

    def at_end(self, end: EndState) -> Iterable[str]:
        found = [text for database in DATABASES for text in _wrong(end.view, database)]
        return [*found, *self._silent(end)]

    def _silent(self, end: EndState) -> list[str]:
        calm, history = self.world.disturbed, end.history
        if history is None or calm < 0 or history.stopped - max(calm, history.started) < RESUMES:
            return []
        found = []
        for database in DATABASES:
            times = [w.acknowledged for w in history.writes if w.database is database and w.acknowledged is not None]
            if max(times, default=-1.0) < calm:
                waited = history.stopped - calm
                found.append(f"{database} acknowledged nothing in the {waited:.0f} s after the last fault")
        return found


def _wrong(view: ClusterView, database: Database) -> list[str]:
    leaders = view.leaders(database)
    if len(leaders) != 1:
        claims = ", ".join(f"{node} in term {status.term}" for node, status in leaders) or "nobody"
        return [f"{database} is led by {claims}"]
    leader = leaders[0][1]
    found = []
    for node, status in view.statuses(database):
        if status.is_member and not status.is_leader and status.leader != leader.nickname:
            found.append(f"{database} server on {node} follows {status.leader}, not {leader.nickname}")
        elif status.is_member and leader.log_end - status.log_end > health.LAG:
            found.append(f"{database} server on {node} is {leader.log_end - status.log_end} entries behind")
    return found
