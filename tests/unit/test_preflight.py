"""Named checks before a procedure runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from support_views import Cluster, central_pod, healthy, names_of

from harness import preflight
from harness.cluster import Database
from harness.preflight import OK, REFUSED, WARN, Check

A, B, C, D = names_of(4)


def verdicts(checks: list[Check]) -> set[tuple[str, str]]:
    return {(check.id, check.verdict) for check in checks}


def refused(checks: list[Check]) -> list[Check]:
    return [check for check in checks if check.verdict == REFUSED]


def test_a_healthy_cluster_passes_everything() -> None:
    view = healthy(3, 1).view()
    checks = [
        *preflight.quorum(view, ("172.18.0.5",)),
        *preflight.raft(view),
        *preflight.pods(view),
        *preflight.drift(view),
        *preflight.halfway(view, ()),
        *preflight.first_address(view, ("172.18.0.3", "172.18.0.4")),
        *preflight.version(view, kick_first=True),
        *preflight.restarts(view, 3, accept_stall=False),
    ]
    assert {check.verdict for check in checks} == {OK}


def test_every_refusal_says_what_was_seen_why_and_what_to_do() -> None:
    cluster = healthy(3).kill(C).ghost(Database.NB, B).uncommitted(Database.SB, 4)
    view = cluster.view()
    checks = refused(
        [
            *preflight.quorum(view, ("172.18.0.4",)),
            *preflight.raft(view),
            *preflight.pods(view),
            *preflight.restarts(view, 2, accept_stall=False),
            *preflight.first_address(view, ("172.18.0.9",)),
        ]
    )
    assert {check.id for check in checks} == {"Q-STRICT", "LEADER", "GHOST", "ALIVE", "PODS", "Q-ROLL", "FIRST"}
    assert all(check.seen and check.why and check.todo for check in checks)


def test_kicking_a_live_member_while_another_is_down_is_refused_in_both_databases() -> None:
    view = healthy(3).kill(C).view()
    found = refused(preflight.quorum(view, ("172.18.0.4",)))
    assert [check.seen for check in found] == [
        f"{db}: after removing 172.18.0.4: 2 members, 1 live, 2 needed" for db in ("nb", "sb")
    ]
    assert all(C in check.todo for check in found), "the way out names the node that is down"
    assert refused(preflight.quorum(view, ("172.18.0.5",))) == []


def test_one_database_alone_refuses() -> None:
    cluster = healthy(3)
    cluster.raft[Database.SB].servers[1].running = False
    found = refused(preflight.quorum(cluster.view(), ("172.18.0.5",)))
    assert [check.seen[:3] for check in found] == ["sb:"]


@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        (lambda c: c.leaderless(Database.NB), "LEADER"),
        (lambda c: c.two_leaders(Database.SB, B), "LEADER"),
        (lambda c: c.uncommitted(Database.NB, 1), "LEADER"),
        (lambda c: c.change_pending(Database.SB, C), "LEADER"),
        (lambda c: c.ghost(Database.NB, C), "GHOST"),
        (lambda c: c.kill(C), "ALIVE"),
        (lambda c: c.lagging(Database.NB, C, 500), "ALIVE"),
        (lambda c: c.half_removed(C).crash(C), "ALIVE"),
    ],
)
def test_raft_disorder_is_refused_under_its_name(bend: Callable[[Cluster], Cluster], expected: str) -> None:
    assert (expected, REFUSED) in verdicts(preflight.raft(bend(healthy(3)).view()))


def test_a_dead_host_may_be_ignored_but_not_its_ghost() -> None:
    cluster = healthy(3).kill(C)
    assert refused(preflight.raft(cluster.view(), ignore=("172.18.0.5",))) == []
    assert [c.id for c in refused(preflight.raft(cluster.ghost(Database.NB, C).view(), ignore=("172.18.0.5",)))] == [
        "GHOST"
    ]


# -- four sources of truth ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        (lambda c: c.set_env("ovn-central", "NODE_IPS", "172.18.0.3,172.18.0.4"), "nb has members"),
        (lambda c: c.label(C, None), "the label is on 172.18.0.3,172.18.0.4,"),
        (lambda c: c.label(D), "the label is on"),
        (lambda c: c.label(C, "other"), "the label is on"),
        (lambda c: c.set_env("ovs-ovn", "OVN_DB_IPS", "172.18.0.3"), "daemonset/ovs-ovn has OVN_DB_IPS 172.18.0.3,"),
        (lambda c: c.half_removed(C), "nb has members 172.18.0.3,172.18.0.4,"),
    ],
)
def test_drift_is_warned_of_with_both_sides(bend: Callable[[Cluster], Cluster], words: str) -> None:
    found = preflight.drift(bend(healthy(3, 1)).view())
    assert any(words in check.seen and check.verdict == WARN for check in found), found


def test_spaces_in_a_list_and_an_empty_list_of_clients_are_no_drift() -> None:
    cluster = healthy(3).set_env("ovn-central", "NODE_IPS", "172.18.0.3, 172.18.0.4 ,172.18.0.5")
    cluster.set_env("ovs-ovn", "OVN_DB_IPS", "")
    assert verdicts(preflight.drift(cluster.view())) == {("DRIFT", OK)}


def test_without_the_deployment_there_is_nothing_to_compare() -> None:
    cluster = healthy(3)
    del cluster.workloads["ovn-central"]
    assert verdicts(preflight.drift(cluster.view())) == {("DRIFT", REFUSED)}


def test_another_node_half_out_or_half_in_is_refused_and_named() -> None:
    out = healthy(5).rollout_halfway(tuple(f"172.18.0.{i}" for i in (3, 4, 5, 6)), ())
    found = refused(preflight.halfway(out.view(), ()))
    assert [check.seen for check in found] == ["kube-ovn-control-plane5 is a member and not in NODE_IPS"]
    assert "ovnswap apply remove kube-ovn-control-plane5" in found[0].todo
    assert refused(preflight.halfway(out.view(), ("172.18.0.7",))) == []
    into = healthy(3, 1).set_env("ovn-central", "NODE_IPS", "172.18.0.3,172.18.0.4,172.18.0.5,172.18.0.6")
    assert "is in NODE_IPS and no member" in refused(preflight.halfway(into.view(), ()))[0].seen


def test_a_node_removed_from_one_database_only_is_not_half_way_for_others_if_it_is_listed() -> None:
    # In NODE_IPS and in sb: raft's disorder is what ALIVE and DRIFT tell of.
    assert refused(preflight.halfway(healthy(3).half_removed(C).view(), ())) == []


# -- pods --------------------------------------------------------------------------------------------------------


def test_pods_that_are_not_ready_are_refused_except_on_ignored_nodes() -> None:
    cluster = healthy(3).crash(C)
    assert [c.id for c in refused(preflight.pods(cluster.view()))] == ["PODS"]
    assert refused(preflight.pods(cluster.view(), ignore=(C,))) == []


def test_a_pending_pod_is_refused_unless_a_run_that_was_cut_off_left_it_homeless() -> None:
    cluster = healthy(3)
    cluster.pods.append(central_pod("pending", None, None, {}, None))
    assert refused(preflight.pods(cluster.view())) != []
    cluster.label(C, None)
    assert refused(preflight.pods(cluster.view())) == []


def test_terminating_and_failed_objects_are_nobodys_pods() -> None:
    # The kubelet of an unlabelled node fails its pod when it restarts; the object stays behind for ever.
    cluster = healthy(3)
    cluster.pods.append(replace(central_pod("failed", C, "172.18.0.5", {}, None), phase="Failed"))
    cluster.pods.append(replace(central_pod("going", B, "172.18.0.4", {}, None), terminating=True))
    assert refused(preflight.pods(cluster.view())) == []
    pod = cluster.view().central_pod(C)
    assert pod is not None
    assert pod.name != "failed"


# -- the newcomer ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bend", "files", "expected"),
    [
        (lambda c: c, None, ("NODE", OK)),
        (lambda c: c, (), ("NODE", OK)),
        (lambda c: c.put_node(D, ready=False), (), ("NODE", REFUSED)),
        (lambda c: c.put_node(D, unschedulable=True), (), ("NODE", WARN)),
        (lambda c: c, ("ovnnb_db.hdr",), ("FILES", WARN)),
        (lambda c: c.ghost(Database.SB, D), (), ("MEMBER", REFUSED)),
    ],
)
def test_the_newcomer(
    bend: Callable[[Cluster], Cluster], files: tuple[str, ...] | None, expected: tuple[str, str]
) -> None:
    cluster = bend(healthy(3, 1))
    assert expected in verdicts(preflight.newcomer(cluster.view(), cluster.node(D), files))


def test_a_live_member_may_come_in_again_so_that_a_run_can_be_finished() -> None:
    cluster = healthy(3)
    assert verdicts(preflight.newcomer(cluster.view(), cluster.node(C), None)) == {("NODE", OK)}


@pytest.mark.parametrize(
    ("wanted", "verdict"),
    [
        (("172.18.0.3", "172.18.0.6"), OK),
        (("172.18.0.4", "172.18.0.5"), OK),
        (("172.18.0.6", "172.18.0.3"), REFUSED),
        ((), OK),
    ],
)
def test_the_first_address_must_hold_the_data(wanted: tuple[str, ...], verdict: str) -> None:
    assert verdicts(preflight.first_address(healthy(3, 1).view(), wanted)) == {("FIRST", verdict)}


def test_being_listed_first_is_no_proof_of_holding_data() -> None:
    listed = "172.18.0.6,172.18.0.3,172.18.0.4,172.18.0.5"
    cluster = healthy(3, 1).set_env("ovn-central", "NODE_IPS", listed)
    assert verdicts(preflight.first_address(cluster.view(), tuple(listed.split(",")))) == {("FIRST", REFUSED)}


def test_a_member_of_one_database_only_may_not_be_first() -> None:
    cluster = healthy(3).half_removed(A)
    assert verdicts(preflight.first_address(cluster.view(), ("172.18.0.3", "172.18.0.4"))) == {("FIRST", REFUSED)}


# -- versions and restarts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", preflight.INTEGRITY_CHECK_RELEASES)
def test_releases_that_delete_databases_refuse_orders_that_kick_first(release: str) -> None:
    view = healthy(3).kube_ovn(release).view()
    assert verdicts(preflight.version(view, kick_first=True)) == {("VERSION", REFUSED)}
    assert verdicts(preflight.version(view, kick_first=False)) == {("VERSION", OK)}


def test_an_unknown_release_is_a_warning() -> None:
    assert verdicts(preflight.version(healthy(3).kube_ovn("").view(), kick_first=True)) == {("VERSION", WARN)}


@pytest.mark.parametrize(("members", "accept", "verdict"), [(3, False, OK), (2, False, REFUSED), (2, True, WARN)])
def test_restarting_two_members_needs_consent(members: int, accept: bool, verdict: str) -> None:
    assert verdicts(preflight.restarts(healthy(3).view(), members, accept)) == {("Q-ROLL", verdict)}


def test_a_newcomer_that_was_kicked_meanwhile_is_not_waited_for() -> None:
    """Its pod is let in by its NODE_IPS, its servers have left for good, and the kubelet starts them for ever."""
    cluster = healthy(4)
    for raft in cluster.raft.values():
        raft.remove(cluster.address(D))
        raft.elect()
    assert ("LEFT", REFUSED) not in verdicts(preflight.newcomer(cluster.view(), cluster.node(D), None)), "it may start"
    cluster.put_pod(cluster.pod_on(D).name, ready=False, ready_since=None, restarts=3)
    checks = preflight.newcomer(cluster.view(), cluster.node(D), None)
    assert ("LEFT", REFUSED) in verdicts(checks)
    assert "rm -rf" in next(check for check in checks if check.id == "LEFT").todo


def test_a_live_node_without_label_and_pod_is_to_be_brought_back_first() -> None:
    view = healthy(3).view()
    node = view.nodes[0]
    assert preflight.bring_back(view, node) == "", "its server runs"
    unlabelled = replace(node, labels={})
    gone = replace(view, nodes=(unlabelled, *view.nodes[1:]), pods=tuple(p for p in view.pods if p.node != node.name))
    first = preflight.bring_back(gone, unlabelled)
    (check,) = preflight.restarts(gone, 2, accept_stall=False, first=first)
    assert check.verdict == REFUSED
    assert f"kubectl label node {node.name} kube-ovn/role=master" in check.todo
    assert preflight.bring_back(gone, replace(unlabelled, ready=False)) == "", "a dead node gets no pod"


def test_a_node_that_was_kicked_is_not_to_be_brought_back() -> None:
    """Seen on kind: its label was given back as told, and its new server was never let in."""
    cluster = healthy(3)
    node = cluster.view().nodes[0]
    for raft in cluster.raft.values():
        raft.remove(node.address)
        raft.elect()
    view = cluster.view()
    unlabelled = replace(view.nodes[0], labels={})
    pods = tuple(p for p in view.pods if p.node != node.name)
    gone = replace(view, nodes=(unlabelled, *view.nodes[1:]), pods=pods)
    assert preflight.bring_back(gone, unlabelled) == ""
