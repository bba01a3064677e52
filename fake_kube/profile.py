"""What differs between Kubernetes releases and between Kube-OVN releases, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from fake_kube.objects import ProbeSpec


@dataclass(frozen=True, slots=True)
class KubernetesProfile:
    """One Kubernetes minor release, where releases differ (facts: kubernetes 2, 8).

    ``logarithmic_rank``: ages in the victim ranking are compared by powers of two and ties are a coin toss.
    ``random_first_probe``: the first probe of every new pod waits 0 to one period; else only after a kubelet start.
    """

    version: tuple[int, int]
    pod_deletion_cost: bool
    logarithmic_rank: bool
    random_first_probe: bool
    daemonset_surge: bool


def kubernetes_profile(version: tuple[int, int]) -> KubernetesProfile:
    """The profile of a release, ``(1, 20)`` or later. Raises ValueError for anything else."""
    if version[0] != 1 or not 20 <= version[1] < 100:
        raise ValueError(f"no profile for Kubernetes {'.'.join(map(str, version))}: 1.20 or later is modelled")
    late = version >= (1, 22)
    return KubernetesProfile(version, late, late, version < (1, 21), late)


class ScriptGeneration(Enum):
    """How start-db.sh treats a lost or bad database file (facts: kube-ovn 2, pre_start)."""

    NO_HEADER = "no_header"
    HEADER = "header"
    LIVE_CID = "live_cid"


class DuplicateLeader(Enum):
    """What the leader checker does when a peer says that it is leader too (facts: kube-ovn 3)."""

    IGNORED = "none"
    AT_ONCE = "at once"
    THREE_STRIKES = "3 strikes"

    @property
    def strikes(self) -> int:
        """Sightings in a row until the pod is made to restart; 0 is never."""
        return {DuplicateLeader.IGNORED: 0, DuplicateLeader.AT_ONCE: 1, DuplicateLeader.THREE_STRIKES: 3}[self]


@dataclass(frozen=True, slots=True)
class KubeOvnProfile:
    """One Kube-OVN release (facts: kube-ovn 1, 2, 3).

    ``gate_exact``: the own address must be a whole item of NODE_IPS (before 1.12 a substring was enough).
    ``gate_strips_spaces``: blanks in NODE_IPS are removed first. ``purge_unjoined``: seconds after which a file that
    never joined is removed, or None. ``fix_cluster`` and ``rebuild_cluster``: what a damaged file gets.
    ``joining_is_healthy``: the health check overlooks a server that has not joined yet. ``integrity_check``: a leader
    with fewer servers than NODE_IPS has items deletes its own database.
    """

    release: str
    generation: ScriptGeneration
    gate_exact: bool
    gate_strips_spaces: bool
    purge_unjoined: float | None
    fix_cluster: bool
    rebuild_cluster: bool
    joining_is_healthy: bool
    liveness_failures: int
    duplicate_leader: DuplicateLeader
    integrity_check: bool
    ovs_surge: bool
    affinity: bool
    has_ic_controller: bool

    @property
    def writes_header(self) -> bool:
        """The leader checker saves the raft header (``.hdr``) next to each database."""
        return self.generation is not ScriptGeneration.NO_HEADER

    @property
    def readiness(self) -> ProbeSpec:
        """The shipped readiness probe of ovn-central."""
        return ProbeSpec(period=15, failures=3, timeout=45)

    @property
    def liveness(self) -> ProbeSpec:
        """The shipped liveness probe of ovn-central."""
        return ProbeSpec(period=15, failures=self.liveness_failures, initial_delay=30, timeout=45)


MASTER = "master"
_RELEASE = re.compile(r"v?(\d+)\.(\d+)\.(\d+)")
_INTEGRITY = frozenset({(1, 15, 9), (1, 15, 10), (1, 16, 0), (1, 16, 1)})


def kube_ovn_profile(release: str) -> KubeOvnProfile:
    """The profile of a release like ``v1.13.15``, or of the development branch (``master``).

    Raises ValueError for anything that is not a release from 1.10 on. Sources: facts, kube-ovn 1.1 and 2 (history).
    """
    master = release == MASTER
    match = _RELEASE.fullmatch(release)
    if not master and match is None:
        raise ValueError(f"not a Kube-OVN release: {release!r} (like v1.13.15, or master)")
    version = (1, 99, 0) if match is None else (int(match[1]), int(match[2]), int(match[3]))
    if version[0] != 1 or not (10 <= version[1] <= 20 or master):
        raise ValueError(f"no profile for Kube-OVN {release!r}: 1.10 or later is modelled")
    since = _Since(version)
    return KubeOvnProfile(
        release=release if master else "v" + ".".join(map(str, version)),
        generation=_generation(since),
        gate_exact=since(12),
        gate_strips_spaces=master,
        purge_unjoined=120.0 if since(12) else None,
        fix_cluster=since(12, branches={11: 10}),
        rebuild_cluster=since(11, branches={10: 7}),
        joining_is_healthy=not master,
        liveness_failures=10 if master else 5,
        duplicate_leader=_duplicate_leader(since),
        integrity_check=version in _INTEGRITY,
        ovs_surge=since(12),
        affinity=since(16, branches={15: 24}),
        has_ic_controller=since(11),
    )


class _Since:
    """Whether a release has a change, given the first minor that has it and first patches on older branches."""

    def __init__(self, version: tuple[int, int, int]) -> None:
        self._version = version

    def __call__(self, minor: int, patch: int = 0, *, branches: dict[int, int] | None = None) -> bool:
        _, own_minor, own_patch = self._version
        first = (branches or {}).get(own_minor)
        if first is not None:
            return own_patch >= first
        return (own_minor, own_patch) >= (minor, patch)


def _generation(since: _Since) -> ScriptGeneration:
    if since(16, 3, branches={15: 21}):
        return ScriptGeneration.LIVE_CID
    if since(15, branches={14: 25}):
        return ScriptGeneration.HEADER
    return ScriptGeneration.NO_HEADER


def _duplicate_leader(since: _Since) -> DuplicateLeader:
    if since(16, 3, branches={15: 22}):
        return DuplicateLeader.THREE_STRIKES
    if since(15, branches={14: 21}):
        return DuplicateLeader.AT_ONCE
    return DuplicateLeader.IGNORED
