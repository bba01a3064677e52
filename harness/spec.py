"""What cluster a backend that makes its own clusters is asked to make."""

from __future__ import annotations

from dataclasses import dataclass

from harness.cluster import Versions

FIRST_ADDRESS_OCTET = 3
"""Nodes get .3, .4, .5 ... as in the documentation's example cluster."""


EXAMPLE_VERSIONS = Versions(kubernetes=(1, 20), kube_ovn="v1.13.15", ovs="3.1")
"""The last Kube-OVN without saved raft headers, on the Kubernetes that was measured, with Debian 12's OVS."""


@dataclass(frozen=True, slots=True)
class ClusterSpec:
    """A Kube-OVN cluster with ``members`` ovn-central nodes and ``spares`` nodes without the label.

    Nodes are called ``kube-ovn-control-plane``, ``kube-ovn-control-plane2``, ...; spares come last.
    ``election_timer_ms`` is raft's T in cluster milliseconds (Kube-OVN patches it to 5000); a scaled backend shortens
    it with everything else. ``placement`` is ``selector`` or ``affinity``. ``time_scale`` is real seconds for one
    cluster second (``ovsdb`` only).
    ``extra_workloads`` adds ovn-ic-controller and ovs-ovn-dpdk, which also carry OVN_DB_IPS.
    """

    members: int = 3
    spares: int = 0
    versions: Versions = EXAMPLE_VERSIONS
    election_timer_ms: int = 5000
    placement: str = "selector"
    time_scale: float = 0.1
    extra_workloads: bool = False

    def node_names(self) -> tuple[str, ...]:
        count = self.members + self.spares
        return tuple("kube-ovn-control-plane" + (str(i) if i > 1 else "") for i in range(1, count + 1))

    def address(self, node: str) -> str:
        """Where ``node`` is. Raises ValueError if there is no such node."""
        return f"172.18.0.{FIRST_ADDRESS_OCTET + self.node_names().index(node)}"
