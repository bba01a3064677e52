"""Operators who stop anywhere, faults and time in any order: what must hold whatever the history.

A state machine: its rules are an operator who runs the procedure for some steps, a fault now or a little later, an end
of faults, time, and a look. Simulation only. A failing history is printed as the calls that lead to it, and shrinks.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from hypothesis import Phase, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from harness import health, strategies
from harness.errors import BadInput, OvnswapError
from harness.executor import LabExecutor, WaitTimeout
from harness.faults import Fault, FaultKind
from harness.invariants import SAFETY, EndState, OneClusterId, violations
from harness.lab import Lab
from harness.look import served
from harness.procedures.wanted import Wanted, make
from harness.runner import Progress, Runner
from harness.watched import Watched
from harness.workload import Client

pytestmark = pytest.mark.ovn(backends=["sim"])

CONVERGES = 600.0
"""Cluster seconds without faults until both databases must be in order."""
SPREADS = 10.0
RULES = 12
"""Rules in one history."""


class OperatorStopped(BaseException):
    """The shell was closed here."""


class Swaps(RuleBasedStateMachine):
    """One cluster and one procedure. ``lab`` and the ``kinds`` of faults are given by the test."""

    lab: Lab
    kinds: tuple[FaultKind, ...] = strategies.NODE_FAULTS

    def __init__(self) -> None:
        super().__init__()
        self.open = ExitStack()
        self.cluster: LabExecutor | None = None

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        self.spec = data.draw(strategies.clusters(members=(3,), spares=(1,)), label="cluster")
        self.wanted: Wanted = data.draw(strategies.procedures(self.spec, ("guarded",)), label="procedure")
        tape = data.draw(strategies.tapes(longest=8), label="tape")
        self.inner = self.open.enter_context(self.lab.closing(self.spec, tape=tape))
        self.watched = Watched(self.inner, lambda margins: None)
        self.cluster = self.watched.lab
        self.client: Client = self.inner.client()
        self.client.start()

    @rule(steps=st.integers(1, 8))
    def operator(self, steps: int) -> None:
        """Somebody makes the plan from what is there, does so many steps of it, and leaves."""
        assert self.cluster is not None
        done = 0

        def watch(progress: Progress) -> None:
            nonlocal done
            done += progress.kind == "done" and not progress.step.read_only
            if done >= steps:
                raise OperatorStopped

        try:
            plan = make(self.wanted, self.cluster.view(), self.inner.files)
            Runner(self.cluster, plan, watch=watch).run()
            note(f"{self.cluster.now():.0f} s: the plan is done")
        except OperatorStopped:
            note(f"{self.cluster.now():.0f} s: stopped after {steps} steps")
        except (OvnswapError, BadInput) as error:
            note(f"{self.cluster.now():.0f} s: {type(error).__name__}: {error}")

    @rule(data=st.data())
    def fault(self, data: st.DataObject) -> None:
        self.inner.inject(data.draw(strategies.faults(self.spec, self.kinds), label="fault"))

    @rule(data=st.data())
    def faults_to_come(self, data: st.DataObject) -> None:
        self.inner.arm(data.draw(strategies.fault_plans(self.spec, self.kinds, within=120.0), label="faults"))

    @rule(seconds=st.sampled_from((1.0, 10.0, 60.0, 300.0)))
    def time(self, seconds: float) -> None:
        self.inner.sleep(seconds)

    @rule()
    def heal(self) -> None:
        self._heal()

    @rule()
    def check(self) -> None:
        """Somebody looks: whatever is under way, each database is one cluster."""
        assert self.cluster is not None
        assert violations(EndState(self.cluster.view(), frozenset()), (OneClusterId,)) == []

    @invariant()
    def raft_keeps_its_promises(self) -> None:
        if self.cluster is not None:
            self.cluster.view()
            assert not self.raft_violations()

    def raft_violations(self) -> list[str]:
        """What raft must keep whatever operators and faults do; who asked for it is not judged here."""
        return [str(v) for v in self.watched.monitor.violations if v.invariant.startswith("S")]

    def _heal(self) -> None:
        self.inner.inject(Fault(FaultKind.HEAL))
        for name in self.spec.node_names():
            self.inner.inject(Fault(FaultKind.RESUME, (name,)))
            self.inner.inject(Fault(FaultKind.NODE_UP, (name,)))

    def teardown(self) -> None:
        """No more faults: what was acknowledged is there, in one cluster."""
        try:
            if self.cluster is not None:
                self._end()
        finally:
            self.open.close()

    def _end(self) -> None:
        assert self.cluster is not None
        self.inner.sleep(120.0)  # faults that were still to come
        self._heal()
        try:
            self.cluster.wait(self._in_order, CONVERGES, "both databases to be in order")
        except WaitTimeout:
            note(f"not in order: {health.all_problems(self.inner.view())}")
        history = self.client.stop()
        self.inner.sleep(SPREADS)
        self.cluster.view()
        assert not self.raft_violations()
        assert violations(served(self.inner, history), SAFETY) == []

    def _in_order(self) -> bool:
        return not health.all_problems(self.inner.view())


@pytest.fixture
def machine(ovn: Lab) -> type[Swaps]:
    return type("SwapsHere", (Swaps,), {"lab": ovn})


def test_a_history_that_is_not_survived_is_found(machine: type[Swaps]) -> None:
    """Kube-OVN's start script founds a second cluster, or lets a ghost's rows go, when disks are wiped."""
    wiped = type("Wiped", (machine,), {"kinds": (FaultKind.WIPE, FaultKind.NODE_DOWN)})
    seeking = settings(stateful_step_count=8, max_examples=200, phases=[Phase.generate], derandomize=True)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(wiped, settings=seeking)


def test_any_history(machine: type[Swaps]) -> None:
    run_state_machine_as_test(machine, settings=settings(stateful_step_count=RULES))
