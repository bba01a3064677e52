"""What the role must allow, as a table, and asking the API server whether it does before anything is changed.

``ci/rbac.yaml`` grants exactly this table. A command is run over a websocket, for which the client sends GET: releases
of Kubernetes differ on whether that is the verb ``get`` or ``create`` of pods/exec, so both are asked for.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from harness.errors import Refused
from harness.executors.kube.api import Api


@dataclass(frozen=True, slots=True)
class Need:
    """One permission. ``resource`` may have a subresource behind a slash; ``name`` limits it to one object;
    ``cluster``: it is not of Kube-OVN's namespace."""

    verb: str
    resource: str
    group: str = ""
    name: str = ""
    cluster: bool = False

    def words(self, namespace: str) -> str:
        """As ``kubectl auth can-i`` takes it."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        resource += f"/{self.name}" if self.name and "/" not in self.resource else ""
        return f"{self.verb} {resource}" + ("" if self.cluster else f" -n {namespace}")


def _each(verbs: str, resource: str, group: str = "", *, cluster: bool = False) -> tuple[Need, ...]:
    return tuple(Need(verb, resource, group, cluster=cluster) for verb in verbs.split())


OBSERVE = (
    *_each("list get", "nodes", cluster=True),
    Need("get", "namespaces", name="kube-system", cluster=True),
    *_each("list get", "pods"),
    *_each("get create", "pods/exec"),
    *_each("list get", "deployments", "apps"),
    *_each("list get", "daemonsets", "apps"),
    *_each("get", "leases", "coordination.k8s.io"),
)
OPERATE = (
    Need("patch", "nodes", cluster=True),
    *_each("patch delete", "pods"),
    Need("patch", "deployments", "apps"),
    Need("patch", "daemonsets", "apps"),
    *_each("create update", "leases", "coordination.k8s.io"),
)
CLEAN = (*_each("create delete", "pods"),)
ROLES = {"observe": OBSERVE, "operate": OPERATE, "clean": CLEAN}
"""What looking needs, what a procedure needs besides, and what removing the files of a node without a pod needs."""


def missing(api: Api, namespace: str, needs: Iterable[Need]) -> list[Need]:
    """Those that the API server says are not allowed, in order."""
    wanted = list(dict.fromkeys(needs))
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda need: _allowed(api, namespace, need), wanted))
    return [need for need, allowed in zip(wanted, answers, strict=True) if not allowed]


def require(api: Api, namespace: str, roles: Iterable[str]) -> None:
    """Raises :class:`Refused`, naming each permission that is missing."""
    needs = [need for role in roles for need in ROLES[role]]
    lacking = missing(api, namespace, needs)
    if lacking:
        names = "; ".join(need.words(namespace) for need in lacking)
        raise Refused(
            f"the role lacks: {names}",
            why="a run that finds this out half-way would have to be left there",
            todo="kubectl apply -f ci/rbac.yaml, and bind it to this user",
        )


def _allowed(api: Api, namespace: str, need: Need) -> bool:
    resource, _, subresource = need.resource.partition("/")
    asked = {"verb": need.verb, "group": need.group, "resource": resource, "subresource": subresource}
    asked |= {"name": need.name} if need.name else {}
    asked |= {} if need.cluster else {"namespace": namespace}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {key: value for key, value in asked.items() if value}},
    }
    answer = api.read("access", "create_self_subject_access_review", body)
    return bool(answer.get("status", {}).get("allowed", False))
