"""Take a node out and put the same node in again, as after a reinstallation."""

from __future__ import annotations

import pytest

from harness.cluster import DATABASES
from harness.procedures import documented, guarded
from scenarios import support

PROCEDURES = {"documented": documented, "guarded": guarded}


@pytest.mark.parametrize("members", [3, 5])
@pytest.mark.parametrize("role", ["leads-both", "leads-neither"])
@pytest.mark.parametrize("procedure", PROCEDURES)
def test_remove_then_add_gives_the_node_a_new_identity(
    ovn: support.Maker, ovn_record, procedure: str, role: str, members: int
) -> None:
    executor = support.cluster(ovn, members)
    node = support.target(executor, role)
    before = {db: executor.status(db, node).status for db in DATABASES}
    pace = support.CAREFUL if procedure == "documented" else support.Pace()
    out = support.swap(executor, PROCEDURES[procedure].remove(executor.view(), node), pace=pace)
    support.assert_end(out)
    back = support.swap(executor, PROCEDURES[procedure].add(executor.view(), node), pace=pace)
    ovn_record(stall=max(out.stall(), back.stall()), worst_margin=min(out.worst_margin, back.worst_margin))
    support.assert_end(back)
    assert len(back.end.expected) == members
    for database in DATABASES:
        old, new = before[database], executor.status(database, node).status
        assert old is not None
        assert new is not None
        assert new.server_id != old.server_id, "a server that left may never come back with its id"
        assert new.cluster_id == old.cluster_id
    if procedure == "guarded":
        assert min(out.worst_margin, back.worst_margin) >= 0
        assert max(out.stall(), back.stall()) <= executor.timing.election
