"""The commands on a cluster of a kubeconfig: whatever is wrong with it ends in one clear line and an exit code."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytest.importorskip("kubernetes", reason="the package kubernetes is missing: pip install 'ovnswap[kube]'")

from support_api_server import DEPLOYMENT, UID, ApiServer, Socket, api_server, deployment, fill, kubeconfig, status
from support_cli import complaint, ovnswap

from harness.errors import ExitCode

NAMESPACE = "/api/v1/namespaces/kube-system"
EVERYWHERE = "/apis/apps/v1/deployments"


@pytest.fixture
def server() -> Iterator[ApiServer]:
    with api_server() as running:
        fill(running)
        yield running


@pytest.fixture
def named(server: ApiServer, tmp_path: Path) -> tuple[str, ...]:
    config = kubeconfig(tmp_path / "config", server.url)
    return ("--backend", "kube", "--kubeconfig", str(config), "--context", "lab", "--allow-cluster", UID)


def test_no_kubeconfig(tmp_path: Path) -> None:
    missing = ("--kubeconfig", str(tmp_path / "nowhere"), "--context", "lab", "--allow-cluster", UID)
    result = ovnswap("status", "--backend", "kube", *missing)
    assert result.exit_code == ExitCode.USAGE
    assert f"no kubeconfig at {tmp_path / 'nowhere'}: " in complaint(result)


@pytest.mark.parametrize("content", ["", "just words", "a: [", '{"contexts": 3}'])
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content, encoding="utf-8")
    result = ovnswap("status", "--backend", "kube", "--kubeconfig", str(path), "--context", "lab")
    assert result.exit_code == ExitCode.USAGE
    assert "kubeconfig" in complaint(result)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda words: words[:4], "no context is named (kubectl would take lab)"),
        (lambda words: (*words[:4], "--context", "prod"), "has no context 'prod' -> --context NAME, one of: lab"),
        (lambda words: words[:6], "no cluster is allowed (a cluster is named twice, for a context may lead elsewhere"),
        (lambda words: (*words[:7], "another"), f"which is cluster {UID}, not another"),
    ],
)
def test_a_cluster_is_named_twice(
    server: ApiServer, named: tuple[str, ...], change: Callable[[tuple[str, ...]], tuple[str, ...]], expected: str
) -> None:
    result = ovnswap("status", *change(named))
    assert result.exit_code == ExitCode.USAGE
    assert expected in complaint(result)
    assert [path for _, path in server.requests if path != NAMESPACE] == []


def test_credentials_that_have_expired(server: ApiServer, named: tuple[str, ...]) -> None:
    server.answers["GET", NAMESPACE] = status(401, "Unauthorized")
    result = ovnswap("status", *named)
    assert result.exit_code == ExitCode.REFUSED
    assert "credentials are not accepted: Unauthorized (expired, or wrong)" in complaint(result)


def test_an_api_server_that_is_not_there(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        config = kubeconfig(tmp_path / "config", f"http://127.0.0.1:{unused.getsockname()[1]}")
        words = ("--kubeconfig", str(config), "--context", "lab", "--allow-cluster", UID)
        result = ovnswap("status", "--backend", "kube", *words)
    assert result.exit_code == ExitCode.FAILED
    assert "can't be reached" in complaint(result)
    assert "(nothing was changed)" in complaint(result)


def test_a_cluster_without_kube_ovn(server: ApiServer, named: tuple[str, ...]) -> None:
    del server.objects[DEPLOYMENT]
    result = ovnswap("status", *named)
    assert result.exit_code == ExitCode.REFUSED
    assert "there is no deployment/ovn-central in any namespace" in complaint(result)


def test_another_namespace_is_found(server: ApiServer, named: tuple[str, ...]) -> None:
    item = deployment()
    item["metadata"]["namespace"] = "cozy-kubeovn"
    server.objects[DEPLOYMENT.replace("kube-system", "cozy-kubeovn")] = item
    del server.objects[DEPLOYMENT]
    server.answers["GET", EVERYWHERE] = (200, {"items": [item]})
    result = ovnswap("lock", "show", *named[2:])
    assert (result.exit_code, result.stdout) == (ExitCode.OK, "nobody holds the lock\n")


def test_a_role_for_one_namespace_is_enough_to_find_it(server: ApiServer, named: tuple[str, ...]) -> None:
    server.answers["GET", EVERYWHERE] = status(403, "deployments.apps is forbidden")
    server.answers["GET", "/apis/apps/v1/statefulsets"] = status(403, "statefulsets.apps is forbidden")
    assert ovnswap("lock", "show", *named[2:]).exit_code == ExitCode.OK


def test_servers_that_do_not_answer_are_shown_and_not_hidden(server: ApiServer, named: tuple[str, ...]) -> None:
    server.exec = lambda socket, _words: socket.fail("container not running")
    result = ovnswap("status", *named)
    assert result.exit_code == ExitCode.OK
    assert "NOT in order: a guarded plan refuses to change this cluster" in result.stdout


def test_a_pod_that_is_not_ready_refuses_the_plan(server: ApiServer, named: tuple[str, ...]) -> None:
    item = server.objects[f"{NAMESPACE}/pods/ovn-central-2"]
    item["status"]["conditions"][0]["status"] = "False"
    result = ovnswap("plan", "remove", "n3", *named)
    assert result.exit_code == ExitCode.REFUSED
    assert "pod ovn-central-2 on n2 is not Ready" in result.stderr
    assert server.changes() == []


def test_a_node_that_does_not_exist(server: ApiServer, named: tuple[str, ...]) -> None:
    result = ovnswap("apply", "remove", "n9", *named, "--yes")
    assert result.exit_code == ExitCode.USAGE
    assert "there is no node n9 -> choose from: n1, n2, n3" in complaint(result)


def test_a_missing_permission_is_refused_before_anything_is_changed(
    server: ApiServer, named: tuple[str, ...], tmp_path: Path
) -> None:
    server.lacking = {("patch", "deployments")}
    result = ovnswap("apply", "remove", "n3", *named, "--yes", "--journal", str(tmp_path / "journal"))
    assert result.exit_code == ExitCode.REFUSED
    assert "the role lacks: patch deployments.apps -n kube-system" in complaint(result)
    assert server.changes() == []


def test_releases_that_delete_a_database_after_a_kick_are_refused(server: ApiServer, named: tuple[str, ...]) -> None:
    container = server.objects[DEPLOYMENT]["spec"]["template"]["spec"]["containers"][0]
    container["image"] = "docker.io/kubeovn/kube-ovn:v1.16.1"
    result = ovnswap("plan", "remove", "n3", "--procedure", "documented", *named)
    assert result.exit_code == ExitCode.REFUSED
    assert "Kube-OVN v1.16.1 deletes a database with fewer servers than NODE_IPS lists" in result.stderr


def test_nobody_to_ask_means_no(server: ApiServer, named: tuple[str, ...], tmp_path: Path) -> None:
    def healthy(socket: Socket, _words: list[str]) -> None:
        socket.end(1)

    server.exec = healthy
    result = ovnswap("apply", "remove", "n3", *named, "--journal", str(tmp_path / "journal"))
    assert result.exit_code in (ExitCode.USAGE, ExitCode.REFUSED)
    assert [change for change in server.changes() if "leases" not in change] == []
