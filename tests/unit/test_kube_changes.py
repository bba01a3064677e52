"""Changes of a cluster's objects, and the lock: carried out once, from what was looked at, by one operator."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("kubernetes", reason="the package kubernetes is missing: pip install 'ovnswap[kube]'")

from support_api_server import DEPLOYMENT, LEASE, UID, ApiServer, Socket, api_server, fill, kubeconfig, status

from harness.cluster import Database
from harness.errors import BadInput, ExitCode, Inconclusive, Locked, Refused, StepFailed
from harness.executors import kubernetes
from harness.executors.kube import lease
from harness.executors.kubernetes import KubernetesExecutor

NODE = "/api/v1/nodes/n1"
POD = "/api/v1/namespaces/kube-system/pods/ovn-central-1"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        fill(running)
        yield running


@pytest.fixture
def config(server: ApiServer, tmp_path: Path) -> Path:
    return kubeconfig(tmp_path / "config", server.url)


@pytest.fixture
def executor(config: Path) -> Iterator[KubernetesExecutor]:
    made = kubernetes.connect(config, "lab", UID)
    made.api.patience = 2.0
    made.acquire("run-1")
    made.view()
    yield made
    made.close()


def test_nothing_is_changed_without_the_lock(server: ApiServer, config: Path) -> None:
    made = kubernetes.connect(config, "lab", UID)
    with pytest.raises(StepFailed, match="no lock"):
        made.scale("ovn-central", 2)
    assert server.changes() == []


def test_a_patch_carries_the_version_that_was_looked_at(server: ApiServer, executor: KubernetesExecutor) -> None:
    version = server.objects[DEPLOYMENT]["metadata"]["resourceVersion"]
    executor.scale("ovn-central", 2)
    assert server.objects[DEPLOYMENT]["spec"]["replicas"] == 2
    assert {"metadata": {"resourceVersion": version}, "spec": {"replicas": 2}} in server.bodies


def test_what_is_so_already_is_not_sent(server: ApiServer, executor: KubernetesExecutor) -> None:
    before = len(server.changes())
    executor.scale("ovn-central", 3)
    executor.resume("ovn-central")
    executor.set_env("Deployment", "ovn-central", "NODE_IPS", "10.0.0.1,10.0.0.2,10.0.0.3")
    assert len(server.changes()) == before


def test_somebody_elses_change_since_the_look_stops_the_run(server: ApiServer, executor: KubernetesExecutor) -> None:
    item = server.objects[DEPLOYMENT]
    item["metadata"]["generation"] += 1
    item["metadata"]["managedFields"] = [{"manager": "helm", "time": "2026-11-24T00:00:00Z"}]
    with pytest.raises(StepFailed, match=r"was changed meanwhile by helm at .* \(generation 4, now 5\)"):
        executor.scale("ovn-central", 2)
    assert item["spec"]["replicas"] == 3


def test_a_status_that_moved_on_is_no_change(server: ApiServer, executor: KubernetesExecutor) -> None:
    server.put(DEPLOYMENT, server.objects[DEPLOYMENT])  # another resourceVersion
    executor.pause("ovn-central")
    assert server.objects[DEPLOYMENT]["spec"]["paused"] is True


def test_a_lost_answer_is_looked_up_and_not_sent_again(server: ApiServer, executor: KubernetesExecutor) -> None:
    def carried_out_and_lost() -> tuple[int, dict[str, object]]:
        del server.answers["PATCH", DEPLOYMENT]
        item = server.objects[DEPLOYMENT]
        item["spec"]["replicas"] = 2
        item["metadata"]["generation"] += 1
        server.put(DEPLOYMENT, item)
        return status(504, "timeout")

    server.answers["PATCH", DEPLOYMENT] = carried_out_and_lost
    executor.scale("ovn-central", 2)
    assert [c for c in server.changes() if "deployments" in c] == [f"PATCH {DEPLOYMENT}"]


def test_a_change_whose_answers_stay_lost_is_inconclusive(server: ApiServer, executor: KubernetesExecutor) -> None:
    executor.api.patience = 0.0
    server.answers["PATCH", NODE] = status(504, "timeout")
    with pytest.raises(Inconclusive, match="node n1: timeout"):
        executor.label_node("n1", "kube-ovn/role", None)


def test_a_refused_change_says_which_permission(server: ApiServer, executor: KubernetesExecutor) -> None:
    server.answers["PATCH", NODE] = status(403, 'nodes "n1" is forbidden')
    with pytest.raises(StepFailed, match=r"forbidden.*role lacks the permission"):
        executor.label_node("n1", "kube-ovn/role", None)


def test_labels_are_set_and_removed(server: ApiServer, executor: KubernetesExecutor) -> None:
    executor.label_node("n1", "kube-ovn/role", None)
    executor.label_node("n1", "new", "x")
    assert server.objects[NODE]["metadata"]["labels"] == {"new": "x"}


def test_a_pod_is_deleted_by_its_uid(server: ApiServer, executor: KubernetesExecutor) -> None:
    executor.delete_pod("ovn-central-1")
    assert POD not in server.objects
    assert {"preconditions": {"uid": "uid-1"}} in server.bodies
    with pytest.raises(StepFailed, match="not found"):
        executor.delete_pod("ovn-central-1")


def test_a_kick_without_an_answer_is_inconclusive_and_sent_once(
    server: ApiServer, executor: KubernetesExecutor
) -> None:
    heard = []

    def command(socket: Socket, words: list[str]) -> None:
        heard.append(words[-3:])
        socket.close()

    server.exec = command
    with pytest.raises(Inconclusive, match="whether the server has heard it is not known"):
        executor.kick(Database.NB, "n1", "abcd")
    assert heard == [["cluster/kick", "OVN_Northbound", "abcd"]]


def test_a_server_that_answers_no_is_a_reply(server: ApiServer, executor: KubernetesExecutor) -> None:
    def command(socket: Socket, _words: list[str]) -> None:
        socket.send(2, b"unknown server abcd\novs-appctl: nb: server returned an error\n")
        socket.end(2)

    server.exec = command
    assert executor.kick(Database.SB, "n2", "abcd") == kubernetes.Reply(2, "unknown server abcd")


def test_a_second_operator_is_refused_and_told_who(config: Path, executor: KubernetesExecutor) -> None:
    assert executor.lock is not None
    executor.lock.step = "3/9 kick"
    executor.lock._renew()
    other = kubernetes.connect(config, "lab", UID)
    with pytest.raises(Locked, match=r"on .* \(process \d+\), run run-1, .*at step 3/9 kick") as refused:
        other.acquire("run-2")
    assert refused.value.exit_code is ExitCode.LOCKED
    other.close()


def test_the_lock_comes_back_with_close(server: ApiServer, config: Path, executor: KubernetesExecutor) -> None:
    executor.close()
    assert "holderIdentity" not in server.objects[LEASE]["spec"]
    other = kubernetes.connect(config, "lab", UID)
    assert other.acquire("run-2") is None
    other.close()


def _age(server: ApiServer, **annotations: str) -> None:
    item = server.objects[LEASE]
    item["metadata"]["annotations"].update({f"ovnswap/{k}": v for k, v in annotations.items()})
    server.put(LEASE, item)


def test_an_expired_lock_is_taken_over(server: ApiServer, config: Path, executor: KubernetesExecutor) -> None:
    _age(server, host="elsewhere")
    server.objects[LEASE]["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z"
    other = kubernetes.connect(config, "lab", UID)
    left = other.acquire("run-2")
    assert left is not None
    assert (left.run_id, left.live) == ("run-1", False)
    assert executor.lock is not None
    executor.lock._renew()
    with pytest.raises(StepFailed, match=r"has lost its lock; it is held by .*run-2"):
        executor.scale("ovn-central", 2)
    other.close()


def test_the_lock_of_a_dead_process_of_this_machine_is_taken_at_once(
    server: ApiServer, config: Path, executor: KubernetesExecutor
) -> None:
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    _age(server, host=socket.gethostname(), pid=str(gone))
    other = kubernetes.connect(config, "lab", UID)
    left = other.acquire("run-2")
    assert left is not None
    assert left.pid == gone
    other.close()


def test_a_lock_is_released_by_its_run_id_only(executor: KubernetesExecutor) -> None:
    where = executor.installation.namespace
    with pytest.raises(BadInput, match="run run-9 does not hold the lock"):
        lease.release(executor.api, where, "run-9")
    assert lease.release(executor.api, where, "run-1").run_id == "run-1"
    assert lease.read(executor.api, where) is None


def test_each_missing_permission_is_named_before_anything_is_changed(server: ApiServer, config: Path) -> None:
    made = kubernetes.connect(config, "lab", UID)
    made.require("observe", "operate", "clean")
    server.lacking = {("patch", "nodes"), ("create", "pods/exec"), ("update", "leases")}
    with pytest.raises(Refused) as refused:
        made.require("observe", "operate")
    assert refused.value.seen == (
        "the role lacks: create pods/exec -n kube-system; patch nodes; update leases.coordination.k8s.io -n kube-system"
    )
    assert server.changes() == []
