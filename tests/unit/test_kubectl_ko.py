"""What ``kubectl ko`` does before it asks ovsdb-server anything."""

from __future__ import annotations

import pytest
from support_executor import World
from support_views import Cluster, healthy, names_of

from harness import kubectl_ko
from harness.cluster import Database

A, B, C = names_of(3)


def labelled(cluster: Cluster, what: str, name: str, value: str) -> Cluster:
    pod = cluster.pod_on(name)
    return cluster.put_pod(pod.name, labels={**pod.labels, kubectl_ko.leader_label(what): value})


@pytest.mark.parametrize("what", ["nb", "sb", "northd"])
def test_nothing_works_while_any_of_three_leaders_is_not_labelled(what: str) -> None:
    world = World(labelled(healthy(3), what, A, "false"), still=True)
    for database in Database:
        reply = kubectl_ko.status(world, database)
        assert (reply.code, reply.text) == (1, f"{what} leader not exists")
        reply = kubectl_ko.kick(world, database, "d64b")
        assert (reply.code, reply.text) == (1, f"{what} leader not exists")
    assert world.mutations == []


def test_it_tries_for_ten_seconds() -> None:
    world = World(labelled(healthy(3), "northd", A, "false"), still=True)
    world.at(5.0, lambda: labelled(world.cluster, "northd", B, "true"))
    assert kubectl_ko.status(world, Database.NB).ok
    assert 5.0 <= world.now() <= 6.0
    slow = World(labelled(healthy(3), "northd", A, "false"), still=True)
    slow.at(11.0, lambda: labelled(slow.cluster, "northd", B, "true"))
    assert not kubectl_ko.status(slow, Database.NB).ok


def test_of_two_labelled_pods_the_first_by_name_is_taken_even_if_it_does_not_lead() -> None:
    cluster = healthy(3)
    cluster.lead(Database.NB, B)
    labelled(cluster, "nb", B, "true")
    pod = kubectl_ko.labelled_pod(cluster.view(), Database.NB)
    assert pod is not None
    assert pod.node == A


@pytest.mark.parametrize("changes", [{"ready": False}, {"phase": "Pending"}, {"terminating": True}])
def test_a_labelled_pod_must_be_1_of_1_running(changes: dict[str, object]) -> None:
    # kubectl prints Terminating, not Running, for a pod that is being deleted.
    cluster = healthy(3)
    cluster.put_pod(cluster.pod_on(A).name, **changes)
    assert kubectl_ko.labelled_pod(cluster.view(), Database.NB) is None


def test_each_database_is_asked_where_its_own_label_is() -> None:
    cluster = healthy(3)
    labelled(labelled(cluster, "sb", A, "false"), "sb", C, "true")
    view = cluster.view()
    nb, sb = (kubectl_ko.labelled_pod(view, db) for db in Database)
    assert nb is not None
    assert sb is not None
    assert (nb.node, sb.node) == (A, C)


def test_status_ends_with_the_storage_line_and_errors_do_not() -> None:
    world = World(healthy(3))
    assert kubectl_ko.status(world, Database.NB).text.splitlines()[-1] == "status: ok"
    world.cluster.raft[Database.NB].remove("172.18.0.3")  # the label is late: it still points at the kicked leader
    reply = kubectl_ko.status(world, Database.NB)
    assert (reply.code, reply.text) == (2, "unknown cluster")


def test_kick_goes_to_the_labelled_pod_whoever_leads() -> None:
    world = World(healthy(3))
    world.cluster.lead(Database.NB, B)
    reply = kubectl_ko.kick(world, Database.NB, "d64b")
    assert reply.text == "sent removal request to leader"
    assert world.mutations == [("kick", Database.NB, A, "d64b")]
