"""The database directory of a node: in a pod there that has it mounted, or in a short-lived pod made for it.

What the documentation removes with ``rm -rf`` is moved aside here, to ``<directory>.removed-<time>`` on the same disk:
the removal can be taken back, and the files of a server that should not have been removed are still there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import Inconclusive, StepFailed
from harness.executor import Reply
from harness.executors.kube import execution
from harness.executors.kube.api import FIELD_MANAGER, PAUSE, Api, Failure
from harness.executors.kube.execution import ExecResult, Place, Verdict
from harness.executors.kube.installation import Installation
from harness.executors.kube.objects import running

STARTS_WITHIN = 90.0
LIVES = 300
"""Seconds after which a pod of this module ends by itself, should nobody be left to delete it."""

COMMAND_TIMEOUT = 30.0

LIST = 'if [ -d "$1" ]; then ls -1A "$1"; fi'
ARCHIVE = """set -e
[ -d "$1" ] || exit 0
[ -n "$(ls -A "$1")" ] || exit 0
mkdir -p "$2"
find "$1" -mindepth 1 -maxdepth 1 -exec mv -t "$2" {} +
sync
[ -z "$(ls -A "$1")" ]
echo "$2"
"""

Object = Mapping[str, Any]


class Directories:
    """Looks into, and empties, the database directory of nodes."""

    def __init__(self, api: Api, installation: Installation, guard: Callable[[], None], *, may_create: bool) -> None:
        self._api = api
        self._installation = installation
        self._guard = guard
        self._may_create = may_create

    def names(self, node: str, pods: list[Object]) -> tuple[str, ...] | None:
        """File names, sorted; None if nobody can look. ``pods`` are those of Kube-OVN's namespace."""
        place = self._mounted(node, pods)
        if place is not None:
            pod, path = place
            result = execution.run(self._api, pod, _shell(LIST, path), COMMAND_TIMEOUT)
            if result.ok:
                return _names(result)
        if not self._may_create:
            return None
        try:
            result = self._in_new_pod(node, _shell(LIST, self._inside()))
        except StepFailed:
            return None
        return _names(result) if result.ok else None

    def clear(self, node: str) -> Reply:
        """Move everything in the directory aside; the reply's text is where to, or that there was nothing.

        Raises :class:`StepFailed` if no pod gets up on the node, :class:`Inconclusive` if the answer got lost.
        """
        self._guard()
        self._api.changed = True
        aside = f"{self._inside()}.removed-{self._api.server_now():%Y%m%dT%H%M%SZ}"
        result = self._in_new_pod(node, _shell(ARCHIVE, self._inside(), aside))
        if result.unknown:
            raise Inconclusive(
                f"clearing {self._installation.directory} on {node}: {result.error}",
                why="whether the files were moved aside is not known",
                todo="run the same command again: it looks first",
            )
        if not result.ok:
            return Reply(result.code or 1, result.text)
        moved = result.stdout.decode(errors="replace").strip()
        return Reply(0, f"moved to {self._outside(moved)} on {node}" if moved else "nothing was there")

    # -- where it is mounted --------------------------------------------------------------------------------------

    def _mounted(self, node: str, pods: list[Object]) -> tuple[Place, str] | None:
        for item in pods:
            if item["spec"].get("nodeName") != node or item["metadata"].get("deletionTimestamp"):
                continue
            volumes = {v["name"]: (v.get("hostPath") or {}).get("path", "") for v in item["spec"].get("volumes") or []}
            for container in item["spec"]["containers"]:
                for mount in container.get("volumeMounts") or []:
                    here = volumes.get(mount["name"], "").rstrip("/") == self._installation.directory
                    if here and not mount.get("subPath") and running(item, container["name"]):
                        meta = item["metadata"]
                        return Place(meta["namespace"], meta["name"], container["name"]), mount["mountPath"]
        return None

    def _parent(self) -> str:
        return self._installation.directory.rpartition("/")[0] or "/"

    def _inside(self) -> str:
        """The directory's path in a pod that has its parent at /node."""
        return "/node/" + self._installation.directory.rpartition("/")[2]

    def _outside(self, path: str) -> str:
        return self._parent().rstrip("/") + path.removeprefix("/node")

    # -- a pod for it ---------------------------------------------------------------------------------------------

    def _in_new_pod(self, node: str, command: list[str]) -> ExecResult:
        name = f"ovnswap-files-{time.time_ns() % 10**12:012d}"
        body = pod_body(name, self._installation, node, self._parent())
        where = self._installation.namespace
        try:
            self._api.request("core", "create_namespaced_pod", where, body, field_manager=FIELD_MANAGER)
        except Failure as failure:
            raise StepFailed(f"a pod for the files of {node}: {failure.reason}", todo=_TODO.format(node)) from None
        try:
            self._started(name, node)
            place = Place(where, name, "files")
            result = execution.run(self._api, place, command, COMMAND_TIMEOUT)
            if result.verdict is Verdict.NOT_STARTED:  # the kubelet says Running a moment before it can exec
                time.sleep(2 * PAUSE)
                result = execution.run(self._api, place, command, COMMAND_TIMEOUT)
            return result
        finally:
            self._delete(name)

    def _started(self, name: str, node: str) -> None:
        deadline = time.monotonic() + STARTS_WITHIN
        said = "Pending"
        while time.monotonic() < deadline:
            item = self._api.find("core", "read_namespaced_pod", name, self._installation.namespace)
            if item is None:
                break
            if running(item, "files"):
                return
            said = _state(item)
            if item.get("status", {}).get("phase") in ("Failed", "Succeeded"):
                break
            time.sleep(PAUSE / 2)
        seen = f"pod {name} for the files of {node} did not start within {STARTS_WITHIN:g} s: {said}"
        raise StepFailed(seen, why="the directory can't be looked into", todo=_TODO.format(node))

    def _delete(self, name: str) -> None:
        """It ends by itself in any case, so a failure is no reason to stop."""
        for _ in range(3):
            try:
                where = self._installation.namespace
                self._api.request("core", "delete_namespaced_pod", name, where, grace_period_seconds=0)
            except Failure as failure:
                if failure.passing:
                    time.sleep(PAUSE)
                    continue
            return


