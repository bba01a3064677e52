"""The objects that Kube-OVN ships, as far as a membership change touches them (facts: kube-ovn 1)."""

from __future__ import annotations

from collections.abc import Sequence

from fake_kube.cluster import OS_LABEL, Cluster
from fake_kube.objects import DaemonSetSpec, DeploymentSpec, ProbeSpec, Selector, Tolerance
from fake_kube.profile import KubeOvnProfile

MASTER_LABEL = ("kube-ovn/role", "master")
CENTRAL = "ovn-central"
CONTROLLER = "kube-ovn-controller"
IC_CONTROLLER = "ovn-ic-controller"
OVS = "ovs-ovn"
OVS_DPDK = "ovs-ovn-dpdk"
OVS_APP = "ovs"
DPDK_LABEL = ("ovn.kubernetes.io/ovs_dp_type", "userspace")
_LINUX = (OS_LABEL, ("linux",))


def install(
    cluster: Cluster,
    profile: KubeOvnProfile,
    nodes: Sequence[str],
    *,
    label: tuple[str, str] = MASTER_LABEL,
    placement: str | None = None,
    node_ips: str | None = None,
    extra_workloads: bool = False,
) -> None:
    """Label ``nodes`` (names or addresses of existing ones) and create the workloads.

    ``placement`` is ``"selector"`` or ``"affinity"`` (default: what the release's chart uses); with affinity and an
    empty label value the label only has to exist. ``node_ips`` is the value of NODE_IPS and OVN_DB_IPS (default: the
    nodes' addresses in the order given). ``extra_workloads`` adds what the documented procedure forgets:
    ovn-ic-controller (from 1.11 on) and ovs-ovn-dpdk. Raises KubeError for an unknown node, ValueError for an unknown
    placement.
    """
    if placement not in (None, "selector", "affinity"):
        raise ValueError(f"placement {placement!r} is neither 'selector' nor 'affinity'")
    affinity = profile.affinity if placement is None else placement == "affinity"
    names = [_node_name(cluster, node) for node in nodes]
    for name in names:
        cluster.label_node(name, *label)
    ips = ",".join(cluster.nodes[name].address for name in names) if node_ips is None else node_ips
    wanted = () if affinity and not label[1] else (label[1],)
    cluster.create_deployment(_central(profile, len(nodes), Selector((_LINUX, (label[0], wanted)), affinity), ips))
    cluster.create_daemonset(_ovs(profile, ips))
    cluster.create_deployment(_controller(CONTROLLER, len(nodes), ips))
    if extra_workloads:
        if profile.has_ic_controller:
            cluster.create_deployment(_controller(IC_CONTROLLER, 1, ips))
        cluster.create_daemonset(_dpdk(ips))


def _node_name(cluster: Cluster, node: str) -> str:
    return next((name for name, known in cluster.nodes.items() if known.address == node), node)


def _central(profile: KubeOvnProfile, replicas: int, selector: Selector, ips: str) -> DeploymentSpec:
    return DeploymentSpec(
        name=CENTRAL,
        app=CENTRAL,
        replicas=replicas,
        env={
            "ENABLE_SSL": "false",
            "NODE_IPS": ips,
            "ENABLE_BIND_LOCAL_IP": "true",
            "PROBE_INTERVAL": "180000",
            "OVN_NORTHD_PROBE_INTERVAL": "5000",
            "OVN_LEADER_PROBE_INTERVAL": "5",
            "OVN_NORTHD_N_THREADS": "1",
            "ENABLE_COMPACT": "false",
        },
        selector=selector,
        spread_hosts=True,
        max_surge=0,
        max_unavailable=1,
        readiness=profile.readiness,
        liveness=profile.liveness,
    )


def _ovs(profile: KubeOvnProfile, ips: str) -> DaemonSetSpec:
    return DaemonSetSpec(
        name=OVS,
        app=OVS_APP,
        env={"ENABLE_SSL": "false", "OVN_DB_IPS": ips},
        selector=Selector((_LINUX,)),
        strategy="RollingUpdate" if profile.ovs_surge else "OnDelete",
        max_surge=1 if profile.ovs_surge else 0,
        max_unavailable=0 if profile.ovs_surge else 1,
        readiness=ProbeSpec(period=5),
    )


def _controller(name: str, replicas: int, ips: str) -> DeploymentSpec:
    return DeploymentSpec(
        name=name,
        app=name,
        replicas=replicas,
        env={"ENABLE_SSL": "false", "OVN_DB_IPS": ips},
        selector=Selector((_LINUX,)),
        spread_hosts=True,
        tolerance=Tolerance.NO_SCHEDULE,
        max_surge="0%",
        max_unavailable="100%",
        readiness=ProbeSpec(period=3),
    )


def _dpdk(ips: str) -> DaemonSetSpec:
    """Runs only on nodes labelled for DPDK; stays OnDelete in every release."""
    return DaemonSetSpec(
        name=OVS_DPDK,
        app=OVS_APP,
        env={"ENABLE_SSL": "false", "OVN_DB_IPS": ips},
        selector=Selector((_LINUX, (DPDK_LABEL[0], (DPDK_LABEL[1],)))),
        strategy="OnDelete",
        readiness=ProbeSpec(period=5),
    )
