"""`ovnswap rehearse --from`: the simulator goes on from database files that real servers have written."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from harness import health
from harness.cluster import DATABASES, Database
from harness.commands import twin
from harness.executors.ovsdb import OvsdbExecutor
from harness.executors.simulated import SimulatedExecutor
from harness.executors.simulation import twins
from harness.procedures.wanted import Wanted
from harness.search import trial
from harness.search.case import Case
from harness.search.trial import Verdict
from harness.spec import ClusterSpec

pytestmark = pytest.mark.usefixtures("real_ovsdb")
UNSAID = {**dict.fromkeys(("ovs", "kubernetes", "kube_ovn", "node_ips", "namespace")), "time_scale": 0.1}


@pytest.fixture
def copied(tmp_path: Path) -> list[Path]:
    """Every database file of three real members, while they run and a client writes."""
    with closing(OvsdbExecutor(ClusterSpec(members=3))) as lab:
        leader = lab.view().leader(Database.SB)
        assert leader is not None
        lab.move_leadership(Database.SB, leader[0])  # so that there is more than the first term
        client = lab.client()
        client.start()
        lab.wait(lambda: len(client.history().acknowledged(Database.SB)) > 5, 300.0, "rows in both databases")
        found = []
        for number, path in enumerate(sorted(lab.machines.site.directory.rglob("ovn?b_db.db"))):
            found.append(tmp_path / f"{number}.db")
            shutil.copyfile(path, found[-1])
        client.stop()
    assert len(found) == 2 * 3
    return found


def test_the_simulator_goes_on_from_files_of_real_servers(copied: list[Path]) -> None:
    told = [twins.tell(path, "3.1") for path in copied]
    found = twin.of([str(path) for path in copied], UNSAID).spec
    assert {address for _, address in found.nodes} == {one.host for one in told}
    with closing(SimulatedExecutor(found)) as lab:
        assert not health.all_problems(lab.view())
        for database in DATABASES:
            of = [one for one in told if one.file.database is database]
            statuses = [status for _, status in lab.view().statuses(database)]
            assert {status.cluster_id for status in statuses} == {one.cluster for one in of}
            assert min(status.term for status in statuses) > max(one.term for one in of)
    leaver = found.nodes[-1][0]
    summary = trial.run(Case(Wanted("guarded", "remove", leaver), found))
    assert summary.verdict is Verdict.DONE, summary.reasons
