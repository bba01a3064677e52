"""What scenarios share: picking a target by its role, running a plan under a client's writes, looking at the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.executor import LabExecutor
from harness.faults import Fault, FaultKind
from harness.forecast import Standing
from harness.invariants import CATALOGUE, Ending, EndState, Monitor, Violation, World
from harness.journal import MemoryJournal
from harness.plan import Plan
from harness.procedures.wanted import Wanted
from harness.runner import Pace, Progress, Runner, RunResult
from harness.spec import ClusterSpec
from harness.witness import Witness
from harness.workload import History

FORMS_WITHIN = 300.0
"""Cluster seconds until a cluster is in order again after a scenario has arranged or hurt it."""

NORTHD_WITHIN = 900.0
"""Cluster seconds until rows get from nb to sb again after leaderships have moved: ovn-northd tries one server after
another, with pauses of up to eight real seconds, which no scale shortens."""

CAREFUL = Pace(between=15.0)
"""A reader of the page who looks and thinks: from the nb kick to the scale-down Kubernetes notices the kicked pod."""

Maker = Callable[..., LabExecutor]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished run: what the runner did, what the client saw, how the cluster ended, and what was seen on the way."""

    result: RunResult
    history: History
    end: EndState
    worst_margin: int
    monitor: Monitor

    def stall(self, database: Database = Database.NB) -> float:
        return self.history.longest_stall(database)


class Watch:
    """Looks at the cluster whenever the runner reports: margin of the worse database, and every property."""

    def __init__(self, executor: LabExecutor, plan: Plan) -> None:
        self._executor = executor
        self.worst = 99
        self.before = executor.view()
        leaves, comes = (target.address if target is not None else "" for target in (plan.old, plan.new))
        world = World(leaves, comes, gated=plan.procedure == "guarded", waived=Wanted.like(plan).accept_stall)
        world.forgiven = frozenset(node.address for node in self.before.nodes if not node.ready)
        self.monitor = Monitor(CATALOGUE, world)
        self.witness = Witness(executor, self.monitor)
        self.attended = self.witness.attended(executor)

    def look(self, view: ClusterView) -> None:
        self.witness.look(view)
        for database in DATABASES:
            standing = Standing(health.member_hosts(view, database), health.running_hosts(view, database))
            if standing.members:
                self.worst = min(self.worst, standing.margin)


class Observed:
    """An executor whose every view is also shown to a watch."""

    def __init__(self, executor: LabExecutor, watch: Watch) -> None:
        self._executor = executor
        self._watch = watch

    def __getattr__(self, name: str) -> object:
        return getattr(self._watch.attended, name)

    def view(self) -> ClusterView:
        view = self._executor.view()
        self._watch.look(view)
        return view

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        def seen() -> T | None:
            self.view()
            return condition()

        return self._executor.wait(seen, timeout, reason)

    def sleep(self, seconds: float) -> None:
        """Look while the operator reads."""
        until = self._executor.now() + seconds
        while (left := until - self._executor.now()) > 0:
            self._executor.sleep(min(left, self._executor.timing.poll))
            self.view()


def swap(executor: LabExecutor, plan: Plan, *, pace: Pace = Pace(), settle: bool = True) -> Outcome:  # noqa: B008
    """Run ``plan`` while a client writes, let the cluster settle, and look at everything.

    It begins when the client has seen a row arrive in sb. Errors of the runner propagate; the client is stopped first.
    """
    watch = Watch(executor, plan)
    client = executor.client()
    client.start()
    try:
        executor.wait(lambda: client.history().acknowledged(Database.SB), NORTHD_WITHIN, "a row of northd's in sb")
        result = Runner(Observed(executor, watch), plan, journal=MemoryJournal(), pace=pace, watch=_quiet).run()  # type: ignore[arg-type]
        world = watch.monitor.world
        ending = Ending(executor.now(), "done", watch.attended.acts, executor.view(), world.leaves, world.comes)
        watch.monitor.ended(ending)
        if settle:
            in_order(executor)
    finally:
        history = client.stop()
    end = replace(look(executor, plan, history), before=watch.before)
    watch.look(end.view)
    return Outcome(result, history, end, watch.worst, watch.monitor)


def _quiet(_progress: Progress) -> None:
    return


