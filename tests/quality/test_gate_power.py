"""The gate's power, a bounded sample of it: `make gate` measures all mutants of all procedures."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.gate import mutation
from harness.gate.equivalence import equivalent
from harness.gate.gate import Settings
from harness.gate.mutation import EQUIVALENT, LINT, LIVES, MONITOR, RUN, Fate, Score
from harness.gate.subject import ours
from harness.report.gate_mutants import mutants_data, mutants_lines
from harness.search import mutants

LEAVER = "kube-ovn-control-plane3"


@pytest.mark.parametrize("name", ["guarded:remove", "guarded:add", "guarded:replace"])
def test_what_can_be_read_is_found_without_a_run(name: str) -> None:
    (subject,) = ours(name)
    case = mutation.case_of(subject)
    plan, view, todo = mutation.mutations(case)
    read = [mutation.read(case, plan, view, one) for one in todo]
    killed = sum(fate is not None and fate.how == LINT for fate in read)
    assert killed > 0.5 * len(todo)
    hidden = [one for one, fate in zip(todo, read, strict=True) if fate is None]
    assert {one.split()[0] for one in hidden} <= {"unchecked", "unawaited", "leader-only", "twice", "later"}
    assert sum(one.startswith("later") for one in hidden) <= 2


@pytest.mark.parametrize(
    ("mutant", "how", "by"),
    [
        (f"unawaited RollNextPod(1, 3, {LEAVER})", MONITOR, "M2: roll pod 1 of 3 is taken for done although: pod"),
        (f"unchecked RollNextPod(1, 3, {LEAVER})", MONITOR, "M1: roll pod 1 of 3 acts although: nb server"),
        ("leader-only AwaitInOrder()", MONITOR, "M2: check nb and sb on every member is taken for done although"),
    ],
)
def test_what_is_not_written_is_found_by_faults_at_the_step(mutant: str, how: str, by: str) -> None:
    (subject,) = ours("guarded:remove")
    case = mutation.case_of(subject)
    plan, _, todo = mutation.mutations(case)
    assert mutant in todo
    step = mutants.keys(plan).index(mutant.partition(" ")[2]) + 1
    fate = mutation.run((case, mutant, step))
    assert (fate.how, fate.by[: len(by)]) == (how, by)


EQUIVALENTS = {
    "twice PauseRollout(ovn-central)": "skipped",
    "later Backup(nb)": "only look",
    "later Remove(nb, 172.18.0.5)": "neither writes",
    "later SetMinReadySeconds(ovn-central)": "",
    "reversed SetEnv(DaemonSet, ovs-ovn, OVN_DB_IPS, 172.18.0.3,172.18.0.4)": "in random order",
    "reversed SetEnv(Deployment, ovn-central, NODE_IPS, 172.18.0.3,172.18.0.4)": "",
    "unchecked Remove(nb, 172.18.0.5)": "",
    "leader-only Remove(nb, 172.18.0.5)": "both survivors",
    "drop Unlabel(kube-ovn-control-plane3, kube-ovn/role)": "",
}


@pytest.mark.parametrize("mutant", EQUIVALENTS)
def test_only_what_changes_nothing_is_called_equivalent(mutant: str) -> None:
    (subject,) = ours("guarded:remove")
    plan, _, todo = mutation.mutations(mutation.case_of(subject))
    assert mutant in todo
    reason = equivalent(plan, mutant, 3)
    assert EQUIVALENTS[mutant] in reason
    assert bool(EQUIVALENTS[mutant]) == bool(reason)


def test_the_score_counts_what_is_not_equivalent() -> None:
    (subject,) = ours("guarded:remove")
    case = mutation.case_of(subject)
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
