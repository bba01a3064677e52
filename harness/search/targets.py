"""Who a fault befalls: a node by its name, or by its role at that instant."""

from __future__ import annotations

from harness.addresses import host_of, split_list
from harness.cluster import DATABASES, ClusterView, Database
from harness.steps import CENTRAL

ROLES = (
    *(f"{database}-{role}" for database in DATABASES for role in ("leader", "follower")),
    *("leaver", "newcomer", "first"),
)
"""What may stand for a node: ``first`` is the first node of NODE_IPS, a follower is the first one that is neither
leaver nor newcomer, if there is one."""


def resolve(target: str, view: ClusterView, *, leaver: str = "", newcomer: str = "") -> str:
    """The name of the node that ``target`` means now; "" if nobody has that role. A node's name is its own."""
    if target not in ROLES or view.node(target) is not None:
        return target
    if target == "first":
        return first_listed(view)
    if target in ("leaver", "newcomer"):
        return leaver if target == "leaver" else newcomer
    database, _, role = target.partition("-")
    return (
        _leader(view, Database(database))
        if role == "leader"
        else _follower(view, Database(database), (leaver, newcomer))
    )


def first_listed(view: ClusterView) -> str:
    """The node that may found a cluster: the first of NODE_IPS."""
    central = view.workload(CENTRAL)
    listed = split_list(central.env.get("NODE_IPS", "")) if central is not None else ()
    node = view.node_at(host_of(listed[0])) if listed else None
    return node.name if node is not None else ""


def other_end(node: str, view: ClusterView) -> str:
    """Whom a bridge separates from ``node``: nb's leader, or if that is itself, the first other member; "" for
    nobody."""
    leader = _leader(view, Database.NB)
    if leader and leader != node:
        return leader
    others = (name for name, status in view.statuses(Database.NB) if status.is_member and name != node)
    return next(others, "")


def _leader(view: ClusterView, database: Database) -> str:
    pair = view.leader(database)
    return pair[0] if pair is not None else ""


def _follower(view: ClusterView, database: Database, about: tuple[str, str]) -> str:
    leader = _leader(view, database)
    found = [name for name, status in view.statuses(database) if status.is_member and name != leader]
    return next((name for name in found if name not in about), found[0] if found else "")
