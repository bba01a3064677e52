"""What cluster a backend that makes its own clusters is asked to make."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.cluster import Database, Versions

FIRST_ADDRESS_OCTET = 3
"""Nodes get .3, .4, .5 ... as in the documentation's example cluster."""


EXAMPLE_VERSIONS = Versions(kubernetes=(1, 20), kube_ovn="v1.13.15", ovs="3.1")
"""The last Kube-OVN without saved raft headers, on the Kubernetes that was measured, with Debian 12's OVS."""


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """A member's database file that a simulation begins with. ``digest`` (SHA-256) says that it is still the same."""

    database: Database
    path: Path
    digest: str


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A Kube-OVN cluster with ``members`` ovn-central nodes and ``spares`` nodes without the label.

    Nodes are called ``kube-ovn-control-plane``, ``kube-ovn-control-plane2``, ...; spares come last.
    ``election_timer_ms`` is raft's T in cluster milliseconds (Kube-OVN patches it to 5000); a scaled backend shortens
    it with everything else. ``placement`` is ``selector`` or ``affinity``. ``time_scale`` is real seconds for one
    cluster second (``ovsdb`` only).
    ``extra_workloads`` adds ovn-ic-controller and ovs-ovn-dpdk, which also carry OVN_DB_IPS.

    A twin of somebody's cluster has ``nodes``: (name, address), members first and in the order of NODE_IPS; backends
    that can't choose addresses use the names only. ``down`` are nodes that have no power from the beginning. With
    ``files`` every member begins with its file, or with a copy of another member's if there is none of its own
    (``sim`` only).
    """

    members: int = 3
    spares: int = 0
    versions: Versions = EXAMPLE_VERSIONS
    election_timer_ms: int = 5000
    placement: str = "selector"
    time_scale: float = 0.1
    extra_workloads: bool = False
    nodes: tuple[tuple[str, str], ...] = ()
    down: tuple[str, ...] = ()
    files: tuple[DatabaseFile, ...] = ()

    def node_names(self) -> tuple[str, ...]:
        if self.nodes:
            return tuple(name for name, _ in self.nodes)
        count = self.members + self.spares
        return tuple("kube-ovn-control-plane" + (str(i) if i > 1 else "") for i in range(1, count + 1))

    def addresses(self) -> tuple[str, ...]:
        """Of the nodes, in their order, where a backend can choose them."""
        if self.nodes:
            return tuple(address for _, address in self.nodes)
        return tuple(f"172.18.0.{FIRST_ADDRESS_OCTET + index}" for index in range(self.members + self.spares))

    def address(self, node: str) -> str:
        """Where ``node`` is. Raises ValueError if there is no such node."""
        return self.addresses()[self.node_names().index(node)]
