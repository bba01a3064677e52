"""Kubernetes' JSON as the harness's values. Pure: whatever asks the API server is elsewhere."""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from harness.cluster import Node, Pod, Workload
from harness.executor import RolloutStatus

Object = Mapping[str, Any]


def node(item: Object, listed: tuple[str, ...]) -> Node:
    """A node; ``listed`` (NODE_IPS) decides which of several internal addresses is the one that raft uses."""
    meta, status = item["metadata"], item.get("status", {})
    internal = [a["address"] for a in status.get("addresses") or [] if a.get("type") == "InternalIP"]
    return Node(
        name=meta["name"],
        address=_chosen(internal, listed),
        labels=dict(meta.get("labels") or {}),
        ready=_condition(item, "Ready") == "True",
        unschedulable=bool(item.get("spec", {}).get("unschedulable", False)),
    )


def _chosen(addresses: list[str], listed: tuple[str, ...]) -> str:
    """The address in NODE_IPS, in its spelling; else the first of the same family; else the first."""
    spelled = {same(address): address for address in listed}
    for address in addresses:
        if same(address) in spelled:
            return spelled[same(address)]
    family = ":" in listed[0] if listed else None
    return next((a for a in addresses if family is None or (":" in a) == family), addresses[0] if addresses else "")


def same(address: str) -> str:
    """One spelling for each address: IPv6 has many."""
    try:
        return str(ipaddress.ip_address(address.strip("[]")))
    except ValueError:
        return address


def pod(item: Object, container: str, origin: float) -> Pod:
    """A pod; ``container`` is whose environment counts (the first one if there is none of that name), ``origin`` the
    moment that the executor calls zero."""
    meta, spec, status = item["metadata"], item["spec"], item.get("status", {})
    labels = dict(meta.get("labels") or {})
    ready = condition(item, "Ready")
    since = moment(ready.get("lastTransitionTime")) if ready is not None and ready.get("status") == "True" else None
    return Pod(
        name=meta["name"],
        app=labels.get("app", ""),
        node=spec.get("nodeName") or None,
        address=status.get("podIP") or status.get("hostIP") or None,
        phase=status.get("phase", "Unknown"),
        ready=since is not None,
        ready_since=since - origin if since is not None else None,
        restarts=sum(c.get("restartCount", 0) for c in status.get("containerStatuses") or []),
        terminating=meta.get("deletionTimestamp") is not None,
        template=labels.get("pod-template-hash") or labels.get("controller-revision-hash", ""),
        labels=labels,
        annotations=dict(meta.get("annotations") or {}),
        env=environment(spec, container),
    )


def running(item: Object, container: str) -> bool:
    """Whether that container runs now, so that commands can be run in it."""
    states = (c for c in item.get("status", {}).get("containerStatuses") or [] if c.get("name") == container)
    return any("running" in (c.get("state") or {}) for c in states)


def workload(kind: str, item: Object, container: str) -> Workload:
    """A Deployment or DaemonSet."""
    spec, status = item["spec"], item.get("status", {})
    daemon = kind == "DaemonSet"
    replicas = status.get("desiredNumberScheduled", 0) if daemon else spec.get("replicas", 1)
    how = spec.get("updateStrategy" if daemon else "strategy") or {}
    surge, unavailable = _limits(how.get("rollingUpdate") or {}, replicas, daemon)
    names = (
        ("updatedNumberScheduled", "numberReady", "numberAvailable", "currentNumberScheduled")
        if daemon
        else ("updatedReplicas", "readyReplicas", "availableReplicas", "replicas")
    )
    updated, ready, available, current = (status.get(name, 0) for name in names)
    return Workload(
        kind=kind,
        name=item["metadata"]["name"],
        app=(spec["template"]["metadata"].get("labels") or {}).get("app", ""),
        replicas=replicas,
        env=environment(spec["template"]["spec"], container),
        updated=updated,
        ready=ready,
        available=available,
        current=current,
        paused=bool(spec.get("paused", False)),
        min_ready_seconds=spec.get("minReadySeconds", 0),
        strategy=how.get("type", "RollingUpdate"),
        max_surge=surge,
        max_unavailable=unavailable,
    )


def container_named(pod_spec: Object, name: str) -> Object:
    """That container of a pod; its first one if there is none of that name."""
    containers: list[Object] = pod_spec["containers"]
    return next((c for c in containers if c["name"] == name), containers[0])


