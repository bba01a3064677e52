"""Guarded steps about a node's files and about the workloads that connect to ovn-central."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness import health, rollout_order
from harness.addresses import join_list, split_list
from harness.cluster import DATABASES, ClusterView, NodeFiles, Pod
from harness.errors import StepFailed
from harness.executor import Executor, Reply, WaitTimeout
from harness.steps.base import CENTRAL, Problem, Step

BOOTS_WITHIN = 120.0
"""Cluster seconds that a node which does not answer gets before its files are left where they are."""

SHOWS = 10.0
"""Cluster seconds after which what somebody has asked for can be seen."""


def member_in(view: ClusterView, host: str) -> list[str]:
    """The databases whose leader has a server at ``host``, or that have no leader to ask."""
    found = []
    for database in DATABASES:
        pair = view.leader(database)
        if pair is None or pair[1].entry_at(host):
            found.append(str(database))
    return found


@dataclass(frozen=True)
class ClearFiles(Step):
    """Remove the databases *and* the saved raft headers of a node that is no member of either database any more.

    A node that does not answer gets two minutes, for it may be booting; then it is left alone, and the step's reply
    says that its files must go before it is labelled again.
    """

    node: str
    address: str
    directory: str

    @property
    def title(self) -> str:
        return f"clear the files on {self.node}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"rm -rf {self.directory}  # on {self.node}",)

    def undo(self, view: ClusterView) -> str:
        return "none: the files are gone (a removed server's files are of no use to raft)"

    def blocked(self, view: ClusterView) -> Problem | None:
        still = member_in(view, self.address)
        if still:
            return Problem(
                f"{self.address} may still be a member of {' and '.join(still)}",
                why="the files of a member hold its votes and acknowledged writes",
                todo="remove it from both databases first",
            )
        node, pod = view.node(self.node), view.central_pod(self.node)
        allowed = pod is not None and self.address in split_list(pod.env.get("NODE_IPS", ""))
        if pod is not None and allowed and node is not None and node.ready:
            return Problem(f"pod {pod.name} is still on {self.node}", why="its server would write the files again")
        return None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        names = self._reached(executor)
        if names.names is None:
            return Reply(0, f"{self.node} can't be reached: clear {self.directory} there before it is labelled again")
        if not names.databases:
            return Reply(0, "nothing there")
        reply = executor.remove_directory(self.node)
        left = executor.files(self.node).databases
        if not reply.ok or left:
            raise StepFailed(
                f"files are left on {self.node}: {', '.join(left) or reply.text}", todo=self.commands(view)[0]
            )
        return reply

    def _reached(self, executor: Executor) -> NodeFiles:
        def answers() -> NodeFiles | None:
            found = executor.files(self.node)
            return found if found.names is not None else None

        try:
            return executor.wait(answers, BOOTS_WITHIN, f"{self.node} to answer")
        except WaitTimeout:
            return executor.files(self.node)


@dataclass(frozen=True)
class RestartOutdated(Step):
    """Restart the pods of a DaemonSet that still have the old addresses, one node at a time.

    Does for OnDelete what a rolling update does by itself, and goes on past a node that is down, where a rolling update
    stops (facts: kubernetes 8, 10). A rolling update that is under way is only watched.
    """

    workload: str
    deadline: ClassVar[float] = 900.0

    @property
    def title(self) -> str:
        return f"restart {self.workload} one by one"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        workload = view.workload(self.workload)
        if workload is not None and workload.strategy == "RollingUpdate" and not self._stuck(view):
            return (f"kubectl rollout status {workload.ref} -n {view.namespace}",)
        app = workload.app if workload is not None else self.workload
        pods = [pod for pod in view.pods_of(app) if on_live_node(view, pod)]
        if not pods:  # nobody listed them
            return (
                f"kubectl get pod -n {view.namespace} -l app={app} -o wide",
                f"kubectl delete pod -n {view.namespace} <NAME>  # one after the other; then wait until it is Ready",
            )
        return tuple(
            f"kubectl delete pod -n {view.namespace} {pod.name}  # then wait until it is Ready" for pod in pods
        )

    def _stuck(self, view: ClusterView) -> bool:
        return any(not node.ready for node in view.nodes)

    def outdated(self, view: ClusterView) -> tuple[Pod, ...]:
        """Pods on live nodes that were made with the old addresses."""
        workload = view.workload(self.workload)
        if workload is None:
            return ()
        return tuple(pod for pod in rollout_order.outdated(view, workload) if on_live_node(view, pod))

    def satisfied(self, view: ClusterView) -> bool:
        return self.pending(view) is None

    def pending(self, view: ClusterView) -> str | None:
        workload = view.workload(self.workload)
        if workload is None:
            return None
        if left := self.outdated(view):
            return f"pod {left[0].name} has the old addresses"
        unready = [p for p in view.pods_of(workload.app) if on_live_node(view, p) and not p.ready]
        return f"pod {unready[0].name} is not Ready" if unready else None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        workload = view.workload(self.workload)
        if workload is None or (workload.strategy == "RollingUpdate" and not self._stuck(view)):
            return None
        restarted: list[str | None] = []
        while left := self.outdated(executor.view()):
            if restarted.count(left[0].node) > 1:
                raise StepFailed(
                    f"pod {left[0].name} came back with the old addresses",
                    why="restarting it again would only cut the node off again",
                    todo=f"compare {workload.ref} with the pod's environment",
                )
            restarted.append(left[0].node)
            self._restart(executor, left[0], workload.app)
        return None

    def _restart(self, executor: Executor, pod: Pod, app: str) -> None:
        executor.delete_pod(pod.name)

        def back() -> bool:
            view = executor.view()
            here = [p for p in view.pods_of(app) if p.node == pod.node]
            return all(p.name != pod.name for p in here) and any(p.ready for p in here)

        executor.wait(back, self.deadline, f"{self.workload} on {pod.node} to be Ready again")


@dataclass(frozen=True)
class AwaitClients(Step):
    """Wait until every pod of a Deployment on a live node has the new addresses and is Ready.

    ``rollout status`` would wait for the pod of a dead node too, for ever.
    """

    workload: str
    deadline: ClassVar[float] = 600.0
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return f"await {self.workload} on live nodes"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl rollout status deployment/{self.workload} -n {view.namespace}",)

    def pending(self, view: ClusterView) -> str | None:
        workload = view.workload(self.workload)
        if workload is None:
            return None
        if left := [pod for pod in rollout_order.outdated(view, workload) if on_live_node(view, pod)]:
            return f"pod {left[0].name} has the old addresses"
        here = [pod for pod in view.pods_of(workload.app) if pod.active and on_live_node(view, pod)]
        unready = [pod for pod in here if not pod.ready]
        if unready or not here:
            return f"pod {unready[0].name} is not Ready" if unready else f"{self.workload} has no pod"
        return None


def on_live_node(view: ClusterView, pod: Pod) -> bool:
    """Whether the pod is bound to a node that Kubernetes hears from."""
    node = view.node(pod.node or "")
    return node is not None and node.ready


@dataclass(frozen=True)
class AwaitPodOn(Step):
    """Wait until ovn-central's pod for the newcomer exists on its node (it may loop: its address is not listed yet)."""

    node: str
    deadline: ClassVar[float] = 120.0
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return f"await a pod on {self.node}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        where = f"--field-selector spec.nodeName={self.node} -l app={CENTRAL}"
        return (f"kubectl get pod -n {view.namespace} -o wide {where}",)

    def satisfied(self, view: ClusterView) -> bool:
        return self.pending(view) is None

    def pending(self, view: ClusterView) -> str | None:
        pod = view.central_pod(self.node)
        if pod is None or pod.terminating:
            return f"no ovn-central pod on {self.node} yet"
        found = health.all_problems(view, ignore=(pod.address or "",))
        return found[0] if found else None