def look(executor: LabExecutor, plan: Plan, history: History | None) -> EndState:
    """The end state that the oracle judges."""
    view = executor.view()
    expected = expected_addresses(view, plan)
    rows = {
        (database, node.name): executor.rows(database, node.name)
        for database in DATABASES
        for node in view.nodes
        if node.address in expected
    }
    retired = (plan.old.node,) if plan.old is not None else ()
    files = {name: executor.files(name) for name in retired}
    return EndState(view, expected, retired, history, rows, files)


def expected_addresses(view: ClusterView, plan: Plan) -> frozenset[str]:
    """Who should be a member after ``plan``: NODE_IPS, which the plan has set."""
    central = view.workload("ovn-central")
    assert central is not None, "the cluster has an ovn-central"
    listed = frozenset(central.env["NODE_IPS"].split(","))
    if plan.old is not None:
        assert plan.old.address not in listed, "the leaver is still listed"
    if plan.new is not None:
        assert plan.new.address in listed, "the newcomer is not listed"
    return listed


def broken(outcome: Outcome) -> list[Violation]:
    """Every property that the run broke; of the page only the end is asked, and what raft must keep on any way."""
    found = outcome.monitor.at_end(outcome.end)
    page = outcome.result.plan.procedure == "documented"
    return found + [v for v in outcome.monitor.violations if not page or v.invariant.startswith("S")]


def assert_end(outcome: Outcome) -> None:
    """The oracle: nothing is violated, and the run did something worth judging."""
    found = broken(outcome)
    assert not found, "\n".join(str(violation) for violation in found)
    assert len(outcome.history.acknowledged(Database.NB)) > 10, "the client wrote too little to judge anything"
    assert outcome.history.acknowledged(Database.SB), "nothing that northd made was seen in sb"


def in_order(executor: LabExecutor, down: tuple[str, ...] = ()) -> None:
    """Wait until both databases are in order on every member (hosts in ``down`` excepted)."""

    def settled() -> bool:
        return not health.all_problems(executor.view(), ignore=down)

    executor.wait(settled, FORMS_WITHIN, "both databases to be in order on every member")


ROLES = ("leads-nb", "leads-sb", "leads-both", "leads-neither", "first", "dead")


def target(executor: LabExecutor, role: str) -> str:
    """Arrange that some member has ``role``; returns its node's name."""
    first, *_, last = labelled(executor)
    if role == "leads-nb":
        move_away(executor, Database.SB, first)
        return first
    if role == "leads-sb":
        move_away(executor, Database.NB, first)
        return first
    if role == "leads-both":
        assert leader(executor, Database.NB) == leader(executor, Database.SB) == first, (
            "the first node bootstrapped both"
        )
        return first
    if role == "first":
        move_away(executor, Database.NB, first)
        move_away(executor, Database.SB, first)
        return first
    leading = {leader(executor, database) for database in DATABASES}
    idle = last if last not in leading else next(name for name in labelled(executor) if name not in leading)
    if role == "dead":
        lose(executor, idle)
    return idle


def labelled(executor: LabExecutor) -> tuple[str, ...]:
    return tuple(node.name for node in executor.view().labelled())


def leader(executor: LabExecutor, database: Database) -> str:
    """The node that leads ``database`` now (waits for one)."""

    def led() -> str | None:
        pair = executor.view().leader(database)
        return pair[0] if pair is not None else None

    return executor.wait(led, FORMS_WITHIN, f"a {database} leader")


def move_away(executor: LabExecutor, database: Database, node: str) -> None:
    """Make somebody else lead ``database``."""
    if leader(executor, database) == node:
        assert executor.move_leadership(database, node).ok, "a leader hands over when it is told to"
        executor.wait(
            lambda: leader(executor, database) != node, FORMS_WITHIN, f"{database} leadership to leave {node}"
        )
    in_order(executor)


def lose(executor: LabExecutor, name: str) -> None:
    """Take the node's power and wait until Kubernetes and raft have noticed."""
    node = executor.view().node(name)
    assert node is not None, f"there is a node {name}"
    assert executor.inject(Fault(FaultKind.NODE_DOWN, (name,))), "the node was up"

    def noticed() -> bool:
        lost = executor.view().node(name)
        return lost is not None and not lost.ready

    executor.wait(noticed, FORMS_WITHIN, f"node {name} to be NotReady")
    in_order(executor, down=(node.address,))


def cluster(make: Maker, members: int, spares: int = 0, **options: object) -> LabExecutor:
    """A lab cluster of ``members`` ovn-central nodes."""
    return make(ClusterSpec(members=members, spares=spares, **options))  # type: ignore[arg-type]
