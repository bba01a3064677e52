"""Views of a cluster: what each helper combines, and what it leaves apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from strategies_status import members
from support_views import healthy, names_of

from harness.cluster import (
    DATABASES,
    ClusterView,
    Database,
    MemberStatus,
    NodeFiles,
    PendingServer,
    Pod,
    Report,
    ServerEntry,
    Workload,
)

NB, SB = DATABASES
A, B, C = names_of(3)


def status(**fields: object) -> MemberStatus:
    """A leader's status, with ``fields`` changed."""
    plain = MemberStatus(
        nickname="1b9a",
        database="OVN_Northbound",
        cluster_id="32ca07fb-739b-4257-b510-12fa18e7cce8",
        server_id="1b9a5d76-e69b-410c-8085-39943d0cd38c",
        address="tcp:[172.18.0.3]:6643",
        status="cluster member",
        role="leader",
        term=1,
        leader="self",
        vote="self",
        election_timer=5000,
        log_start=2,
        log_end=135,
    )
    return replace(plain, **fields)


def pod(name: str, node: str | None, phase: str = "Running", *, terminating: bool = False) -> Pod:
    return Pod(name, "ovn-central", node, None, phase, phase == "Running", terminating=terminating)


def with_pods(*pods: Pod) -> ClusterView:
    return replace(healthy(3).view(), pods=pods)


# -- databases ------------------------------------------------------------------------------------------------------


def test_the_two_databases_share_no_name_and_no_port() -> None:
    for name in ("schema", "raft_port", "client_port", "file", "header", "control"):
        assert getattr(NB, name) != getattr(SB, name), name
    assert (NB.schema, NB.raft_port, NB.client_port) == ("OVN_Northbound", 6643, 6641)
    assert (SB.schema, SB.raft_port, SB.client_port) == ("OVN_Southbound", 6644, 6642)
    assert (NB.file, SB.header) == ("ovnnb_db.db", "ovnsb_db.hdr")
    assert [str(database) for database in DATABASES] == [database.value for database in Database]


# -- one server's status --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["joining cluster", "leaving cluster", "failed", "disconnected from the cluster (x)"])
def test_only_a_cluster_member_is_one(text: str) -> None:
    assert status().is_member
    assert not status(status=text).is_member


def test_a_leader_by_role_and_a_leader_known() -> None:
    assert (status().is_leader, status().has_leader) == (True, True)
    follower = status(role="follower", leader="d64b")
    assert (follower.is_leader, follower.has_leader) == (False, True)
    assert not status(role="candidate", leader="unknown").has_leader


def test_a_change_is_pending_by_any_of_its_three_signs() -> None:
    stable = ServerEntry("d64b", "d64b", "tcp:[172.18.0.5]:6643")
    pending = PendingServer("d64b", "d64b", "tcp:[172.18.0.5]:6643", "removing")
    assert not status(servers=(stable,)).change_pending
    assert status(servers=(stable,), removing=(pending,)).change_pending
    assert status(adding=(replace(pending, phase="adding: catchup"),)).change_pending
    assert status(servers=(stable, replace(stable, phase="adding: committing"))).change_pending


@pytest.mark.parametrize(
    ("next_index", "uncommitted", "committed"),
    [(133, 0, True), (133, 1, True), (133, 2, False), (2, 40, True), (134, 0, True), (134, 1, False)],
)
def test_a_leaders_own_term_is_committed_once_the_entry_it_was_elected_with_is(
    next_index: int, uncommitted: int, committed: bool
) -> None:
    own = ServerEntry("1b9a", "1b9a", "tcp:[172.18.0.3]:6643", is_self=True, next_index=next_index, match_index=134)
    other = ServerEntry("d64b", "d64b", "tcp:[172.18.0.5]:6643", next_index=135, match_index=134)
    assert status(servers=(other, own), uncommitted=uncommitted).own_term_committed is committed


def test_without_its_own_index_only_a_log_with_nothing_in_flight_tells() -> None:
    assert status(uncommitted=0).own_term_committed
    assert not status(uncommitted=1).own_term_committed