@dataclass(frozen=True)
class ConfirmAddresses(Step):
    """Look whether NODE_IPS still is what this procedure has set, and all whom it lists are members: automation that
    puts it back would bring a leaver in again, or leave a newcomer out, at any later restart, and automation that kicks
    may have taken a newcomer out already."""

    addresses: tuple[str, ...]
    deadline: ClassVar[float] = 60.0
    read_only: ClassVar[bool] = True

    @property
    def value(self) -> str:
        return join_list(self.addresses)

    @property
    def title(self) -> str:
        return f"confirm NODE_IPS of {CENTRAL}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        path = '{.spec.template.spec.containers[0].env[?(@.name=="NODE_IPS")].value}'
        return (f"kubectl get deployment/{CENTRAL} -n {view.namespace} -o jsonpath='{path}'",)

    def pending(self, view: ClusterView) -> str | None:
        workload = view.workload(CENTRAL)
        found = split_list(workload.env.get("NODE_IPS", "")) if workload is not None else ()
        if found != self.addresses:
            return f"NODE_IPS of {CENTRAL} is {join_list(found) or 'empty'}: somebody has changed it"
        for database in DATABASES:
            hosts = health.member_hosts(view, database)
            if gone := [address for address in self.addresses if address not in hosts]:
                return f"{gone[0]} is no member of {database}: somebody has removed it"
        return None


@dataclass(frozen=True)
class ConfirmEnd(ConfirmAddresses):
    """The last look: NODE_IPS, OVN_DB_IPS of everybody, replicas, members and labels are what this procedure has made.

    A chart's upgrade or an install script may have put some of them back (facts: kube-ovn 1.2), and automation may have
    kicked a member (ovn-kubernetes #1747). It looks after a while, for what was asked of raft or Kubernetes a moment
    ago does not show yet.
    """

    @property
    def title(self) -> str:
        return "confirm addresses, replicas and labels"

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.sleep(SHOWS)
        return None

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (*super().commands(view), f"kubectl get node -l {view.label[0]} -o wide")

    def pending(self, view: ClusterView) -> str | None:
        wrong = super().pending(view)
        if wrong is not None:
            return wrong
        for workload in view.workloads:
            found = split_list(workload.env.get("OVN_DB_IPS", ""))
            if found and found != self.addresses:
                return f"OVN_DB_IPS of {workload.name} is {join_list(found)}: somebody has changed it"
            if workload.name == CENTRAL and workload.replicas not in (None, len(self.addresses)):
                return f"{CENTRAL} has {workload.replicas} replicas, not {len(self.addresses)}: somebody has changed it"
        for node in view.labelled():
            if node.address not in self.addresses:
                return f"{node.name} has the label {view.label[0]} again: somebody has changed it"
        return None
