"""Profiles, shipped objects, health check, leader checker, host directories (facts: kube-ovn 1, 2, 3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from kube_support import LABEL, Lab

from fake_kube.healthcheck import HealthFacts, central_healthy
from fake_kube.hostpath import HostDirectory
from fake_kube.kube_ovn import install
from fake_kube.leader_checker import Hooks, LeaderChecker, LeaderFlags, Peers
from fake_kube.objects import DaemonSetSpec, DeploymentSpec, KubeError, Pod, container_env, resolve
from fake_kube.profile import DuplicateLeader, ScriptGeneration, kube_ovn_profile, kubernetes_profile

# -- profiles --------------------------------------------------------------------------------------------------------

N, H, L = ScriptGeneration.NO_HEADER, ScriptGeneration.HEADER, ScriptGeneration.LIVE_CID


@pytest.mark.parametrize(
    ("release", "generation"),
    [
        *[("v1.10.10", N), ("v1.13.15", N), ("v1.14.24", N), ("v1.14.25", H), ("v1.14.41", H), ("v1.15.0", H)],
        *[("v1.15.20", H), ("v1.15.21", L), ("v1.15.24", L), ("v1.16.0", H), ("v1.16.2", H), ("v1.16.3", L)],
        *[("1.16.6", L), ("master", L)],
    ],
)
def test_script_generation_by_release(release: str, generation: ScriptGeneration) -> None:
    assert kube_ovn_profile(release).generation is generation


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        *[("v1.14.20", DuplicateLeader.IGNORED), ("v1.14.21", DuplicateLeader.AT_ONCE)],
        *[("v1.15.0", DuplicateLeader.AT_ONCE), ("v1.15.21", DuplicateLeader.AT_ONCE)],
        *[("v1.15.22", DuplicateLeader.THREE_STRIKES), ("v1.16.2", DuplicateLeader.AT_ONCE)],
        *[("v1.16.3", DuplicateLeader.THREE_STRIKES), ("master", DuplicateLeader.THREE_STRIKES)],
    ],
)
def test_duplicate_leader_by_release(release: str, expected: DuplicateLeader) -> None:
    assert kube_ovn_profile(release).duplicate_leader is expected


def test_integrity_check_is_in_four_releases_only() -> None:
    tags = [f"v1.15.{n}" for n in range(25)] + [f"v1.16.{n}" for n in range(4)] + ["v1.14.41", "master"]
    assert [tag for tag in tags if kube_ovn_profile(tag).integrity_check] == [
        *["v1.15.9", "v1.15.10", "v1.16.0", "v1.16.1"]
    ]


def test_development_branch_takes_joining_for_unhealthy_and_is_patient() -> None:
    master, tag = kube_ovn_profile("master"), kube_ovn_profile("v1.16.2")
    assert (master.joining_is_healthy, master.liveness.failures) == (False, 10)
    assert (tag.joining_is_healthy, tag.liveness.failures) == (True, 5)


@pytest.mark.parametrize(
    ("release", "surge", "affinity"),
    [
        *[("v1.11.17", False, False), ("v1.12.28", True, False), ("v1.15.10", True, False)],
        *[("v1.15.24", True, True), ("v1.16.0", True, True)],
    ],
)
def test_strategy_and_placement_by_release(release: str, surge: bool, affinity: bool) -> None:
    profile = kube_ovn_profile(release)
    assert (profile.ovs_surge, profile.affinity) == (surge, affinity)


@pytest.mark.parametrize("release", ["", "latest", "v1.13", "v1.9.9", "v2.0.0", "v1.99.0", "v1.13.15-rc1", "v1.21.0"])
def test_nonsense_is_no_release(release: str) -> None:
    with pytest.raises(ValueError, match="Kube-OVN"):
        kube_ovn_profile(release)


def test_kubernetes_profiles() -> None:
    old, middle, new = (kubernetes_profile((1, minor)) for minor in (20, 21, 30))
    assert (old.random_first_probe, middle.random_first_probe, new.random_first_probe) == (True, False, False)
    assert (old.pod_deletion_cost, middle.pod_deletion_cost, new.pod_deletion_cost) == (False, False, True)
    assert (old.daemonset_surge, new.daemonset_surge) == (False, True)
    for version in ((1, 19), (2, 1)):
        with pytest.raises(ValueError, match=r"1\.20 or later"):
            kubernetes_profile(version)


# -- shipped objects -------------------------------------------------------------------------------------------------


def installed(release: str = "v1.16.2", version: tuple[int, int] = (1, 22), **fields: object) -> Lab:
    lab = Lab(version, nodes="ABCD")
    for node in "ABCD":
        lab.cluster.label_node(node, LABEL[0], None)
    install(lab.cluster, kube_ovn_profile(release), ["A", "10.0.0.4", "C"], **fields)  # type: ignore[arg-type]
    lab.wait_rolled()
    lab.wait_rolled("deploy", "kube-ovn-controller")
    lab.clock.run(60)
    return lab


def test_ovn_central_as_shipped() -> None:
    lab = installed()
    central = lab.cluster.deployments["ovn-central"]
    assert (central.replicas, central.max_surge, central.max_unavailable) == (3, 0, 1)
    assert central.env["NODE_IPS"] == "10.0.0.3,10.0.0.4,10.0.0.5"
    assert central.template.readiness is not None
    assert central.template.liveness is not None
    assert (central.template.readiness.period, central.template.readiness.failures) == (15, 3)
    assert (central.template.liveness.initial_delay, central.template.liveness.failures) == (30, 5)
    assert sorted(pod.node or "" for pod in lab.pods()) == ["A", "B", "C"]
    assert [name for name, node in lab.cluster.nodes.items() if node.labels.get(LABEL[0]) == LABEL[1]] == list("ABC")
    assert central.template.selector.affinity


def test_other_workloads_as_shipped() -> None:
    lab = installed()
    ovs = lab.cluster.daemonsets["ovs-ovn"]
    controller = lab.cluster.deployments["kube-ovn-controller"]
    assert (ovs.app, ovs.strategy, ovs.max_surge, ovs.max_unavailable) == ("ovs", "RollingUpdate", 1, 0)
    assert len(lab.pods("ovs")) == 4
    assert (controller.max_surge, controller.max_unavailable) == (0, 3)
    assert ovs.env["OVN_DB_IPS"] == controller.env["OVN_DB_IPS"] == "10.0.0.3,10.0.0.4,10.0.0.5"
    assert set(lab.cluster.deployments) == {"ovn-central", "kube-ovn-controller"}


def test_older_release_and_extra_workloads() -> None:
    lab = installed("v1.11.17", (1, 20), extra_workloads=True, placement="affinity", node_ips="x")
    assert lab.cluster.daemonsets["ovs-ovn"].strategy == "OnDelete"
    assert lab.cluster.daemonsets["ovs-ovn-dpdk"].env["OVN_DB_IPS"] == "x"
    assert lab.cluster.deployments["ovn-ic-controller"].env["OVN_DB_IPS"] == "x"
    assert lab.cluster.deployments["ovn-central"].template.selector.affinity
    with pytest.raises(ValueError, match="placement"):
        install(lab.cluster, kube_ovn_profile("v1.11.17"), ["A"], placement="label")
    with pytest.raises(KubeError, match='nodes "Z" not found'):
        install(lab.cluster, kube_ovn_profile("v1.11.17"), ["Z"])


@pytest.mark.parametrize(("placement", "fits"), [("affinity", True), ("selector", False)])
def test_label_without_a_value_has_only_to_exist_for_an_affinity(placement: str, fits: bool) -> None:
    lab = Lab((1, 22))
    install(lab.cluster, kube_ovn_profile("v1.16.2"), ["A"], label=("central", ""), placement=placement)
    lab.cluster.label_node("A", "central", "yes")
    assert lab.cluster.deployments["ovn-central"].template.selector.matches(lab.cluster.nodes["A"].labels) is fits


def test_container_sees_its_address() -> None:
    lab = installed()
    env = container_env(lab.on("B"))
    assert env["POD_IP"] == "10.0.0.4"
    assert env["NODE_IPS"].split(",")[1] == env["POD_IP"]


def test_percentages_are_resolved_as_kubernetes_does() -> None:
    assert resolve("25%", 3, up=True) == 1
    assert resolve("25%", 3, up=False) == 0
    assert resolve(2, 3, up=False) == 2
    for nonsense in ("25", "x%", -1):
        with pytest.raises(KubeError, match="invalid value"):
            resolve(nonsense, 3, up=True)


def test_impossible_strategies_and_taken_names_are_refused() -> None:
    lab = installed()
    with pytest.raises(KubeError, match="may not be 0"):
        lab.cluster.patch_deployment("ovn-central", max_unavailable=0)
    assert lab.cluster.deployments["ovn-central"].max_unavailable == 1
    with pytest.raises(KubeError, match="AlreadyExists"):
        lab.cluster.create_deployment(DeploymentSpec("ovn-central", "x", 1))
    with pytest.raises(KubeError, match="strategy"):
        lab.cluster.create_daemonset(DaemonSetSpec("y", "y", strategy="Sometimes"))
    with pytest.raises(KubeError, match="may not be 0"):
        lab.cluster.create_daemonset(DaemonSetSpec("y", "y", max_unavailable=0))


# -- health check ----------------------------------------------------------------------------------------------------

GOOD = HealthFacts("cluster member", "follower")


@pytest.mark.parametrize(
    ("sb", "release", "healthy"),
    [
        (GOOD, "v1.16.2", True),
        (None, "v1.16.2", False),
        (HealthFacts("failed", "follower"), "v1.16.2", False),
        (HealthFacts("disconnected from the cluster (election timeout)", "candidate"), "v1.16.2", False),
        (HealthFacts("disconnected from the cluster (election timeout)", "follower"), "v1.16.2", True),
        (HealthFacts("joining cluster", "follower"), "v1.16.2", True),
        (HealthFacts("joining cluster", "follower"), "master", False),
    ],
)
def test_health_check(sb: HealthFacts | None, release: str, healthy: bool) -> None:
    profile = kube_ovn_profile(release)
    assert central_healthy({"nb": GOOD, "sb": sb}, profile) is healthy
    assert central_healthy({"nb": sb, "sb": GOOD}, profile) is healthy


def test_health_check_needs_both_databases() -> None:
    assert not central_healthy({"nb": GOOD}, kube_ovn_profile("v1.16.2"))


# -- leader checker --------------------------------------------------------------------------------------------------


class Watch:
    """Answers for all pods; ``leader`` names the node whose servers lead."""

    def __init__(self, lab: Lab, release: str) -> None:
        self.leader = "A"
        self.blind: set[str] = set()
        self.other: tuple[str, ...] = ()
        self.servers: int | None = 3
        self.fatal: list[tuple[str | None, str]] = []
        self.destroyed: list[tuple[str | None, str]] = []
        self.headers: list[str | None] = []
        hooks = Hooks(
            ask_peers=lambda pod, db, done: done(Peers(db, self.other, self.servers)),
            destroy=lambda pod, db: self.destroyed.append((pod.node, db)),
            fatal=lambda pod, reason: self.fatal.append((pod.node, reason)),
            write_header=lambda pod: self.headers.append(pod.node),
        )
        self.checker = LeaderChecker(lab.cluster, self.ask, kube_ovn_profile(release), hooks)

    def ask(self, pod: Pod, done: Callable[[LeaderFlags | None], None]) -> None:
        leads = pod.node == self.leader
        done(None if pod.node in self.blind else LeaderFlags(leads, leads, leads))


def labels(lab: Lab, key: str = "ovn-nb-leader") -> str:
    return "".join(pod.node or "-" for pod in lab.pods() if pod.labels.get(key) == "true")


def test_labels_follow_the_leader_within_five_seconds_and_go_stale_when_a_checker_is_blind() -> None:
    lab = installed()
    watch = Watch(lab, "v1.13.15")
    lab.clock.run(5.1)
    assert labels(lab) == labels(lab, "ovn-sb-leader") == labels(lab, "ovn-northd-leader") == "A"
    watch.leader = "B"
    lab.clock.run(5)
    assert labels(lab) == "B"
    watch.blind.add("B")
    watch.leader = "C"
    lab.clock.run(60)
    assert labels(lab) == "BC"
    watch.checker.stop()
    watch.leader = "A"
    lab.clock.run(60)
    assert labels(lab) == "BC"
    assert watch.headers == []


@pytest.mark.parametrize(("release", "looks"), [("v1.13.15", None), ("v1.14.41", 1), ("v1.15.24", 3)])
def test_second_leader_ends_the_pod_after_the_releases_strikes(release: str, looks: int | None) -> None:
    lab = installed()
    watch = Watch(lab, release)
    watch.other = ("10.0.0.5",)
    lab.clock.run(5 * (looks or 20) - 0.1)
    assert watch.fatal == []
    lab.clock.run(0.2)
    assert bool(watch.fatal) is (looks is not None)
    if looks:
        assert watch.fatal[0][0] == "A"
        assert "10.0.0.5" in watch.fatal[0][1]


def test_strikes_must_come_in_a_row() -> None:
    lab = installed()
    watch = Watch(lab, "v1.15.24")
    for _ in range(4):
        watch.other = ("10.0.0.5",)
        lab.clock.run(10)
        watch.other = ()
        lab.clock.run(5)
    assert watch.fatal == []


@pytest.mark.parametrize(("release", "bites"), [("v1.15.9", True), ("v1.16.1", True), ("v1.16.2", False)])
def test_integrity_check_makes_a_leader_delete_its_database_after_a_kick(release: str, bites: bool) -> None:
    lab = installed()
    watch = Watch(lab, release)
    lab.clock.run(30)
    assert watch.destroyed == []
    watch.servers = 2
    lab.clock.run(5)
    assert watch.destroyed == ([("A", "nb"), ("A", "sb")] if bites else [])
    assert bool(watch.fatal) is bites


def test_header_is_saved_by_releases_that_have_one() -> None:
    lab = installed()
    watch = Watch(lab, "v1.15.0")
    lab.clock.run(5.1)
    assert sorted(str(node) for node in watch.headers) == ["A", "B", "C"]


# -- host directories ------------------------------------------------------------------------------------------------


def test_wiped_directory_leaves_open_files_to_their_users() -> None:
    directory: HostDirectory[str] = HostDirectory()
    used = directory.create("ovnnb_db.db", "rows", 5.0)
    directory.create("ovnnb_db.hdr", "header", 6.0)
    assert directory.age("ovnnb_db.db", 125.0) == 120.0
    assert directory.clear() == ("ovnnb_db.db", "ovnnb_db.hdr")
    assert directory.names() == ()
    assert used.content == "rows"
    assert not directory.is_linked(used)
    again = directory.create("ovnnb_db.db", used.content, 200.0)
    assert directory.age("ovnnb_db.db", 201.0) == 1.0
    directory.rename("ovnnb_db.db", "ovnnb_db.db.backup")
    assert directory.open("ovnnb_db.db.backup") is again
    assert directory.is_linked(again)
    assert directory.remove("ovnnb_db.db.backup")
    assert not directory.remove("ovnnb_db.db.backup")
