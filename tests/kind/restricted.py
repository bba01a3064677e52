"""Users of the kind cluster who may do what ``ci/rbac.yaml`` allows, or all of it but one thing."""

from __future__ import annotations

import copy
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from harness.executors.kube.api import Api, Failure
from harness.executors.kube.api import connect as read_kubeconfig

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "ci" / "rbac.yaml"
NAMESPACE = os.environ.get("LAB_NAMESPACE") or "kube-system"
LASTS = 6 * 3600
"""Seconds for which a token counts."""

RBAC = "rbac.authorization.k8s.io"
Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Permission:
    """One verb on one resource; ``cluster``: by a ClusterRole."""

    cluster: bool
    group: str
    resource: str
    names: tuple[str, ...]
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "")

    def rule(self) -> Object:
        rule: Object = {"apiGroups": [self.group], "resources": [self.resource], "verbs": [self.verb]}
        return rule | ({"resourceNames": list(self.names)} if self.names else {})


def shipped() -> tuple[Permission, ...]:
    """Everything that the roles of ``ci/rbac.yaml`` grant, verb by verb, each once."""
    found = {}
    for item in yaml.safe_load_all(SHIPPED.read_text(encoding="utf-8")):
        for rule in item.get("rules") or []:
            for group in rule["apiGroups"]:
                for resource in rule["resources"]:
                    for verb in rule["verbs"]:
                        names = tuple(rule.get("resourceNames") or ())
                        found[Permission(item["kind"] == "ClusterRole", group, resource, names, verb)] = None
    return tuple(found)


class Users:
    """Makes users in the cluster of ``kubeconfig`` (an administrator's), and takes them away again."""

    def __init__(self, kubeconfig: Path, context: str) -> None:
        from kubernetes import client

        self._kubeconfig = kubeconfig
        self._context = context
        self._client = client.ApiClient(read_kubeconfig(kubeconfig, context).settings)
        self._core = client.CoreV1Api(self._client)
        self._rbac = client.RbacAuthorizationV1Api(self._client)
        self._made: list[tuple[str, str]] = []

    def bound_to_the_shipped_roles(self, path: Path) -> Path:
        """The service account of ``ci/rbac.yaml``, with that very file applied, but for Kube-OVN's namespace; returns
        its kubeconfig."""
        self._account("ovnswap")
        for item in yaml.safe_load_all(SHIPPED.read_text(encoding="utf-8")):
            for named in (item["metadata"], *item.get("subjects", ())):
                if "namespace" in named:
                    named["namespace"] = NAMESPACE
            self._create(item)
        return self._config("ovnswap", path)

    def with_permissions(self, name: str, permissions: tuple[Permission, ...], path: Path) -> Path:
        """A service account that may do just this; returns its kubeconfig."""
        self._account(name)
        subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
        for cluster in (True, False):
            kind = "ClusterRole" if cluster else "Role"
            where = {} if cluster else {"namespace": NAMESPACE}
            meta = {"name": name, **where}
            rules = [permission.rule() for permission in permissions if permission.cluster is cluster]
            version = {"apiVersion": f"{RBAC}/v1"}
            self._create({**version, "kind": kind, "metadata": meta, "rules": rules})
            ref = {"apiGroup": RBAC, "kind": kind, "name": name}
            self._create({**version, "kind": f"{kind}Binding", "metadata": meta, "roleRef": ref, "subjects": [subject]})
        return self._config(name, path)

    def _account(self, name: str) -> None:
        self._create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": NAMESPACE}})

    def _create(self, body: Object) -> None:
        from kubernetes.client.exceptions import ApiException

        kind, name = body["kind"], body["metadata"]["name"]
        plain = {"ServiceAccount": "service_account", "ClusterRole": "cluster_role", "Role": "role"}
        words = plain.get(kind) or f"{plain[kind.removesuffix('Binding')]}_binding"
        api = self._core if kind == "ServiceAccount" else self._rbac
        namespaced = "" if kind.startswith("Cluster") else "namespaced_"
        where = () if kind.startswith("Cluster") else (NAMESPACE,)
        self._made.append((f"{namespaced}{words}", name))
        try:
            getattr(api, f"create_{namespaced}{words}")(*where, body)
        except ApiException as error:
            if error.status != 409:
                raise
            if kind != "ServiceAccount":
                getattr(api, f"replace_{namespaced}{words}")(name, *where, body)

    def _config(self, name: str, path: Path) -> Path:
        """The administrator's kubeconfig with another user in it."""
        body = {"spec": {"audiences": [], "expirationSeconds": LASTS}}
        answer = self._core.create_namespaced_service_account_token(name, NAMESPACE, body)
        config = copy.deepcopy(yaml.safe_load(self._kubeconfig.read_text(encoding="utf-8")))
        config["users"] = [{"name": name, "user": {"token": answer.status.token}}]
        for item in config["contexts"]:
            item["context"]["user"] = name
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        path.chmod(0o600)
        return path

    def close(self) -> None:
        from kubernetes.client.exceptions import ApiException

        for what, name in reversed(self._made):
            api = self._core if what.endswith("service_account") else self._rbac
            where = (NAMESPACE,) if what.startswith("namespaced_") else ()
            try:
                getattr(api, f"delete_{what}")(name, *where)
            except ApiException as error:
                if error.status != 404:
                    raise


def may(kubeconfig: Path, context: str, verb: str, resource: str, group: str = "") -> bool:
    """Whether that user may do it now, as one of the API servers sees it."""
    api = Api(read_kubeconfig(kubeconfig, context), patience=0.0)
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": verb, "group": group, "resource": resource, "namespace": NAMESPACE}},
    }
    try:
        return bool(api.request("access", "create_self_subject_access_review", body)["status"]["allowed"])
    except Failure:
        return False
