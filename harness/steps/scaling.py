"""Steps that take an ovn-central pod away by scaling in, once it is seen which one goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness import health, rollout_order
from harness.cluster import DATABASES, ClusterView
from harness.executor import Executor, Reply
from harness.forecast import Forecast, Impact
from harness.steps.base import CENTRAL, Problem
from harness.steps.leadership import hand_over
from harness.steps.page import Scale
from harness.steps.sparing import SETTLE, needed


@dataclass(frozen=True)
class ScaleIn(Scale):
    """Scale down, once it is seen that no live member's pod would be the one to go.

    Refuses in the middle of a rollout if the bigger ReplicaSet has only healthy pods: it is the one that shrinks, with
    the wrong pod's server in it (facts: kubernetes 0.5, 4).
    """

    def blocked(self, view: ClusterView) -> Problem | None:
        workload = view.workload(self.workload)
        if workload is None:
            return Problem(f"there is no deployment/{self.workload}", fatal=True)
        live = {host for database in DATABASES for host in health.live_hosts(view, database)}
        for pod in rollout_order.scale_in_victims(view, workload) if self.replicas < workload.replicas else ():
            if pod.address in live:
                return Problem(
                    f"scaling would delete pod {pod.name} on {pod.node}",
                    why="its server is a live member",
                    todo="wait until the pod that should go is Pending or NotReady",
                )
        return None


@dataclass(frozen=True)
class MakeRoom(Scale):
    """Scale in by one where the rollout can't go on: a pod of the new template has no node, for it replaced the one of
    ``leaver`` too early. An outdated pod goes, and the homeless one takes its node: one pod is rolled.

    That is what Kubernetes does with a Deployment that is scaled in the middle of a rollout (facts: kubernetes 4). It
    is allowed only while all others are in order and the majority can spare that member.
    """

    leaver: str
    deadline: ClassVar[float] = 600.0

    @property
    def title(self) -> str:
        return f"scale {self.workload} to {self.replicas}, which rolls a pod"

    def blocked(self, view: ClusterView) -> Problem | None:
        workload = view.workload(self.workload)
        if workload is None:
            return Problem(f"there is no deployment/{self.workload}", fatal=True)
        found = health.all_problems(view, ignore=(self.leaver,))
        if found:
            return Problem(found[0], why="a pod may only be restarted while all other servers are in order")
        for pod in rollout_order.scale_in_victims(view, workload):
            if pod.address is not None and (problem := needed(view, pod.address)) is not None:
                return problem
        return None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        workload = view.workload(self.workload)
        goes = (
            [pod for pod in rollout_order.scale_in_victims(view, workload) if pod.node] if workload is not None else []
        )
        if goes:
            hand_over(executor, goes[0].node)
            # Handing over takes seconds in which another member may have been lost: look again.
            executor.wait(lambda: self.blocked(executor.view()) is None, SETTLE, "all other servers to be in order")
        executor.scale(self.workload, self.replicas)
        return None

    def pending(self, view: ClusterView) -> str | None:
        if not self.satisfied(view):
            return f"{self.workload} is not scaled yet"
        pods = [pod for pod in view.pods_of(CENTRAL) if pod.active]
        if len(pods) != self.replicas:
            return f"there are {len(pods)} pods"
        unready = next((pod for pod in pods if not pod.ready), None)
        if unready is not None:
            return f"pod {unready.name} is not Ready"
        found = health.all_problems(view, ignore=(self.leaver,))
        return found[0] if found else None

    def impact(self, forecast: Forecast) -> Impact:
        kept = tuple(host for host in forecast.nb.members if host != self.leaver)
        return Impact(forecast.worst_restart(kept), forecast)
