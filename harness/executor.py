"""The one interface behind which every backend stands.

An executor observes, acts (one method for each operator action) and lets time pass. Time on its clock is in *cluster
seconds*: virtual in ``sim``, scaled in ``ovsdb``, real elsewhere. ``wait`` is the only way to let time pass; faults
that were armed happen inside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from harness.cluster import ClusterView, Database, NodeFiles, Report
from harness.faults import Fault, FaultKind, FaultPlan
from harness.raft_events import RaftEvent
from harness.recording import Letter
from harness.workload import Client

T = TypeVar("T")


class Capability(Enum):
    """What an executor may offer beyond the operator's actions. RAFT_EVENTS: it tells what servers write to their
    files; ORDERED_EVENTS: every event, in the order of time over all files."""

    FAULTS = "faults"
    PARTITIONS = "partitions"
    NODE_LOSS = "node-loss"
    CLIENT = "client"
    RAW_FILES = "raw-files"
    RAFT_EVENTS = "raft-events"
    ORDERED_EVENTS = "ordered-events"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command answered: exit code, text without the final newline."""

    code: int
    text: str

    @property
    def ok(self) -> bool:
        return self.code == 0


@dataclass(frozen=True, slots=True)
class RolloutStatus:
    """``kubectl rollout status`` at one instant: finished or not, and the line that kubectl would print."""

    done: bool
    message: str


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take on this executor, in cluster seconds, so that steps can set deadlines and tests bounds.

    ``election`` is the longest that one undisturbed election takes (T + 1 s random range, plus slack); ``restart`` the
    usual time from a pod's deletion to its replacement being Ready; ``poll`` how often a wait looks.
    """

    election: float
    restart: float
    poll: float


class WaitTimeout(Exception):
    """A condition did not come true in time. ``reason`` is the caller's words for what was awaited."""

    def __init__(self, reason: str, timeout: float) -> None:
        super().__init__(f"waited {timeout:g} s for {reason}")
        self.reason = reason
        self.timeout = timeout


class Executor(Protocol):
    """A cluster on which a procedure runs.

    Mutations return when the API accepted them, not when they took effect. They raise
    :class:`harness.errors.Inconclusive` when it is unknown whether they were accepted, and
    :class:`harness.errors.StepFailed` when the API refused.
    """

    @property
    def name(self) -> str:
        """``sim``, ``ovsdb``, ``kind`` or ``kube``."""

    @property
    def capabilities(self) -> frozenset[Capability]: ...

    @property
    def timing(self) -> Timing: ...

    # -- observe ------------------------------------------------------------------------------------------------

    def now(self) -> float:
        """Cluster seconds since the executor was made."""

    def view(self) -> ClusterView:
        """Ask everybody: nodes, pods, workloads, and ``cluster/status`` of nb and sb on every node with a pod."""

    def status(self, database: Database, node: str) -> Report:
        """``cluster/status`` from the server on ``node``."""

    def status_text(self, database: Database, node: str) -> Reply:
        """The same as text, as an operator would read it."""

    def configuration(self, database: Database, node: str) -> Mapping[str, str]:
        """The latest configuration in that server's file: full sid -> address. Empty if it can't be read."""

    def files(self, node: str) -> NodeFiles:
        """What lies in the database directory of ``node``."""

    def rollout_status(self, kind: str, workload: str) -> RolloutStatus: ...

    # -- act ----------------------------------------------------------------------------------------------------

    def kick(self, database: Database, via: str, server: str) -> Reply:
        """``ovn-appctl cluster/kick`` on the server of node ``via``; ``server`` is a sid, a prefix or an address."""

    def move_leadership(self, database: Database, via: str) -> Reply:
        """Make the leader on node ``via`` hand over: ``cluster/failure-test transfer-leadership``. A compaction that is
        asked for leaves the leader where it is (measured on 3.1.0)."""

    def backup(self, database: Database, via: str) -> Reply:
        """Copy the database out as a standalone file; the reply's text is the path."""

    def label_node(self, node: str, key: str, value: str | None) -> None:
        """Set a label, or remove it when ``value`` is None."""

    def annotate_pod(self, pod: str, key: str, value: str | None) -> None: ...

    def scale(self, workload: str, replicas: int) -> None: ...

    def set_env(self, kind: str, workload: str, name: str, value: str) -> None: ...

    def patch_rollout(
        self,
        workload: str,
        *,
        min_ready_seconds: int | None = None,
    ) -> None:
        """Patch fields of a Deployment that change no pod."""

    def pause(self, workload: str) -> None: ...

    def resume(self, workload: str) -> None: ...

    def delete_pod(self, pod: str) -> None: ...

    def delete_pods(self, app: str) -> tuple[str, ...]:
        """Delete every pod labelled ``app=<app>``; returns their names."""

    def remove_directory(self, node: str) -> Reply:
        """Remove what lies in the database directory of ``node`` (the page's ``rm -rf``)."""

    # -- time ---------------------------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        """Let time pass until ``condition`` returns something true, and return it.

        Raises :class:`WaitTimeout` after ``timeout`` cluster seconds.
        """

    def sleep(self, seconds: float) -> None:
        """Let time pass (an operator who reads, thinks or types)."""

    def close(self) -> None:
        """Remove everything that this executor made. Safe to call twice."""


class LabExecutor(Executor, Protocol):
    """An executor that made its own cluster, and may therefore hurt it and look inside."""

    @property
    def faults(self) -> frozenset[FaultKind]:
        """The faults that this executor can do."""

    def inject(self, fault: Fault) -> bool:
        """Do it now; returns whether it changed anything (a crash of what is already dead does not).

        Raises :class:`harness.errors.BadInput` for a fault that this executor can't do, or an unknown node.
        """

    def arm(self, plan: FaultPlan) -> None:
        """Let the plan's faults happen, counted from now, while time passes in ``wait`` and ``sleep``."""

    def felt(self, fault: Fault) -> int:
        """For a kind of :data:`harness.faults.LATENT`: how often something went otherwise because of it, on its nodes,
        since the executor was made. It only grows: less than before never says anything."""

    def fired(self) -> tuple[tuple[float, Fault, bool], ...]:
        """(cluster seconds, fault, whether it changed anything) of every fault so far."""

    def client(self) -> Client:
        """The client workload of this cluster (one for each executor)."""

    def raft_events(self) -> Sequence[RaftEvent]:
        """What servers wrote to their files since the last call; the first call tells what is in them, and begins.

        In the order of each file. Empty where files can't be read.
        """

    def overhear(self, listen: Callable[[Letter], None]) -> bool:
        """Tell ``listen`` of every message between servers from now on; False where nobody can hear them."""

    def at_next_election(
        self, databases: tuple[Database, ...], nodes: tuple[str, ...], act: Callable[[], None]
    ) -> bool:
        """Call ``act`` once, when one of ``databases`` elects its next leader and before ``nodes`` have heard from it;
        False where that moment can't be caught."""

    def check_files(self, database: Database) -> Reply | None:
        """What ``ovsdb-tool check-cluster`` says of all files of ``database`` together; None where there are none."""

    def rows(self, database: Database, node: str) -> frozenset[str] | None:
        """The marker rows that the server on ``node`` serves now; None if it does not answer."""
