"""Mistakes planted in the guarded removal: the judge finds each within three runs without a fault.

What it does not find yet is listed in docs/rehearsals.md: among others a rollout left paused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.errors import BadInput
from harness.procedures.wanted import Wanted
from harness.search import mutants, power, trial
from harness.search.case import Case
from harness.search.trial import Summary, Verdict
from harness.spec import ClusterSpec

LEAVER = "kube-ovn-control-plane3"
CASE = Case(Wanted("guarded", "remove", LEAVER), ClusterSpec(members=3, spares=1), seed=7)

PLANTED = {
    f"drop KeepPodForLast({LEAVER}, True)": "refused: the pod on",
    f"drop Unlabel({LEAVER}, kube-ovn/role)": "stuck: waited 60 s for confirm addresses",
    "drop SetEnv(Deployment, ovn-central, NODE_IPS, 172.18.0.3,172.18.0.4)": "refused: waited",
    "drop Remove(nb, 172.18.0.5)": "stuck: nb server",
    "other-database Remove(sb, 172.18.0.5)": "stuck: sb server",
    "other-node Remove(nb, 172.18.0.5)": "refused: nb server",
    "drop ScaleIn(ovn-central, 2)": "stuck: waited",
    f"drop ClearFiles({LEAVER}, 172.18.0.5, /etc/origin/ovn)": "stuck: P5:",
    f"other-node ClearFiles({LEAVER}, 172.18.0.5, /etc/origin/ovn)": "stuck: 172.18.0.3 may still be a member",
    "drop SetEnv(DaemonSet, ovs-ovn, OVN_DB_IPS, 172.18.0.3,172.18.0.4)": "stuck: waited 60 s for confirm",
    "one-address-less SetEnv(Deployment, kube-ovn-controller, OVN_DB_IPS, 172.18.0.3,172.18.0.4)": "stuck: P9: dep",
}


@pytest.fixture(scope="module")
def healthy() -> Sequence[Summary]:
    return [trial.run(case) for case in power.cases(CASE, faults=0)]


def test_without_a_mistake_every_run_is_done(healthy: Sequence[Summary]) -> None:
    assert [summary.verdict for summary in healthy] == [Verdict.DONE] * len(power.SEEDS)
    assert [power.killed(summary, summary) for summary in healthy] == [""] * len(power.SEEDS)


@pytest.mark.parametrize("mutation", PLANTED)
def test_a_planted_mistake_is_found(healthy: Sequence[Summary], mutation: str) -> None:
    found = power.fate(mutation, healthy)
    assert found.killed_by.startswith(PLANTED[mutation])
    assert trial.run(found.replay).digest == trial.run(found.replay).digest, "it is found again"


def test_every_planted_mistake_is_one_of_the_plan() -> None:
    known = power.all_mutations(CASE)
    assert len(known) == len(set(known)) > 100
    assert set(PLANTED) <= set(known)


def test_a_mutation_that_is_none_is_refused() -> None:
    with pytest.raises(BadInput, match="'hammer it' is no mutation"):
        trial.run(replace(CASE, mutation="hammer it"))


def test_each_kind_of_mistake_changes_the_removal() -> None:
    assert {mutation.split()[0] for mutation in power.all_mutations(CASE)} == set(mutants.KINDS)
