"""Finding nodes and address lists in a view, with one clear line for what is not there."""

from __future__ import annotations

import re

from harness import health
from harness.addresses import split_list
from harness.cluster import DATABASES, ClusterView, Node, Workload
from harness.errors import BadInput
from harness.plan import Target
from harness.steps import CENTRAL

_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


def node(view: ClusterView, name: str) -> Node:
    """The node called ``name``. Raises :class:`BadInput` for a name Kubernetes can't have, or that is not there."""
    if not _NAME.fullmatch(name):
        raise BadInput(f"{name!r} is no node name", why="lower-case letters, digits, - and .", todo="kubectl get nodes")
    found = view.node(name)
    if found is None:
        known = ", ".join(sorted(n.name for n in view.nodes)) or "none"
        raise BadInput(f"there is no node {name}", todo=f"choose from: {known}")
    return found


def target(found: Node) -> Target:
    return Target(found.name, found.address)


def central(view: ClusterView) -> Workload:
    """The ovn-central Deployment. Raises :class:`BadInput` if there is none."""
    found = view.workload(CENTRAL)
    if found is None:
        raise BadInput(f"there is no deployment/{CENTRAL} in namespace {view.namespace}", todo="name the namespace")
    return found


def node_ips(view: ClusterView) -> tuple[str, ...]:
    """NODE_IPS as the Deployment's template has it now, in order."""
    return split_list(central(view).env.get("NODE_IPS", ""))


def is_member(view: ClusterView, found: Node) -> bool:
    """Whether any database has a server at the node's address."""
    return any(found.address in health.member_hosts(view, database) for database in DATABASES)


def takes_part(view: ClusterView, found: Node) -> bool:
    """Whether a server runs on the node that raft counts as alive, in either database."""
    return any(found.address in health.live_hosts(view, database) for database in DATABASES)


def clients(view: ClusterView) -> tuple[Workload, ...]:
    """Every workload that carries OVN_DB_IPS: the page names two, there may be four (facts: kube-ovn 1.2)."""
    return tuple(workload for workload in view.workloads if "OVN_DB_IPS" in workload.env)
