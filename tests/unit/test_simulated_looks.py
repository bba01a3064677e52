"""What a simulated view takes over from the look before is what a fresh look would show."""

from __future__ import annotations

import copy
import pickle
import random
from dataclasses import replace

import pytest

from fake_raft import Process
from harness.cluster import DATABASES, ClusterView, Database, Report
from harness.executors.fake_kubernetes import FakeKubernetes
from harness.executors.simulated import SimulatedExecutor, member_status
from harness.executors.simulation.told import Told
from harness.faults import Fault, FaultKind
from harness.journal import MemoryJournal
from harness.procedures import guarded
from harness.runner import Runner
from harness.search.tape import Tape
from harness.spec import ClusterSpec

TROUBLES = (FaultKind.CRASH, FaultKind.PARTITION, FaultKind.ONE_WAY, FaultKind.PAUSE, FaultKind.NODE_DOWN)
ENDS = (FaultKind.HEAL, FaultKind.RESUME, FaultKind.NODE_UP)


def told(executor: SimulatedExecutor) -> dict[tuple[Database, str], Process]:
    """Servers that can be asked now."""
    servers = {(db, m.name): m.server(db) for db in DATABASES for m in executor.machines if m.powered}
    return {key: s for key, s in servers.items() if s is not None and not s.paused}


@pytest.mark.parametrize("seed", range(6))
def test_a_view_shows_what_fresh_looks_show(seed: int) -> None:
    executor = SimulatedExecutor(ClusterSpec(members=3), Tape(seed=seed))
    chance = random.Random(seed)
    names = executor.spec.node_names()
    known = 0
    if seed % 2:
        executor.client().start()
    for step in range(60):
        if step % 6 == 3:
            executor.inject(Fault(chance.choice(TROUBLES), (chance.choice(names),)))
        if step % 6 == 5:
            for kind in ENDS:
                executor.inject(Fault(kind, () if kind is FaultKind.HEAL else tuple(names)))
        if step % 17 == 8:
            executor.move_leadership(chance.choice(DATABASES), chance.choice(names))
        executor.sleep(chance.choice((0.001, 0.3, 2.0, 2.0, 7.0)))
        reports = {(report.database, report.node): report.status for report in executor.view().reports}
        for key, server in told(executor).items():
            fresh = server.status()
            if key in reports and fresh is not None:
                assert reports[key] == member_status(fresh)
                known += 1
        assert executor.view() == FakeKubernetes._view(stranger(executor), executor.view().reports)
    assert known > 100
    executor.close()


def test_views_of_a_whole_procedure_are_as_fresh_ones() -> None:
    """Through labels, rollouts, pauses, new environments and replaced pods, at every look of the runner."""

    class Suspicious(SimulatedExecutor):
        looks = 0

        def view(self) -> ClusterView:
            view = super().view()
            self.looks += 1
            for report in view.reports:
                server = self.machines.named(report.node).server(report.database)  # type: ignore[union-attr]
                status = server.status() if server is not None and not server.paused else None
                assert report.status == (member_status(status) if status is not None else None)
            fresh = FakeKubernetes._view(stranger(self), view.reports)
            assert view == fresh
            return view

    executor = Suspicious(ClusterSpec(members=3, spares=True))
    view = executor.view()
    plan = guarded.replace(view, view.labelled()[-1].name, view.nodes[-1].name)
    Runner(executor, plan, journal=MemoryJournal()).run()
    assert executor.looks > 150
    executor.close()


def stranger(executor: SimulatedExecutor) -> FakeKubernetes:
    """Somebody who looks at the same cluster for the first time."""
    other = FakeKubernetes(executor.spec, executor.kube)
    other._origin = executor._origin
    return other


def test_a_report_put_together_late_is_a_report_like_any_other() -> None:
    executor = SimulatedExecutor(ClusterSpec(members=3))
    executor.view()
    executor.sleep(3)
    late = executor.view().reports
    assert any(type(report) is Told for report in late)
    plain = tuple(Report(r.node, r.database, r.status, r.error) for r in late)
    executor.sleep(3)
    again = executor.view().reports
    assert late == plain == pickle.loads(pickle.dumps(late)) == copy.deepcopy(late)
    assert again != late
    assert list(map(repr, late)) == list(map(repr, plain))
    assert list(map(hash, late)) == list(map(hash, plain))
    assert replace(again[0], status=None, error="gone") == replace(plain[0], status=None, error="gone")
    executor.close()
