"""Rehearsals: troubles befall where they should, and the judgement can tell good ends from bad ones."""

from __future__ import annotations

import functools
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import BadInput
from harness.procedures.wanted import Wanted
from harness.search import campaign, places, trial, troubles
from harness.search.case import Case, Hit, Position
from harness.search.trial import Verdict
from harness.spec import ClusterSpec

FIRST, SECOND, THIRD, SPARE = ("kube-ovn-control-plane" + digit for digit in ("", "2", "3", "4"))
REMOVE = Case(Wanted("guarded", "remove", THIRD), ClusterSpec(members=3, spares=1), seed=1)
DOCUMENTED = Case(Wanted("documented", "remove", THIRD), ClusterSpec(members=3, spares=1), seed=1)
ROOT = Path(__file__).parents[2]


def rehearse(case: Case, *hits: str) -> trial.Summary:
    return trial.run(Case(case.wanted, case.spec, tuple(Hit.parse(hit) for hit in hits), case.seed))


@functools.cache
def calm_remove() -> trial.Summary:
    return rehearse(REMOVE)


def told(case: Case, *hits: str) -> tuple[tuple[float, str], ...]:
    """The story of a run."""
    case = Case(case.wanted, case.spec, tuple(Hit.parse(hit) for hit in hits), case.seed)
    return trial.run(case, tell=True).story


def step(case: Case, title: str) -> int:
    """The number of the first step with this title."""
    return next(place.step for place in places.survey(case) if place.title == title)


def test_without_trouble_the_procedure_is_done_and_nothing_is_lost() -> None:
    summary = rehearse(REMOVE)
    assert (summary.verdict, summary.reasons, summary.ends) == (Verdict.DONE, (), ("done",))
    assert summary.lowest == 0
    assert summary.without == 0
    assert max(summary.stalls) < 12


@pytest.mark.parametrize("trouble", [name for name, t in troubles.TROUBLES.items() if t.hands is None])
def test_every_trouble_of_a_node_leaves_a_mark(trouble: str) -> None:
    """On the leader, in the middle of a roll: clients notice, or the cluster does."""
    number = step(REMOVE, "roll pod 1 of 3")
    calm, hit = calm_remove(), rehearse(REMOVE, f"{number}:during:{trouble}@{FIRST}")
    assert hit.verdict is not Verdict.VOID
    assert hit.digest != calm.digest
    assert (hit.stalls, hit.at_zero, hit.without) != (calm.stalls, calm.at_zero, calm.without)


SURVIVED_HANDS = [
    *("operator-dies", "operator-pauses", "lost-answer", "lost-exec", "stale-view"),
    *("reset", "helm", "reinstall"),
]


@pytest.mark.parametrize("trouble", SURVIVED_HANDS)
def test_what_befalls_the_operator_is_survived(trouble: str) -> None:
    number = step(REMOVE, "remove 172.18.0.5 from nb")
    position = "before" if trouble == "lost-exec" else "during"
    summary = rehearse(REMOVE, f"{number}:{position}:{trouble}")
    assert summary.verdict is Verdict.DONE, summary.reasons
    assert summary.digest != calm_remove().digest


def test_a_second_operator_with_the_same_command_does_no_harm() -> None:
    number = step(REMOVE, "roll pod 1 of 3")
    summary = rehearse(REMOVE, f"{number}:before:second-operator")
    assert any(
        "the second operator: roll pod" in words for _, words in told(REMOVE, f"{number}:before:second-operator")
    )
    assert summary.verdict is Verdict.DONE, summary.reasons


def test_a_role_means_the_node_that_has_it_at_that_instant() -> None:
    """The first pod's restart moves the leadership: the same words mean another node before and after it."""
    rolls = [step(REMOVE, f"roll pod {number} of 3") for number in (1, 2)]
    nodes = []
    for number in rolls:
        story = told(REMOVE, f"{number}:before:crash@nb-leader")
        nodes.append(next(words.partition(":")[0] for _, words in story if "the servers are killed" in words))
    assert nodes[0] == FIRST
    assert nodes[1] != FIRST


@pytest.mark.parametrize(
    ("role", "node"), [("leaver", THIRD), ("first", FIRST), ("sb-leader", FIRST), ("nb-follower", SECOND)]
)
def test_roles_of_a_removal(role: str, node: str) -> None:
    assert any(
        words.startswith(f"{node}: the servers are killed") for _, words in told(REMOVE, f"1:before:crash@{role}")
    )


def test_nobody_is_befallen_in_a_role_that_nobody_has() -> None:
    summary = rehearse(REMOVE, "1:before:crash@newcomer")
    assert summary.verdict is Verdict.VOID


def test_what_lies_in_wait_and_is_never_met_is_void() -> None:
    """The disk of a spare that has no part may be full."""
    assert rehearse(REMOVE, f"2:before:disk-full@{SPARE}").verdict is Verdict.VOID
    assert rehearse(REMOVE, f"2:before:disk-full@{SECOND}").verdict is not Verdict.VOID


