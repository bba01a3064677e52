"""The gate's power, a bounded sample of it: `make gate` measures all mutants of all procedures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.gate import mutation, situations
from harness.gate.equivalence import equivalent
from harness.gate.gate import Settings
from harness.gate.mutation import EQUIVALENT, LINT, LIVES, MONITOR, RUN, Fate, Score
from harness.gate.subject import ours
from harness.report.gate_mutants import mutants_data, mutants_lines
from harness.search import mutants, trial
from harness.search.case import Hit
from harness.search.trial import Verdict

LEAVER = "kube-ovn-control-plane3"
HIDDEN = {"unchecked", "unawaited", "leader-only", "twice", "later", "reversed"}
"""Mistakes that a reader of the steps may not see."""


@pytest.mark.parametrize("name", ["guarded:remove", "guarded:add", "guarded:replace"])
def test_what_can_be_read_is_found_without_a_run(name: str) -> None:
    (subject,) = ours(name)
    usual = situations.grounds(subject)[0]
    todo = list(mutants.mutations(usual.plan, usual.view))
    read = [mutation.read(usual, one) for one in todo]
    killed = sum(fate is not None and fate.how == LINT for fate in read)
    assert killed > 0.5 * len(todo)
    hidden = [one for one, fate in zip(todo, read, strict=True) if fate is None]
    assert {one.split()[0] for one in hidden} <= HIDDEN
    assert not any(one.startswith("later") for one in hidden)


@pytest.mark.parametrize(
    ("mutant", "how", "by"),
    [
        (f"unawaited RollNextPod(1, 3, {LEAVER})", MONITOR, "M2: roll pod 1 of 3 is taken for done although: pod"),
        (f"unchecked RollNextPod(1, 3, {LEAVER})", RUN, "unsafe: P1: 10 s: operator: resume ovn-central: leaves nb"),
        ("leader-only AwaitInOrder()", MONITOR, "M2: check nb and sb on every member is taken for done although"),
    ],
)
def test_what_is_not_written_is_found_by_faults_at_the_step(mutant: str, how: str, by: str) -> None:
    (subject,) = ours("guarded:remove")
    where = situations.grounds(subject)
    assert mutant in mutants.mutations(where[0].plan, where[0].view)
    fate = mutation.run((where, mutant))
    assert (fate.how, fate.by[: len(by)]) == (how, by)


EQUIVALENTS = {
    "twice PauseRollout(ovn-central)": "skipped",
    "later Backup(nb)": "only look",
    "later Remove(nb, 172.18.0.5)": "neither writes",
    "later SetMinReadySeconds(ovn-central)": "",
    "reversed SetEnv(DaemonSet, ovs-ovn, OVN_DB_IPS, 172.18.0.3,172.18.0.4)": "",
    "reversed SetEnv(Deployment, ovn-central, NODE_IPS, 172.18.0.3,172.18.0.4)": "",
    "unchecked Remove(nb, 172.18.0.5)": "",
    "leader-only Remove(nb, 172.18.0.5)": "both survivors",
    "drop Unlabel(kube-ovn-control-plane3, kube-ovn/role)": "",
}


@pytest.mark.parametrize("mutant", EQUIVALENTS)
def test_only_what_changes_nothing_is_called_equivalent(mutant: str) -> None:
    (subject,) = ours("guarded:remove")
    usual = situations.grounds(subject)[0]
    assert mutant in mutants.mutations(usual.plan, usual.view)
    reason = equivalent(usual.plan, mutant, 3)
    assert EQUIVALENTS[mutant] in reason
    assert bool(EQUIVALENTS[mutant]) == bool(reason)


def test_the_score_counts_what_is_not_equivalent() -> None:
    (subject,) = ours("guarded:remove")
    case = situations.case_of(subject)
    hows = (LINT, RUN, MONITOR, LIVES, EQUIVALENT)
    fates = tuple(Fate(f"drop {how}", how, f"{how}: why", 1, case) for how in hows)
    score = Score("guarded:remove", 9, fates)
    assert score.percent == 75.0
    text = "\n".join(mutants_lines([score]))
    assert "9 of guarded:remove, 5 of them were tried" in text
    assert "drop lives, in 1 runs" in text
    assert mutants_data([score])["subjects"][0]["counts"] == dict.fromkeys(hows, 1)


def test_a_budget_and_a_sample_bound_the_work() -> None:
    (subject,) = ours("guarded:remove")
    sample = mutation.score(subject, Settings(runs=3, budget=None))
    assert len(sample.fates) == 3
    assert len(mutation.score(subject, replace(Settings(), budget=0.0)).fates) == 1


SECOND_OPERATOR = ("4:before:second-operator", "4:before:operator-pauses")


def test_a_check_is_tried_where_somebody_else_has_done_it_all_meanwhile() -> None:
    usual = situations.grounds(ours("guarded:add")[0])[0]
    clear = next(name for name in mutants.keys(usual.plan) if name.startswith("ClearFiles"))
    base = replace(usual.case, hits=tuple(map(Hit.parse, SECOND_OPERATOR)))
    assert base in list(situations.cases(usual, f"unchecked {clear}"))
    done = trial.run(base)
    assert (done.verdict, done.broken) == (Verdict.DONE, ())
    careless = trial.run(replace(base, mutation=f"unchecked {clear}"))
    assert careless.verdict is Verdict.UNSAFE
    assert any("removes the files of kube-ovn-control-plane4" in reason for reason in careless.reasons)


def test_a_mistake_is_the_same_on_another_cluster() -> None:
    usual, first, dead = situations.grounds(ours("guarded:remove")[0])
    assert situations.there("drop ScaleIn(ovn-central, 2)", usual.plan, dead.plan) == "drop ScaleIn(ovn-central, 3)"
    keep = next(name for name in mutants.keys(usual.plan) if name.startswith("KeepPodForLast"))
    assert (
        situations.there(f"drop {keep}", usual.plan, first.plan) == "drop KeepPodForLast(kube-ovn-control-plane, True)"
    )
    assert situations.there(f"drop {keep}", usual.plan, dead.plan) == ""


def test_a_step_without_its_check_has_none_when_it_looks_again_either() -> None:
    usual = situations.grounds(ours("guarded:add")[0])[0]
    roll = next(name for name in mutants.keys(usual.plan) if name.startswith("RollNextPod"))
    step = mutants.keys(usual.plan).index(roll) + 1
    hit = Hit.parse(f"{step}:before:pause@kube-ovn-control-plane2")
    run = trial.run(replace(usual.case, hits=(hit,), mutation=f"unchecked {roll}"))
    assert any(words.startswith("M1: roll pod 1 of 4 acts although: ") for words in run.broken)


def test_an_argument_that_a_run_refutes_is_not_believed() -> None:
    usual = situations.grounds(ours("guarded:remove")[0])[0]
    remove = next(name for name in mutants.keys(usual.plan) if name.startswith("Remove(nb"))
    wrong = Fate(f"unawaited {remove}", EQUIVALENT, "so it is said", 0, usual.case)
    assert mutation.confirmed(((usual,), wrong)).how == RUN


def test_an_argument_that_only_a_fault_refutes_is_not_believed_either() -> None:
    usual = situations.grounds(ours("guarded:remove")[0])[0]
    check = f"unchecked RollNextPod(1, 3, {LEAVER})"
    assert not any(mutation.judged(trial.run(replace(usual.case, mutation=check)), usual.case))
    wrong = Fate(check, EQUIVALENT, "so it is said", 0, usual.case)
    fate = mutation.confirmed(((usual,), wrong))
    assert fate.killed
    assert fate.case.hits
