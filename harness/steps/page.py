"""The operator actions of the documentation's page, each as the page types it.

They do what the command does and no more: no check before, no wait after, except where the page itself looks or waits
(a status to confirm a kick, ``rollout status``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness import kubectl_ko
from harness.addresses import host_of, join_list
from harness.cluster import ClusterView, Database
from harness.errors import StepFailed
from harness.executor import Executor, Reply, WaitTimeout
from harness.forecast import Forecast, Impact
from harness.steps.base import Problem, Step


@dataclass(frozen=True)
class ListPods(Step):
    """The page's first look: which ovn-central pod is on which node, and the node's address."""

    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return "list the pods"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl -n {view.namespace} get pod -o wide | grep central",)


@dataclass(frozen=True)
class ShowStatus(Step):
    """``kubectl ko nb|sb status``: read, to find the id of the node at ``address``."""

    database: Database
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return f"show {self.database} status"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl ko {self.database} status",)

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        return kubectl_ko.status(executor, self.database)


@dataclass(frozen=True)
class Kick(Step):
    """``kubectl ko nb|sb kick ID``, with the id that the status shows for the node's address.

    ``kubectl ko`` runs it in the pod labelled as that database's leader, and waits for nothing (facts: kube-ovn 4). It
    finds no leader while that pod is not Ready, as when the kicked node still leads the other database: the reader
    types it again.
    """

    database: Database
    address: str
    safe_point: ClassVar[bool] = False

    @property
    def title(self) -> str:
        return f"kick {self.address} from {self.database}"

    def server(self, view: ClusterView) -> str | None:
        """What a reader types: the four-digit id that the status shows for the node's address, or that address where
        two servers show the same digits (OVSDB knows none of the two by them; facts: ovsdb-raft 3.4)."""
        pod = kubectl_ko.labelled_pod(view, self.database)
        report = view.report(self.database, pod.node) if pod is not None and pod.node is not None else None
        status = report.status if report is not None else None
        if status is None:
            pair = view.leader(self.database)
            status = pair[1] if pair is not None else None
        entries = status.entry_at(self.address) if status is not None else ()
        if status is None or not entries:
            return None
        alike = [entry for entry in status.servers if entry.sid4 == entries[0].sid4]
        return entries[0].sid4 if len(alike) == 1 else entries[0].address

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl ko {self.database} kick {self.server(view) or '<ID>'}",)

    def undo(self, view: ClusterView) -> str:
        return "a removed server can't come back with its id: wipe its directory and let it join as a new server"

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        last = Reply(1, "")

        def typed() -> Reply | None:
            nonlocal last
            server = self.server(executor.view())
            if server is None:
                last = Reply(1, f"no server at {self.address} in the {self.database} status")
            else:
                reply = kubectl_ko.kick(executor, self.database, server)
                last = reply if reply.ok else Reply(reply.code, f"{reply.text} (kick {server})")
            return last if last.ok else None

        try:
            return executor.wait(typed, self.deadline, self.title)
        except WaitTimeout:
            raise StepFailed(f"{self.title}: {last.text}", todo=f"kubectl ko {self.database} status") from None

    def impact(self, forecast: Forecast) -> Impact:
        after = forecast.removed(self.database, host_of(self.address))
        return Impact(after, after)


@dataclass(frozen=True)
class ConfirmKicked(Step):
    """``kubectl ko nb|sb status`` once more: the page's reader looks until the server is gone from the list."""

    database: Database
    address: str
    deadline: ClassVar[float] = 300.0
    safe_point: ClassVar[bool] = False
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return f"confirm the {self.database} kick"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl ko {self.database} status",)

    def pending(self, view: ClusterView) -> str | None:
        pod = kubectl_ko.labelled_pod(view, self.database)
        if pod is None or pod.node is None:
            return f"no pod is labelled as {self.database} leader"
        report = view.report(self.database, pod.node)
        if report is None or report.status is None:
            return f"{self.database} status: {report.error if report else 'no answer'}"
        if report.status.entry_at(self.address):
            return f"{self.address} is still in the {self.database} status"
        return None


@dataclass(frozen=True)
class CheckStatus(Step):
    """The page's look at a database before a node goes in: the leader's status, with a leader in it."""

    database: Database
    deadline: ClassVar[float] = 300.0
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return f"check {self.database} status"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl ko {self.database} status",)

    def pending(self, view: ClusterView) -> str | None:
        if view.leader(self.database) is None:
            return f"{self.database} has no leader"
        return None


@dataclass(frozen=True)
class Label(Step):
    """``kubectl label node``: set the ovn-central label."""

    node: str
    key: str
    value: str

    @property
    def title(self) -> str:
        return f"label {self.node}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl label node {self.node} {self.key}={self.value}",)

    def undo(self, view: ClusterView) -> str:
        return f"kubectl label node {self.node} {self.key}-"

    def satisfied(self, view: ClusterView) -> bool:
        node = view.node(self.node)
        return node is not None and node.labels.get(self.key) == self.value

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.label_node(self.node, self.key, self.value)
        return None


