"""Take a node out: the page's order against ours, whatever the node's role."""

from __future__ import annotations

import pytest

from harness.errors import Refused
from harness.procedures import documented, guarded
from harness.spec import ClusterSpec
from scenarios import support

SIZES = (3, 5)

ELECTION_TIMER = ClusterSpec().election_timer_ms / 1000
"""T, in cluster seconds."""


def living(role: str) -> bool:
    return role != "dead"


@pytest.mark.parametrize("members", SIZES)
@pytest.mark.parametrize("role", [role for role in support.ROLES if living(role)])
def test_guarded_remove_keeps_quorum_and_every_write(ovn: support.Maker, ovn_record, members: int, role: str) -> None:
    executor = support.cluster(ovn, members)
    node = support.target(executor, role)
    outcome = support.swap(executor, guarded.remove(executor.view(), node))
    ovn_record(stall=outcome.stall(), worst_margin=outcome.worst_margin)
    support.assert_end(outcome)
    assert outcome.result.kicks == 2
    assert outcome.worst_margin >= 0, "a majority was alive all along"
    assert outcome.stall() <= executor.timing.election, "no write waited for more than one election"


def test_guarded_remove_of_a_dead_node_from_five(ovn: support.Maker, ovn_record) -> None:
    executor = support.cluster(ovn, 5)
    node = support.target(executor, "dead")
    outcome = support.swap(executor, guarded.remove(executor.view(), node))
    ovn_record(stall=outcome.stall(), worst_margin=outcome.worst_margin)
    support.assert_end(outcome)
    assert outcome.worst_margin >= 0
    assert outcome.stall() <= executor.timing.election


def test_guarded_remove_of_a_dead_node_from_three_is_refused(ovn: support.Maker) -> None:
    """Two members are left, and NODE_IPS can only change by restarting each: the plan says so instead of doing it."""
    executor = support.cluster(ovn, 3)
    node = support.target(executor, "dead")
    before = executor.view()
    with pytest.raises(Refused, match="Q-ROLL"):
        support.swap(executor, guarded.remove(before, node))
    after = executor.view()
    assert {w.name: dict(w.env) for w in after.workloads} == {w.name: dict(w.env) for w in before.workloads}


def test_guarded_remove_of_a_dead_node_from_three_with_the_stall_accepted(ovn: support.Maker, ovn_record) -> None:
    executor = support.cluster(ovn, 3)
    node = support.target(executor, "dead")
    options = guarded.Options(accept_stall=True)
    outcome = support.swap(executor, guarded.remove(executor.view(), node, options))
    ovn_record(stall=outcome.stall(), worst_margin=outcome.worst_margin)
    support.assert_end(outcome)
    assert outcome.worst_margin < 0, "the two-member cluster was restarted, as the plan said"


@pytest.mark.parametrize("role", support.ROLES)
def test_documented_remove_from_three_stops_the_writes(ovn: support.Maker, ovn_record, role: str) -> None:
    """The page restarts each pod of a two-member cluster: quorum is lost, twice, also when all is done with care."""
    executor = support.cluster(ovn, 3, spares=1)  # the spare takes kube-ovn-controller's pod when a node is dead
    node = support.target(executor, role)
    outcome = support.swap(executor, documented.remove(executor.view(), node), pace=support.CAREFUL)
    ovn_record(stall=outcome.stall(), worst_margin=outcome.worst_margin)
    support.assert_end(outcome)
    assert outcome.result.kicks == 2
    assert outcome.worst_margin < 0, "a restart of one of two members loses the majority"
    assert outcome.stall() > ELECTION_TIMER, "writes stopped for longer than the election timer"


@pytest.mark.parametrize("role", support.ROLES)
def test_documented_remove_from_five_keeps_quorum(ovn: support.Maker, ovn_record, role: str) -> None:
    executor = support.cluster(ovn, 5, spares=1)
    node = support.target(executor, role)
    outcome = support.swap(executor, documented.remove(executor.view(), node), pace=support.CAREFUL)
    ovn_record(stall=outcome.stall(), worst_margin=outcome.worst_margin)
    support.assert_end(outcome)
    assert outcome.worst_margin >= 0