def test_a_dead_operator_changes_nothing_more_and_the_next_run_goes_on() -> None:
    number = step(REMOVE, "roll pod 2 of 3")
    summary = rehearse(REMOVE, f"{number}:during:operator-dies")
    assert summary.ends[0] == "died"
    assert (summary.verdict, summary.ends[-1]) == (Verdict.DONE, "done")


def test_a_member_lost_within_the_kick_stops_the_run_and_it_is_finished_later() -> None:
    number = step(REMOVE, "remove 172.18.0.5 from nb")
    summary = rehearse(REMOVE, f"{number}:during:node-loss@{SECOND}")
    assert summary.ends[0] == "stopped"
    assert summary.verdict in (Verdict.DONE, Verdict.REFUSED), summary.reasons


def test_node_ips_put_back_within_the_rollout_is_noticed_and_set_again() -> None:
    number = step(REMOVE, "roll pod 2 of 3")
    summary = rehearse(REMOVE, f"{number}:before:reset")
    assert summary.ends == ("stopped", "done")
    assert summary.verdict is Verdict.DONE, summary.reasons


def test_a_fault_that_changes_nothing_makes_the_run_void() -> None:
    summary = rehearse(REMOVE, f"1:before:crash@{SPARE}")
    assert summary.verdict is Verdict.VOID
    assert rehearse(REMOVE, "99:before:operator-pauses").verdict is Verdict.VOID, "there is no step 99"


def test_the_documented_order_loses_the_majority_by_its_own_doing() -> None:
    summary = rehearse(DOCUMENTED)
    assert summary.verdict is Verdict.UNSAFE
    assert any("no majority" in reason for reason in summary.reasons)
    assert any("no majority" in words for _, words in summary.story), "the story tells it"


def test_a_second_cluster_is_unsafe() -> None:
    """The first node of NODE_IPS leads, loses its disk, and finds nobody who leads: it founds a cluster of its own."""
    summary = rehearse(REMOVE, f"2:before:wipe@{FIRST}")
    assert summary.verdict is Verdict.UNSAFE
    assert any(reason.startswith("S15") for reason in summary.reasons)


def test_a_case_has_the_same_digest_in_every_process() -> None:
    case = Case(REMOVE.wanted, REMOVE.spec, (Hit(9, Position.DURING, "crash", FIRST),), 1)
    here = trial.run(case).digest
    code = (
        "import pickle, sys; from harness.search import trial; "
        "print(trial.run(pickle.loads(bytes.fromhex(sys.argv[1]))).digest)"
    )
    command = [sys.executable, "-c", code, pickle.dumps(case).hex()]
    for seed in ("0", "4242"):
        run = subprocess.run(
            command, env={"PYTHONHASHSEED": seed}, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
        )
        assert run.stdout.strip() == here


def test_a_survey_names_every_step_and_who_is_there() -> None:
    found = places.survey(REMOVE)
    numbers = [place.step for place in found]
    assert sorted(set(numbers)) == list(range(1, max(numbers) + 1))
    assert found[-1].position is Position.AFTER
    before = dict(found[0].nodes)
    assert before[FIRST] == ("nb leader", "sb leader", "first in NODE_IPS")
    assert before[THIRD] == ("nb follower", "sb follower", "leaver")
    read_only = next(place.step for place in found if place.title == "back up nb")
    assert [p.position for p in found if p.step == read_only] == [Position.BEFORE], "nothing is changed in it"


def test_workers_give_what_one_process_gives_in_the_same_order() -> None:
    chosen = [place for place in places.survey(REMOVE) if place.title == "roll pod 2 of 3"][:1]
    cases = list(places.single_faults(REMOVE, chosen, [troubles.named("crash"), troubles.named("lost-answer")]))
    assert len(cases) == 4
    alone = [summary.digest for summary in campaign.run(cases, 1)]
    assert [summary.digest for summary in campaign.run(cases, 2)] == alone


@pytest.mark.parametrize("hit", [f"12:during:crash@{FIRST}", "3:before:operator-dies", f"23:after:one-way@{SECOND}"])
def test_a_hit_can_be_typed_again(hit: str) -> None:
    assert str(Hit.parse(hit)) == hit


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("crash", "no place for a fault"),
        ("1:within:crash@x", "no place for a fault"),
        ("1:before:flood@x", "no fault 'flood'"),
        ("1:before:crash", "needs a node"),
        ("1:before:reset@x", "befalls the operator"),
    ],
)
def test_a_hit_that_makes_no_sense_is_bad_input(text: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint):
        Hit.parse(text)


def test_a_member_whose_servers_restart_is_not_rolled_in_the_newcomers_place() -> None:
    """Its pod is not Ready either, so the rollout might take it first; the newcomer would wait for ever."""
    case = Case(Wanted("guarded", "add", SPARE), ClusterSpec(members=3, spares=1), seed=1)
    summary = rehearse(case, f"1:before:crash@{FIRST}")
    assert (summary.verdict, summary.ends) == (Verdict.DONE, ("done",))
