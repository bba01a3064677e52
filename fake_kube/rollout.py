"""What ``kubectl rollout status`` says at one instant."""

from __future__ import annotations

from fake_kube.objects import DaemonSet, Deployment, KubeError


def deployment_status(deployment: Deployment, now: float) -> tuple[bool, str]:
    """(finished, kubectl's line). Raises KubeError when the progress deadline has passed.

    It counts pods and says nothing about raft (facts: kubernetes 3).
    """
    name, status = deployment.name, deployment.status
    if deployment.generation > deployment.observed:
        return False, "Waiting for deployment spec update to be observed..."
    if _overdue(deployment, now):
        raise KubeError(f'error: deployment "{name}" exceeded its progress deadline')
    waiting = f'Waiting for deployment "{name}" rollout to finish: '
    if status.updated < deployment.replicas:
        return False, f"{waiting}{status.updated} out of {deployment.replicas} new replicas have been updated..."
    if status.current > status.updated:
        return False, f"{waiting}{status.current - status.updated} old replicas are pending termination..."
    if status.available < status.updated:
        return False, f"{waiting}{status.available} of {status.updated} updated replicas are available..."
    return True, f'deployment "{name}" successfully rolled out'


def _overdue(deployment: Deployment, now: float) -> bool:
    """No deadline while paused, nor once the rollout had completed."""
    if deployment.paused or deployment.complete:
        return False
    return now - deployment.progressed > deployment.progress_deadline


def daemonset_status(daemonset: DaemonSet) -> tuple[bool, str]:
    """(finished, kubectl's line). Raises KubeError for a DaemonSet that is not rolled by the controller."""
    name, status = daemonset.name, daemonset.status
    if daemonset.strategy != "RollingUpdate":
        raise KubeError("error: rollout status is only available for RollingUpdate strategy type")
    if daemonset.generation > daemonset.observed:
        return False, "Waiting for daemon set spec update to be observed..."
    waiting = f'Waiting for daemon set "{name}" rollout to finish: '
    if status.updated < status.desired:
        return False, f"{waiting}{status.updated} out of {status.desired} new pods have been updated..."
    if status.available < status.desired:
        return False, f"{waiting}{status.available} of {status.desired} updated pods are available..."
    return True, f'daemon set "{name}" successfully rolled out'
