"""The documentation's page, step for step and in its order, for any node.

Source: Kube-OVN documentation, "Replace ovn-central Node". Nothing is added: where the page does not look or wait,
neither does this. The page has no replacement: an operator who has only the page takes the old node out, then brings
the new one in, and that is what :func:`replace` is.
"""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView, Node
from harness.errors import BadInput, NothingToDo
from harness.plan import Plan
from harness.procedures import lookup
from harness.steps import (
    CENTRAL,
    CONTROLLER,
    CheckDirectory,
    CheckStatus,
    ConfirmKicked,
    DeletePods,
    Kick,
    Label,
    ListPods,
    RemoveDirectory,
    RolloutStatus,
    Scale,
    SetEnv,
    ShowStatus,
    Step,
    Unlabel,
)


def remove(view: ClusterView, name: str) -> Plan:
    """ "ovn-central Nodes Offline". Raises :class:`BadInput` if the node is unknown, :class:`NothingToDo` if
    it is neither in NODE_IPS nor a member."""
    node = lookup.node(view, name)
    before = lookup.node_ips(view)
    if node.address not in before and not lookup.is_member(view, node):
        raise NothingToDo(f"node {name} ({node.address}) is no ovn-central member", todo="ovnswap status")
    after = tuple(address for address in before if address != node.address)
    steps: list[Step] = [ListPods()]
    for database in DATABASES:
        steps += [ShowStatus(database), Kick(database, node.address), ConfirmKicked(database, node.address)]
    steps += [Unlabel(name, view.label[0]), Scale(CENTRAL, lookup.central(view).replicas - 1)]
    steps += _addresses(after)
    steps.append(RemoveDirectory(name, view.directory))
    return Plan(
        "documented", "remove", lookup.target(node), None, tuple(steps), order="as the page has it: kick, then scale"
    )


def add(view: ClusterView, name: str) -> Plan:
    """ "ovn-central Online". Raises :class:`BadInput` if the node is unknown, :class:`NothingToDo` if it is
    in NODE_IPS already."""
    node = _newcomer(view, name)
    replicas, before = lookup.central(view).replicas, lookup.node_ips(view)
    order = "as the page has it: scale, then NODE_IPS"
    return Plan("documented", "add", None, lookup.target(node), _online(view, node, before, replicas + 1), order)


def replace(view: ClusterView, old: str, new: str) -> Plan:
    """The page's removal of ``old``, then its addition of ``new``. Raises :class:`BadInput` as both do, and for one
    node."""
    if old == new:
        raise BadInput(f"{old} can't replace itself", todo="name another node with --with")
    first, node = remove(view, old), _newcomer(view, new)
    rest = tuple(address for address in lookup.node_ips(view) if address != first.target.address)
    steps = (*first.steps, *_online(view, node, rest, lookup.central(view).replicas))
    order = "the page has none: its removal of the old node, then its addition of the new one"
    return Plan("documented", "replace", first.old, lookup.target(node), steps, order)


def _newcomer(view: ClusterView, name: str) -> Node:
    node = lookup.node(view, name)
    if node.address in lookup.node_ips(view):
        raise NothingToDo(f"node {name} ({node.address}) is in NODE_IPS already", todo="ovnswap status")
    return node


def _online(view: ClusterView, node: Node, before: tuple[str, ...], replicas: int) -> tuple[Step, ...]:
    """The page's second procedure, where NODE_IPS is ``before``, up to so many replicas."""
    steps: list[Step] = [CheckDirectory(node.name, view.directory)]
    steps += [CheckStatus(database) for database in DATABASES]
    steps += [Label(node.name, *view.label), Scale(CENTRAL, replicas)]
    return (*steps, *_addresses((*before, node.address)))


def _addresses(addresses: tuple[str, ...]) -> list[Step]:
    """The page's second half, the same for both directions."""
    return [
        SetEnv("Deployment", CENTRAL, "NODE_IPS", addresses, restarts_members=True),
        RolloutStatus("Deployment", CENTRAL, restarts_members=True),
        SetEnv("DaemonSet", "ovs-ovn", "OVN_DB_IPS", addresses),
        DeletePods("ovs"),
        SetEnv("Deployment", CONTROLLER, "OVN_DB_IPS", addresses),
        RolloutStatus("Deployment", CONTROLLER),
    ]