def environment(pod_spec: Object, container: str) -> dict[str, str]:
    """The variables with a literal value; those that refer to something are left out."""
    found = container_named(pod_spec, container).get("env") or []
    return {item["name"]: item.get("value", "") for item in found if "valueFrom" not in item}


def container_with(pod_spec: Object, variable: str) -> str:
    """The name of the container that has ``variable``; the first one's if none has."""
    containers: list[Object] = pod_spec["containers"]
    having = (c["name"] for c in containers if any(e["name"] == variable for e in c.get("env") or []))
    return str(next(having, containers[0]["name"]))


def condition(item: Object, kind: str) -> Object | None:
    """That condition of an object's status."""
    return next((c for c in item.get("status", {}).get("conditions") or [] if c.get("type") == kind), None)


def _condition(item: Object, kind: str) -> str:
    found = condition(item, kind)
    return str(found.get("status")) if found is not None else "Unknown"


def moment(text: str | None) -> float | None:
    """An RFC 3339 time as seconds since 1970."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None


def _limits(rolling: Object, replicas: int, daemon: bool) -> tuple[int, int]:
    """maxSurge and maxUnavailable as whole pods: the first is rounded up, the second down, not both to nothing."""
    surge = _pods(rolling.get("maxSurge", 0 if daemon else "25%"), replicas, math.ceil)
    unavailable = _pods(rolling.get("maxUnavailable", 1 if daemon else "25%"), replicas, math.floor)
    return surge, unavailable if surge or unavailable else 1


def _pods(value: Any, replicas: int, rounding: Any) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return int(rounding(int(value[:-1]) * replicas / 100))
    return int(value)


def rollout_status(kind: str, item: Object) -> RolloutStatus:
    """What ``kubectl rollout status`` prints at this instant (kubectl's rollout_status.go).

    Raises ValueError with kubectl's text where it ends with an error: OnDelete, or progress deadline exceeded.
    """
    meta, spec, status = item["metadata"], item["spec"], item.get("status", {})
    name = meta["name"]
    seen = meta.get("generation", 0) <= status.get("observedGeneration", 0)
    if kind == "DaemonSet":
        return _daemonset_status(name, spec, status, seen)
    if not seen:
        return RolloutStatus(False, "Waiting for deployment spec update to be observed...")
    progressing = condition(item, "Progressing")
    if progressing is not None and progressing.get("reason") == "ProgressDeadlineExceeded":
        raise ValueError(f'deployment "{name}" exceeded its progress deadline')
    wanted, updated = spec.get("replicas", 1), status.get("updatedReplicas", 0)
    total, available = status.get("replicas", 0), status.get("availableReplicas", 0)
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if updated < wanted:
        return RolloutStatus(False, f"{waiting}{updated} out of {wanted} new replicas have been updated...")
    if total > updated:
        return RolloutStatus(False, f"{waiting}{total - updated} old replicas are pending termination...")
    if available < updated:
        return RolloutStatus(False, f"{waiting}{available} of {updated} updated replicas are available...")
    return RolloutStatus(True, f'deployment "{name}" successfully rolled out')


def _daemonset_status(name: str, spec: Object, status: Object, seen: bool) -> RolloutStatus:
    if (spec.get("updateStrategy") or {}).get("type") != "RollingUpdate":
        raise ValueError("rollout status is only available for RollingUpdate strategy type")
    if not seen:
        return RolloutStatus(False, "Waiting for daemon set spec update to be observed...")
    wanted, updated = status.get("desiredNumberScheduled", 0), status.get("updatedNumberScheduled", 0)
    available = status.get("numberAvailable", 0)
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if updated < wanted:
        return RolloutStatus(False, f"{waiting}{updated} out of {wanted} new pods have been updated...")
    if available < wanted:
        return RolloutStatus(False, f"{waiting}{available} of {wanted} updated pods are available...")
    return RolloutStatus(True, f'daemon set "{name}" successfully rolled out')


def changers(item: Object, but: str) -> str:
    """Who else changed the object last, from ``managedFields``, as `` by NAME``; "" if it does not say."""
    fields: Iterable[Object] = item["metadata"].get("managedFields") or []
    others = [f for f in fields if f.get("manager") != but and "kube-controller-manager" not in f.get("manager", "")]
    last = max(others, key=lambda f: f.get("time") or "", default=None)
    return f" by {last['manager']} at {last.get('time', 'an unknown time')}" if last is not None else ""
