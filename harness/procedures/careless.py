"""Procedures that nobody should follow: for rehearsals, to see what the search finds and what a gate would stop.

The documented commands in hands that also kick whoever is silent, and do not ask why.
"""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView
from harness.errors import BadInput
from harness.plan import Plan
from harness.procedures import lookup
from harness.steps import ConfirmKicked, Kick, ShowStatus, Step
from harness.steps.careless import KickSilent


def kick(view: ClusterView, name: str) -> Plan:
    """Only the membership changes of the documented removal, for a cluster that is then left as it is.

    Raises :class:`BadInput` if the node is unknown or no member.
    """
    node = lookup.node(view, name)
    if not lookup.is_member(view, node):
        raise BadInput(f"node {name} ({node.address}) is no ovn-central member", todo="ovnswap status")
    steps: list[Step] = []
    for database in DATABASES:
        steps += [ShowStatus(database), Kick(database, node.address), KickSilent(database)]
    steps += [ConfirmKicked(database, node.address) for database in DATABASES]
    return Plan("careless", "kick", lookup.target(node), None, tuple(steps), order="as the page has it, and the silent")
