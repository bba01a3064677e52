"""Finding Kube-OVN in a cluster: its namespace, node label, directory, container and release, none of them assumed.

Modes for which the procedures are not made (a single server on a volume, a hosted control plane) are refused with what
gave them away (facts: kube-ovn 1).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.addresses import is_ip, split_list
from harness.errors import BadInput, Refused
from harness.executors.kube.api import Api, Failure
from harness.executors.kube.objects import container_named, environment

CENTRAL = "ovn-central"
NAMESPACES = ("kube-system", "cozy-kubeovn", "kube-ovn")
"""Where to look when the role may not list Deployments of all namespaces."""

DATABASES_AT = "/etc/ovn"
"""Where the container has its databases, in every release (facts: kube-ovn 1.1)."""

_RELEASE = re.compile(r"v\d+\.\d+\.\d+")
_OF_EVERY_NODE = ("kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch")
_ONLY = "the procedures are for raft clusters on the nodes' own disks"
_BY_ONE_LABEL = f"let one node label alone, with one value, place deployment/{CENTRAL}"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Installation:
    """What is known of Kube-OVN here. ``directory`` is the host's path of the databases; ``release`` "" if the image
    does not say; ``notes`` are for whoever starts a procedure; ``uid`` is the namespace kube-system's."""

    namespace: str
    label: tuple[str, str]
    directory: str
    container: str
    image: str
    release: str
    uid: str
    notes: tuple[str, ...] = ()


def identify(api: Api, allowed: str | None) -> str:
    """The cluster's identity (the UID of the namespace kube-system), which has to be the one that is ``allowed``.

    Raises :class:`BadInput` if it is not, or none was named: a kubeconfig's context may lead anywhere.
    """
    found = str(api.read("core", "read_namespace", "kube-system")["metadata"]["uid"])
    where = f"context {api.connection.context} leads to {api.connection.server}"
    if not allowed:
        why = "a cluster is named twice, for a context may lead elsewhere than one thinks"
        raise BadInput(
            f"{where}, and no cluster is allowed", why=why, todo=f"if it is the right one: --allow-cluster {found}"
        )
    if allowed != found:
        raise BadInput(
            f"{where}, which is cluster {found}, not {allowed}",
            why="nothing was asked of it but its name",
            todo="name another context, or the cluster that you mean",
        )
    return found


def find(api: Api, uid: str, namespace: str | None) -> Installation:
    """Look for ovn-central; in ``namespace`` only, if that is given.

    Raises :class:`Refused` if there is none, several, or one of a mode that can't be worked on.
    """
    _no_statefulset(api, namespace)
    found = _deployments(api, namespace)
    if not found:
        where = f"namespace {namespace}" if namespace else "any namespace that may be looked at"
        todo = "name another context, or the namespace with -n if the role sees only that"
        raise Refused(f"there is no deployment/{CENTRAL} in {where}", why="no Kube-OVN, or another cluster", todo=todo)
    if len(found) > 1:
        names = ", ".join(item["metadata"]["namespace"] for item in found)
        raise Refused(f"there is a deployment/{CENTRAL} in each of {names}", todo="name one of them with -n")
    return describe(found[0], api.read("core", "list_node")["items"], uid)


def describe(item: Object, nodes: list[Object], uid: str) -> Installation:
    """Read the Deployment. Raises :class:`Refused` for a mode that can't be worked on."""
    template = item["spec"]["template"]["spec"]
    container = container_named(template, CENTRAL)
    _check_mode(item, container)
    label, notes = _label(template, nodes)
    image = str(container.get("image", ""))
    release = _RELEASE.match(image.partition("@")[0].rpartition(":")[2])
    return Installation(
        namespace=item["metadata"]["namespace"],
        label=label,
        directory=_directory(template, container),
        container=container["name"],
        image=image,
        release=release[0] if release is not None else "",
        uid=uid,
        notes=notes,
    )


def _deployments(api: Api, namespace: str | None) -> list[Object]:
    only = f"metadata.name={CENTRAL}"
    if namespace is not None:
        return list(api.read("apps", "list_namespaced_deployment", namespace, field_selector=only)["items"])
    try:
        return list(api.request("apps", "list_deployment_for_all_namespaces", field_selector=only)["items"])
    except Failure as failure:
        if failure.passing:
            return list(api.read("apps", "list_deployment_for_all_namespaces", field_selector=only)["items"])
        if failure.status != 403:
            raise api.explain(failure, "list deployments") from None
    found: list[Object] = []
    refused: list[Failure] = []
    for name in NAMESPACES:
        try:
            found += api.request("apps", "list_namespaced_deployment", name, field_selector=only)["items"]
        except Failure as failure:
            refused.append(failure)
    if len(refused) == len(NAMESPACES):  # nothing could be looked at: that there is no Kube-OVN is not known
        raise api.explain(refused[0], "list deployments")
    return found