_TODO = "bring node {} up, or clear its directory there by hand, then run the same command again"


def pod_body(name: str, installation: Installation, node: str, parent: str) -> dict[str, Any]:
    """A pod on ``node`` with ``parent`` of its file system at /node, that does nothing and ends by itself.

    It is bound to the node directly, so neither labels nor taints nor the scheduler matter, is on the host's network,
    so that no pod network is needed, and uses ovn-central's image, which is there or can be had.
    """
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "ovnswap-files", "app.kubernetes.io/managed-by": "ovnswap"}},
        "spec": {
            "nodeName": node,
            "hostNetwork": True,
            "restartPolicy": "Never",
            "activeDeadlineSeconds": LIVES,
            "terminationGracePeriodSeconds": 0,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "tolerations": [{"operator": "Exists"}],
            "containers": [
                {
                    "name": "files",
                    "image": installation.image,
                    "imagePullPolicy": "IfNotPresent",
                    "command": ["sleep", str(LIVES)],
                    "securityContext": {"runAsUser": 0},
                    "volumeMounts": [{"name": "node", "mountPath": "/node"}],
                }
            ],
            "volumes": [{"name": "node", "hostPath": {"path": parent}}],
        },
    }


def _state(item: Object) -> str:
    """Why a container does not run, in the kubelet's words."""
    for status in item.get("status", {}).get("containerStatuses") or []:
        for state in (status.get("state") or {}).values():
            return f"{state.get('reason', '')} {state.get('message', '')}".strip() or "unknown"
    return str(item.get("status", {}).get("reason") or item.get("status", {}).get("phase", "Pending"))


def _shell(script: str, *arguments: str) -> list[str]:
    return ["sh", "-c", script, "sh", *arguments]


def _names(result: ExecResult) -> tuple[str, ...]:
    return tuple(sorted(result.stdout.decode(errors="replace").splitlines()))
