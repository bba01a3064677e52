"""Any cluster, any target, any tape, with a fault at any moment: what must hold whatever happens.

Simulation only: thousands of schedules. A failing example prints its tape; ``--hypothesis-seed`` replays a search.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from harness import health
from harness.cluster import DATABASES, ClusterView
from harness.errors import OvnswapError
from harness.executor import Executor, LabExecutor, WaitTimeout
from harness.faults import Fault, FaultKind, FaultPlan, TimedFault
from harness.forecast import Standing
from harness.invariants import RAFT, SAFETY, Monitor, violations
from harness.lab import Lab
from harness.look import served
from harness.plan import Plan
from harness.procedures import documented, guarded
from harness.runner import Pace, Runner
from harness.search.tape import Tape
from harness.spec import ClusterSpec
from harness.witness import Witness

Planner = Callable[[ClusterView], Plan]

pytestmark = pytest.mark.ovn(backends=["sim"])

HORIZON = 240
"""Cluster seconds within which the fault happens: every step of every procedure falls into it."""

SPREADS_WITHIN = 10.0
"""Cluster seconds until every member has heard of the last acknowledged row: some heartbeats (T/3 apart)."""

FAULTS = {
    "none": (),
    "crash": ((0.0, FaultKind.CRASH),),
    "restart": ((0.0, FaultKind.NODE_DOWN), (60.0, FaultKind.NODE_UP)),
    "partition": ((0.0, FaultKind.PARTITION), (45.0, FaultKind.HEAL)),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One run: sizes and choices as small numbers, so that they shrink."""

    members: int
    target: int
    tape: tuple[int, ...]
    seed: int
    fault: str
    hit: int
    after: int
    pace: int

    def plan_of_faults(self, names: tuple[str, ...]) -> FaultPlan:
        node = (names[self.hit % len(names)],)
        return FaultPlan(
            tuple(
                TimedFault(self.after + delay, Fault(kind, () if kind is FaultKind.HEAL else node))
                for delay, kind in FAULTS[self.fault]
            )
        )


cases = st.builds(
    Case,
    members=st.sampled_from([3, 5]),
    target=st.integers(0, 4),
    tape=st.lists(st.integers(0, 1000), max_size=30).map(tuple),
    seed=st.integers(0, 2**32 - 1),
    fault=st.sampled_from(sorted(FAULTS)),
    hit=st.integers(0, 5),
    after=st.integers(0, HORIZON),
    pace=st.sampled_from([0, 5, 60]),
)


class Judge:
    """Sees every view: who led which term, and the margin with the server that the fault hit forgiven."""

    def __init__(self, executor: LabExecutor, forgiven: str | None) -> None:
        self._executor = executor
        self._forgiven = forgiven
        self.monitor = Monitor(RAFT)
        self.witness = Witness(executor, self.monitor)
        self.broken: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._executor, name)

    def view(self) -> ClusterView:
        view = self._executor.view()
        self.witness.look(view)
        for database in DATABASES:
            members = health.member_hosts(view, database)
            up = health.running_hosts(view, database) | {self._forgiven or ""}
            standing = Standing(members, frozenset(up))
            if Standing(members, frozenset(members) - {self._forgiven or ""}).margin < 0:
                continue  # two members, and the fault took one: nobody's procedure can keep that majority
            if members and standing.margin < 0:
                self.broken.append(f"{view.at:.1f} s: {database} has {len(members)} members, up {sorted(up)}")
        return view


def run(make: Lab, case: Case, plan_for: Planner, members: int, spares: int, *, quorum: bool) -> None:
    """One run: the procedure under a fault, then no more faults, then the judgement."""
    spec = ClusterSpec(members=members, spares=spares)
    with make.closing(spec, tape=Tape(case.tape, seed=case.seed)) as executor:
        view = executor.view()
        plan = plan_for(view)
        names = tuple(node.name for node in view.nodes)
        faults = case.plan_of_faults(names)
        hit = view.node(names[case.hit % len(names)]) if faults.faults else None
        judge = Judge(executor, hit.address if hit is not None else None)
        client = executor.client()
        client.start()
        executor.arm(faults)
        note(go(judge, plan, case))  # type: ignore[arg-type]
        recover(executor)
        history = client.stop()
        executor.sleep(SPREADS_WITHIN)
        judge.view()
        assert not judge.monitor.violations, judge.monitor.violations[0]
        if quorum:
            assert not judge.broken, judge.broken[0]
        found = violations(served(executor, history), SAFETY)
        assert not found, found


def go(executor: Executor, plan: Plan, case: Case) -> str:
    """It ends, or refuses with a reason: anything else than our own errors is a failure."""
    try:
        Runner(executor, plan, pace=Pace(float(case.pace) if plan.procedure == "documented" else 0.0)).run()
    except OvnswapError as error:
        return f"{type(error).__name__}: {error}"
    return "done"


def recover(executor: LabExecutor) -> None:
    """Faults end and time passes; what is then still not in order is the plan's, not the fault's."""
    executor.sleep(HORIZON + 120.0)
    executor.inject(Fault(FaultKind.HEAL))
    down = tuple(node.name for node in executor.view().nodes if not node.ready)
    for name in down:
        executor.inject(Fault(FaultKind.NODE_UP, (name,)))
    try:
        executor.wait(lambda: not health.all_problems(executor.view()), 300.0, "both databases to be in order")
    except WaitTimeout:
        note(f"not in order: {health.all_problems(executor.view())}")


def member(case: Case) -> int:
    return case.target % case.members


@given(case=cases)
def test_guarded_remove(ovn: Lab, case: Case) -> None:
    names = ClusterSpec(members=case.members).node_names()
    run(ovn, case, lambda view: guarded.remove(view, names[member(case)]), case.members, 0, quorum=True)


@given(case=cases)
def test_guarded_add(ovn: Lab, case: Case) -> None:
    names = ClusterSpec(members=case.members).node_names()
    run(ovn, case, lambda view: guarded.add(view, names[-1]), case.members - 1, 1, quorum=True)


@given(case=cases)
def test_guarded_replace(ovn: Lab, case: Case) -> None:
    names = ClusterSpec(members=case.members, spares=1).node_names()
    run(ovn, case, lambda view: guarded.replace(view, names[member(case)], names[-1]), case.members, 1, quorum=True)


@given(case=cases)
def test_documented_remove(ovn: Lab, case: Case) -> None:
    names = ClusterSpec(members=case.members).node_names()
    run(ovn, case, lambda view: documented.remove(view, names[member(case)]), case.members, 0, quorum=False)


@given(case=cases)
def test_documented_add(ovn: Lab, case: Case) -> None:
    names = ClusterSpec(members=case.members).node_names()
    run(ovn, case, lambda view: documented.add(view, names[-1]), case.members - 1, 1, quorum=False)
