"""What is wrong with a real cluster, or with how it was named, ends in one clear line, its exit code, and no change."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from operators import Operator, Typed
from restricted import Users
from test_permissions import objects

from harness.cluster import Database
from harness.errors import ExitCode
from harness.executors.kind import KindExecutor
from harness.steps import CENTRAL
from scenarios import support

pytestmark = [pytest.mark.ovn(backends=["kind"]), pytest.mark.timeout(1200)]


@pytest.fixture
def refused(as_it_is: KindExecutor, onlooker: Operator, tmp_path: Path) -> Iterator[object]:
    """Types ``apply remove`` of the last member with other variables; whatever comes of it, nothing is changed."""
    before = objects(as_it_is)
    node = as_it_is.view().labelled()[-1].name
    number = iter(range(100))

    def apply(node: str = node, **changed: str) -> Typed:
        env = {**onlooker.env, **{f"OVNSWAP_{key.upper()}": value for key, value in changed.items()}}
        operator = Operator(as_it_is, env, tmp_path / f"other-{next(number)}")
        try:
            return operator.type("apply", "remove", node)
        finally:
            operator.close()

    yield apply
    assert objects(as_it_is) == before, "nothing was changed"


def test_how_the_cluster_is_named(as_it_is: KindExecutor, refused, tmp_path: Path, ovn_record) -> None:
    cases = {
        "no kubeconfig": ({"kubeconfig": str(tmp_path / "nowhere")}, ExitCode.USAGE, "no kubeconfig"),
        "no context": ({"context": ""}, ExitCode.USAGE, "no context is named"),
        "wrong context": ({"context": "prod"}, ExitCode.USAGE, "has no context 'prod'"),
        "no cluster": ({"allow_cluster": ""}, ExitCode.USAGE, as_it_is.installation.uid),
        "another cluster": ({"allow_cluster": "0000"}, ExitCode.USAGE, "not 0000"),
        "no such node": ({"node": "nowhere"}, ExitCode.USAGE, "there is no node nowhere"),
        "another namespace": ({"namespace": "default"}, ExitCode.REFUSED, "default"),
    }
    told = {}
    for name, (changed, code, words) in cases.items():
        typed = refused(**changed)
        assert typed.code == code, f"{name}: {typed.err}"
        assert words in typed.complaint, name
        told[name] = typed.complaint
    ovn_record(told=told)


def test_credentials_that_are_not_accepted_any_more(
    as_it_is: KindExecutor, users: Users, refused, tmp_path: Path
) -> None:
    """The service account of a token is gone."""
    kubeconfig = users.with_permissions("ovnswap-gone", (), tmp_path / "gone")
    users.close()

    def not_accepted() -> Typed | None:
        typed = refused(kubeconfig=str(kubeconfig))
        return typed if "credentials are not accepted" in typed.err else None

    typed = as_it_is.wait(not_accepted, 60.0, "the API servers to know that the account is gone")
    assert typed.code == ExitCode.REFUSED
    assert "log in again" in typed.complaint


def test_no_permission_at_all(users: Users, refused, tmp_path: Path) -> None:
    typed = refused(kubeconfig=str(users.with_permissions("ovnswap-nobody", (), tmp_path / "nobody")))
    assert typed.code == ExitCode.REFUSED
    assert "ci/rbac.yaml" in typed.complaint


def test_an_api_server_that_is_not_there(onlooker: Operator, refused, tmp_path: Path) -> None:
    config = yaml.safe_load(Path(onlooker.env["OVNSWAP_KUBECONFIG"]).read_text(encoding="utf-8"))
    for item in config["clusters"]:
        item["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "elsewhere").write_text(yaml.safe_dump(config), encoding="utf-8")
    typed = refused(kubeconfig=str(tmp_path / "elsewhere"))
    assert typed.code == ExitCode.FAILED
    assert "can't be reached" in typed.complaint
    assert "nothing was changed" in typed.complaint


def test_a_cluster_without_kube_ovn(as_it_is: KindExecutor, onlooker: Operator) -> None:
    with without_deployment(as_it_is):
        typed = onlooker.type("status")
        assert typed.code == ExitCode.REFUSED
        assert f"there is no deployment/{CENTRAL}" in typed.complaint
    support.in_order(as_it_is)


@contextmanager
def without_deployment(lab: KindExecutor) -> Iterator[None]:
    """Its pods stay, and are its own again when it is back: the template is the same."""
    where = lab.installation.namespace
    item = lab.api.read("apps", "read_namespaced_deployment", CENTRAL, where)
    pods = sorted(pod.name for pod in lab.view().pods_of(CENTRAL))
    body = {"propagationPolicy": "Orphan"}
    lab.api.request("apps", "delete_namespaced_deployment", CENTRAL, where, body=body)
    try:
        lab.wait(
            lambda: lab.api.find("apps", "read_namespaced_deployment", CENTRAL, where) is None, 60.0, "it to be gone"
        )
        yield
    finally:
        meta = {key: item["metadata"][key] for key in ("name", "namespace", "labels") if key in item["metadata"]}
        again = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": item["spec"]}
        lab.api.request("apps", "create_namespaced_deployment", where, again)

    def back() -> bool:
        workload = lab.view().workload(CENTRAL)
        return workload is not None and workload.ready == workload.replicas

    lab.wait(back, 120.0, "its pods to be its own again")
    assert sorted(pod.name for pod in lab.view().pods_of(CENTRAL)) == pods, "no pod was replaced"


def test_a_pod_that_is_not_ready(as_it_is: KindExecutor, onlooker: Operator, refused) -> None:
    """The servers of a follower stand still: its probe fails before long, and no other node may be taken out."""
    leader = support.leader(as_it_is, Database.NB)
    others = [node.name for node in as_it_is.view().labelled() if node.name != leader]
    stopped, asked_for = others[0], others[1]

    def ready() -> bool:
        pod = as_it_is.view().central_pod(stopped)
        return pod is not None and pod.ready

    with still(stopped):
        as_it_is.wait(lambda: not ready(), 180.0, "the pod to be NotReady")
        typed = onlooker.type("plan", "remove", asked_for)
        assert typed.code == ExitCode.REFUSED
        assert "refused:" in typed.err
        typed = refused(node=asked_for)
        assert typed.code == ExitCode.REFUSED
    as_it_is.wait(ready, 300.0, "the pod to be Ready again")
    support.in_order(as_it_is)


@contextmanager
def still(node: str) -> Iterator[None]:
    """The OVSDB servers of ``node`` get no time."""

    def send(signal: str) -> None:
        script = f"kill -{signal} $(pidof ovsdb-server) 2>/dev/null || true"
        subprocess.run(["docker", "exec", node, "sh", "-c", script], check=True, timeout=60)

    send("STOP")
    try:
        yield
    finally:
        send("CONT")


def test_the_lock_is_shown_and_released(as_it_is: KindExecutor, onlooker: Operator, refused) -> None:
    """A run that holds it is named to a second one; ``lock release`` wants the right run."""
    run_id = "20260101-000000-1"
    held = as_it_is.acquire(run_id)
    assert held is None or not held.live or held.run_id
    try:
        shown = onlooker.type("lock", "show")
        assert shown.code == ExitCode.OK
        assert f"run {run_id}" in shown.out
        second = refused_by_lock(onlooker)
        assert run_id in second.complaint
        wrong = onlooker.type("lock", "release", "--run-id", "another")
        assert wrong.code == ExitCode.USAGE
        released = onlooker.type("lock", "release", "--run-id", run_id)
        assert released.code == ExitCode.OK
        assert onlooker.type("lock", "show").out == "nobody holds the lock\n"
    finally:
        as_it_is.step_aside()


def refused_by_lock(operator: Operator) -> Typed:
    node = operator.lab.view().labelled()[-1].name
    typed = operator.type("apply", "remove", node)
    assert typed.code == ExitCode.LOCKED, typed.err
    return typed
