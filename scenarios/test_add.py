"""Bring a node in: into two or four members, by the page and by ours."""

from __future__ import annotations

import pytest

from harness.procedures import documented, guarded
from scenarios import support

SIZES = (2, 4)


@pytest.mark.parametrize("members", SIZES)
def test_guarded_add_restarts_nobody_before_the_newcomer_votes(ovn: support.Maker, ovn_record, members: int) -> None:
    executor = support.cluster(ovn, members, spares=1)
    newcomer = executor.view().nodes[-1].name
    outcome = support.swap(executor, guarded.add(executor.view(), newcomer))
    ovn_record(stall=outcome.stall(), worst_margin=outcome.worst_margin)
    support.assert_end(outcome)
    assert len(outcome.end.expected) == members + 1
    assert outcome.worst_margin >= 0
    assert outcome.stall() <= executor.timing.election


@pytest.mark.parametrize("members", SIZES)
def test_documented_add_ends_well_when_nothing_goes_wrong(ovn: support.Maker, ovn_record, members: int) -> None:
    executor = support.cluster(ovn, members, spares=1)
    newcomer = executor.view().nodes[-1].name
    outcome = support.swap(executor, documented.add(executor.view(), newcomer), pace=support.CAREFUL)
    ovn_record(stall=outcome.stall(), worst_margin=outcome.worst_margin)
    support.assert_end(outcome)
    assert len(outcome.end.expected) == members + 1
