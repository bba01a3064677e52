"""A case's world on the kind cluster: a namespace, node label and workload of its own, beside ovn-central."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

from kube_world import NODES, WITHIN, Deletions, SeenPod, Shape

from harness.executors.kind import KindExecutor
from harness.executors.kind_hurts import docker
from harness.executors.kube import objects
from harness.executors.kube.api import MERGE, Failure

NAMESPACE = "conformance"
NAME = "d"
SICK = "/run/conformance"
"""On the node, seen by the probe; outlives containers."""

LOOK = 0.1
Object = dict[str, Any]
_KINDS = {"Deployment": "deployment", "DaemonSet": "daemon_set"}


class KindWorld:
    """``serial`` keeps the label and the app of one case apart from another's, whose pods may not be gone yet."""

    def __init__(self, lab: KindExecutor, serial: int) -> None:
        self._api = lab.api
        self._image = lab.installation.image
        self._at = lab.where()
        self._down: dict[str, None] = {}
        self._start = time.monotonic()
        names = [node.name for node in lab.view().nodes]
        names.sort(key=lambda name: ("worker" in name, len(name), name))
        self._nodes = dict(zip(NODES, names, strict=True))
        self._letters = {name: letter for letter, name in self._nodes.items()}
        self._app = f"case-{serial}"
        self._key = f"conformance/case-{serial}"
        self._seen = Deletions()
        self._kind = "Deployment"

    # -- looking ------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return time.monotonic() - self._start

    def pods(self) -> tuple[SeenPod, ...]:
        items = self._api.read("core", "list_namespaced_pod", NAMESPACE, label_selector=f"app={self._app}")["items"]
        items.sort(key=lambda item: (item["metadata"].get("deletionTimestamp") or "~", item["metadata"]["name"]))
        found = tuple(self._pod(item) for item in items)
        self._seen.look(found)
        return found

    def _pod(self, item: Object) -> SeenPod:
        status = item.get("status", {})
        container: Object = next(iter(status.get("containerStatuses") or []), {})
        ended = (container.get("state") or {}).get("terminated") or (container.get("lastState") or {}).get("terminated")
        condition = objects.condition(item, "Ready")
        return SeenPod(
            name=item["metadata"]["name"],
            node=self._letters.get(item["spec"].get("nodeName") or "", ""),
            ready=condition is not None and condition["status"] == "True",
            terminating=item["metadata"].get("deletionTimestamp") is not None,
            value=objects.environment(item["spec"], "c")["VALUE"],
            restarts=container.get("restartCount", 0),
            failed=status.get("phase") == "Failed",
            exit=ended["exitCode"] if ended else None,
            running="running" in (container.get("state") or {}),
        )

    def deletions(self) -> str:
        self.pods()
        return self._seen.nodes

    def forget(self) -> None:
        self.pods()
        self._seen.forget()

    def wait(self, condition: Callable[[], Any], what: str, within: float = WITHIN) -> Any:
        deadline = self.now() + within
        while True:
            self.pods()
            found = condition()
            if found:
                return found
            assert self.now() < deadline, f"kind: waited {within:g} s for {what}"
            time.sleep(LOOK)

    def sleep(self, seconds: float) -> None:
        until = self.now() + seconds
        while self.now() < until:
            time.sleep(LOOK)
            self.pods()

    def rollout(self) -> tuple[bool, str]:
        item = self._api.read("apps", f"read_namespaced_{_KINDS[self._kind]}", NAME, NAMESPACE)
        try:
            status = objects.rollout_status(self._kind, item)
        except ValueError as error:
            return True, f"error: {error}"  # as kubectl prints it
        return status.done, status.message

    def replicasets(self) -> tuple[tuple[str, int], ...]:
        selector = f"app={self._app}"
        items = self._api.read("apps", "list_namespaced_replica_set", NAMESPACE, label_selector=selector)["items"]
        items.sort(key=lambda item: item["metadata"]["creationTimestamp"])
        containers = (objects.environment(item["spec"]["template"]["spec"], "c") for item in items)
        return tuple((env["VALUE"], item["spec"]["replicas"]) for env, item in zip(containers, items, strict=True))

    def node_ready(self, node: str) -> bool:
        found = objects.condition(self._api.read("core", "read_node", self._nodes[node]), "Ready")
        return found is not None and found["status"] == "True"

    # -- doing --------------------------------------------------------------------------------------------------

    def create(self, shape: Shape) -> None:
        self._kind = shape.kind
        self._namespace()
        for node in shape.labelled:
            self.label(node, True)
        method = f"create_namespaced_{_KINDS[shape.kind]}"
        self._api.request("apps", method, NAMESPACE, self._workload(shape))

    def _namespace(self) -> None:
        try:
            self._api.request("core", "create_namespace", {"metadata": {"name": NAMESPACE}})
        except Failure as failure:
            if failure.status != 409:
                raise
        self.wait(lambda: self._api.find("core", "read_namespaced_service_account", "default", NAMESPACE), "an account")

    def _workload(self, shape: Shape) -> Object:
        """The shell ends at once on SIGTERM, by its EXIT trap, as ovn-central's does."""
        life = "while :; do sleep 1 & wait $!; done" if shape.ends is None else f"sleep {shape.ends:g} & wait $!"
        test = {"exec": {"command": ["sh", "-c", "test ! -e /sick/$CASE"]}, "timeoutSeconds": 30}
        container: Object = {
            "name": "c",
            "image": self._image,
            "imagePullPolicy": "Never",
            "command": ["bash", "-c", f"trap : EXIT; {life}"],
            "env": [{"name": "VALUE", "value": "old"}, {"name": "CASE", "value": self._app}],
            "readinessProbe": {**test, "periodSeconds": int(shape.period), "failureThreshold": 3},
            "volumeMounts": [{"name": "sick", "mountPath": "/sick"}],
        }
        if shape.liveness:
            container["livenessProbe"] = {**test, "periodSeconds": int(shape.period), "failureThreshold": 5}
        spec: Object = {
            "hostNetwork": True,
            "nodeSelector": {self._key: "yes"},
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
            "volumes": [{"name": "sick", "hostPath": {"path": SICK, "type": "DirectoryOrCreate"}}],
        }
        labels = {"app": self._app}
        body: Object = {
            "metadata": {"name": NAME},
            "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": spec}},
        }
        if shape.kind == "DaemonSet":
            body["spec"]["updateStrategy"] = {"type": "OnDelete" if shape.on_delete else "RollingUpdate"}
            return body
        term = {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}
        spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
        rolling = {"maxSurge": 0, "maxUnavailable": shape.unavailable}
        body["spec"] |= {"replicas": shape.replicas, "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}}
        return body

    def label(self, node: str, on: bool) -> None:
        self._node(node, {"metadata": {"labels": {self._key: "yes" if on else None}}})

    def cordon(self, node: str, on: bool) -> None:
        self._node(node, {"spec": {"unschedulable": on or None}})

    def _node(self, node: str, body: Object) -> None:
        self._api.request("core", "patch_node", self._nodes[node], body, _content_type=MERGE)

    def sicken(self, node: str, on: bool) -> None:
        path = f"{SICK}/{self._app}"
        self._in(node, f"mkdir -p {SICK} && touch {path}" if on else f"rm -f {path}")

    def _in(self, node: str, script: str) -> None:
        command = ["docker", "exec", self._nodes[node], "sh", "-c", script]
        subprocess.run(command, check=True, capture_output=True, timeout=120)

    def delete(self, name: str) -> None:
        self._api.request("core", "delete_namespaced_pod", name, NAMESPACE)

    def _patch(self, spec: Object) -> None:
        method = f"patch_namespaced_{_KINDS[self._kind]}"
        self._api.request("apps", method, NAME, NAMESPACE, {"spec": spec}, _content_type=MERGE)

    def scale(self, replicas: int) -> None:
        self._patch({"replicas": replicas})

    def set_value(self, value: str) -> None:
        container = {"name": "c", "env": [{"name": "VALUE", "value": value}]}
        self._patch({"template": {"spec": {"containers": [container]}}})

    def brake(self, seconds: int) -> None:
        self._patch({"minReadySeconds": seconds})

    def pause(self, on: bool) -> None:
        self._patch({"paused": on})

    def surge(self, surge: int, unavailable: int) -> None:
        rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
        self._patch({"strategy": {"type": "RollingUpdate", "rollingUpdate": rolling}})

    def undo(self) -> str:
        command = [self._at / "kubectl", "--kubeconfig", self._at / "kubeconfig", "-n", NAMESPACE]
        typed = [*command, "rollout", "undo", f"deployment/{NAME}"]
        done = subprocess.run(typed, capture_output=True, text=True, timeout=120, check=False)
        return done.stderr.strip() if done.returncode else ""

    def power(self, node: str, on: bool) -> None:
        name = self._nodes[node]
        assert docker("start" if on else "kill", name).returncode == 0
        if on:
            self._down.pop(node, None)
        else:
            self._down[node] = None

    def restart_kubelet(self, node: str) -> None:
        self._in(node, "systemctl restart kubelet")

    # -- the end ------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Remove the workload and the label; pods go in their own time."""
        for node in list(self._down):  # the case failed on its way
            self.power(node, True)
            self.wait(lambda node=node: self.node_ready(node), "the machine to be back")
        for node in NODES:
            self.label(node, False)
            self.cordon(node, False)
            self.sicken(node, False)
        try:
            self._api.request("apps", f"delete_namespaced_{_KINDS[self._kind]}", NAME, NAMESPACE)
        except Failure as failure:
            if failure.status != 404:
                raise
        for pod in self.pods():
            try:
                where = (pod.name, NAMESPACE)
                self._api.request("core", "delete_namespaced_pod", *where, grace_period_seconds=0)
            except Failure as failure:
                if failure.status != 404:
                    raise
        self.wait(self._gone, "the workload to be gone")

    def _gone(self) -> bool:
        return self._api.find("apps", f"read_namespaced_{_KINDS[self._kind]}", NAME, NAMESPACE) is None
