"""Guarded steps that change a raft configuration, or look whether a change is whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from harness import health
from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database, ServerEntry
from harness.errors import Inconclusive, StepFailed
from harness.executor import Executor, Reply
from harness.forecast import Forecast, Impact
from harness.steps.base import CENTRAL, Problem, Step


@dataclass(frozen=True)
class Backup(Step):
    """Copy both databases out as standalone files: what recovery starts from, should all else fail."""

    database: Database
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return f"back up {self.database}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return (f"kubectl ko {self.database} backup",)

    def blocked(self, view: ClusterView) -> Problem | None:
        if view.leader(self.database) is None:
            return Problem(f"{self.database} has no leader to copy from")
        return None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        pair = view.leader(self.database)
        assert pair is not None, "blocked() saw a leader in this view"
        reply = executor.backup(self.database, pair[0])
        if not reply.ok:
            raise StepFailed(
                f"backup of {self.database} failed: {reply.text}",
                todo="mend that (is its pod up? is the disk full?), then run the same command again",
            )
        return reply


@dataclass(frozen=True)
class Remove(Step):
    """Kick the server at ``address`` by its full sid, through the leader that all servers were asked for, and wait
    until every survivor has the removal committed.

    Refuses what OVSDB would accept and not survive: too few live members in the new configuration, a leader that has
    committed nothing of its own term, another change pending, two servers at one address.
    """

    database: Database
    address: str
    deadline: ClassVar[float] = 60.0
    repeatable: ClassVar[bool] = True

    @property
    def safe_point(self) -> bool:  # type: ignore[override]
        """After nb and before sb the two databases disagree; stopping there is allowed only after sb."""
        return self.database is Database.SB

    @property
    def title(self) -> str:
        return f"remove {self.address} from {self.database}"

    def entry(self, view: ClusterView) -> ServerEntry | None:
        pair = view.leader(self.database)
        entries = pair[1].entry_at(self.address) if pair is not None else ()
        return entries[0] if entries else None

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        pair = view.leader(self.database)
        stays = pair is not None and host_of(pair[1].address) != self.address
        pod = view.central_pod(pair[0]) if pair is not None and stays else None
        where = pod.name if pod is not None else "<LEADER POD>"
        entry = self.entry(view)
        sid = self._own_id(view, entry) or (entry.sid4 if entry is not None else "<ID>")
        control = f"ovn-appctl -t {self.database.control}"
        run = f"kubectl exec -n {view.namespace} {where} -c {CENTRAL} -- {control}"
        return (
            f"{run} cluster/kick {self.database.schema} {sid}",
            f"{run} cluster/status {self.database.schema}  # and on every other member: no {self.address}",
        )

    def undo(self, view: ClusterView) -> str:
        return "a removed server can't come back with its id: `ovnswap plan add` brings the node in as a new server"

    def satisfied(self, view: ClusterView) -> bool:
        return self.pending(view) is None

    def blocked(self, view: ClusterView) -> Problem | None:
        found = health.problems(view, self.database, ignore=(self.address,))
        entry = self.entry(view)
        if found and (entry is not None or view.leader(self.database) is None):
            return Problem(found[0], why="a membership change may only be asked of a cluster in order")
        safe, members, live, needed = health.removal_keeps_quorum(view, self.database, self.address)
        if safe:
            return None
        seen = f"{self.database}: after removing {self.address}: {members} members, {live} live, {needed} needed"
        return Problem(
            seen,
            why="there would be no leader; ovsdb-server accepts this kick and loses the cluster",
            todo="bring the silent members back, or replace them first",
        )

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        pair = view.leader(self.database)
        entry = self.entry(view)
        if pair is None or entry is None:
            return Reply(0, "already removed")
        try:
            reply = executor.kick(self.database, pair[0], self.full_sid(executor, view, pair[0], entry))
        except Inconclusive as unknown:
            # The answer is lost, the kick may not be: pending() looks at every survivor before anything is repeated.
            return Reply(0, f"no answer ({unknown.seen}): looking")
        if not reply.ok and "unknown server" not in reply.text and "in progress" not in reply.text:
            raise StepFailed(
                f"{self.database} kick of {self.address}: {reply.text}",
                why="the leader did not take it",
                todo="look at the status of every member, then run the same command again",
            )
        return reply

    def _own_id(self, view: ClusterView, entry: ServerEntry | None) -> str | None:
        """What the server itself says: same database and same address, for four digits alone may be another's."""
        if entry is None:
            return None
        told = [s for _, s in view.statuses(self.database) if s.server_id.startswith(entry.sid4)]
        return next((s.server_id for s in told if host_of(s.address) == host_of(entry.address)), None)

    def full_sid(self, executor: Executor, view: ClusterView, leader: str, entry: ServerEntry) -> str:
        """All 32 digits: from the server itself, else from the leader's file; else its address, which also will do."""
        own = self._own_id(view, entry)
        if own is not None:
            return own
        in_file = executor.configuration(self.database, leader)
        sids = [sid for sid, at in in_file.items() if host_of(at) == self.address and sid.startswith(entry.sid4)]
        return sids[0] if len(sids) == 1 else entry.address

    def pending(self, view: ClusterView) -> str | None:
        return health.removed_everywhere(view, self.database, self.address)

    def impact(self, forecast: Forecast) -> Impact:
        after = forecast.removed(self.database, self.address)
        return Impact(after, after)


@dataclass(frozen=True)
class AwaitNotReady(Step):
    """Wait until Kubernetes has noticed that the pod on ``node`` is out: only then does a scale-down choose it."""

    node: str
    deadline: ClassVar[float] = 180.0
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return f"await NotReady on {self.node}"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        pod = view.central_pod(self.node)
        name = pod.name if pod is not None else f"<POD ON {self.node}>"
        return (f"kubectl wait -n {view.namespace} pod/{name} --for=condition=Ready=false --timeout=180s",)

    def satisfied(self, view: ClusterView) -> bool:
        return self.pending(view) is None

    def pending(self, view: ClusterView) -> str | None:
        pod = view.central_pod(self.node)
        if pod is not None and pod.ready and not pod.terminating:
            return f"pod {pod.name} is still Ready"
        return None


@dataclass(frozen=True)
class AwaitInOrder(Step):
    """Look at every server of both databases until all of them are caught-up voters that follow one leader each.

    ``down`` lists addresses whose servers may be in any state (the dead node that is being replaced).
    """

    down: tuple[str, ...] = ()
    deadline: ClassVar[float] = 120.0
    read_only: ClassVar[bool] = True

    @property
    def title(self) -> str:
        return "check nb and sb on every member"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        pods = [p for p in view.pods_of(CENTRAL) if p.active and p.node is not None and p.address not in self.down]
        return tuple(
            f"kubectl exec -n {view.namespace} {pod.name} -c {CENTRAL} -- "
            f"ovn-appctl -t {database.control} cluster/status {database.schema}"
            for database in DATABASES
            for pod in pods
        )

    def pending(self, view: ClusterView) -> str | None:
        found = health.all_problems(view, ignore=self.down)
        return found[0] if found else None
