"""ovn-healthcheck.sh: what the readiness and the liveness probe of ovn-central look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fake_kube.profile import KubeOvnProfile


@dataclass(frozen=True, slots=True)
class HealthFacts:
    """The ``Status:`` and ``Role:`` lines of one server's ``cluster/status``, as printed."""

    status: str
    role: str


def central_healthy(statuses: Mapping[str, HealthFacts | None], profile: KubeOvnProfile) -> bool:
    """Whether the probe succeeds, given ``nb`` and ``sb``; None stands for an error (``unknown cluster``, no process).

    A server that still joins passes except on the development branch: a Ready pod need not be a member (facts:
    kube-ovn 2, hazards).
    """
    return all(_server_healthy(statuses.get(db), profile) for db in ("nb", "sb"))


def _server_healthy(facts: HealthFacts | None, profile: KubeOvnProfile) -> bool:
    if facts is None or "failed" in facts.status:
        return False
    if "disconnected" in facts.status and facts.role == "candidate":
        return False
    return profile.joining_is_healthy or "joining" not in facts.status
