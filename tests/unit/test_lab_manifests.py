"""The lab's objects against the ones of fake_kube, which are Kube-OVN's (facts: kube-ovn 1)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fake_kube.kube_ovn import CENTRAL, CONTROLLER, OVS, install
from fake_kube.objects import DaemonSetSpec, DeploymentSpec
from fake_kube.profile import kube_ovn_profile

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ci" / "kind"))

import manifests  # noqa: E402

IPS = "10.0.0.3,10.0.0.4,10.0.0.5"
RELEASES = ("v1.11.17", "v1.13.15", "v1.15.24", "v1.16.2", "master")
PLACED_BY_THE_KUBELET = {"POD_IP", "POD_NAME", "POD_NAMESPACE", "POD_IPS"}


class Recorder:
    """Takes what ``install`` would create."""

    def __init__(self) -> None:
        self.nodes = {f"n{index}": SimpleNamespace(address=ip) for index, ip in enumerate(IPS.split(","))}
        self.specs: dict[str, Any] = {}

    def label_node(self, name: str, key: str, value: str) -> None:
        assert f"{key}={value}" == manifests.LABEL

    def create(self, spec: DeploymentSpec | DaemonSetSpec) -> None:
        self.specs[spec.name] = spec

    create_deployment = create_daemonset = create


def objects(release: str, minor: int = 20, placement: str | None = None) -> dict[str, Any]:
    found = manifests.objects("image", kube_ovn_profile(release), minor, IPS, placement)
    return {item["metadata"]["name"]: item for item in found if item["kind"] in ("Deployment", "DaemonSet")}


def modelled(release: str) -> dict[str, Any]:
    recorder = Recorder()
    install(recorder, kube_ovn_profile(release), ["n0", "n1", "n2"])  # type: ignore[arg-type]
    return recorder.specs


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", [CENTRAL, CONTROLLER, OVS])
def test_app_label_and_plain_environment_are_the_same(release: str, name: str) -> None:
    spec = objects(release)[name]["spec"]
    model = modelled(release)[name]
    container = spec["template"]["spec"]["containers"][0]
    plain = {item["name"]: item["value"] for item in container["env"] if "value" in item}
    assert plain == dict(model.env)
    assert {item["name"] for item in container["env"]} - set(plain) <= PLACED_BY_THE_KUBELET
    assert spec["selector"]["matchLabels"] == {"app": model.app}
    assert spec["template"]["metadata"]["labels"]["app"] == model.app


@pytest.mark.parametrize("release", RELEASES)
def test_central_has_the_shipped_probes_strategy_and_place(release: str) -> None:
    item, model = objects(release)[CENTRAL], modelled(release)[CENTRAL]
    pod = item["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["name"] == CENTRAL
    for name, probe in (("readinessProbe", model.readiness), ("livenessProbe", model.liveness)):
        assert probe is not None
        found = container[name]
        assert (found["periodSeconds"], found["failureThreshold"], found["initialDelaySeconds"]) == (
            probe.period,
            probe.failures,
            probe.initial_delay,
        )
    assert item["spec"]["strategy"]["rollingUpdate"] == {
        "maxSurge": model.max_surge,
        "maxUnavailable": model.max_unavailable,
    }
    assert item["spec"]["replicas"] == model.replicas == 3
    assert ("nodeAffinity" in pod["affinity"]) == model.selector.affinity
    assert ("kube-ovn/role" in pod.get("nodeSelector", {})) != model.selector.affinity
    assert "terminationGracePeriodSeconds" not in pod
    assert [item["name"] for item in container["env"]][1] == "NODE_IPS"
    paths = {volume["hostPath"]["path"]: volume["name"] for volume in pod["volumes"] if "hostPath" in volume}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts[paths["/etc/origin/ovn"]] == "/etc/ovn"


@pytest.mark.parametrize("placement", ["selector", "affinity"])
def test_placement_can_be_asked_for(placement: str) -> None:
    pod = objects("v1.13.15", placement=placement)[CENTRAL]["spec"]["template"]["spec"]
    assert ("nodeAffinity" in pod["affinity"]) == (placement == "affinity")


def test_daemonsets_surge_only_where_kubernetes_can() -> None:
    def rolling(release: str, minor: int) -> Any:
        return objects(release, minor)[OVS]["spec"]["updateStrategy"].get("rollingUpdate")

    assert rolling("v1.13.15", 20) == {"maxUnavailable": 1}
    assert rolling("v1.13.15", 29) == {"maxSurge": 1, "maxUnavailable": 0}
    assert rolling("v1.11.17", 29) is None
