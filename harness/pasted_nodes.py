"""What a pasted ``kubectl get node -o wide`` tells: nodes without ovn-central, their state, labels and releases."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.addresses import is_ip
from harness.cluster import Node
from harness.errors import BadInput

COMMAND = "kubectl get node -o wide --show-labels"
_LINE = re.compile(
    r"(?P<name>[a-z0-9][-a-z0-9.]*)\s+(?P<status>(?:Ready|NotReady|Unknown)(?:,\S+)?)\s+(?P<roles>\S+)\s+(?P<age>\S+)\s+"
    r"v(?P<major>[0-9]{1,3})\.(?P<minor>[0-9]{1,3})\S*\s+(?P<ip>\S+)(?P<rest>\s.*)?",
    re.ASCII,
)
_STATUS = re.compile(r"\S+\s+(Ready|NotReady|Unknown)\b")


@dataclass(frozen=True, slots=True)
class Listed:
    """One line: the node, whether its labels are known, and its kubelet's Kubernetes release."""

    node: Node
    labels_known: bool
    kubernetes: tuple[int, int]


def listed_nodes(text: str) -> tuple[Listed, ...]:
    """The nodes of the listing, in its order; headers, prompts and other lines are passed over.

    Raises :class:`BadInput` for a node's line that is too short, a node or an address that is there twice, or none.
    """
    found: dict[str, Listed] = {}
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.replace("\u00a0", " ").strip()
        if _STATUS.match(line) is None:
            continue
        one = _listed(line, number)
        if one.node.name in found or any(one.node.address == other.node.address for other in found.values()):
            seen = f"the node listing, line {number}: {one.node.name} with {one.node.address} is listed twice"
            raise BadInput(seen, todo="paste one listing")
        found[one.node.name] = one
    if not found:
        raise BadInput("the node listing has no node", todo=f"paste what this prints: {COMMAND}")
    return tuple(found.values())


def _listed(line: str, number: int) -> Listed:
    found = _LINE.fullmatch(line)
    if found is None or not is_ip(found["ip"]):
        seen = f"the node listing, line {number}: {line!r} is no line with NAME STATUS ROLES AGE VERSION INTERNAL-IP"
        raise BadInput(seen, todo=f"paste what this prints: {COMMAND}")
    labels = _labels(found["rest"] or "")
    states = found["status"].split(",")
    node = Node(found["name"], found["ip"], labels or {}, states[0] == "Ready", "SchedulingDisabled" in states)
    return Listed(node, labels is not None, (int(found["major"]), int(found["minor"])))


def _labels(rest: str) -> dict[str, str] | None:
    """The LABELS column, which is the last one and has ``=`` in it, or None if it was not asked for."""
    last = rest.rsplit(maxsplit=1)[-1] if rest.split() else ""
    if "=" not in last:
        return None
    return {key: value for key, _, value in (item.partition("=") for item in last.split(","))}
