"""Installations that are not worked on, as objects of the real API server: each is refused with what gave it away.

A copy of the lab's ovn-central without pods, in a namespace of its own, is spoiled in one way after the other. The
releases are shown on the lab's own Deployment, which is paused meanwhile: no pod learns of it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from operators import Operator
from test_permissions import objects

from harness.errors import ExitCode
from harness.executors.kind import KindExecutor
from harness.executors.kube.api import MERGE, Failure
from harness.preflight import INTEGRITY_CHECK_RELEASES
from harness.steps import CENTRAL
from scenarios import support

pytestmark = [pytest.mark.ovn(backends=["kind"]), pytest.mark.timeout(1200)]

NAMESPACE = "cozy-kubeovn"
Object = dict[str, Any]
Spoil = Callable[[Object], None]


def template(item: Object) -> Object:
    return item["spec"]["template"]["spec"]


def variable(name: str, **given: object) -> Spoil:
    """Set a variable of the container; with nothing given but its name, remove it."""

    def spoil(item: Object) -> None:
        container = template(item)["containers"][0]
        container["env"] = [other for other in container["env"] if other["name"] != name]
        if given:
            container["env"].append({"name": name, **given})

    return spoil


def recreated(item: Object) -> None:
    item["spec"]["strategy"] = {"type": "Recreate"}


def off_the_host(item: Object) -> None:
    template(item).pop("hostNetwork")


def on_a_claim(item: Object) -> None:
    volume = next(v for v in template(item)["volumes"] if v["name"] == "host-config-ovn")
    volume.pop("hostPath")
    volume["persistentVolumeClaim"] = {"claimName": "ovn"}


def placed_twice(item: Object) -> None:
    template(item)["nodeSelector"]["disk"] = "fast"


def placed_nowhere(item: Object) -> None:
    template(item).pop("nodeSelector")


REFERENCE = {"configMapKeyRef": {"name": "addresses", "key": "nodes"}}
SPOILT: dict[str, tuple[Spoil, str]] = {
    "single mode": (variable("OVN_CENTRAL_MODE", value="single"), "OVN_CENTRAL_MODE is single"),
    "single mode by its strategy": (recreated, "its strategy is Recreate"),
    "a standalone server": (variable("NODE_IPS"), "NODE_IPS is empty"),
    "addresses from elsewhere": (variable("NODE_IPS", valueFrom=REFERENCE), "NODE_IPS is not a value"),
    "names for addresses": (variable("NODE_IPS", value="ovn-0.ovn,ovn-1.ovn"), "ovn-0.ovn, which is no address"),
    "addresses of its own": (variable("DB_CLUSTER_ADDR", value="10.0.0.1"), "DB_CLUSTER_ADDR is set"),
    "on the pods' network": (off_the_host, "not on the host's network"),
    "on a claim": (on_a_claim, "persistentVolumeClaim, not a directory"),
    "two labels": (placed_twice, "disk, kube-ovn/role"),
    "no label": (placed_nowhere, "placed by these node labels: none"),
}


@pytest.fixture
def elsewhere(as_it_is: KindExecutor) -> Iterator[Callable[[str, str, Object], None]]:
    """Puts objects into the namespace; they go with the test, and so does the namespace."""
    made: list[tuple[str, str]] = []

    def put(kind: str, name: str, body: Object) -> None:
        for _ in range(2):
            try:
                as_it_is.api.request("apps", f"create_namespaced_{kind}", NAMESPACE, body)
                break
            except Failure as failure:
                if failure.status != 409:
                    raise
                as_it_is.api.request("apps", f"delete_namespaced_{kind}", name, NAMESPACE)
        made.append((kind, name))

    with suppress(Failure):  # it is there
        as_it_is.api.request("core", "create_namespace", {"metadata": {"name": NAMESPACE}})
    try:
        yield put
    finally:
        for kind, name in dict.fromkeys(made):
            as_it_is.api.request("apps", f"delete_namespaced_{kind}", name, NAMESPACE)
        as_it_is.api.request("core", "delete_namespace", NAMESPACE)


def a_copy(lab: KindExecutor) -> Object:
    """The lab's ovn-central, for another namespace and without pods."""
    item = lab.api.read("apps", "read_namespaced_deployment", CENTRAL, lab.installation.namespace)
    spec = {**copy.deepcopy(dict(item["spec"])), "replicas": 0}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": CENTRAL}, "spec": spec}


