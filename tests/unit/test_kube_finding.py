"""Finding Kube-OVN in what the API server says: nothing is assumed, and what can't be worked on is refused."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("kubernetes", reason="the package kubernetes is missing: pip install 'ovnswap[kube]'")

from support_api_server import UID, deployment, node, pod

from harness.errors import Refused
from harness.executors.kube import access, installation, objects

NODES = [node(1), node(2), node(3)]
Edit = Callable[[dict[str, Any]], None]


def described(edit: Edit = lambda _item: None, nodes: list[dict[str, Any]] = NODES) -> installation.Installation:
    item = copy.deepcopy(deployment())
    edit(item)
    return installation.describe(item, nodes, UID)


def _template(item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = item["spec"]["template"]["spec"]
    return found


def _affine(*expressions: dict[str, Any]) -> Edit:
    def edit(item: dict[str, Any]) -> None:
        terms = [{"matchExpressions": list(expressions)}]
        affinity = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        _template(item)["nodeSelector"] = {"kubernetes.io/os": "linux"}
        _template(item)["affinity"] = {"nodeAffinity": affinity}

    return edit


def _env(name: str, value: str) -> Edit:
    def edit(item: dict[str, Any]) -> None:
        env = _template(item)["containers"][0]["env"]
        env[:] = [entry for entry in env if entry["name"] != name] + [{"name": name, "value": value}]

    return edit


def _image(image: str) -> Edit:
    return lambda item: _template(item)["containers"][0].update(image=image)


def test_a_node_selector_of_install_sh() -> None:
    found = described()
    assert (found.namespace, found.label, found.directory) == (
        "kube-system",
        ("kube-ovn/role", "master"),
        "/etc/origin/ovn",
    )


def test_a_node_affinity_of_newer_charts() -> None:
    key = {"key": "kube-ovn/role", "operator": "In", "values": ["master"]}
    assert described(_affine(key)).label == ("kube-ovn/role", "master")


def test_a_label_that_has_only_to_exist_has_the_value_that_nodes_have() -> None:
    nodes = [node(1), node(2)]
    for item in nodes:
        item["metadata"]["labels"]["node-role.kubernetes.io/control-plane"] = ""
    found = described(_affine({"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}), nodes)
    assert found.label == ("node-role.kubernetes.io/control-plane", "")
    assert "other components use too" in found.notes[0]


def test_nodes_that_differ_in_the_value_are_refused() -> None:
    nodes = [node(1), node(2, **{"kube-ovn/role": "other"})]
    with pytest.raises(Refused, match="kube-ovn/role=master, kube-ovn/role=other"):
        described(_affine({"key": "kube-ovn/role", "operator": "Exists"}), nodes)


@pytest.mark.parametrize(
    ("edit", "complaint"),
    [
        (_env("OVN_CENTRAL_MODE", "single"), "OVN_CENTRAL_MODE is single"),
        (_env("NODE_IPS", ""), "NODE_IPS is empty"),
        (_env("NODE_IPS", "ovn-central-0.ovn"), "which is no address"),
        (_env("DB_CLUSTER_ADDR", "x"), "DB_CLUSTER_ADDR is set"),
        (lambda item: item["spec"].update(strategy={"type": "Recreate"}), "its strategy is Recreate"),
        (lambda item: _template(item).pop("hostNetwork"), "not on the host's network"),
        (
            lambda item: _template(item).update(volumes=[{"name": "config", "persistentVolumeClaim": {}}]),
            "/etc/ovn is persistentVolumeClaim, not a directory of the node",
        ),
        (
            lambda item: _template(item)["nodeSelector"].update(zone="a"),
            "placed by these node labels: kube-ovn/role, zone",
        ),
        (lambda item: _template(item).pop("nodeSelector"), "placed by these node labels: none"),
        (_affine({"key": "kube-ovn/role", "operator": "NotIn", "values": ["x"]}), "kube-ovn/role NotIn"),
    ],
)
def test_a_mode_that_the_procedures_are_not_made_for_is_refused(edit: Edit, complaint: str) -> None:
    with pytest.raises(Refused, match=complaint):
        described(edit)


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("docker.io/kubeovn/kube-ovn:v1.16.1", "v1.16.1"),
        ("registry.local:5000/kube-ovn:v1.15.10-arm64", "v1.15.10"),
        ("ghcr.io/cozystack/kubeovn:v1.15.9@sha256:abc", "v1.15.9"),
        ("registry.local:5000/kube-ovn", ""),
        ("kind.local/ovn-central:lab", ""),
    ],
)
def test_the_release_is_the_images_if_it_says_one(image: str, release: str) -> None:
    assert described(_image(image)).release == release


def test_a_dual_stack_node_has_the_address_that_raft_uses() -> None:
    item = node(1)
    item["status"]["addresses"].append({"type": "InternalIP", "address": "fd00:0:0:0::1"})
    assert objects.node(item, ("fd00::1", "fd00::2")).address == "fd00::1"
    assert objects.node(item, ("10.0.0.1",)).address == "10.0.0.1"
    assert objects.node(item, ("fd00::9",)).address == "fd00:0:0:0::1"


def test_a_pod_is_read_with_the_environment_of_its_container_and_the_time_it_is_ready() -> None:
    found = objects.pod(pod(2), "ovn-central", objects.moment("2026-11-24T00:00:00Z") or 0.0)
    assert (found.node, found.ready, found.ready_since, found.template) == ("n2", True, 2.0, "abc")
    assert found.env == {"ENABLE_SSL": "false", "NODE_IPS": "10.0.0.1,10.0.0.2,10.0.0.3"}


@pytest.mark.parametrize(
    ("rolling", "replicas", "expected"),
    [
        ({"maxSurge": 0, "maxUnavailable": 1}, 3, (0, 1)),
        ({"maxSurge": "0%", "maxUnavailable": "100%"}, 3, (0, 3)),
        ({}, 3, (1, 0)),
        ({"maxSurge": "0%", "maxUnavailable": "25%"}, 3, (0, 1)),
    ],
)
def test_limits_of_a_rollout_are_whole_pods(rolling: dict[str, Any], replicas: int, expected: tuple[int, int]) -> None:
    how = {"type": "RollingUpdate", "rollingUpdate": rolling}
    found = objects.workload("Deployment", deployment(strategy=how, replicas=replicas), "ovn-central")
    assert (found.max_surge, found.max_unavailable) == expected


def _rolled(**status: int) -> str:
    item = deployment()
    item["status"] = {"observedGeneration": 4, **status}
    return objects.rollout_status("Deployment", item).message


def test_rollout_status_says_what_kubectl_says() -> None:
    waiting = 'Waiting for deployment "ovn-central" rollout to finish: '
    assert _rolled(updatedReplicas=1) == f"{waiting}1 out of 3 new replicas have been updated..."
    assert _rolled(updatedReplicas=3, replicas=4) == f"{waiting}1 old replicas are pending termination..."
    assert _rolled(updatedReplicas=3, replicas=3, availableReplicas=2) == (
        f"{waiting}2 of 3 updated replicas are available..."
    )
    assert _rolled(updatedReplicas=3, replicas=3, availableReplicas=3) == (
        'deployment "ovn-central" successfully rolled out'
    )
    assert _rolled(observedGeneration=3) == "Waiting for deployment spec update to be observed..."


def test_the_shipped_roles_grant_what_is_asked_for_and_nothing_else() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is missing: pip install 'ovnswap[kube]'")
    text = (Path(__file__).parents[2] / "ci" / "rbac.yaml").read_text(encoding="utf-8")
    granted: dict[str, set[access.Need]] = {name: set() for name in access.ROLES}
    for item in yaml.safe_load_all(text):
        if item["kind"] not in ("Role", "ClusterRole"):
            continue
        for rule in item["rules"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    name = rule.get("resourceNames", [""])[0]
                    need = access.Need(verb, resource, rule["apiGroups"][0], name, item["kind"] == "ClusterRole")
                    granted[item["metadata"]["name"].removeprefix("ovnswap-")].add(need)
    assert granted == {name: set(needs) for name, needs in access.ROLES.items()}
