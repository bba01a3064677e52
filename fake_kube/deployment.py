"""The Deployment controller: rolling update, scaling, pause (Kubernetes' pkg/controller/deployment)."""

from __future__ import annotations

from functools import partial

from fake_kube.api import Api, Change
from fake_kube.objects import Deployment, Node, Pod, ReplicaSet, Status
from fake_kube.replicaset import ReplicaSetController
from fake_kube.runtime import Timer
from fake_kube.timers import WorkQueue

WAKE_LAG = 0.04


class DeploymentController:
    def __init__(self, api: Api, replicasets: ReplicaSetController) -> None:
        self._api = api
        self._replicasets = replicasets
        self._queue = WorkQueue(api.clock, api.timers, self._sync)
        self._wakes: dict[str, Timer] = {}

    def changed(self, deployment: Deployment) -> None:
        """The spec has changed."""
        deployment.generation += 1
        self._queue.add(deployment.name, self._api.draw("deployment sees spec"))

    def created(self, deployment: Deployment) -> None:
        self._queue.add(deployment.name, self._api.draw("deployment sees spec"))

    def pod_changed(self, pod: Pod, change: Change) -> None:
        if pod.controller in self._api.deployments:
            self._poke(pod.controller)

    def node_changed(self, node: Node) -> None:
        pass

    def _poke(self, name: str) -> None:
        self._queue.add(name, self._api.draw("deployment sees pods"))

    # -- one round ----------------------------------------------------------------------------------------------

    def _sync(self, name: str) -> None:
        deployment = self._api.deployments.get(name)
        if deployment is None:
            return
        if deployment.paused or self._is_scaling(deployment):
            self._scale(deployment)
        else:
            self._roll(deployment)
        deployment.observed = deployment.generation
        self._update_status(deployment)
        self._wake_when_available(deployment)

    def _is_scaling(self, deployment: Deployment) -> bool:
        return any(rs.desired != deployment.replicas for rs in self._owned(deployment) if rs.replicas > 0)

    def _roll(self, deployment: Deployment) -> None:
        new = self.new_replicaset(deployment) or self._create(deployment)
        self._revise(deployment, new)
        if not self._grow_new(deployment, new):
            self._shrink_old(deployment, new)

    def _grow_new(self, deployment: Deployment, new: ReplicaSet) -> bool:
        if new.replicas == deployment.replicas:
            return False
        if new.replicas > deployment.replicas:
            return self._resize(deployment, new, deployment.replicas)
        return self._resize(deployment, new, self._room_for_new(deployment, new.replicas))

    def _room_for_new(self, deployment: Deployment, size: int) -> int:
        total = sum(rs.replicas for rs in self._owned(deployment))
        room = deployment.replicas + deployment.max_surge - total
        return size + max(0, min(room, deployment.replicas - size))

    def _shrink_old(self, deployment: Deployment, new: ReplicaSet) -> None:
        """Pods that are not available go first and without waiting, bounded by what may be missing at all."""
        old = [rs for rs in self._owned(deployment) if rs is not new and rs.replicas > 0]
        if not old:
            return
        total = new.replicas + sum(rs.replicas for rs in old)
        least = deployment.replicas - deployment.max_unavailable
        may_go = total - least - (new.replicas - self._available(deployment, new))
        if may_go <= 0:
            return
        for rs in old:
            broken = rs.replicas - self._available(deployment, rs)
            going = min(may_go, broken)
            if going > 0:
                may_go -= going
                self._resize(deployment, rs, rs.replicas - going)
        spare = sum(self._available(deployment, rs) for rs in (new, *old)) - least
        for rs in old:
            going = min(rs.replicas, max(0, spare))
            if going > 0:
                spare -= going
                self._resize(deployment, rs, rs.replicas - going)

    # -- scaling, also while paused -----------------------------------------------------------------------------

    def _scale(self, deployment: Deployment) -> None:
        new = self.new_replicaset(deployment)
        owned = self._owned(deployment)
        active = [rs for rs in owned if rs.replicas > 0]
        if len(active) <= 1:
            only = active[0] if active else new or (owned[-1] if owned else None)
            if only is not None:
                self._resize(deployment, only, deployment.replicas)
                only.desired = deployment.replicas
            return
        if new is not None and self._saturated(deployment, new):
            for rs in active:
                if rs is not new:
                    self._resize(deployment, rs, 0)
            return
        self._scale_proportionally(deployment, active)

    def _saturated(self, deployment: Deployment, new: ReplicaSet) -> bool:
        wanted = deployment.replicas
        return new.replicas == new.desired == wanted == self._available(deployment, new)

    def _scale_proportionally(self, deployment: Deployment, active: list[ReplicaSet]) -> None:
        """Bigger ReplicaSets first; of equals the newer grows and the older shrinks (facts: kubernetes 4)."""
        allowed = deployment.replicas + deployment.max_surge if deployment.replicas > 0 else 0
        change = allowed - sum(rs.replicas for rs in active)
        newer_first = -1 if change > 0 else 1
        active.sort(key=lambda rs: (-rs.replicas, newer_first * rs.created, newer_first * rs.serial))
        sizes = [rs.replicas for rs in active]
        given = 0
        for index, rs in enumerate(active):
            share = _proportion(deployment, rs, change, given)
            sizes[index] += share
            given += share
        sizes[0] = max(0, sizes[0] + change - given)
        for rs, size in zip(active, sizes, strict=True):
            self._resize(deployment, rs, size)
            rs.desired, rs.maximum = deployment.replicas, deployment.replicas + deployment.max_surge

    # -- ReplicaSets --------------------------------------------------------------------------------------------

    def _owned(self, deployment: Deployment) -> list[ReplicaSet]:
        """Oldest first."""
        owned = [rs for rs in self._api.replicasets.values() if rs.deployment == deployment.name]
        return sorted(owned, key=lambda rs: (rs.created, rs.serial))

    def new_replicaset(self, deployment: Deployment) -> ReplicaSet | None:
        """Found by template, not by age: an earlier value of a variable finds its old ReplicaSet again."""
        return next((rs for rs in self._owned(deployment) if rs.template == deployment.template), None)

    def _create(self, deployment: Deployment) -> ReplicaSet:
        now = self._api.now()
        name = f"{deployment.name}-{deployment.template_hash}"
        new = ReplicaSet(name, deployment.name, deployment.template, 0, now, 0, self._api.serial())
        size = self._room_for_new(deployment, 0)
        self._api.replicasets[name] = new
        new.desired, new.maximum = deployment.replicas, deployment.replicas + deployment.max_surge
        self._resize(deployment, new, size)
        return new

    def _revise(self, deployment: Deployment, new: ReplicaSet) -> None:
        others = [rs.revision for rs in self._owned(deployment) if rs is not new]
        highest = max(others, default=0)
        if new.revision <= highest:
            new.revision = highest + 1
            deployment.complete = False
            deployment.progressed = self._api.now()

    def _resize(self, deployment: Deployment, rs: ReplicaSet, size: int) -> bool:
        if rs.replicas == size:
            return False
        direction = "up" if size > rs.replicas else "down"
        rs.replicas = size
        rs.desired, rs.maximum = deployment.replicas, deployment.replicas + deployment.max_surge
        self._api.event("ScalingReplicaSet", f"Scaled {direction} replica set {rs.name} to {size}")
        self._replicasets.changed(rs.name)
        self._poke(deployment.name)
        return True

    # -- status -------------------------------------------------------------------------------------------------

    def _available(self, deployment: Deployment, rs: ReplicaSet) -> int:
        now = self._api.now()
        pods = self._api.owned(rs.name)
        return sum(pod.active and pod.available(now, deployment.min_ready_seconds) for pod in pods)

    def _update_status(self, deployment: Deployment) -> None:
        now = self._api.now()
        new = self.new_replicaset(deployment)
        owners = {rs.name: rs for rs in self._owned(deployment)}
        pods = [pod for pod in self._api.pods.values() if pod.active and pod.owner in owners]
        status = Status(
            desired=deployment.replicas,
            current=len(pods),
            updated=sum(new is not None and pod.owner == new.name for pod in pods),
            ready=sum(pod.ready for pod in pods),
            available=sum(pod.available(now, deployment.min_ready_seconds) for pod in pods),
        )
        before, deployment.status = deployment.status, status
        old_before, old_after = before.current - before.updated, status.current - status.updated
        if (
            status.updated > before.updated
            or status.ready > before.ready
            or status.available > before.available
            or old_after < old_before
        ):
            deployment.progressed = now
        if status.updated == status.current == status.available == deployment.replicas:
            deployment.complete = True

    def _wake_when_available(self, deployment: Deployment) -> None:
        """A pod that is Ready becomes available by time alone: look again 50 ms later (facts: kubernetes 5)."""
        pending = self._wakes.pop(deployment.name, None)
        if pending is not None:
            pending.cancel()
        now = self._api.now()
        waits = [
            pod.ready_since + deployment.min_ready_seconds - now
            for pod in self._api.pods.values()
            if pod.controller == deployment.name and pod.active and pod.ready and pod.ready_since is not None
        ]
        waits = [wait for wait in waits if wait > 0]
        if waits:
            poke = partial(self._poke, deployment.name)
            self._wakes[deployment.name] = self._api.later(min(waits) + WAKE_LAG, poke)


def _proportion(deployment: Deployment, rs: ReplicaSet, change: int, given: int) -> int:
    """What ``rs`` gets of ``change`` when ``given`` is spent already: its share by size, rounded."""
    if rs.replicas == 0 or change == given:
        return 0
    if deployment.replicas == 0:
        share = -rs.replicas
    else:
        before = rs.maximum or deployment.status.current or 1
        size = rs.replicas * (deployment.replicas + deployment.max_surge) / before
        share = int(size + 0.5) - rs.replicas
    left = change - given
    return min(share, left) if change > 0 else max(share, left)
