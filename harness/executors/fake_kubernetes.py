"""The part of an executor that only talks to the modelled Kubernetes, whatever runs the containers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fake_kube import kube_ovn
from fake_kube.cluster import Cluster
from fake_kube.objects import KubeError
from fake_kube.objects import Pod as KubePod
from fake_kube.objects import Workload as KubeWorkload
from harness.cluster import ClusterView, Node, Pod, Report, Workload
from harness.errors import StepFailed
from harness.executor import RolloutStatus
from harness.spec import ClusterSpec

Look = tuple[object, ...]
"""Everything of an object that a view shows, in some order."""

NAMESPACE = "kube-system"
DIRECTORY = "/etc/origin/ovn"


class FakeKubernetes:
    """What :class:`harness.executor.Executor` asks of kubectl, on a ``fake_kube`` cluster.

    ``_origin`` is the moment, on the cluster's clock, that the executor calls zero. Whatever the modelled API server
    refuses is a :class:`harness.errors.StepFailed` with kubectl's text.
    """

    label = kube_ovn.MASTER_LABEL

    def __init__(self, spec: ClusterSpec, kube: Cluster) -> None:
        self.spec = spec
        self.kube = kube
        self.versions = spec.versions
        self._origin = 0.0
        self._pods_seen: dict[str, tuple[Look, Pod]] = {}
        self._nodes_seen: dict[str, tuple[Look, Node]] = {}
        self._workloads_seen: dict[str, tuple[Look, Workload]] = {}

    @contextmanager
    def _guard(self) -> Iterator[None]:
        """Held around every look at, and change of, the objects; a backend with threads puts its lock here."""
        yield

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with self._guard():
            try:
                yield
            except KubeError as refusal:
                raise StepFailed(str(refusal)) from None

    # -- act ----------------------------------------------------------------------------------------------------

    def label_node(self, node: str, key: str, value: str | None) -> None:
        with self._asking():
            self.kube.label_node(node, key, value)

    def annotate_pod(self, pod: str, key: str, value: str | None) -> None:
        with self._asking():
            self.kube.annotate_pod(pod, key, value)

    def scale(self, workload: str, replicas: int) -> None:
        with self._asking():
            self.kube.scale(workload, replicas)

    def set_env(self, kind: str, workload: str, name: str, value: str) -> None:
        with self._asking():
            self.kube.set_env(kind, workload, name, value)

    def patch_rollout(
        self,
        workload: str,
        *,
        min_ready_seconds: int | None = None,
    ) -> None:
        with self._asking():
            self.kube.patch_deployment(workload, min_ready_seconds=min_ready_seconds)

    def pause(self, workload: str) -> None:
        with self._asking():
            self.kube.pause(workload)

    def resume(self, workload: str) -> None:
        with self._asking():
            self.kube.resume(workload)

    def delete_pod(self, pod: str) -> None:
        with self._asking():
            self.kube.delete_pod(pod)

    def delete_pods(self, app: str) -> tuple[str, ...]:
        with self._asking():
            return self.kube.delete_pods(app)

    def rollout_status(self, kind: str, workload: str) -> RolloutStatus:
        with self._asking():
            done, message = self.kube.rollout_status(kind, workload)
            return RolloutStatus(done, message)

    # -- observe ------------------------------------------------------------------------------------------------

    def _view(self, reports: tuple[Report, ...]) -> ClusterView:
        """The objects as they are now, with ``reports`` of servers that were asked before."""
        with self._guard():
            return ClusterView(
                at=self.kube.now() - self._origin,
                namespace=NAMESPACE,
                label=self.label,
                directory=DIRECTORY,
                nodes=self._nodes(),
                pods=self._pods(),
                workloads=self._workloads(),
                reports=reports,
                versions=self.versions,
            )

    # Objects that look as they did before are the same values as before: most looks find most of them unchanged.

    def _nodes(self) -> tuple[Node, ...]:
        before, self._nodes_seen = self._nodes_seen, {}
        for node in self.kube.nodes.values():
            look = (node.address, node.ready, node.unschedulable, node.labels)
            seen = before.get(node.name)
            if seen is None or seen[0] != look:
                labels = dict(node.labels)
                seen = (*look[:-1], labels), Node(node.name, node.address, labels, node.ready, node.unschedulable)
            self._nodes_seen[node.name] = seen
        return tuple([node for _, node in self._nodes_seen.values()])

    def _pods(self) -> tuple[Pod, ...]:
        before, self._pods_seen = self._pods_seen, {}
        for pod in self.kube.pods.values():
            look = (
                *(pod.ready, pod.ready_since, pod.phase, pod.restarts, pod.terminating, pod.node, pod.address),
                *(pod.template, self._origin, pod.labels, pod.annotations, pod.env),
            )
            seen = before.get(pod.name)
            if seen is None or seen[0] != look:
                new = self._pod(pod)
                seen = (*look[:-3], new.labels, new.annotations, new.env), new
            self._pods_seen[pod.name] = seen
        return tuple([pod for _, pod in self._pods_seen.values()])

    def _pod(self, pod: KubePod) -> Pod:
        return Pod(
            name=pod.name,
            app=pod.app,
            node=pod.node,
            address=pod.address,
            phase=pod.phase.value,
            ready=pod.ready,
            ready_since=pod.ready_since - self._origin if pod.ready_since is not None else None,
            restarts=pod.restarts,
            terminating=pod.terminating,
            template=pod.template_hash,
            labels=dict(pod.labels),
            annotations=dict(pod.annotations),
            env=dict(pod.env),
        )

    def _workloads(self) -> tuple[Workload, ...]:
        before, self._workloads_seen = self._workloads_seen, {}
        for kind, workloads in (("Deployment", self.kube.deployments), ("DaemonSet", self.kube.daemonsets)):
            for workload in workloads.values():
                look = (
                    *(workload.replicas, workload.status, workload.template, workload.paused),
                    *(workload.min_ready_seconds, workload.strategy, workload.surge, workload.unavailable),
                )
                key = f"{kind}/{workload.name}"
                seen = before.get(key)
                if seen is None or seen[0] != look:
                    seen = look, _workload(kind, workload)
                self._workloads_seen[key] = seen
        return tuple([workload for _, workload in self._workloads_seen.values()])


def _workload(kind: str, workload: KubeWorkload) -> Workload:
    status = workload.status
    return Workload(
        kind=kind,
        name=workload.name,
        app=workload.app,
        replicas=workload.replicas,
        env=dict(workload.env),
        updated=status.updated,
        ready=status.ready,
        available=status.available,
        current=status.current,
        template=workload.template_hash,
        paused=workload.paused,
        min_ready_seconds=round(workload.min_ready_seconds),
        strategy=workload.strategy,
        max_surge=workload.max_surge,
        max_unavailable=workload.max_unavailable,
    )


def running_env(kube: Cluster, kind: str, name: str) -> dict[str, str]:
    """The environment that the Ready pods of a workload see now; with none Ready, what a new pod would get."""
    workload = kube.workload(kind, name)
    ready = (pod.env for pod in kube.pods.values() if pod.controller == name and pod.ready and not pod.terminating)
    return dict(next(ready, workload.env))
