"""Each permission of ``ci/rbac.yaml`` in turn is taken away: every command is refused before anything is changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from operators import Operator, Typed
from restricted import Permission, Users, may, shipped

from harness.errors import ExitCode
from harness.executors.kind import KindExecutor

pytestmark = [pytest.mark.ovn(backends=["kind"]), pytest.mark.timeout(1800)]


def objects(lab: KindExecutor) -> dict[str, object]:
    """What a change would move."""
    view = lab.view()
    lists = (("apps", "list_namespaced_deployment"), ("apps", "list_namespaced_daemon_set"))
    found: dict[str, object] = {
        item["metadata"]["name"]: item["metadata"]["generation"]
        for api, method in lists
        for item in lab.api.read(api, method, lab.installation.namespace)["items"]
    }
    found["labels"] = [dict(node.labels) for node in view.nodes]
    found["pods"] = sorted(pod.name for pod in view.pods)
    lease = lab.api.find("leases", "read_namespaced_lease", "ovnswap", lab.installation.namespace) or {}
    found["holder"] = (lease.get("spec") or {}).get("holderIdentity")
    return found


def test_each_missing_permission_is_refused(as_it_is: KindExecutor, users: Users, tmp_path: Path, ovn_record) -> None:
    permissions = shipped()
    assert len(permissions) > 15
    before = objects(as_it_is)
    node = as_it_is.view().labelled()[-1].name
    context = as_it_is.api.connection.context

    def lacking(number: int) -> Path:
        rest = tuple(p for p in permissions if not same(p, permissions[number]))
        return users.with_permissions(f"ovnswap-lacks-{number}", rest, tmp_path / f"kubeconfig-{number}")

    configs = [lacking(number) for number in range(len(permissions))]
    settled(as_it_is, configs, permissions, context)

    def refused(number: int) -> Typed:
        operator = Operator(as_it_is, as_it_is.named(configs[number]), tmp_path / f"state-{number}")
        try:
            return operator.type("apply", "remove", node)
        finally:
            operator.close()

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(refused, range(len(permissions))))
    told = {}
    for permission, typed in zip(permissions, answers, strict=True):
        assert typed.code == ExitCode.REFUSED, f"without {permission}: {typed.code} {typed.err}"
        assert permission.resource.split("/")[0].rstrip("s") in typed.complaint, f"without {permission}"
        assert "ci/rbac.yaml" in typed.complaint
        told[str(permission)] = typed.complaint
    assert objects(as_it_is) == before
    ovn_record(refusals=told)


def same(one: Permission, other: Permission) -> bool:
    """Whether they are about the same thing: two roles may grant it."""
    return (one.group, one.resource, one.verb) == (other.group, other.resource, other.verb)


def settled(lab: KindExecutor, configs: list[Path], permissions: tuple[Permission, ...], context: str) -> None:
    """Wait until every API server knows what was granted last: each connection may lead to another one."""
    last = next(p for p in reversed(permissions) if not p.cluster and not same(p, permissions[-1]))

    def known() -> bool:
        resource = last.resource.split("/")[0]
        return all(may(configs[-1], context, last.verb, resource, last.group) for _ in range(6))

    lab.wait(known, 60.0, "the API servers to know the roles")
