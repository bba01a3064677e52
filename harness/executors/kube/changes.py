"""Changes of objects: each made by ovnswap's field manager, from the version that was looked at, and looked at again
where the answer got lost.

A Deployment's resourceVersion moves with every pod, so a patch made from an older look would fail for nothing. What
must not have changed is its ``generation``, which moves with its spec only: a patch is sent with the resourceVersion of
a fresh look whose generation is the one that the plan was carried on from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from harness.errors import Inconclusive, StepFailed
from harness.executors.kube import objects
from harness.executors.kube.api import FIELD_MANAGER, MERGE, PAUSE, Api, Failure

Object = Mapping[str, Any]
Guard = Callable[[], None]

_KINDS = {"Deployment": "deployment", "DaemonSet": "daemon_set"}


class Changer:
    """Changes objects of one namespace. ``guard`` is called before each change, and raises if none may be made."""

    def __init__(self, api: Api, namespace: str, guard: Guard) -> None:
        self._api = api
        self._namespace = namespace
        self._guard = guard
        self._generations: dict[tuple[str, str], int] = {}

    def seen(self, kind: str, item: Object) -> None:
        """Note a workload as it was looked at: what is decided now is decided from this."""
        meta = item["metadata"]
        self._generations[kind, meta["name"]] = meta.get("generation", 0)

    def workload(self, kind: str, name: str, spec: Callable[[Object], Mapping[str, Any] | None]) -> None:
        """Patch the spec of a workload with what ``spec`` makes of the object as it is; None: it is so already.

        Raises :class:`StepFailed` if somebody else has changed it, or the API server refuses; :class:`Inconclusive` if
        it is not known whether the patch was carried out.
        """
        noun = f"{kind.lower()}/{name}"
        deadline = time.monotonic() + self._api.patience
        while True:
            item = self._api.find("apps", f"read_namespaced_{_KINDS[kind]}", name, self._namespace)
            if item is None:
                raise StepFailed(f"there is no {noun} in {self._namespace}")
            wanted = spec(item)
            if wanted is None:
                self.seen(kind, item)
                return
            self._check(kind, item, noun)
            meta = item["metadata"]
            # Sent again after a lost answer this can't do harm: the first one moved the resourceVersion, if it arrived.
            body = {"metadata": {"resourceVersion": meta["resourceVersion"]}, "spec": wanted}
            method = f"patch_namespaced_{_KINDS[kind]}"
            changed = self._try(noun, deadline, "apps", method, name, self._namespace, body)
            if changed is not None:
                self.seen(kind, changed)
                return

    def _check(self, kind: str, item: Object, noun: str) -> None:
        meta = item["metadata"]
        before = self._generations.get((kind, meta["name"]))
        now = meta.get("generation", 0)
        if before is not None and before != now:
            who = objects.changers(item, FIELD_MANAGER)
            raise StepFailed(
                f"{noun} was changed meanwhile{who} (generation {before}, now {now})",
                why="what was planned was planned for it as it was",
                todo="find out who changes it, then run the same command again",
            )

    def node_label(self, name: str, key: str, value: str | None) -> None:
        """Set or remove a node's label."""
        self._metadata(f"node {name}", "patch_node", (name,), {"labels": {key: value}})

    def pod_annotation(self, name: str, key: str, value: str | None) -> None:
        """Set or remove a pod's annotation."""
        where = (name, self._namespace)
        self._metadata(f"pod {name}", "patch_namespaced_pod", where, {"annotations": {key: value}})

    def _metadata(self, noun: str, method: str, where: tuple[str, ...], metadata: Object) -> None:
        """A patch that says the same however often it is sent."""
        deadline = time.monotonic() + self._api.patience
        while self._try(noun, deadline, "core", method, *where, {"metadata": metadata}) is None:
            continue

    def delete_pod(self, name: str) -> None:
        """Delete that pod, and never one of the same name that came after it."""
        deadline = time.monotonic() + self._api.patience
        item = self._api.find("core", "read_namespaced_pod", name, self._namespace)
        if item is None:
            raise StepFailed(f'pods "{name}" not found')
        while item is not None and item["metadata"].get("deletionTimestamp") is None:
            uid = item["metadata"]["uid"]
            body = {"preconditions": {"uid": uid}}
            if self._try(f"pod {name}", deadline, "core", "delete_namespaced_pod", name, self._namespace, body=body):
                return
            item = self._api.find("core", "read_namespaced_pod", name, self._namespace)
            if item is not None and item["metadata"]["uid"] != uid:
                return

    def _try(self, noun: str, deadline: float, api: str, method: str, *args: Any, **options: Any) -> Object | None:
        """Send a change once. None: it is to be looked at and tried again."""
        self._guard()
        extra = {"field_manager": FIELD_MANAGER, "_content_type": MERGE} if method.startswith("patch") else {}
        self._api.changed = True
        try:
            return self._api.request(api, method, *args, **extra, **options)
        except Failure as failure:
            late = time.monotonic() >= deadline
            if failure.status == 409 and not late:
                return None
            if failure.status == 404 and method.startswith("delete"):
                return {"gone": True}
            if not failure.passing or failure.status == 409:
                raise StepFailed(
                    f"{noun}: {failure.reason}", why=_why(failure), todo="mend it, then run it again"
                ) from None
            if late and failure.sent:
                raise Inconclusive(
                    f"{noun}: {failure.reason}",
                    why="whether the change was made is not known",
                    todo="look at it when the API server answers, then run the same command again",
                ) from None
            if late:
                raise self._api.explain(failure, f"change {noun}") from None
            time.sleep(PAUSE)
            return None


def _why(failure: Failure) -> str:
    return {
        403: "the role lacks the permission",
        404: "it does not exist",
        409: "somebody else changes it all the time",
        422: "the API server finds it invalid",
    }.get(failure.status, "the API server refuses it")


def environment_patch(kind_of_template: Object, variable: str, value: str) -> Mapping[str, Any] | None:
    """The patch that ``kubectl set env`` makes; None if it is so already."""
    template = kind_of_template["spec"]["template"]["spec"]
    name = objects.container_with(template, variable)
    if objects.environment(template, name).get(variable) == value:
        return None
    entry = {"name": variable, "value": value, "valueFrom": None}
    return {"template": {"spec": {"containers": [{"name": name, "env": [entry]}]}}}
