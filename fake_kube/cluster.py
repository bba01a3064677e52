"""A Kubernetes cluster as kubectl meets it: one method for each command, objects to read, machines that can fail.

Commands return when the API server has accepted them; what follows happens on the clock, by timers alone, so the same
code runs in virtual and in real time. Everything raises :class:`KubeError` with kubectl's text when it is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from fake_kube.api import Api, Event, not_found
from fake_kube.daemonset import DaemonSetController
from fake_kube.deployment import DeploymentController
from fake_kube.nodes import NodeController
from fake_kube.objects import (
    APP_LABEL,
    DaemonSet,
    DaemonSetSpec,
    Deployment,
    DeploymentSpec,
    Kind,
    KubeError,
    Node,
    Pod,
    ReplicaSet,
    Status,
    Workload,
    resolve,
)
from fake_kube.profile import KubernetesProfile
from fake_kube.replicaset import ReplicaSetController
from fake_kube.rollout import daemonset_status, deployment_status
from fake_kube.runtime import Choices, Clock, Runtime
from fake_kube.scheduler import Scheduler

OS_LABEL = "kubernetes.io/os"
HOST_LABEL = "kubernetes.io/hostname"


class Cluster:
    """The dictionaries are in order of creation; treat what they hold as read-only."""

    def __init__(self, clock: Clock, runtime: Runtime, choices: Choices, kubernetes: KubernetesProfile) -> None:
        self._api = Api(clock, choices, kubernetes)
        self._nodes = NodeController(self._api, runtime)
        self._replicasets = ReplicaSetController(self._api)
        self._deployments = DeploymentController(self._api, self._replicasets)
        self._daemonsets = DaemonSetController(self._api)
        self._api.watchers = [
            self._nodes,
            self._replicasets,
            self._deployments,
            self._daemonsets,
            Scheduler(self._api),
        ]

    # -- what is there ------------------------------------------------------------------------------------------

    @property
    def kubernetes(self) -> KubernetesProfile:
        return self._api.kubernetes

    @property
    def clock(self) -> Clock:
        return self._api.clock

    @property
    def nodes(self) -> Mapping[str, Node]:
        return self._api.nodes

    @property
    def pods(self) -> Mapping[str, Pod]:
        return self._api.pods

    @property
    def deployments(self) -> Mapping[str, Deployment]:
        return self._api.deployments

    @property
    def replicasets(self) -> Mapping[str, ReplicaSet]:
        return self._api.replicasets

    @property
    def daemonsets(self) -> Mapping[str, DaemonSet]:
        return self._api.daemonsets

    @property
    def events(self) -> list[Event]:
        """Everything that happened, in order of time."""
        return self._api.events

    def now(self) -> float:
        return self._api.now()

    def pods_of(self, app: str) -> list[Pod]:
        """Pods labelled ``app=<app>``, terminating and Failed ones too."""
        return [pod for pod in self._api.pods.values() if pod.labels.get(APP_LABEL) == app]

    def workload(self, kind: str, name: str) -> Workload:
        """``kind`` as kubectl takes it (``deployment``, ``deploy``, ``daemonset``, ``ds``)."""
        if Kind.parse(kind) is Kind.DEPLOYMENT:
            return self._deployment(name)
        return self._daemonset(name)

    def status(self, kind: str, name: str) -> Status:
        """The counts as the controller wrote them last."""
        return self.workload(kind, name).status

    def _deployment(self, name: str) -> Deployment:
        try:
            return self._api.deployments[name]
        except KeyError:
            raise not_found(Kind.DEPLOYMENT.resource, name) from None

    def _daemonset(self, name: str) -> DaemonSet:
        try:
            return self._api.daemonsets[name]
        except KeyError:
            raise not_found(Kind.DAEMONSET.resource, name) from None

    # -- nodes --------------------------------------------------------------------------------------------------

    def add_node(self, name: str, address: str, labels: Mapping[str, str] | None = None) -> Node:
        """A machine that runs and is Ready. Raises KubeError if the name is taken."""
        if name in self._api.nodes:
            raise KubeError(f'Error from server (AlreadyExists): nodes "{name}" already exists')
        node = Node(name, address, {OS_LABEL: "linux", HOST_LABEL: name, **(labels or {})})
        self._nodes.add(node)
        return node

    def label_node(self, node: str, key: str, value: str | None) -> None:
        """Set a label, or remove it with None. No running pod is evicted by that (facts: kubernetes 1)."""
        target = self._api.node(node)
        if target.labels.get(key) == value:
            return
        if value is None:
            del target.labels[key]
        else:
            target.labels[key] = value
        self._api.event("NodeLabel", f"{node} {key}={value}" if value is not None else f"{node} {key}-")
        self._api.tell_node(target)

    def cordon(self, node: str) -> None:
        self._unschedulable(node, True)

    def uncordon(self, node: str) -> None:
        self._unschedulable(node, False)

    def _unschedulable(self, name: str, value: bool) -> None:
        node = self._api.node(name)
        if node.unschedulable != value:
            node.unschedulable = value
            self._api.event("Cordon" if value else "Uncordon", name)
            self._api.tell_node(node)

    def drain(self, node: str) -> tuple[str, ...]:
        """Cordon and evict (``--ignore-daemonsets``); returns the pods' names. kubectl waits until they are gone.

        A pod that tolerates everything comes back to the same node (facts: kubernetes 11).
        """
        self.cordon(node)
        evicted = [pod for pod in self._api.pods_on(node) if pod.owner_kind != "DaemonSet" and not pod.terminating]
        for pod in evicted:
            self._api.delete_pod(pod)
        return tuple(pod.name for pod in evicted)

    def delete_node(self, node: str) -> None:
        """Remove the Node object; the machine and its containers go on until its pods are collected."""
        self._nodes.delete(self._api.node(node))

    def node_down(self, node: str, *, frozen: bool = False) -> bool:
        """Power off; every process is gone. ``frozen``: they only stop running, and that is the caller's to do.

        Nobody notices for 30 to 40 s. Returns whether the machine was up.
        """
        machine = self._machine(node)
        if not machine.alive:
            return False
        self._nodes.down(machine, frozen=frozen)
        return True

    def node_up(self, node: str) -> bool:
        """The machine boots, or goes on if it was frozen. Returns whether it was down."""
        machine = self._machine(node)
        if machine.alive:
            return False
        self._nodes.up(machine)
        return True

    def restart_kubelet(self, node: str) -> None:
        """``systemctl restart kubelet``: Ready anew for every pod, Failed for those whose node does not match."""
        machine = self._machine(node)
        if machine.alive:
            self._nodes.restart_kubelet(machine)

    def _machine(self, name: str) -> Node:
        machine = self._nodes.machine(name)
        if machine is None:
            raise not_found("nodes", name)
        return machine

    # -- workloads ----------------------------------------------------------------------------------------------

    def create_deployment(self, spec: DeploymentSpec) -> Deployment:
        self._refuse_taken(spec.name)
        deployment = Deployment(
            name=spec.name,
            template=spec.template(),
            replicas=_natural(spec.replicas),
            surge=spec.max_surge,
            unavailable=spec.max_unavailable,
            min_ready_seconds=spec.min_ready_seconds,
            progress_deadline=spec.progress_deadline,
            created=self.now(),
            progressed=self.now(),
        )
        _check(deployment.surge, deployment.unavailable)
        self._api.deployments[spec.name] = deployment
        self._deployments.created(deployment)
        return deployment

    def create_daemonset(self, spec: DaemonSetSpec) -> DaemonSet:
        """Without surge in the release (1.20) ``max_surge`` is dropped, as its API server does."""
        self._refuse_taken(spec.name)
        if spec.strategy not in ("RollingUpdate", "OnDelete"):
            raise KubeError(f"error: unsupported update strategy {spec.strategy!r}")
        surge, unavailable = spec.max_surge, spec.max_unavailable
        if not self._api.kubernetes.daemonset_surge:
            surge, unavailable = 0, 1 if unavailable in (0, "0%") else unavailable
        _check(surge, unavailable)
        daemonset = DaemonSet(
            name=spec.name,
            template=spec.template(),
            strategy=spec.strategy,
            surge=surge,
            unavailable=unavailable,
            min_ready_seconds=spec.min_ready_seconds,
            created=self.now(),
        )
        self._api.daemonsets[spec.name] = daemonset
        self._daemonsets.created(daemonset)
        return daemonset

    def _refuse_taken(self, name: str) -> None:
        """Names are unique over both kinds here, so that a pod's controller is a name alone."""
        if name in self._api.deployments or name in self._api.daemonsets:
            raise KubeError(f'Error from server (AlreadyExists): "{name}" already exists')

    def _changed(self, workload: Workload) -> None:
        if isinstance(workload, Deployment):
            self._deployments.changed(workload)
        else:
            self._daemonsets.changed(workload)

    def scale(self, name: str, replicas: int) -> None:
        deployment = self._deployment(name)
        if deployment.replicas != _natural(replicas):
            deployment.replicas = replicas
            self._api.event("Scale", f"{name} to {replicas}")
            self._changed(deployment)

    def set_env(self, kind: str, name: str, variable: str, value: str | None) -> None:
        """Set a variable of every container, or remove it with None (``NAME-``)."""
        workload = self.workload(kind, name)
        template = workload.template.with_env(variable, value)
        if template != workload.template:
            workload.template = template
            self._api.event("SetEnv", f"{name} {variable}={value}")
            self._changed(workload)

    def patch_deployment(
        self,
        name: str,
        *,
        min_ready_seconds: float | None = None,
        max_surge: int | str | None = None,
        max_unavailable: int | str | None = None,
    ) -> None:
        """Patch fields outside the template: no new ReplicaSet, no restart (facts: kubernetes 5)."""
        deployment = self._deployment(name)
        surge = deployment.surge if max_surge is None else max_surge
        unavailable = deployment.unavailable if max_unavailable is None else max_unavailable
        _check(surge, unavailable)
        deployment.surge, deployment.unavailable = surge, unavailable
        if min_ready_seconds is not None:
            deployment.min_ready_seconds = min_ready_seconds
        self._api.event("Patch", f"{name} minReadySeconds {deployment.min_ready_seconds:g} {surge}/{unavailable}")
        self._changed(deployment)

    # -- rollouts -----------------------------------------------------------------------------------------------

    def pause(self, name: str) -> None:
        deployment = self._deployment(name)
        if deployment.paused:
            raise KubeError(f'error: deployments.apps "{name}" is already paused')
        deployment.paused = True
        self._api.event("Pause", name)
        self._changed(deployment)

    def resume(self, name: str) -> None:
        deployment = self._deployment(name)
        if not deployment.paused:
            raise KubeError(f'error: deployments.apps "{name}" is not paused')
        deployment.paused = False
        deployment.progressed = self.now()
        self._api.event("Resume", name)
        self._changed(deployment)

    def undo(self, name: str) -> None:
        """``rollout undo``: back to the template of the revision before."""
        deployment = self._deployment(name)
        history = sorted(
            (rs for rs in self._api.replicasets.values() if rs.deployment == name), key=lambda rs: rs.revision
        )
        if len(history) < 2:
            raise KubeError(f'error: no rollout history found for deployment "{name}"')
        if deployment.paused:
            raise KubeError(
                "error: you cannot rollback a paused deployment; "
                f"resume it first with 'kubectl rollout resume deployment/{name}' and try again"
            )
        template = history[-2].template
        if template != deployment.template:
            deployment.template = template
            self._api.event("Undo", f"{name} to {history[-2].name}")
            self._changed(deployment)

    def rollout_status(self, kind: str, name: str) -> tuple[bool, str]:
        """(finished, the line that kubectl prints now). KubeError: OnDelete, or progress deadline exceeded."""
        workload = self.workload(kind, name)
        if isinstance(workload, Deployment):
            return deployment_status(workload, self.now())
        return daemonset_status(workload)

    # -- pods ---------------------------------------------------------------------------------------------------

    def delete_pod(self, name: str) -> None:
        self._api.delete_pod(self._api.pod(name))

    def delete_pods(self, app: str) -> tuple[str, ...]:
        """``delete pod -lapp=<app>``: all of them at once; returns their names."""
        pods = self.pods_of(app)
        for pod in pods:
            self._api.delete_pod(pod)
        return tuple(pod.name for pod in pods)

    def annotate_pod(self, name: str, key: str, value: str | None) -> None:
        _put(self._api.pod(name).annotations, key, value)

    def label_pod(self, name: str, key: str, value: str | None) -> None:
        _put(self._api.pod(name).labels, key, value)

    # -- end ----------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Nothing happens any more; containers that still run are left to the runtime. Safe to call twice."""
        self._api.timers.close()
        self._nodes.close()


def _put(mapping: dict[str, str], key: str, value: str | None) -> None:
    if value is None:
        mapping.pop(key, None)
    else:
        mapping[key] = value


def _natural(replicas: int) -> int:
    if replicas < 0:
        raise KubeError("error: The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
    return replicas


def _check(surge: int | str, unavailable: int | str) -> None:
    """Raises KubeError when neither may ever be more than 0, or a value is nonsense."""
    if resolve(surge, 100, up=True) == 0 and resolve(unavailable, 100, up=True) == 0:
        raise KubeError("error: spec.strategy.rollingUpdate.maxUnavailable: may not be 0 when `maxSurge` is 0")