@pytest.fixture
def there(as_it_is: KindExecutor, tmp_path: Any) -> Iterator[Operator]:
    """An administrator who looks into that namespace."""
    operator = Operator(as_it_is, {**as_it_is.named(), "OVNSWAP_NAMESPACE": NAMESPACE}, tmp_path / "state")
    try:
        yield operator
    finally:
        operator.close()


def test_modes_that_are_not_worked_on(as_it_is: KindExecutor, elsewhere, there: Operator, ovn_record) -> None:
    told = {}
    for name, (spoil, words) in SPOILT.items():
        item = a_copy(as_it_is)
        spoil(item)
        elsewhere("deployment", CENTRAL, item)
        typed = there.type("status")
        assert typed.code == ExitCode.REFUSED, f"{name}: {typed.err}"
        assert words in typed.complaint, name
        told[name] = typed.complaint
    hosted = a_copy(as_it_is)
    hosted["kind"] = "StatefulSet"
    hosted["spec"] = {key: hosted["spec"][key] for key in ("replicas", "selector", "template")} | {"serviceName": "ovn"}
    elsewhere("stateful_set", CENTRAL, hosted)
    typed = there.type("status")
    assert typed.code == ExitCode.REFUSED, typed.err
    assert "a hosted control plane" in typed.complaint
    ovn_record(told=told | {"hosted control plane": typed.complaint})


def test_two_installations_are_told_apart_by_their_namespace(
    as_it_is: KindExecutor, elsewhere, there: Operator, tmp_path: Any
) -> None:
    elsewhere("deployment", CENTRAL, a_copy(as_it_is))
    unnamed = Operator(as_it_is, as_it_is.named(), tmp_path / "unnamed")
    try:
        typed = unnamed.type("status")
        assert typed.code == ExitCode.REFUSED
        assert f"there is a deployment/{CENTRAL} in each of " in typed.complaint
        named = unnamed.type("status", "-n", as_it_is.installation.namespace)
        assert named.code == ExitCode.OK, named.err
    finally:
        unnamed.close()


@contextmanager
def of_release(lab: KindExecutor, release: str) -> Iterator[None]:
    """The Deployment names another image, and is paused: its pods are what they were, before and after."""
    where = (CENTRAL, lab.installation.namespace)
    image = lab.installation.image

    def patch(spec: Object) -> None:
        lab.api.request("apps", "patch_namespaced_deployment", *where, {"spec": spec}, _content_type=MERGE)

    item = copy.deepcopy(lab.api.read("apps", "read_namespaced_deployment", *where)["spec"]["template"]["spec"])
    (container,) = item["containers"]
    name, _, _ = image.rpartition(":")
    try:
        patch({"paused": True})
        container["image"] = f"{name}:{release}"
        patch({"template": {"spec": {"containers": [container]}}})
        yield
    finally:
        container["image"] = image
        patch({"template": {"spec": {"containers": [container]}}})
        patch({"paused": None})


@pytest.mark.parametrize("release", INTEGRITY_CHECK_RELEASES)
def test_releases_that_delete_a_database_after_a_kick(
    as_it_is: KindExecutor, onlooker: Operator, release: str, ovn_record
) -> None:
    """The page's order kicks first: refused. The guarded order does not: it is planned."""
    before = as_it_is.view()
    untouched = objects(as_it_is)
    node = before.labelled()[-1].name
    with of_release(as_it_is, release):
        typed = onlooker.type("apply", "remove", node, "--procedure", "documented")
        planned = onlooker.type("plan", "remove", node, "--procedure", "guarded")
    assert typed.code == ExitCode.REFUSED, typed.err
    assert f"VERSION: Kube-OVN {release} deletes a database" in typed.complaint
    assert "VERSION" not in planned.err
    ovn_record(told=typed.complaint, guarded=planned.code)
    support.in_order(as_it_is)
    after = objects(as_it_is)
    assert after["pods"] == untouched["pods"], "no pod was replaced"
    assert after["labels"] == untouched["labels"]
