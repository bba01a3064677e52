"""Steps that steer which ovn-central pod restarts, and when, so that raft never loses its majority.

The brakes are ``rollout pause`` (nothing more is deleted), ``minReadySeconds`` (the next deletion waits for it should
the pause come late) and the ReplicaSet's own ranking (the leaver's pod goes last). Facts: kubernetes 5, 6, 7.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness import health, rollout_order
from harness.addresses import join_list, split_list
from harness.cluster import DATABASES, ClusterView, Pod, Workload
from harness.executor import Executor, Reply
from harness.forecast import Forecast, Impact
from harness.steps.base import CENTRAL, Problem, Step
from harness.steps.leadership import hand_over, hand_over_line
from harness.steps.sparing import SETTLE, needed


@dataclass(frozen=True)
class SetMinReadySeconds(Step):
    """Patch ``minReadySeconds``: changes no pod, slows the next deletion down."""

    workload: str
    seconds: int

    @property
    def title(self) -> str:
        return f"minReadySeconds {self.seconds}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        patch = f'{{"spec":{{"minReadySeconds":{self.seconds}}}}}'
        return (f"kubectl patch deployment -n {view.namespace} {self.workload} -p '{patch}'",)

    def undo(self, view: ClusterView) -> str:
        return SetMinReadySeconds(self.workload, 0).commands(view)[0]

    def satisfied(self, view: ClusterView) -> bool:
        workload = view.workload(self.workload)
        return workload is not None and workload.min_ready_seconds == self.seconds

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.patch_rollout(self.workload, min_ready_seconds=self.seconds)
        return None


@dataclass(frozen=True)
class PauseRollout(Step):
    """``kubectl rollout pause``: template changes make no new pods until it is resumed."""

    workload: str

    @property
    def title(self) -> str:
        return f"pause {self.workload}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl rollout pause deployment/{self.workload} -n {view.namespace}",)

    def undo(self, view: ClusterView) -> str:
        return f"kubectl rollout resume deployment/{self.workload} -n {view.namespace}"

    def satisfied(self, view: ClusterView) -> bool:
        workload = view.workload(self.workload)
        return workload is not None and workload.paused

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.pause(self.workload)
        return None


@dataclass(frozen=True)
class ResumeRollout(Step):
    """``kubectl rollout resume``, when every pod that should be is made from the new template already."""

    workload: str

    @property
    def title(self) -> str:
        return f"resume {self.workload}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl rollout resume deployment/{self.workload} -n {view.namespace}",)

    def satisfied(self, view: ClusterView) -> bool:
        workload = view.workload(self.workload)
        return workload is not None and not workload.paused

    def blocked(self, view: ClusterView) -> Problem | None:
        workload = view.workload(self.workload)
        left = rollout_order.outdated(view, workload) if workload is not None else ()
        if left:
            names = ", ".join(pod.name for pod in left)
            return Problem(f"pods of the old template are left: {names}", why="resuming would restart them unwatched")
        return None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.resume(self.workload)
        return None


@dataclass(frozen=True)
class KeepPodForLast(Step):
    """See to it that the rollout deletes the pod on ``node`` after all others.

    Kubernetes 1.22 and later: a deletion cost on that pod. Before: pods that have been Ready for longer are deleted by
    hand, one at a time with the cluster whole in between, until that pod is the longest Ready. ``restarts``: whether
    members restart for it, which the forecast counts.
    """

    node: str
    restarts: bool = True
    deadline: ClassVar[float] = 600.0

    @property
    def title(self) -> str:
        return f"keep {self.node}'s pod for last"

    def older(self, view: ClusterView) -> tuple[Pod, ...]:
        """Pods that the rollout would delete after the one on ``node``, longest Ready first."""
        mine = view.central_pod(self.node)
        if mine is None or mine.ready_since is None:
            return ()
        since = mine.ready_since
        others = [p for p in view.pods_of(CENTRAL) if p.node != self.node and p.ready and not p.terminating]
        older = [p for p in others if p.ready_since is not None and p.ready_since <= since]
        return tuple(sorted(older, key=lambda pod: pod.ready_since or 0.0))

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        mine = view.central_pod(self.node)
        if mine is None:
            return ()
        if rollout_order.has_deletion_cost(view):
            cost = f"{rollout_order.DELETION_COST}={rollout_order.KEEP_COST}"
            return (f"kubectl annotate pod -n {view.namespace} {mine.name} {cost} --overwrite",)
        lines: list[str] = []
        for pod in self.older(view):  # longest Ready first: keeps the list right while it is worked off
            lines += [hand_over_line(view, pod.name, database) for database in DATABASES]
            lines.append(f"kubectl delete pod -n {view.namespace} {pod.name}")
            lines.append(f"kubectl rollout status deployment/{CENTRAL} -n {view.namespace}")
            back = f"until the server at {pod.address} is a caught-up voter again in both"
            lines.append(f"kubectl ko nb status; kubectl ko sb status  # {back}")
        known = "longest Ready already" if mine.ready_since is not None else "pods that were Ready before it go first"
        return tuple(lines) or (f"kubectl get pod -n {view.namespace} {mine.name} -o wide  # {known}",)

    def undo(self, view: ClusterView) -> str:
        mine = view.central_pod(self.node)
        if mine is None or not rollout_order.has_deletion_cost(view):
            return "nothing to undo"
        return f"kubectl annotate pod -n {view.namespace} {mine.name} {rollout_order.DELETION_COST}-"

    def satisfied(self, view: ClusterView) -> bool:
        mine = view.central_pod(self.node)
        if mine is None or mine.terminating:
            return True
        if rollout_order.has_deletion_cost(view):
            return rollout_order.cost(mine) >= rollout_order.KEEP_COST
        return not self.older(view)

    def blocked(self, view: ClusterView) -> Problem | None:
        found = health.all_problems(view)
        return Problem(found[0], why="a pod may only be restarted while all servers are in order") if found else None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        mine = view.central_pod(self.node)
        if mine is None:
            return None
        if rollout_order.has_deletion_cost(view):
            executor.annotate_pod(mine.name, rollout_order.DELETION_COST, str(rollout_order.KEEP_COST))
            return None
        while older := self.older(executor.view()):
            restart_one(executor, older[0], self.deadline)
        return None

    def impact(self, forecast: Forecast) -> Impact:
        return Impact(forecast.worst_restart() if self.restarts else forecast, forecast)


def restart_one(executor: Executor, pod: Pod, deadline: float) -> None:
    """Delete one pod by hand and wait until all servers are in order again."""
    hand_over(executor, pod.node)
    # Handing over takes seconds in which another member may have been lost: look again.
    executor.wait(lambda: not health.all_problems(executor.view()), deadline, "all servers to be in order again")
    executor.delete_pod(pod.name)

    def back() -> bool:
        view = executor.view()
        replaced = all(other.name != pod.name for other in view.pods_of(CENTRAL))
        here = view.central_pod(pod.node or "")
        return replaced and here is not None and here.ready and not health.all_problems(view)

    executor.wait(back, deadline, f"the servers on {pod.node} to be caught-up voters again")


@dataclass(frozen=True)
class RollNextPod(Step):
    """Let the paused rollout replace exactly one pod, and hold it again until raft is whole.

    ``number`` of ``total`` outdated pods. ``last`` names the node whose pod must not go before all others (the
    leaver), ``newcomer`` the address that this step brings into raft. ``apart``: the leaver and the newcomer, which may
    not lead one database each meanwhile. ``accept_stall`` allows restarting a member whose absence costs quorum.
    """

    number: int
    total: int
    last: str = ""
    newcomer: str = ""
    leaver: str = ""
    apart: tuple[str, ...] = ()
    accept_stall: bool = False
    deadline: ClassVar[float] = 600.0

    @property
    def title(self) -> str:
        return f"roll pod {self.number} of {self.total}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        target = f"deployment/{CENTRAL} -n {view.namespace}"
        lines = [] if self.newcomer else [hand_over_line(view, "<POD THAT GOES NEXT>", db) for db in DATABASES]
        lines += [
            f"kubectl rollout resume {target}",
            f"kubectl get pod -n {view.namespace} -l app={CENTRAL} -o wide  # one pod is replaced",
            f"kubectl rollout pause {target}",
        ]
        if self.newcomer:
            lines.append(
                f"kubectl ko nb status; kubectl ko sb status  # until {self.newcomer} is a caught-up voter in both"
            )
        return tuple(lines)

    def undo(self, view: ClusterView) -> str:
        target = f"deployment/{CENTRAL} -n {view.namespace}"
        return f"kubectl rollout resume {target} && kubectl rollout undo {target}"

    def rolled(self, view: ClusterView) -> bool:
        """Whether at least ``number`` pods are made from the new template already, the newcomer's among them."""
        workload = view.workload(CENTRAL)
        if workload is None:
            return False
        left = rollout_order.outdated(view, workload)
        if not self._whole(view):
            # Not rolled: their ReplicaSet is about to make others of the old template.
            left += rollout_order.refused(view, workload)
        waits = bool(self.newcomer) and any(pod.address == self.newcomer for pod in left)
        return len(left) <= self.total - self.number and not waits

    def satisfied(self, view: ClusterView) -> bool:
        return self.rolled(view) and self._held(view) and self.pending(view) is None

    def _held(self, view: ClusterView) -> bool:
        """Whether nothing more can be deleted: paused, or nothing left to replace."""
        workload = view.workload(CENTRAL)
        return workload is not None and (workload.paused or not rollout_order.outdated(view, workload))

    def blocked(self, view: ClusterView) -> Problem | None:
        workload = view.workload(CENTRAL)
        if workload is None:
            return Problem(f"there is no deployment/{CENTRAL}", fatal=True)
        if self.rolled(view):
            return None
        # A leaver whose pod goes last is a member like the others until then: one that has just lost its files comes
        # back as a new server, and then its pod may not be taken from it.
        ignore = {self.newcomer, "" if self.last else self.leaver} - {""}
        found = health.all_problems(view, ignore=ignore)
        if found and not self.accept_stall:
            return Problem(found[0], why="a pod may only be restarted while all other servers are in order")
        fresh = [p for p in view.pods_of(CENTRAL) if p.active and rollout_order.is_updated(p, workload)]
        if waiting := [p for p in fresh if not p.ready and p.node is not None]:
            return Problem(f"pod {waiting[0].name} is not Ready yet")
        return (
            self._wrong_victim(view, workload)
            or self._not_the_newcomer(view, workload)
            or self._costs_quorum(view, workload)
            or self._shut_out(view, workload)
        )

    def _shut_out(self, view: ClusterView, workload: Workload) -> Problem | None:
        """A member's new pod that is not in its own NODE_IPS never starts (facts: kube-ovn 2)."""
        victim = rollout_order.next_victim(view, workload)
        host = victim.address if victim is not None else None
        listed = split_list(workload.env.get("NODE_IPS", ""))
        if host is None or host in listed or host == self.leaver:
            return None
        if all(host not in health.member_hosts(view, database) for database in DATABASES):
            return None
        return Problem(
            f"NODE_IPS of {CENTRAL} is {join_list(listed)}, without {host}, whose pod would be replaced now",
            why="somebody has changed it, and the member's new pod would never start",
            todo="find out what sets NODE_IPS and stop it; then run the same command again",
            fatal=True,
        )

    def _wrong_victim(self, view: ClusterView, workload: Workload) -> Problem | None:
        victim = rollout_order.next_victim(view, workload)
        if victim is None or victim.node != self.last or self.number == self.total:
            return None
        if rollout_order.goes_last(view, workload, self.last):
            return None
        return Problem(
            f"the pod on {self.last} would be deleted before the others",
            why="its replacement has nowhere to go and the rollout would stop with the others on the old addresses",
            todo=f"delete one of the other pods by hand, wait until it is Ready, then resume: {victim.name} goes last",
        )

    def _not_the_newcomer(self, view: ClusterView, workload: Workload) -> Problem | None:
        """A newcomer's pod (or the dead one that it replaces) is not Ready and so goes first, unless another is not."""
        victim = rollout_order.next_victim(view, workload)
        if not self.newcomer or victim is None or victim.address is None:
            return None
        # A member whose servers are just being restarted is one all the same.
        if all(victim.address not in health.member_hosts(view, database) for database in DATABASES):
            return None
        if all(health.is_voter(view, database, self.newcomer) for database in DATABASES):
            return None
        return Problem(
            f"the pod on {victim.node}, a member, would be replaced before the newcomer's",
            why="members may only be restarted when the newcomer votes",
            todo="wait until every member's pod is Ready",
        )

    def _costs_quorum(self, view: ClusterView, workload: Workload) -> Problem | None:
        victim = rollout_order.next_victim(view, workload)
        host = victim.address if victim is not None else None
        return None if host is None or self.accept_stall else needed(view, host)

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        if self.rolled(view) and self._whole(view):
            self._hold(executor)
            return None
        workload = view.workload(CENTRAL)
        victim = rollout_order.next_victim(view, workload) if workload is not None else None
        if not self.rolled(view):
            hand_over(executor, victim.node if victim is not None and victim.ready else None, self.apart)
            # Handing over takes seconds in which another member may have been lost: look again.
            executor.wait(lambda: self.blocked(executor.view()) is None, SETTLE, "all other servers to be in order")
            if self._nothing_left(executor.view()):
                return None  # somebody put NODE_IPS back meanwhile: a later look says so

        def replaced() -> bool:
            now = executor.view()
            return self.rolled(now) and self._whole(now)

        try:
            if workload is not None and workload.paused:
                executor.resume(CENTRAL)
            executor.wait(replaced, SETTLE, "the rollout to replace one pod")
        finally:
            # Also on a timeout and on Ctrl-C: an unwatched rollout would go on to the next member.
            self._hold(executor)
        return None

    def _nothing_left(self, view: ClusterView) -> bool:
        """Whether this pod is rolled by now, though nobody has resumed the rollout."""
        workload = view.workload(CENTRAL)
        return workload is not None and workload.paused and self.rolled(view)

    @staticmethod
    def _hold(executor: Executor) -> None:
        """Pause, unless it is paused: a run that was cut off may have left it so, and kubectl complains."""
        workload = executor.view().workload(CENTRAL)
        if workload is None or not workload.paused:
            executor.pause(CENTRAL)

    @staticmethod
    def _whole(view: ClusterView) -> bool:
        """Whether every replica has a pod object: a pause that comes before keeps the Deployment from making it."""
        workload = view.workload(CENTRAL)
        return workload is not None and sum(pod.active for pod in view.pods_of(CENTRAL)) >= workload.replicas

    def pending(self, view: ClusterView) -> str | None:
        workload = view.workload(CENTRAL)
        if workload is None:
            return f"there is no deployment/{CENTRAL}"
        if not self._whole(view):
            return "a pod has no replacement yet"
        pods = [pod for pod in view.pods_of(CENTRAL) if pod.active]
        fresh = [pod for pod in pods if rollout_order.is_updated(pod, workload)]
        unready = [pod for pod in fresh if not pod.ready]
        # Once the leaver's pod is gone its replacement has nowhere to go and stays Pending: that is as it should be.
        left = bool(self.leaver) and all(pod.address != self.leaver for pod in pods)
        if left and (homeless := next((pod for pod in unready if pod.node is None), None)) is not None:
            unready.remove(homeless)
        if unready:
            restarts = unready[0].restarts
            return f"pod {unready[0].name} is not Ready" + (f" ({restarts} restarts)" if restarts else "")
        if self.newcomer:
            missing = [str(db) for db in DATABASES if not health.is_voter(view, db, self.newcomer)]
            if missing:
                return f"{self.newcomer} is not a caught-up voter in {' and '.join(missing)}"
        found = health.all_problems(view, ignore=(self.leaver,) if left else ())
        return found[0] if found else None

    def impact(self, forecast: Forecast) -> Impact:
        if self.newcomer:
            # While the newcomer joins it counts in the configuration before it carries anything.
            joined = forecast.added(self.newcomer)
            return Impact(joined.down(self.newcomer), joined)
        if self.leaver and self.number == self.total:
            gone = forecast.down(self.leaver)
            return Impact(gone, gone)
        kept = tuple(host for host in forecast.nb.members if host != self.leaver)
        return Impact(forecast.worst_restart(kept), forecast)
