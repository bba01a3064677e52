#!/usr/bin/env python3
"""Print the lab's Kube-OVN objects as one JSON list, for ``kubectl apply -f -``.

Names, labels, environment, probes, strategies and host paths are those that Kube-OVN ships (facts: kube-ovn 1); the
containers are the lab's image. What a release changes comes from its profile in fake_kube.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from fake_kube.objects import ProbeSpec
from fake_kube.profile import KubeOvnProfile, kube_ovn_profile

LABEL = "kube-ovn/role=master"
DIRECTORY = "/etc/origin/ovn"
LINUX = {"kubernetes.io/os": "linux"}
TOLERATIONS = [
    {"effect": "NoSchedule", "operator": "Exists"},
    {"effect": "NoExecute", "operator": "Exists"},
    {"key": "CriticalAddonsOnly", "operator": "Exists"},
]

Object = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", required=True)
    parser.add_argument("--release", required=True)
    parser.add_argument("--kubernetes", required=True, help="the server's version, like 1.20")
    parser.add_argument("--node-ips", required=True, help="NODE_IPS and OVN_DB_IPS")
    parser.add_argument("--namespace", default="kube-system")
    parser.add_argument("--placement", choices=("selector", "affinity"), help="default: what the release's chart has")
    parser.add_argument("--ssl", action="store_true", help="ENABLE_SSL, with keys from the secret kube-ovn-tls")
    given = parser.parse_args()
    minor = int(given.kubernetes.split(".")[1].rstrip("+"))
    profile = kube_ovn_profile(given.release)
    items = objects(given.image, profile, minor, given.node_ips, given.placement, given.ssl)
    for item in items:
        put_into(given.namespace, item)
    json.dump({"apiVersion": "v1", "kind": "List", "items": items}, sys.stdout, indent=1)


def objects(
    image: str, profile: KubeOvnProfile, minor: int, node_ips: str, placement: str | None, ssl: bool = False
) -> list[Object]:
    """``minor``: of Kubernetes 1.x; DaemonSets surge from 1.22 on."""
    surge = profile.ovs_surge and minor >= 22
    workloads = [
        central(image, profile, node_ips, placement),
        ovs(image, profile, node_ips, surge),
        controller(image, node_ips),
    ]
    return [
        *permissions(),
        *(service(name, port) for name, port in (("nb", 6641), ("sb", 6642), ("northd", 6643))),
        *(with_keys(workload, ssl) for workload in workloads),
    ]


def put_into(namespace: str, item: Object) -> None:
    """The object, and the accounts that it names, are in ``namespace``."""
    for named in (item["metadata"], *item.get("subjects", ())):
        named["namespace"] = namespace


def with_keys(workload: Object, ssl: bool) -> Object:
    """The secret is optional and mounted in any case, as Kube-OVN does it; ENABLE_SSL says whether it is used."""
    spec = workload["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    enabled = next(item for item in container["env"] if item["name"] == "ENABLE_SSL")
    enabled["value"] = "true" if ssl else "false"
    container.setdefault("volumeMounts", []).append({"name": "kube-ovn-tls", "mountPath": "/var/run/tls"})
    spec.setdefault("volumes", []).append(
        {"name": "kube-ovn-tls", "secret": {"optional": True, "secretName": "kube-ovn-tls"}}
    )
    return workload


def permissions() -> list[Object]:
    """The leader checker labels its own pod."""
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "patch"]}]
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "ovn-ovs"}
    subject = {"kind": "ServiceAccount", "name": "ovn-ovs"}
    rbac = "rbac.authorization.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta("ovn-ovs")},
        {"apiVersion": rbac, "kind": "Role", "metadata": _meta("ovn-ovs"), "rules": rules},
        {
            "apiVersion": rbac,
            "kind": "RoleBinding",
            "metadata": _meta("ovn-ovs"),
            "roleRef": ref,
            "subjects": [subject],
        },
    ]


def service(database: str, port: int) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(f"ovn-{database}"),
        "spec": {
            "type": "ClusterIP",
            "ports": [{"name": f"ovn-{database}", "protocol": "TCP", "port": port, "targetPort": port}],
            "selector": {"app": "ovn-central", f"ovn-{database}-leader": "true"},
        },
    }


def central(image: str, profile: KubeOvnProfile, node_ips: str, placement: str | None) -> Object:
    volumes = {
        "host-run-ovn": ("/run/ovn", "/var/run/ovn"),
        "host-config-ovn": (DIRECTORY, "/etc/ovn"),
        "host-log-ovn": ("/var/log/ovn", "/var/log/ovn"),
    }
    container = {
        "name": "ovn-central",
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["bash", "/kube-ovn/start-db.sh"],
        "securityContext": {"runAsUser": 0, "capabilities": {"add": ["SYS_NICE"]}},
        "env": central_env(node_ips),
        "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}},
        "readinessProbe": probe(profile.readiness),
        "livenessProbe": probe(profile.liveness),
        "volumeMounts": [{"name": name, "mountPath": path} for name, (_, path) in volumes.items()],
    }
    spec = _pod_spec(container, TOLERATIONS)
    spec["affinity"] = {"podAntiAffinity": _one_per_host("ovn-central")}
    key, _, value = LABEL.partition("=")
    if placement == "affinity" or (placement is None and profile.affinity):
        spec["affinity"]["nodeAffinity"] = {
            "requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{"matchExpressions": [{"key": key, "operator": "In", "values": [value]}]}]
            }
        }
    else:
        spec["nodeSelector"] = {**LINUX, key: value}
    spec["volumes"] = [
        {"name": name, "hostPath": {"path": path, "type": "DirectoryOrCreate"}} for name, (path, _) in volumes.items()
    ]
    labels = {"app": "ovn-central", "component": "network", "type": "infra"}
    strategy = {"maxSurge": 0, "maxUnavailable": 1}
    return _deployment("ovn-central", len(node_ips.split(",")), labels, strategy, spec)


def central_env(node_ips: str) -> list[Object]:
    """In the order of the releases up to 1.16.2, NODE_IPS second (facts: kube-ovn 1.1)."""
    fields = {
        "POD_IP": "status.podIP",
        "POD_NAME": "metadata.name",
        "POD_NAMESPACE": "metadata.namespace",
        "POD_IPS": "status.podIPs",
    }
    values = {
        "ENABLE_BIND_LOCAL_IP": "true",
        "PROBE_INTERVAL": "180000",
        "OVN_NORTHD_PROBE_INTERVAL": "5000",
        "OVN_LEADER_PROBE_INTERVAL": "5",
        "OVN_NORTHD_N_THREADS": "1",
        "ENABLE_COMPACT": "false",
    }
    return [
        *_env({"ENABLE_SSL": "false", "NODE_IPS": node_ips}),
        *({"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}} for name, path in fields.items()),
        *_env(values),
    ]


def ovs(image: str, profile: KubeOvnProfile, node_ips: str, surge: bool) -> Object:
    container = _client("openvswitch", image, "sb", node_ips, period=5)
    labels = {"app": "ovs", "component": "network", "type": "infra"}
    if not profile.ovs_surge:
        strategy: Object = {"type": "OnDelete"}
    else:
        rolling = {"maxSurge": 1, "maxUnavailable": 0} if surge else {"maxUnavailable": 1}
        strategy = {"type": "RollingUpdate", "rollingUpdate": rolling}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": _meta("ovs-ovn"),
        "spec": {
            "selector": {"matchLabels": {"app": "ovs"}},
            "updateStrategy": strategy,
            "template": {
                "metadata": {"labels": labels},
                "spec": {**_pod_spec(container, TOLERATIONS), "hostPID": True, "nodeSelector": LINUX},
            },
        },
    }


def controller(image: str, node_ips: str) -> Object:
    container = _client("kube-ovn-controller", image, "nb", node_ips, period=3)
    spec = _pod_spec(container, [{"effect": "NoSchedule", "operator": "Exists"}, TOLERATIONS[2]])
    spec["affinity"] = {"podAntiAffinity": _one_per_host("kube-ovn-controller")}
    spec["nodeSelector"] = LINUX
    labels = {"app": "kube-ovn-controller", "component": "network", "type": "infra"}
    strategy = {"maxSurge": "0%", "maxUnavailable": "100%"}
    return _deployment("kube-ovn-controller", len(node_ips.split(",")), labels, strategy, spec)


def probe(spec: ProbeSpec) -> Object:
    return {
        "exec": {"command": ["bash", "/kube-ovn/ovn-healthcheck.sh"]},
        "initialDelaySeconds": int(spec.initial_delay),
        "periodSeconds": int(spec.period),
        "timeoutSeconds": int(spec.timeout),
        "failureThreshold": spec.failures,
    }


def _client(name: str, image: str, database: str, node_ips: str, period: int) -> Object:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "Never",
        "command": ["bash", "/kube-ovn/start-client.sh", database],
        "env": _env({"ENABLE_SSL": "false", "OVN_DB_IPS": node_ips}),
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}},
        "readinessProbe": {"exec": {"command": ["true"]}, "periodSeconds": period},
    }


def _deployment(name: str, replicas: int, labels: Object, rolling: Object, spec: Object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(name),
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def _pod_spec(container: Object, tolerations: list[Object]) -> Object:
    return {
        "hostNetwork": True,
        "priorityClassName": "system-cluster-critical",
        "serviceAccountName": "ovn-ovs",
        "tolerations": tolerations,
        "containers": [container],
    }


def _one_per_host(app: str) -> Object:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}
    return {"requiredDuringSchedulingIgnoredDuringExecution": [term]}


def _env(values: dict[str, str]) -> list[Object]:
    return [{"name": name, "value": value} for name, value in values.items()]


def _meta(name: str) -> Object:
    return {"name": name}


if __name__ == "__main__":
    main()
