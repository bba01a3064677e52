"""A plan of one cluster as the plan of another: names and addresses in place of names and addresses.

What ``ovnswap plan -o md`` wrote is about nodes of its own cluster. To be tried elsewhere, its old and new node become
the nodes there that have their parts, and its other members the others, in order.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.addresses import host_of, is_ip
from harness.cluster import ClusterView
from harness.errors import BadInput
from harness.plan import Plan, Target
from harness.procedures import lookup
from harness.steps import Step, from_dict


def sizes(plan: Plan) -> int:
    """How many members there were before ``plan``."""
    addresses = _addresses(plan)
    before = set(addresses) - ({plan.new.address} if plan.new is not None else set())
    return len(before | ({plan.old.address} if plan.old is not None else set()))


def translate(plan: Plan, view: ClusterView, old: str, new: str) -> Plan:
    """``plan`` for the cluster in ``view``, in which ``old`` leaves and ``new`` comes in ("" for none).

    Raises :class:`BadInput` if that cluster has another size.
    """
    names: dict[str, str] = {}
    known: dict[str, str] = {}
    targets: list[Target | None] = []
    for target, name in ((plan.old, old), (plan.new, new)):
        if target is None:
            targets.append(None)
            continue
        node = lookup.node(view, name)
        targets.append(Target(node.name, node.address))
        names[target.node], known[target.address] = node.name, node.address
    theirs = [address for address in dict.fromkeys(_addresses(plan)) if address not in known]
    ours = [node.address for node in view.labelled() if node.name != old]
    if len(theirs) != len(ours):
        seen = f"the plan is for {len(theirs)} members beside its own node, the cluster has {len(ours)}"
        raise BadInput(seen, todo=f"--members {sizes(plan)}")
    known |= dict(zip(theirs, ours, strict=True))
    steps = tuple(_step(step.as_dict(), names, known) for step in plan.steps)
    return replace(plan, old=targets[0], new=targets[1], steps=steps)


def _addresses(plan: Plan) -> list[str]:
    """Every address in the plan's steps, in order."""
    found: list[str] = []
    for step in plan.steps:
        for value in step.as_dict().values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, str) and host_of(item) == item and is_ip(item):
                    found.append(item)
    return found


def _step(data: Mapping[str, Any], names: Mapping[str, str], known: Mapping[str, str]) -> Step:
    def swapped(value: Any) -> Any:
        if isinstance(value, list):
            return [swapped(item) for item in value]
        return names.get(value, known.get(value, value)) if isinstance(value, str) else value

    return from_dict({key: value if key == "step" else swapped(value) for key, value in data.items()})