@dataclass(frozen=True)
class Unlabel(Step):
    """``kubectl label node NODE KEY-``: evicts nothing (facts: kubernetes 1)."""

    node: str
    key: str

    @property
    def title(self) -> str:
        return f"unlabel {self.node}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl label node {self.node} {self.key}-",)

    def undo(self, view: ClusterView) -> str:
        return f"kubectl label node {self.node} {self.key}={view.label[1]}"

    def satisfied(self, view: ClusterView) -> bool:
        node = view.node(self.node)
        return node is not None and self.key not in node.labels

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.label_node(self.node, self.key, None)
        return None


@dataclass(frozen=True)
class Scale(Step):
    """``kubectl scale deployment``. Which pod goes is the ReplicaSet's choice, not ours (facts: kubernetes 2)."""

    workload: str
    replicas: int

    @property
    def title(self) -> str:
        return f"scale {self.workload} to {self.replicas}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl scale deployment -n {view.namespace} {self.workload} --replicas={self.replicas}",)

    def undo(self, view: ClusterView) -> str:
        current = view.workload(self.workload)
        count = current.replicas if current is not None else "<BEFORE>"
        return f"kubectl scale deployment -n {view.namespace} {self.workload} --replicas={count}"

    def satisfied(self, view: ClusterView) -> bool:
        workload = view.workload(self.workload)
        return workload is not None and workload.replicas == self.replicas

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.scale(self.workload, self.replicas)
        return None


@dataclass(frozen=True)
class SetEnv(Step):
    """``kubectl set env``: starts a rollout, unless the workload is paused or its strategy is OnDelete.

    ``restarts_members``: the rollout that follows takes ovn-central's pods down one after the other.
    """

    kind: str
    workload: str
    variable: str
    addresses: tuple[str, ...]
    restarts_members: bool = False

    @property
    def title(self) -> str:
        return f"{self.variable} of {self.workload}"

    @property
    def value(self) -> str:
        return join_list(self.addresses)

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        ref = f"{self.kind.lower()}/{self.workload}"
        return (f'kubectl set env {ref} -n {view.namespace} {self.variable}="{self.value}"',)

    def undo(self, view: ClusterView) -> str:
        current = view.workload(self.workload)
        before = current.env.get(self.variable, "") if current is not None else "<BEFORE>"
        ref = f"{self.kind.lower()}/{self.workload}"
        return f'kubectl set env {ref} -n {view.namespace} {self.variable}="{before}"'

    def satisfied(self, view: ClusterView) -> bool:
        workload = view.workload(self.workload)
        return workload is not None and workload.env.get(self.variable) == self.value

    def blocked(self, view: ClusterView) -> Problem | None:
        if view.workload(self.workload) is None:
            return Problem(f"there is no {self.kind.lower()}/{self.workload}", fatal=True)
        return None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.set_env(self.kind, self.workload, self.variable, self.value)
        return None

    def impact(self, forecast: Forecast) -> Impact:
        if not self.restarts_members:
            return Impact(forecast, forecast)
        after = forecast
        for address in self.addresses:
            after = after.added(address)
        return Impact(forecast.worst_restart(), after)


@dataclass(frozen=True)
class RolloutStatus(Step):
    """``kubectl rollout status``: waits for pods, and says nothing about raft (facts: kubernetes 3).

    ``restarts_members``: ovn-central's pods go down one after the other while it waits.
    """

    kind: str
    workload: str
    restarts_members: bool = False
    deadline: ClassVar[float] = 600.0
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return f"await rollout of {self.workload}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl rollout status {self.kind.lower()}/{self.workload} -n {view.namespace}",)

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        def finished() -> str | None:
            status = executor.rollout_status(self.kind, self.workload)
            return status.message if status.done else None

        return Reply(0, executor.wait(finished, self.deadline, f"the rollout of {self.workload}"))

    def impact(self, forecast: Forecast) -> Impact:
        return Impact(forecast.worst_restart() if self.restarts_members else forecast, forecast)


@dataclass(frozen=True)
class DeletePods(Step):
    """``kubectl delete pod -l app=...``: all of them at once; returns when kubectl would."""

    app: str

    @property
    def title(self) -> str:
        return f"delete pods app={self.app}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl delete pod -n {view.namespace} -lapp={self.app}",)

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        return Reply(0, "\n".join(f'pod "{name}" deleted' for name in executor.delete_pods(self.app)))


@dataclass(frozen=True)
class RemoveDirectory(Step):
    """``rm -rf`` of the database directory, typed on the node itself."""

    node: str
    directory: str

    @property
    def title(self) -> str:
        return f"remove the files on {self.node}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"rm -rf {self.directory}",)

    def undo(self, view: ClusterView) -> str:
        return "none: the files are gone (a removed server's files are of no use to raft)"

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        return executor.remove_directory(self.node)


@dataclass(frozen=True)
class CheckDirectory(Step):
    """The page's look at the newcomer's directory: if a database file lies there, remove the directory.

    It names the two ``*_db.db`` files only, not the saved raft headers beside them (facts: kube-ovn 2).
    """

    node: str
    directory: str

    @property
    def title(self) -> str:
        return f"check the files on {self.node}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"rm -rf {self.directory}",)

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        names = executor.files(self.node).names or ()
        if any(database.file in names for database in Database):
            return executor.remove_directory(self.node)
        return Reply(0, "no database file there")
