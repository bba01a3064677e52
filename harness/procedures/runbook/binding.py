"""The runbook's names, addresses and ids, bound to the cluster at hand.

A page is written for an example: its node is the one that is asked for, its other addresses are the other members in
their order, and an id is the address that the page's own status shows for it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.addresses import host_of, is_ip, split_list
from harness.cluster import ClusterView, Database, Node
from harness.procedures.runbook.commands import Call

_POD = re.compile(r"ovn-central-\S+ +\d+/\d+ .*? ((?:\d+\.){3}\d+|[0-9a-f:]*:[0-9a-f:]+) +(\S+)")
_SERVER = re.compile(r"([0-9a-f]{4}) \([0-9a-f]{4} at (\S+?:\[?[0-9a-f.:]+\]?:\d+)\)")
_PLACEHOLDER = re.compile(r"<[^<>]*>")


def is_placeholder(text: str) -> bool:
    return _PLACEHOLDER.fullmatch(text) is not None


@dataclass(slots=True)
class Example:
    """What the file tells of its own cluster: addresses by node, and by the ids that each database's status shows."""

    nodes: dict[str, str] = field(default_factory=dict)
    ids: dict[tuple[Database, str], str] = field(default_factory=dict)
    members: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, calls: Sequence[Call]) -> Example:
        found = cls()
        for call in calls:
            for text in call.output:
                if pod := _POD.match(text):
                    found.nodes[pod[2]] = pod[1]
                    found._member(pod[1])
                elif server := _SERVER.match(text):
                    database = Database(call["db"]) if call.verb == "status" else None
                    if database is not None:
                        found.ids[database, server[1]] = host_of(server[2])
            if call.verb == "env":
                for address in split_list(call["value"]):
                    found._member(address)
        return found

    def _member(self, address: str) -> None:
        if is_ip(address) and address not in self.members:
            self.members.append(address)


class Unbound(Exception):
    """Something in a command that can't be bound; the words say what was expected."""


@dataclass(frozen=True, slots=True)
class Binding:
    """``own`` is the runbook's name for its node ("" for a placeholder), ``own_address`` that node's address there."""

    view: ClusterView
    node: Node
    own: str
    own_address: str
    example: Example
    listed: tuple[str, ...]
    """NODE_IPS of the cluster at hand."""

    def name(self, text: str) -> str:
        """A node's name."""
        if is_placeholder(text) or text in (self.own, self.node.name):
            return self.node.name
        address = self.example.nodes.get(text)
        node = self.view.node_at(self.address(address)) if address is not None else self.view.node(text)
        if node is None:
            known = ", ".join(sorted(n.name for n in self.view.nodes))
            raise Unbound(f"a node of the cluster ({known}) instead of {text}")
        return node.name

    def pod_node(self, text: str) -> str:
        """The node of an ovn-central pod."""
        if is_placeholder(text):
            return self.node.name
        pod = next((pod for pod in self.view.pods_of("ovn-central") if pod.name == text), None)
        if pod is None or pod.node is None:
            raise Unbound(f"an ovn-central pod of the cluster, or <POD>, instead of {text}")
        return pod.node

    def address(self, text: str) -> str:
        """One address."""
        host = host_of(text)
        if is_placeholder(text) or (self.own_address and host == self.own_address):
            return self.node.address
        if self._literal and self.view.node_at(host) is not None:
            return host
        theirs, ours = self._others()
        if not self._literal and host in theirs and theirs.index(host) < len(ours):
            return ours[theirs.index(host)]
        raise Unbound(f"an address of the cluster instead of {text}")

    def addresses(self, value: str, joins: bool) -> tuple[str, ...]:
        """A list; if it has all the example's other members, then all of the cluster's."""
        items = split_list(value)
        if any(is_placeholder(item) for item in items):
            others = self._others()[1]
            return (*others, self.node.address) if joins else others
        if re.search(r"\s", value):  # the start script would not find its own address (facts: kube-ovn 10, 27)
            raise Unbound("addresses with commas and no blanks between them")
        if not items or not all(is_ip(host_of(item)) for item in items):
            raise Unbound("addresses with commas between them")
        bound = [self.address(item) for item in items]
        theirs, ours = self._others()
        if not self._literal and set(theirs) <= set(items):
            last = max(bound.index(address) for address in bound if address in ours) + 1
            bound[last:last] = [address for address in ours if address not in bound]
        return tuple(bound)

    def server(self, database: Database, text: str) -> str:
        """The address of the server that ``kick`` names."""
        if is_placeholder(text):
            return self.node.address
        if is_ip(host_of(text)) and ("." in text or ":" in text):
            return self.address(text)
        digits = text.lower()[:4]
        if (database, digits) in self.example.ids:
            return self.address(self.example.ids[database, digits])
        for _, status in self.view.statuses(database):
            for entry in status.servers:
                if entry.sid4 == digits:
                    return host_of(entry.address)
        other = Database.SB if database is Database.NB else Database.NB
        if (other, digits) in self.example.ids:
            raise Unbound(f"an id of {database}: {text} is one of {other}")
        raise Unbound(f"an id that the {database} status shows, or <ID>, instead of {text}")

    @property
    def _literal(self) -> bool:
        """Whether it is written for the cluster at hand: what it leaves out is left out."""
        return self.own in ("", self.node.name) and self.own_address in ("", self.node.address)

    def _others(self) -> tuple[list[str], tuple[str, ...]]:
        """(the example's other members, the cluster's), in order."""
        theirs = [address for address in self.example.members if address != self.own_address]
        return theirs, tuple(address for address in self.listed if address != self.node.address)
