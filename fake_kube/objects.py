"""The objects that the modelled API server keeps: mutable, because controllers change them, and slotted.

Specs are what a user hands in (frozen); the rest belongs to :class:`fake_kube.cluster.Cluster` and is read-only for
everybody else. Times are seconds on the cluster's clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

APP_LABEL = "app"
HASH_LABEL = "pod-template-hash"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"


class KubeError(Exception):
    """A request that the API server or kubectl refuses; the text is what kubectl prints."""


class Kind(Enum):
    """Workload kinds, spelled as kubectl spells them in messages; ``resource`` as in NotFound errors."""

    DEPLOYMENT = "deployment"
    DAEMONSET = "daemonset"

    @property
    def resource(self) -> str:
        return f"{self.value}s.apps"

    @staticmethod
    def parse(text: str) -> Kind:
        """Accept ``Deployment``, ``deploy``, ``ds``, ... Raises KubeError for anything else."""
        short = text.lower().removesuffix("s") if text.lower() != "ds" else "ds"
        if short in ("deployment", "deploy", "deployment.app"):
            return Kind.DEPLOYMENT
        if short in ("daemonset", "ds", "daemonset.app"):
            return Kind.DAEMONSET
        raise KubeError(f'error: the server doesn\'t have a resource type "{text}"')


class Phase(Enum):
    PENDING = "Pending"
    RUNNING = "Running"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"


class State(Enum):
    """State of a pod's one container."""

    WAITING = "waiting"
    RUNNING = "running"
    TERMINATED = "terminated"


class Tolerance(Enum):
    """What a pod tolerates: nothing, every NoSchedule taint (cordon, unreachable), or every taint (no eviction)."""

    NOTHING = "nothing"
    NO_SCHEDULE = "no-schedule"
    EVERYTHING = "everything"


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """An exec probe. Seconds, except ``failures`` (failureThreshold)."""

    period: float = 15.0
    failures: int = 3
    initial_delay: float = 0.0
    timeout: float = 45.0


@dataclass(frozen=True, slots=True)
class Selector:
    """Where a pod may run: every key needs one of its values, or any value when the tuple is empty (``Exists``).

    nodeSelector and required nodeAffinity decide alike; both are looked at when a pod is scheduled and when a kubelet
    starts, never in between (facts: kubernetes 1).
    """

    terms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    affinity: bool = False

    def matches(self, labels: Mapping[str, str]) -> bool:
        return all(key in labels and (not values or labels[key] in values) for key, values in self.terms)


@dataclass(frozen=True, slots=True)
class Template:
    """A pod template: everything that makes a new ReplicaSet when it changes."""

    app: str
    env: tuple[tuple[str, str], ...] = ()
    selector: Selector = Selector()
    spread_hosts: bool = False
    tolerance: Tolerance = Tolerance.EVERYTHING
    readiness: ProbeSpec | None = None
    liveness: ProbeSpec | None = None
    digest: str = field(init=False, repr=False, compare=False)
    """A stable stand-in for pod-template-hash: ten characters of the alphabet that Kubernetes uses."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", stable_name(repr(self), 10))

    def with_env(self, name: str, value: str | None) -> Template:
        """The same template with one variable set (in place, or at the end) or, with None, removed."""
        env = dict(self.env)
        if value is None:
            env.pop(name, None)
        else:
            env[name] = value
        return replace(self, env=tuple(env.items()))


def stable_name(text: str, length: int) -> str:
    """``length`` characters that depend on ``text`` alone."""
    alphabet = "bcdfghjklmnpqrstvwxz2456789"
    return "".join(alphabet[byte % len(alphabet)] for byte in hashlib.sha256(text.encode()).digest()[:length])


@dataclass(frozen=True, slots=True)
class DeploymentSpec:
    """What ``kubectl apply`` would hand in. ``max_surge`` and ``max_unavailable`` are pods (int) or ``"25%"``.

    ``spread_hosts`` is a required pod anti-affinity against pods of the same app on a host.
    """

    name: str
    app: str
    replicas: int
    env: Mapping[str, str] = field(default_factory=dict)
    selector: Selector = Selector()
    spread_hosts: bool = False
    tolerance: Tolerance = Tolerance.EVERYTHING
    max_surge: int | str = "25%"
    max_unavailable: int | str = "25%"
    min_ready_seconds: float = 0.0
    progress_deadline: float = 600.0
    readiness: ProbeSpec | None = None
    liveness: ProbeSpec | None = None

    def template(self) -> Template:
        return Template(
            self.app,
            tuple(self.env.items()),
            self.selector,
            self.spread_hosts,
            self.tolerance,
            self.readiness,
            self.liveness,
        )


@dataclass(frozen=True, slots=True)
class DaemonSetSpec:
    """``strategy`` is ``RollingUpdate`` or ``OnDelete``; a surge needs Kubernetes 1.22 (facts: kubernetes 0.15)."""

    name: str
    app: str
    env: Mapping[str, str] = field(default_factory=dict)
    selector: Selector = Selector()
    strategy: str = "RollingUpdate"
    max_surge: int | str = 0
    max_unavailable: int | str = 1
    min_ready_seconds: float = 0.0
    readiness: ProbeSpec | None = None
    liveness: ProbeSpec | None = None

    def template(self) -> Template:
        return Template(
            self.app,
            tuple(self.env.items()),
            self.selector,
            False,
            Tolerance.EVERYTHING,
            self.readiness,
            self.liveness,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """Counts as in a workload's ``status``: pods being deleted and Failed pods do not count.

    ``desired`` is ``spec.replicas``, or the nodes that a DaemonSet should run on.
    """

    desired: int = 0
    current: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0


@dataclass(slots=True)
class Node:
    """``ready`` is what the API server says; whether the machine runs is ``alive`` (not visible to kubectl)."""

    name: str
    address: str
    labels: dict[str, str]
    ready: bool = True
    unschedulable: bool = False
    unreachable: bool = False
    evicting: bool = False
    alive: bool = True


@dataclass(slots=True, eq=False)
class Pod:
    """A pod object with its one container.

    ``reason`` is the container's: ``ContainerCreating``, ``CrashLoopBackOff``, ``Completed`` or ``Error``;
    ``pod_reason`` the pod's (``NodeAffinity`` when a kubelet refused it). ``ready_since`` is the Ready condition's
    lastTransitionTime, also of a change to False; None before the first. ``env`` is the template's at creation.
    ``last_exit`` is the exit code of the container's last life (143 after a signal, facts: kubernetes 0.11).
    """

    name: str
    app: str
    owner_kind: str
    owner: str
    controller: str
    template: Template
    created: float
    labels: dict[str, str]
    env: dict[str, str]
    serial: int
    annotations: dict[str, str] = field(default_factory=dict)
    node: str | None = None
    target: str | None = None
    address: str | None = None
    phase: Phase = Phase.PENDING
    ready: bool = False
    ready_since: float | None = None
    restarts: int = 0
    terminating: bool = False
    deleted: float | None = None
    state: State = State.WAITING
    reason: str = ""
    pod_reason: str = ""
    started: float | None = None
    last_exit: int | None = None

    @property
    def template_hash(self) -> str:
        return self.template.digest if not (known := self.labels.get(HASH_LABEL)) else known

    @property
    def active(self) -> bool:
        """Counts for its owner: neither finished nor being deleted."""
        return not self.terminating and self.phase not in (Phase.SUCCEEDED, Phase.FAILED)

    @property
    def running(self) -> bool:
        """Its container's processes run, as far as the kubelet knows."""
        return self.state is State.RUNNING

    def available(self, now: float, min_ready_seconds: float) -> bool:
        """Ready for at least ``min_ready_seconds`` (facts: kubernetes 7)."""
        if not self.ready or self.ready_since is None:
            return False
        return min_ready_seconds <= 0 or now - self.ready_since >= min_ready_seconds - 1e-9


