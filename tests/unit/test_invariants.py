"""Every invariant holds on a healthy cluster, and is violated by a cluster made to violate it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from harness.cluster import DATABASES, Database, NodeFiles
from harness.invariants import END_STATE, ElectionSafety, EndState, Monitor, violations
from harness.workload import History, Write
from tests.unit.support_views import Cluster, healthy

NODES = ("kube-ovn-control-plane", "kube-ovn-control-plane2", "kube-ovn-control-plane3")
THIRD = NODES[2]


def history() -> History:
    writes = [Write(database, row, 1.0, 2.0) for database in DATABASES for row in ("m1", "m2")]
    return History(0.0, 10.0, (*writes, Write(Database.NB, "m3", 3.0, None)))


def end(cluster: Cluster, **changes: object) -> EndState:
    view = cluster.view()
    rows = {(db, name): frozenset({"m1", "m2"}) for db in DATABASES for name in NODES}
    whole = EndState(view, frozenset(node.address for node in view.labelled()), history=history(), rows=rows)
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def test_a_healthy_cluster_violates_nothing() -> None:
    assert violations(end(healthy(3))) == []


def test_an_unacknowledged_row_may_be_missing() -> None:
    assert "m3" not in end(healthy(3)).rows[Database.NB, THIRD]
    assert violations(end(healthy(3))) == []


def test_a_row_that_is_late_is_not_lost() -> None:
    """A follower without its leader's log: that is L1's matter, and the row is where it was acknowledged."""
    behind = end(healthy(3).tell(Database.NB, THIRD, log_end=1), rows={(Database.NB, THIRD): frozenset()})
    assert {v.invariant for v in violations(behind)} == {"L1"}


def test_a_leader_with_a_short_log_is_not_late() -> None:
    cluster = healthy(3).two_leaders(Database.NB, THIRD)
    claim = cluster.overrides[Database.NB, THIRD]
    cluster.overrides[Database.NB, THIRD] = lambda status: dataclasses.replace(claim(status), log_end=1)
    found = violations(end(cluster, rows={(Database.NB, THIRD): frozenset()}))
    assert "S17" in {v.invariant for v in found}


def old_pod(workload: str, variable: str) -> Cluster:
    """A pod that still runs with what was listed when it was made."""
    cluster = healthy(3)
    pod = next(pod for pod in cluster.pods if pod.app == cluster.workloads[workload].app)
    return cluster.put_pod(pod.name, env={**pod.env, variable: "10.0.0.9"})


def braked(**changes: object) -> Cluster:
    return healthy(3).put_workload("ovn-central", **changes)


OTHER_ID = "00000000-0000-4000-8000-000000000000"
CASES: list[tuple[str, Callable[[], EndState], str]] = [
    ("S15", lambda: end(healthy(3).tell(Database.NB, THIRD, cluster_id=OTHER_ID)), "nb has 2 cluster ids"),
    ("P8", lambda: end(healthy(3).ghost(Database.SB, THIRD)), "sb server at"),
    ("P8", lambda: end(healthy(3).tell(Database.NB, THIRD, status="joining cluster")), "says: joining cluster"),
    ("P8", lambda: end(healthy(3).crash(THIRD)), "does not answer"),
    ("L1", lambda: end(healthy(3).leaderless(Database.NB)), "nb is led by nobody"),
    ("L1", lambda: end(healthy(3).two_leaders(Database.SB, THIRD)), "sb is led by"),
    ("P1", lambda: end(healthy(3).crash(THIRD).crash(NODES[1])), "needed"),
    ("S17", lambda: end(healthy(3), rows={(Database.NB, THIRD): frozenset({"m2"})}), "lacks 1 acknowledged rows"),
    ("S17", lambda: end(healthy(3), history=None), "no client history"),
    ("P9", lambda: end(healthy(3).set_env("ovs-ovn", "OVN_DB_IPS", "10.0.0.9")), "daemonset/ovs-ovn"),
    ("P9", lambda: end(healthy(3), expected=frozenset({"10.0.0.9"})), "the label is on"),
    ("P9", lambda: end(old_pod("ovs-ovn", "OVN_DB_IPS")), "1 pods of daemonset/ovs-ovn still run"),
    ("P9", lambda: end(old_pod("ovn-central", "NODE_IPS")), "1 pods of deployment/ovn-central still run"),
    ("P13", lambda: end(braked(paused=True), before=healthy(3).view()), "is left paused"),
    ("P13", lambda: end(braked(min_ready_seconds=30), before=healthy(3).view()), "minReadySeconds 30, 0 before"),
    ("L1", lambda: end(healthy(3).tell(Database.NB, THIRD, log_end=1)), "entries behind"),
    ("L3", lambda: end(healthy(3).tell(Database.NB, THIRD, status="joining cluster")), "joining cluster"),
    ("L3", lambda: end(healthy(3).change_pending(Database.NB, THIRD)), "removing"),
    ("P5", lambda: end(healthy(3), retired=(THIRD,)), "still on the retired node"),
    (
        "P5",
        lambda: end(healthy(3), retired=(THIRD,), files={THIRD: NodeFiles(THIRD, ("ovnnb_db.hdr",))}),
        "ovnnb_db.hdr left",
    ),
]


@pytest.mark.parametrize(("identity", "made", "text"), CASES, ids=[f"{case[0]}-{case[2]}" for case in CASES])
def test_it_is_violated(identity: str, made: Callable[[], EndState], text: str) -> None:
    found = violations(made())
    assert any(v.invariant == identity and text in v.text for v in found), found


def test_every_end_state_property_has_a_case_here() -> None:
    assert {prop.id for prop in END_STATE} == {case[0] for case in CASES}


def test_two_leaders_of_one_term_at_different_times_are_a_violation() -> None:
    seen = Monitor((ElectionSafety,))
    seen.observe(healthy(3).view())
    assert seen.violations == []
    seen.observe(healthy(3).lead(Database.NB, THIRD).view())
    assert [v.invariant for v in seen.violations] == ["S1"]


def test_the_same_term_of_another_cluster_is_another_matter() -> None:
    seen = Monitor((ElectionSafety,))
    seen.observe(healthy(3).view())
    other = healthy(3).lead(Database.NB, THIRD)
    for name in NODES:
        other.tell(Database.NB, name, cluster_id=OTHER_ID)
    seen.observe(other.view())
    assert seen.violations == []
