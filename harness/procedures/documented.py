"""The documentation's page, step for step and in its order, for any node.

Source: Kube-OVN documentation, "Replace ovn-central Node". Nothing is added: where the page does not look or wait,
neither does this.
"""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView
from harness.errors import BadInput
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
    """ "ovn-central Nodes Offline". Raises :class:`BadInput` if the node is unknown or not listed in NODE_IPS."""
    node = lookup.node(view, name)
    before = lookup.node_ips(view)
    if node.address not in before and not lookup.is_member(view, node):
        raise BadInput(f"node {name} ({node.address}) is no ovn-central member", todo="ovnswap status")
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
    """ "ovn-central Online". Raises :class:`BadInput` if the node is unknown or listed in NODE_IPS already."""
    node = lookup.node(view, name)
    before = lookup.node_ips(view)
    if node.address in before:
        raise BadInput(f"node {name} ({node.address}) is in NODE_IPS already", todo="ovnswap status")
    steps: list[Step] = [CheckDirectory(name, view.directory)]
    steps += [CheckStatus(database) for database in DATABASES]
    steps += [Label(name, *view.label), Scale(CENTRAL, lookup.central(view).replicas + 1)]
    steps += _addresses((*before, node.address))
    return Plan(
        "documented", "add", None, lookup.target(node), tuple(steps), order="as the page has it: scale, then NODE_IPS"
    )


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