def test_servers_at_an_address_may_be_more_than_one() -> None:
    old = ServerEntry("d64b", "d64b", "tcp:[172.18.0.5]:6643")
    new = ServerEntry("a1a1", "a1a1", "tcp:172.18.0.5:6643")
    local = ServerEntry("s1", "77aa", "unix:s1.raft")
    seen = status(servers=(old, new, local, replace(old, address="tcp:[172.18.0.50]:6643")))
    for address in ("172.18.0.5", "tcp:[172.18.0.5]:6643", "ssl:172.18.0.5:6644"):
        assert seen.entry_at(address) == (old, new)
    assert seen.entry_at("unix:s1.raft") == (local,)
    assert seen.entry_at("172.18.0.9") == ()


@given(members())
def test_every_server_is_found_at_its_own_address(drawn: MemberStatus) -> None:
    assert all(entry in drawn.entry_at(entry.address) for entry in drawn.servers)


# -- pods, workloads, files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "terminating", "active"),
    [
        ("Running", False, True),
        ("Pending", False, True),
        ("Unknown", False, True),
        ("Failed", False, False),
        ("Succeeded", False, False),
        ("Running", True, False),
    ],
)
def test_which_pods_count_as_replicas(phase: str, terminating: bool, active: bool) -> None:
    assert pod("p", A, phase, terminating=terminating).active is active


def test_the_pod_of_a_node_is_the_one_that_stays() -> None:
    going, here, failed = pod("going", A, terminating=True), pod("here", A), pod("failed", A, "Failed")
    assert with_pods(going, failed, here).central_pod(A) == here
    assert with_pods(going, failed).central_pod(A) == going
    assert with_pods(failed, pod("other", B), replace(here, app="ovs")).central_pod(A) is None


def test_a_workload_is_named_as_kubectl_takes_it() -> None:
    counts = {"replicas": 1, "updated": 1, "ready": 1, "available": 1, "current": 1}
    assert Workload("DaemonSet", "ovs-ovn", "ovs", env={}, **counts).ref == "daemonset/ovs-ovn"


def test_files_that_would_disturb_a_newcomer() -> None:
    files = NodeFiles(A, ("ovnnb_db.db", "ovnnb_db.hdr", "ovnsb_db.db", "ovnsb_db.db.tmp", "vswitch.db"))
    assert files.databases == ("ovnnb_db.db", "ovnnb_db.hdr", "ovnsb_db.db")
    assert NodeFiles(A, None).databases == ()


# -- views ----------------------------------------------------------------------------------------------------------


def test_nodes_are_found_by_name_and_by_any_form_of_their_address() -> None:
    view = healthy(3).view()
    first = view.nodes[0]
    assert view.node(first.name) == first
    assert view.node("nobody") is None
    for address in (first.address, f"tcp:[{first.address}]:6643", f"ssl:{first.address}:6644"):
        assert view.node_at(address) == first
    assert view.node_at("192.0.2.1") is None


def test_a_label_needs_its_value() -> None:
    view = healthy(3).view()
    key, value = view.label
    nodes = [replace(node, labels={key: label}) for node, label in zip(view.nodes, (value, "", "other"), strict=False)]
    assert replace(view, nodes=tuple(nodes)).labelled() == (nodes[0],)


def test_workloads_and_pods_of_an_app() -> None:
    view = healthy(3).view()
    assert view.workload("no-such") is None
    assert [p.node for p in view.pods_of("ovn-central")] == [A, B, C]
    assert view.pods_of("no-such") == ()


def test_a_server_that_gave_an_error_has_a_report_and_no_status() -> None:
    view = healthy(3).view()
    reports = tuple(
        Report(r.node, r.database, None, "unknown cluster") if (r.node, r.database) == (B, NB) else r
        for r in view.reports
    )
    view = replace(view, reports=reports)
    report = view.report(NB, B)
    assert report is not None
    assert report.error == "unknown cluster"
    assert [node for node, _ in view.statuses(NB)] == [A, C]
    assert [node for node, _ in view.statuses(SB)] == [A, B, C]
    assert view.report(NB, "nobody") is None


def test_two_may_call_themselves_leader_and_the_later_term_is_the_leader() -> None:
    view = replace(
        healthy(3).view(),
        reports=(
            Report(A, NB, status(term=4)),
            Report(B, NB, status(term=5)),
            Report(C, NB, status(term=9, role="candidate")),
            Report(A, SB, None, "unknown cluster"),
        ),
    )
    assert [node for node, _ in view.leaders(NB)] == [A, B]
    leader = view.leader(NB)
    assert leader is not None
    assert (leader[0], leader[1].term) == (B, 5)
    assert view.leader(SB) is None
