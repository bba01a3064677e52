"""Put a spare node in an old one's place, in one procedure."""

from __future__ import annotations

import pytest

from harness.procedures import guarded
from scenarios import support


@pytest.mark.parametrize("members", [3, 5])
@pytest.mark.parametrize("role", support.ROLES)
def test_guarded_replace_keeps_quorum_and_every_write(ovn: support.Maker, ovn_record, members: int, role: str) -> None:
    executor = support.cluster(ovn, members, spares=1)
    spare = executor.view().nodes[-1].name
    node = support.target(executor, role)
    plan = guarded.replace(executor.view(), node, spare)
    assert ("remove first" if role == "dead" else "add first") in plan.order
    outcome = support.swap(executor, plan)
    ovn_record(stall=outcome.stall(), worst_margin=outcome.worst_margin)
    support.assert_end(outcome)
    assert len(outcome.end.expected) == members
    assert outcome.worst_margin >= 0
    assert outcome.stall() <= executor.timing.election
