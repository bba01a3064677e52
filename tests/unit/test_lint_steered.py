"""The rules of steered rollouts: each finds the mistake it is for, and the guarded procedures have none of them."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from functools import cache

import pytest

from harness.cluster import ClusterView
from harness.executors import create
from harness.gate.subject import as_book
from harness.lint import lint
from harness.lint.steered_rules import STEERED
from harness.plan import Plan
from harness.procedures.wanted import Wanted, make
from harness.search import mutants
from harness.spec import ClusterSpec

LEAVER, SPARE = "kube-ovn-control-plane3", "kube-ovn-control-plane4"
VERBS = {
    "remove": Wanted("guarded", "remove", LEAVER),
    "add": Wanted("guarded", "add", SPARE),
    "replace": Wanted("guarded", "replace", LEAVER, SPARE),
}


@cache
def plan(verb: str) -> tuple[Plan, ClusterView]:
    with closing(create("sim", ClusterSpec(members=3, spares=1))) as lab:
        view = lab.view()
        return make(VERBS[verb], view, lab.files), view


def rules(verb: str, mutation: str = "") -> Counter[str]:
    found, view = plan(verb)
    if mutation:
        keys = [key for key in mutants.mutations(found, view) if key.startswith(mutation)]
        assert keys, mutation
        found = mutants.written(mutants.mutated(found, keys[0], view))
    return Counter(finding.rule for finding in lint(as_book(found, view, "plan"), view))


SPOILED = [
    ("FIRST-MOVED", "remove", "reversed SetEnv(Deployment, ovn-central"),
    ("UNSEEN", "remove", "drop AwaitInOrder()"),
    ("BACKUP-LATE", "remove", "drop Backup(sb)"),
    ("BACKUP-LATE", "add", "other-database Backup(nb)"),
    ("BRAKES", "remove", "drop PauseRollout"),
    ("BRAKES", "remove", "drop SetMinReadySeconds(ovn-central, 30)"),
    ("BRAKES", "replace", "later PauseRollout"),
    ("BRAKES-LEFT", "remove", "drop ResumeRollout"),
    ("BRAKES-LEFT", "remove", "drop SetMinReadySeconds(ovn-central)"),
    ("BRAKES-LEFT", "add", "drop RolloutStatus"),
    ("POD-SKIPPED", "remove", "drop RollNextPod(2"),
    ("POD-SKIPPED", "remove", "at-once RollNextPod(3"),
    ("LEAVER-EARLY", "remove", "drop KeepPodForLast"),
    ("LEAVER-EARLY", "replace", "other-node KeepPodForLast"),
    ("LABEL-OTHER", "remove", "other-node Unlabel"),
    ("LABEL-OTHER", "add", "other-node Label"),
    ("NEWCOMER-LATE", "add", "drop Label"),
    ("NEWCOMER-LATE", "add", "drop AwaitPodOn"),
    ("NEWCOMER-LATE", "replace", "drop Scale(ovn-central, 4)"),
    ("NEWCOMER-LATE", "replace", "drop ClearFiles"),
    ("LEADERS-APART", "replace", "drop KeepTogether"),
    ("UNCONFIRMED", "remove", "drop ConfirmAddresses"),
    ("UNCONFIRMED", "remove", "one-address-less ConfirmAddresses"),
    ("REMOVE-ORDER", "remove", "drop ScaleIn"),
    ("REMOVE-ORDER", "replace", "later Remove(sb"),
    ("FILES-OTHER", "remove", "drop ClearFiles"),
    ("FILES-OTHER", "remove", "other-node ClearFiles"),
    ("CLIENTS-UNAWAITED", "remove", "drop AwaitClients"),
    ("CLIENTS-UNAWAITED", "remove", "drop RestartOutdated"),
    ("WRITERS-LATE", "replace", "drop SetEnv(Deployment, kube-ovn-controller"),
]


@pytest.mark.parametrize(("rule", "verb", "mutation"), SPOILED)
def test_a_steered_plan_that_was_spoiled_is_found_out(rule: str, verb: str, mutation: str) -> None:
    assert rule in rules(verb, mutation)


@pytest.mark.parametrize("verb", VERBS)
def test_the_guarded_plans_have_nothing_to_find(verb: str) -> None:
    assert rules(verb) == Counter()


def test_every_steered_rule_is_tested() -> None:
    assert {rule for rule, _, _ in SPOILED} == {rule.id for rule in STEERED}


def test_what_is_not_written_is_not_read() -> None:
    found, view = plan("remove")
    mutant = mutants.mutated(found, "unchecked Remove(nb, 172.18.0.5)", view)
    assert mutants.written(mutant) == found
    assert mutant != found