@dataclass(slots=True, eq=False)
class ReplicaSet:
    """``desired`` and ``maximum`` are the annotations that proportional scaling reads; ``revision`` the rollout's."""

    name: str
    deployment: str
    template: Template
    replicas: int
    created: float
    revision: int
    serial: int
    desired: int = 0
    maximum: int = 0

    @property
    def template_hash(self) -> str:
        return self.template.digest


@dataclass(slots=True, eq=False)
class Deployment:
    """``observed`` follows ``generation`` when the controller has seen a change. ``status`` is the controller's."""

    name: str
    template: Template
    replicas: int
    surge: int | str
    unavailable: int | str
    min_ready_seconds: float
    progress_deadline: float
    created: float
    paused: bool = False
    generation: int = 1
    observed: int = 0
    status: Status = Status()
    progressed: float = 0.0
    complete: bool = False

    kind = Kind.DEPLOYMENT
    strategy = "RollingUpdate"

    @property
    def app(self) -> str:
        return self.template.app

    @property
    def env(self) -> dict[str, str]:
        return dict(self.template.env)

    @property
    def template_hash(self) -> str:
        return self.template.digest

    @property
    def max_surge(self) -> int:
        """Whole pods: percents are rounded up."""
        return resolve(self.surge, self.replicas, up=True)

    @property
    def max_unavailable(self) -> int:
        """Whole pods: percents are rounded down; 1 when both would be 0, never more than the replicas."""
        unavailable = resolve(self.unavailable, self.replicas, up=False)
        if unavailable == 0 and self.max_surge == 0:
            unavailable = 1
        return min(unavailable, self.replicas)


@dataclass(slots=True, eq=False)
class DaemonSet:
    name: str
    template: Template
    strategy: str
    surge: int | str
    unavailable: int | str
    min_ready_seconds: float
    created: float
    generation: int = 1
    observed: int = 0
    status: Status = Status()

    kind = Kind.DAEMONSET
    paused = False

    @property
    def app(self) -> str:
        return self.template.app

    @property
    def env(self) -> dict[str, str]:
        return dict(self.template.env)

    @property
    def template_hash(self) -> str:
        return self.template.digest

    @property
    def replicas(self) -> int:
        return self.status.desired

    @property
    def max_surge(self) -> int:
        return resolve(self.surge, self.status.desired, up=True)

    @property
    def max_unavailable(self) -> int:
        return resolve(self.unavailable, self.status.desired, up=True)


Workload = Deployment | DaemonSet


def resolve(value: int | str, of: int, *, up: bool) -> int:
    """Pods meant by ``value`` (pods, or a percentage like ``"25%"``) among ``of``. Raises KubeError for nonsense."""
    if isinstance(value, int):
        number = value
    else:
        digits = value.removesuffix("%")
        if digits == value or not digits.isdigit():
            raise KubeError(f"error: invalid value {value!r}: must be an integer or a percentage (e.g '5%')")
        number = -(-int(digits) * of // 100) if up else int(digits) * of // 100
    if number < 0:
        raise KubeError(f"error: invalid value {value!r}: must be non-negative")
    return number


def container_env(pod: Pod) -> dict[str, str]:
    """What the container sees: the template's variables and those that Kubernetes fills in from the pod's status."""
    address = pod.address or ""
    return {**pod.env, "POD_IP": address, "POD_IPS": address, "POD_NAME": pod.name}
