"""What a fault finds when it comes: how many servers run, and what the node that it befalls is then."""

from __future__ import annotations

from dataclasses import dataclass

from harness import health
from harness.cluster import DATABASES, ClusterView
from harness.search.targets import first_listed

LEADER, MEMBER, OUT = "leader", "member", "out"


@dataclass(frozen=True, slots=True)
class Moment:
    """``running``: members that ran in the database with the fewest. ``role`` of the node: LEADER of a database or of
    both, MEMBER of one that it does not lead, or OUT; "" where the fault befalls nobody's node. ``first``: it is first
    in NODE_IPS. ``over``: the last step was done already.
    """

    running: int
    role: str = ""
    first: bool = False
    over: bool = False


def moment(view: ClusterView, node: str, *, over: bool = False) -> Moment:
    """The moment of ``view`` for a fault that befalls ``node`` ("" for none)."""
    running = min(
        len(health.running_hosts(view, database) & set(health.member_hosts(view, database))) for database in DATABASES
    )
    return Moment(running, _role(view, node) if node else "", bool(node) and first_listed(view) == node, over)


def _role(view: ClusterView, node: str) -> str:
    told = [status for database in DATABASES for name, status in view.statuses(database) if name == node]
    if any(status.is_leader for status in told):
        return LEADER
    return MEMBER if any(status.is_member for status in told) else OUT