def _no_statefulset(api: Api, namespace: str | None) -> None:
    """A hosted control plane runs ovn-central as a StatefulSet with DNS names. Not being allowed to look is no harm:
    the Deployment is needed in any case."""
    only = f"metadata.name={CENTRAL}"
    try:
        if namespace is not None:
            items = api.request("apps", "list_namespaced_stateful_set", namespace, field_selector=only)["items"]
        else:
            items = api.request("apps", "list_stateful_set_for_all_namespaces", field_selector=only)["items"]
    except Failure:
        return
    if items:
        seen = f"{CENTRAL} is a StatefulSet in {items[0]['metadata']['namespace']}: a hosted control plane"
        raise Refused(seen, why=_ONLY, todo="there is no node to take out; see Kube-OVN's documentation of that mode")


def _check_mode(item: Object, container: Object) -> None:
    env = environment({"containers": [container]}, container["name"])
    refers = [e["name"] for e in container.get("env") or [] if "valueFrom" in e]
    mode = env.get("OVN_CENTRAL_MODE", "cluster")
    strategy = (item["spec"].get("strategy") or {}).get("type", "RollingUpdate")
    listed = split_list(env.get("NODE_IPS", ""))
    named = [address for address in listed if not is_ip(address)]
    complaint = ""
    if mode not in ("", "cluster"):
        complaint = f"OVN_CENTRAL_MODE is {mode}"
    elif strategy != "RollingUpdate":
        complaint = f"its strategy is {strategy}, as in the single mode"
    elif "NODE_IPS" in refers:
        complaint = "NODE_IPS is not a value but a reference"
    elif not listed:
        complaint = "NODE_IPS is empty: one standalone server"
    elif named:
        complaint = f"NODE_IPS has {named[0]}, which is no address"
    elif "DB_CLUSTER_ADDR" in env or "DB_CLUSTER_ADDR" in refers:
        complaint = "DB_CLUSTER_ADDR is set: raft's addresses are not the nodes'"
    elif not item["spec"]["template"]["spec"].get("hostNetwork", False):
        complaint = "its pods are not on the host's network"
    if complaint:
        raise Refused(f"deployment/{CENTRAL}: {complaint}", why=_ONLY, todo="nothing here can help with this mode")


def _directory(template: Object, container: Object) -> str:
    mounts = container.get("volumeMounts") or []
    name = next((m["name"] for m in mounts if m.get("mountPath", "").rstrip("/") == DATABASES_AT), None)
    volume: Object = next((v for v in template.get("volumes") or [] if v["name"] == name), {})
    path = (volume.get("hostPath") or {}).get("path", "").rstrip("/")
    if not path:
        held = ", ".join(key for key in volume if key != "name") or "nothing"
        seen = f"deployment/{CENTRAL}: {DATABASES_AT} is {held}, not a directory of the node"
        raise Refused(seen, why=_ONLY, todo="nothing here can help with this mode")
    return str(path)


def _label(template: Object, nodes: list[Object]) -> tuple[tuple[str, str], tuple[str, ...]]:
    """The label that places ovn-central, from nodeSelector or from required node affinity."""
    wanted: dict[str, str | None] = dict(template.get("nodeSelector") or {})
    required = ((template.get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    ) or {}
    terms = required.get("nodeSelectorTerms") or []
    if len(terms) > 1:
        seen = f"deployment/{CENTRAL} has {len(terms)} alternative node affinities"
        raise Refused(seen, why="no one label places it", todo=_BY_ONE_LABEL)
    for expression in (e for term in terms for e in term.get("matchExpressions") or []):
        values = expression.get("values") or []
        if expression["operator"] == "Exists":
            wanted.setdefault(expression["key"], None)
        elif expression["operator"] == "In" and len(values) == 1:
            wanted[expression["key"]] = values[0]
        else:
            seen = f"deployment/{CENTRAL}: node affinity {expression['key']} {expression['operator']} {values}"
            raise Refused(seen, why="no one label places it", todo=_BY_ONE_LABEL)
    candidates = {key: value for key, value in wanted.items() if key not in _OF_EVERY_NODE}
    if len(candidates) != 1:
        seen = f"deployment/{CENTRAL} is placed by these node labels: {', '.join(sorted(candidates)) or 'none'}"
        raise Refused(seen, why="exactly one can be moved", todo=_BY_ONE_LABEL)
    key, value = next(iter(candidates.items()))
    notes = (f"the label that places {CENTRAL} is {key}, which other components use too",) * ("kubernetes.io/" in key)
    return (key, value if value is not None else _usual(nodes, key)), notes


def _usual(nodes: list[Object], key: str) -> str:
    """Where the label's existence is enough: the value that nodes have."""
    values = Counter((n["metadata"].get("labels") or {}).get(key) for n in nodes)
    values.pop(None, None)
    if len(values) > 1:
        shown = ", ".join(f"{key}={value}" for value in sorted(map(str, values)))
        raise Refused(
            f"nodes have {shown}", why="one label and value names the ovn-central nodes", todo="make them alike"
        )
    return str(next(iter(values), ""))
