"""The page's actions, each as the page types it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support_executor import World
from support_views import DIRECTORY, LABEL, Cluster, healthy, names_of, page_cluster

from harness.cluster import Database
from harness.errors import StepFailed
from harness.executor import WaitTimeout
from harness.forecast import Forecast
from harness.steps import (
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

A, B, C, D = names_of(4)
NODE2 = "kube-ovn-control-plane2"
AFTER = ("172.18.0.3", "172.18.0.4")


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (ListPods(), "kubectl -n kube-system get pod -o wide | grep central"),
        (ShowStatus(Database.NB), "kubectl ko nb status"),
        (Kick(Database.NB, "172.18.0.5"), "kubectl ko nb kick d64b"),
        (Kick(Database.SB, "172.18.0.5"), "kubectl ko sb kick e9f7"),
        (Kick(Database.NB, "172.18.0.9"), "kubectl ko nb kick <ID>"),
        (ConfirmKicked(Database.SB, "172.18.0.5"), "kubectl ko sb status"),
        (CheckStatus(Database.SB), "kubectl ko sb status"),
        (Unlabel(NODE2, LABEL[0]), "kubectl label node kube-ovn-control-plane2 kube-ovn/role-"),
        (Label(NODE2, *LABEL), "kubectl label node kube-ovn-control-plane2 kube-ovn/role=master"),
        (Scale("ovn-central", 2), "kubectl scale deployment -n kube-system ovn-central --replicas=2"),
        (
            SetEnv("Deployment", "ovn-central", "NODE_IPS", AFTER),
            'kubectl set env deployment/ovn-central -n kube-system NODE_IPS="172.18.0.3,172.18.0.4"',
        ),
        (
            SetEnv("DaemonSet", "ovs-ovn", "OVN_DB_IPS", AFTER),
            'kubectl set env daemonset/ovs-ovn -n kube-system OVN_DB_IPS="172.18.0.3,172.18.0.4"',
        ),
        (RolloutStatus("Deployment", "ovn-central"), "kubectl rollout status deployment/ovn-central -n kube-system"),
        (DeletePods("ovs"), "kubectl delete pod -n kube-system -lapp=ovs"),
        (RemoveDirectory(NODE2, DIRECTORY), "rm -rf /etc/origin/ovn"),
        (CheckDirectory(NODE2, DIRECTORY), "rm -rf /etc/origin/ovn"),
    ],
)
def test_the_exact_line(step: Step, line: str) -> None:
    assert step.commands(page_cluster().view()) == (line,)


@pytest.mark.parametrize(
    ("step", "line"),
    [
        (Label(C, *LABEL), f"kubectl label node {C} kube-ovn/role-"),
        (Unlabel(C, LABEL[0]), f"kubectl label node {C} kube-ovn/role=master"),
        (Scale("ovn-central", 2), "kubectl scale deployment -n kube-system ovn-central --replicas=3"),
        (
            SetEnv("Deployment", "ovn-central", "NODE_IPS", AFTER),
            'kubectl set env deployment/ovn-central -n kube-system NODE_IPS="172.18.0.3,172.18.0.4,172.18.0.5"',
        ),
        (ListPods(), "nothing to undo"),
    ],
)
def test_undo_restores_what_the_view_had(step: Step, line: str) -> None:
    assert step.undo(healthy(3).view()) == line


@pytest.mark.parametrize("step", [RemoveDirectory(C, DIRECTORY), Kick(Database.NB, "172.18.0.5")])
def test_what_cant_be_undone_says_so(step: Step) -> None:
    assert "kubectl" not in step.undo(healthy(3).view())


def test_satisfied_is_read_from_the_cluster() -> None:
    view = healthy(3, 1).view()
    assert Label(C, *LABEL).satisfied(view)
    assert not Label(D, *LABEL).satisfied(view)
    assert not Label(C, LABEL[0], "other").satisfied(view)
    assert Unlabel(D, LABEL[0]).satisfied(view)
    assert not Unlabel("gone", LABEL[0]).satisfied(view)
    assert Scale("ovn-central", 3).satisfied(view)
    assert not Scale("ovn-central", 2).satisfied(view)
    assert SetEnv("Deployment", "ovn-central", "NODE_IPS", (*AFTER, "172.18.0.5")).satisfied(view)
    assert not SetEnv("Deployment", "ovn-central", "NODE_IPS", (*AFTER[::-1], "172.18.0.5")).satisfied(view)


def test_set_env_of_a_workload_that_is_not_there_is_fatal() -> None:
    problem = SetEnv("Deployment", "ovn-ic-controller", "OVN_DB_IPS", AFTER).blocked(healthy(3).view())
    assert problem is not None
    assert problem.fatal


# -- kick --------------------------------------------------------------------------------------------------------


def test_the_id_is_read_where_kubectl_ko_reads_it() -> None:
    cluster = healthy(3)
    assert Kick(Database.NB, "172.18.0.5").server(cluster.view()) == "d64b"
    for pod in cluster.central():
        cluster.put_pod(pod.name, labels={})
    assert Kick(Database.NB, "172.18.0.5").server(cluster.view()) == "d64b", "planned from the leader without labels"
    assert Kick(Database.NB, "172.18.0.5").server(cluster.leaderless(Database.NB).view()) is None


def test_the_ids_of_nb_and_sb_differ() -> None:
    view = healthy(3).view()
    assert Kick(Database.NB, "172.18.0.5").server(view) != Kick(Database.SB, "172.18.0.5").server(view)


def test_a_server_that_shares_its_four_digits_is_kicked_by_its_address() -> None:
    """OVSDB would answer `unknown server` to the digits for ever: they fit two servers equally well."""
    cluster = healthy(3)
    servers = cluster.raft[Database.NB].status_of(cluster.raft[Database.NB].servers[0]).servers
    alike = tuple(replace(entry, sid4="d64b") for entry in servers)
    cluster.tell(Database.NB, A, servers=alike)
    assert Kick(Database.NB, "172.18.0.5").server(cluster.view()) == "tcp:[172.18.0.5]:6643"
    assert Kick(Database.SB, "172.18.0.5").server(cluster.view()) == "e9f7"


def test_ipv6_addresses_find_their_server_and_are_not_put_in_brackets() -> None:
    view = healthy(3, address=lambda i: f"fd00:10:16::{i + 3:x}").view()
    assert Kick(Database.NB, "fd00:10:16::5").server(view) == "d64b"
    step = SetEnv("Deployment", "ovn-central", "NODE_IPS", ("fd00:10:16::3", "fd00:10:16::4"))
    assert step.commands(view)[0].endswith('NODE_IPS="fd00:10:16::3,fd00:10:16::4"')


def test_kick_sends_the_id_and_waits_for_nothing() -> None:
    world = World(healthy(3), still=True)
    reply = Kick(Database.SB, "172.18.0.5").act(world, world.view())
    assert reply is not None
    assert reply.text == "started removal"
    assert world.mutations == [("kick", Database.SB, A, "e9f7")]
    assert world.now() == 0


def test_kick_of_what_is_not_there_sends_nothing() -> None:
    world = World(healthy(3), still=True)
    with pytest.raises(StepFailed, match=r"no server at 172\.18\.0\.9 in the nb status"):
        Kick(Database.NB, "172.18.0.9").act(world, world.view())
    assert world.mutations == []


def confirm(cluster: Cluster) -> str | None:
    return ConfirmKicked(Database.NB, "172.18.0.5").pending(cluster.view())


def test_confirm_looks_at_the_labelled_pods_server_only() -> None:
    cluster = healthy(3)
    assert confirm(cluster) == "172.18.0.5 is still in the nb status"
    cluster.half_removed(C)
    assert confirm(cluster) is None
    cluster.tell(
        Database.NB, B, servers=healthy(3).raft[Database.NB].status_of(cluster.raft[Database.NB].servers[0]).servers
    )
    assert confirm(cluster) is None, "the page's reader does not ask the others"


def test_confirm_goes_on_looking_while_the_label_is_late() -> None:
    cluster = healthy(3)
    cluster.raft[Database.NB].remove("172.18.0.3")
    assert confirm(cluster) == "nb status: unknown cluster"
    cluster.put_pod(cluster.pod_on(A).name, labels={})
    assert confirm(cluster) == "no pod is labelled as nb leader"


# -- the rest ----------------------------------------------------------------------------------------------------


def test_check_directory_removes_only_if_a_database_lies_there() -> None:
    world = World(healthy(3, 1), still=True)
    world.disks[D] = ["ovnnb_db.hdr", "ovnnb_local_config.db"]
    CheckDirectory(D, DIRECTORY).act(world, world.view())
    assert world.disks[D] == ["ovnnb_db.hdr", "ovnnb_local_config.db"], "the page's check does not name headers"
    world.disks[D] = ["ovnsb_db.db", "ovnsb_db.hdr"]
    CheckDirectory(D, DIRECTORY).act(world, world.view())
    assert world.disks[D] == []


def test_rollout_status_waits_for_pods_and_fails_after_its_deadline() -> None:
    world = World(healthy(3), still=True)
    step = RolloutStatus("Deployment", "ovn-central")
    reply = step.act(world, world.view())
    assert reply is not None
    assert "successfully rolled out" in reply.text
    world.cluster.set_env("ovn-central", "NODE_IPS", "172.18.0.3,172.18.0.4")
    with pytest.raises(WaitTimeout):
        step.act(world, world.view())
    assert world.now() == step.deadline


def test_delete_pods_takes_all_at_once() -> None:
    world = World(healthy(3), still=True)
    reply = DeletePods("ovs").act(world, world.view())
    assert reply is not None
    assert reply.text.count("deleted") == 3
    assert world.mutations == [("delete_pods", "ovs")]


def test_an_api_that_says_no_is_not_swallowed() -> None:
    world = World(healthy(3), still=True)

    def denied(_mutation: tuple[object, ...]) -> None:
        raise StepFailed("forbidden")

    world.before = denied
    with pytest.raises(StepFailed):
        Scale("ovn-central", 2).act(world, world.view())


def test_what_the_page_costs() -> None:
    three, two = (Forecast.of(healthy(n).view()) for n in (3, 2))
    assert Kick(Database.NB, "172.18.0.5").impact(three).after.nb.margin == 0
    restart = SetEnv("Deployment", "ovn-central", "NODE_IPS", AFTER, restarts_members=True).impact(two)
    assert (restart.during.worst, restart.after.worst) == (-1, 0)
    joins = SetEnv("Deployment", "ovn-central", "NODE_IPS", (*AFTER, "172.18.0.5"), restarts_members=True).impact(two)
    assert (joins.during.worst, joins.after.worst) == (-1, 1)
    assert SetEnv("DaemonSet", "ovs-ovn", "OVN_DB_IPS", AFTER).impact(two).during == two
    assert RolloutStatus("Deployment", "ovn-central", restarts_members=True).impact(two).during.worst == -1
    assert RolloutStatus("Deployment", "ovn-central").impact(two).during == two, "every pod is new already"


def test_a_stop_between_the_kicks_is_no_safe_point() -> None:
    assert not Kick(Database.NB, "x").safe_point
    assert not ConfirmKicked(Database.NB, "x").safe_point
    assert Scale("ovn-central", 2).safe_point
