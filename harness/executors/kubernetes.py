"""The backend ``kube``: any cluster that a kubeconfig names, production included.

Nothing is assumed of it: :func:`connect` is told the cluster twice, finds Kube-OVN in it, and refuses what the
procedures are not made for. The parts are in :mod:`harness.executors.kube`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from harness.addresses import split_list
from harness.cluster import DATABASES, ClusterView, Database, NodeFiles, Report, Versions, Workload
from harness.errors import BadInput, Locked, StepFailed
from harness.executor import Capability, Reply, RolloutStatus, Timing, WaitTimeout
from harness.executors.kube import access, changes, installation, lease, objects, servers
from harness.executors.kube.api import Api
from harness.executors.kube.api import connect as _connect
from harness.executors.kube.changes import Changer
from harness.executors.kube.directory import Directories
from harness.executors.kube.execution import Place
from harness.executors.kube.installation import CENTRAL, Installation

T = TypeVar("T")

POLL = 2.0
"""Seconds between two looks of a wait."""

Object = Mapping[str, Any]

__all__ = ["Api", "Installation", "KubernetesExecutor", "Locked", "connect", "open_api"]


def open_api(kubeconfig: Path | None, context: str | None, allowed: str | None) -> tuple[Api, str]:
    """The cluster that is named twice: a connection, and its identity.

    Raises :class:`BadInput` if the context is not there or leads to another cluster than ``allowed``, Refused or
    OvnswapError if it can't be asked.
    """
    api = Api(_connect(kubeconfig, context), patience=0.0)  # what is wrong at the start is told at once
    uid = installation.identify(api, allowed)
    return api, uid


def connect(
    kubeconfig: Path | None,
    context: str | None,
    allowed: str | None,
    *,
    namespace: str | None = None,
    backups: Path | None = None,
    may_create_pods: bool = False,
) -> KubernetesExecutor:
    """Find Kube-OVN in that cluster. ``may_create_pods``: also to look into the directory of nodes without a pod."""
    api, uid = open_api(kubeconfig, context, allowed)
    found = installation.find(api, uid, namespace)
    return KubernetesExecutor(api, found, backups=backups, may_create_pods=may_create_pods)


class KubernetesExecutor:
    """A real cluster. Its clock starts when the executor is made; seconds are seconds."""

    name = "kube"

    def __init__(
        self, api: Api, found: Installation, *, backups: Path | None = None, may_create_pods: bool = False
    ) -> None:
        """Raises Refused or OvnswapError if the cluster can't be asked."""
        self.api = api
        self.installation = found
        self.lock: lease.Lock | None = None
        self._backups = backups or Path.cwd()
        self._start = time.monotonic()
        self._origin = api.server_now().timestamp()
        self._election_timer = 5.0
        self._changes = Changer(api, found.namespace, self._guard)
        self._directories = Directories(api, found, self._guard, may_create=may_create_pods)
        self._containers: dict[tuple[str, str], str] = {}  # (kind, workload) -> whose environment counts
        self._versions = self._find_versions()
        api.patience = max(api.patience, 60.0)

    # -- one operator at a time -----------------------------------------------------------------------------------

    def require(self, *roles: str) -> None:
        """Raises :class:`harness.errors.Refused`, naming every permission that is missing for these roles."""
        access.require(self.api, self.installation.namespace, roles)

    def acquire(self, run_id: str) -> lease.Holder | None:
        """Take the cluster's lock, without which nothing is changed; returns who had left it behind.

        Raises :class:`harness.errors.Locked` if somebody else works here.
        """
        lock = lease.Lock(self.api, self.installation.namespace, run_id)
        before = lock.acquire()
        self.lock = lock
        return before

    def _guard(self) -> None:
        """Before every change."""
        if self.lock is None:
            raise StepFailed("this run has no lock on the cluster", why="two runs at once lose the majority")
        self.lock.check()

    # -- time -----------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return time.monotonic() - self._start

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        deadline = time.monotonic() + timeout
        while True:
            found = condition()
            if found:
                return found
            left = deadline - time.monotonic()
            if left <= 0:
                raise WaitTimeout(reason, timeout)
            time.sleep(min(POLL, left))

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    @property
    def timing(self) -> Timing:
        return Timing(election=self._election_timer + 1.0 + 3.0, restart=60.0, poll=POLL)

    @property
    def capabilities(self) -> frozenset[Capability]:
        return frozenset()

    # -- observe --------------------------------------------------------------------------------------------------

    @property
    def notes(self) -> tuple[str, ...]:
        """What whoever starts a procedure here should know."""
        return self.installation.notes

    def view(self) -> ClusterView:
        where = self.installation.namespace
        workloads = self._workloads()
        central = next((w for w in workloads if w.name == CENTRAL), None)
        listed = split_list(central.env.get("NODE_IPS", "")) if central is not None else ()
        nodes = tuple(objects.node(item, listed) for item in self.api.read("core", "list_node")["items"])
        apps = sorted({w.app for w in workloads if w.app})
        chosen = f"app in ({','.join(apps)})"
        pods = self.api.read("core", "list_namespaced_pod", where, label_selector=chosen)["items"]
        named = {w.app: self._containers[w.kind, w.name] for w in workloads}
        return ClusterView(
            at=self.now(),
            namespace=where,
            label=self.installation.label,
            directory=self.installation.directory,
            nodes=nodes,
            pods=tuple(objects.pod(item, named[item["metadata"]["labels"]["app"]], self._origin) for item in pods),
            workloads=workloads,
            reports=self._ask_all(pods),
            versions=self._versions,
        )

    def _workloads(self) -> tuple[Workload, ...]:
        """ovn-central, and everything that has OVN_DB_IPS, whatever it is called."""
        where = self.installation.namespace
        found = []
        for kind, method in (("Deployment", "list_namespaced_deployment"), ("DaemonSet", "list_namespaced_daemon_set")):
            for item in self.api.read("apps", method, where)["items"]:
                template = item["spec"]["template"]["spec"]
                name = item["metadata"]["name"]
                container = objects.container_with(template, "OVN_DB_IPS")
                if kind == "Deployment" and name == CENTRAL:
                    container = self.installation.container
                elif not any(e["name"] == "OVN_DB_IPS" for c in template["containers"] for e in c.get("env") or []):
                    continue
                self._changes.seen(kind, item)
                self._containers[kind, name] = container
                found.append(objects.workload(kind, item, container))
        return tuple(found)

    def _ask_all(self, pods: list[Object]) -> tuple[Report, ...]:
        """Every server of every ovn-central pod whose container runs, all at once."""
        container = self.installation.container
        seen: list[str] = []
        asked = []
        for item in sorted(pods, key=lambda item: bool(item["metadata"].get("deletionTimestamp"))):
            node = item["spec"].get("nodeName")
            if item["metadata"]["labels"].get("app") != CENTRAL or not node or node in seen:
                continue
            if objects.running(item, container):
                seen.append(node)
                place = Place(self.installation.namespace, item["metadata"]["name"], container)
                asked += [(database, node, servers.ask(self.api, place, database)) for database in DATABASES]
        asked.sort(key=lambda job: (DATABASES.index(job[0]), job[1]))
        reports = tuple(servers.report(node, database, job.result()) for database, node, job in asked)
        timers = [r.status.election_timer for r in reports if r.status is not None]
        self._election_timer = max(timers, default=5000) / 1000
        return reports

    def status(self, database: Database, node: str) -> Report:
        place = self._place(node)
        if place is None:
            return Report(node, database, None, f"no ovn-central container runs on {node}")
        return servers.report(node, database, servers.ask(self.api, place, database).result())

    def status_text(self, database: Database, node: str) -> Reply:
        place = self._place(node)
        if place is None:
            return Reply(1, f"no ovn-central container runs on {node}")
        return servers.reply(servers.ask(self.api, place, database).result())

    def configuration(self, database: Database, node: str) -> Mapping[str, str]:
        place = self._place(node)
        return servers.configuration(self.api, place, database) if place is not None else {}

    def files(self, node: str) -> NodeFiles:
        if not self._node_ready(node):
            return NodeFiles(node, None)
        return NodeFiles(node, self._directories.names(node, self._pods_on(node)))

    def rollout_status(self, kind: str, workload: str) -> RolloutStatus:
        kinds = {"Deployment": "deployment", "DaemonSet": "daemon_set"}
        method = f"read_namespaced_{kinds[kind]}"
        item = self.api.find("apps", method, workload, self.installation.namespace)
        if item is None:
            raise StepFailed(f'{kind.lower()}s.apps "{workload}" not found')
        try:
            return objects.rollout_status(kind, item)
        except ValueError as error:
            raise StepFailed(f"error: {error}") from None

    def rows(self, _database: Database, _node: str) -> frozenset[str] | None:
        """No client writes marker rows into a cluster that is not ours."""
        return None

    def _place(self, node: str) -> Place | None:
        """The running ovn-central container on ``node``, looked up now: a pod of the last look may be gone."""
        self._need_node(node)
        container = self.installation.container
        mine = [p for p in self._pods_on(node) if (p["metadata"].get("labels") or {}).get("app") == CENTRAL]
        mine.sort(key=lambda item: bool(item["metadata"].get("deletionTimestamp")))
        name = next((p["metadata"]["name"] for p in mine if objects.running(p, container)), None)
        return Place(self.installation.namespace, name, container) if name is not None else None

    def _pods_on(self, node: str) -> list[Object]:
        where = self.installation.namespace
        chosen = f"spec.nodeName={node}"
        return list(self.api.read("core", "list_namespaced_pod", where, field_selector=chosen)["items"])

    def _need_node(self, node: str) -> Object:
        item = self.api.find("core", "read_node", node)
        if item is None:
            raise BadInput(f"there is no node {node}")
        return item

    def _node_ready(self, node: str) -> bool:
        return objects.node(self._need_node(node), ()).ready

    def _find_versions(self) -> Versions:
        code = self.api.read("version", "get_code")
        numbers = tuple(int("".join(c for c in str(code[part]) if c.isdigit()) or 0) for part in ("major", "minor"))
        where = self.installation.namespace
        pods = self.api.read("core", "list_namespaced_pod", where, label_selector=f"app={CENTRAL}")["items"]
        running = (p["metadata"]["name"] for p in pods if objects.running(p, self.installation.container))
        name = next(running, None)
        ovs = servers.release(self.api, Place(where, name, self.installation.container)) if name is not None else ""
        return Versions((numbers[0], numbers[1]), self.installation.release, ovs)

    # -- act: raft ------------------------------------------------------------------------------------------------

    def kick(self, database: Database, via: str, server: str) -> Reply:
        return self._tell(database, via, "cluster/kick", database.schema, server)

    def move_leadership(self, database: Database, via: str) -> Reply:
        return self._tell(database, via, "cluster/failure-test", "transfer-leadership")

    def _tell(self, database: Database, via: str, command: str, *arguments: str) -> Reply:
        place = self._place(via)
        if place is None:
            return Reply(1, f"no ovn-central container runs on {via}")
        self._guard()
        self.api.changed = True
        return servers.tell(self.api, place, database, f"{command} of {database}", command, *arguments)

    def backup(self, database: Database, via: str) -> Reply:
        place = self._place(via)
        if place is None:
            return Reply(1, f"no ovn-central container runs on {via}")
        stamp = f"{self.api.server_now():%Y%m%dT%H%M%SZ}"
        path = self._backups / f"{via}-{database.file}.{stamp}.backup"
        return servers.backup(self.api, place, database, path)

    def remove_directory(self, node: str) -> Reply:
        if not self._node_ready(node):
            return Reply(255, f"node {node} is not Ready: its files can't be reached")
        return self._directories.clear(node)

    # -- act: objects ---------------------------------------------------------------------------------------------

    def label_node(self, node: str, key: str, value: str | None) -> None:
        self._changes.node_label(node, key, value)

    def annotate_pod(self, pod: str, key: str, value: str | None) -> None:
        self._changes.pod_annotation(pod, key, value)

    def scale(self, workload: str, replicas: int) -> None:
        self._set(workload, replicas=replicas)

    def patch_rollout(self, workload: str, *, min_ready_seconds: int | None = None) -> None:
        if min_ready_seconds is not None:
            self._set(workload, minReadySeconds=min_ready_seconds)

    def pause(self, workload: str) -> None:
        self._set(workload, paused=True)

    def resume(self, workload: str) -> None:
        self._set(workload, paused=False)

    def _set(self, workload: str, **fields: Any) -> None:
        """Fields of a Deployment's spec; the API server leaves fields out that are 0 or false."""

        def patch(item: Object) -> Mapping[str, Any] | None:
            same = all((item["spec"].get(key) or 0) == value for key, value in fields.items())
            return None if same else fields

        self._changes.workload("Deployment", workload, patch)

    def set_env(self, kind: str, workload: str, name: str, value: str) -> None:
        self._changes.workload(kind, workload, lambda item: changes.environment_patch(item, name, value))

    def delete_pod(self, pod: str) -> None:
        self._changes.delete_pod(pod)

    def delete_pods(self, app: str) -> tuple[str, ...]:
        where = self.installation.namespace
        items = self.api.read("core", "list_namespaced_pod", where, label_selector=f"app={app}")["items"]
        names = [item["metadata"]["name"] for item in items]
        for name in names:
            self._changes.delete_pod(name)
        return tuple(names)

    # -- the end --------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Give the lock back. Nothing else was made."""
        lock, self.lock = self.lock, None
        if lock is not None:
            lock.release()
