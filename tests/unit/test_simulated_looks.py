"""What a simulated view takes over from the look before is what a fresh look would show."""

from __future__ import annotations

import random

import pytest

from fake_raft import Process
from harness.cluster import DATABASES, Database
from harness.executors.simulated import SimulatedExecutor, member_status
from harness.faults import Fault, FaultKind
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
        assert executor.view().pods == tuple(executor._pod(pod) for pod in executor.kube.pods.values())
    assert known > 100
    executor.close()
