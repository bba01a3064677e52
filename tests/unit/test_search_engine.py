"""What the searches are made of: shared runs are the same runs, runs are the same each time, failures get small."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.errors import BadInput
from harness.procedures.wanted import Wanted
from harness.search import again, campaign, halting, places, plans, shrink, together, trial, troubles
from harness.search.case import Case, Hit
from harness.search.coverage import Coverage
from harness.search.explore import Budget, explore
from harness.search.tape import Edit, Source
from harness.search.trial import Summary, Verdict
from harness.spec import ClusterSpec

FIRST, THIRD = "kube-ovn-control-plane", "kube-ovn-control-plane3"
SPEC = ClusterSpec(members=3)
REMOVE = Case(Wanted("guarded", "remove", THIRD), SPEC, seed=1)
DOCUMENTED = Case(Wanted("documented", "remove", THIRD), SPEC, seed=1)


def rested(summary: Summary) -> Summary:
    return replace(summary, cpu=0.0)


@pytest.mark.parametrize("case", [REMOVE, replace(DOCUMENTED, seed=5, depth=3)], ids=["guarded", "documented"])
def test_cases_run_together_end_as_they_do_alone(case: Case) -> None:
    """Each kind of trouble, at places all over the procedure; two faults, and a place that is never reached."""
    found = places.survey(case)
    cases = places.spread(plans.singles(case, found, list(troubles.TROUBLES.values())))[:8]
    last = found[-1].step
    cases.append(replace(case, hits=(Hit.parse(f"2:before:pause@{FIRST}"), Hit.parse(f"{last}:before:crash@{THIRD}"))))
    cases.append(replace(case, hits=(Hit.parse("99:before:operator-pauses"),)))
    alone = {case: rested(trial.run(case)) for case in cases}
    shared = list(campaign.run_shared(cases, 1, most=6))
    assert {s.case: rested(s) for s in shared} == alone
    assert all(summary.cpu > 0 for summary in shared), "a child's clock is its own"
    assert len({summary.digest for summary in alone.values()}) > len(cases) / 2


def test_groups_have_every_case_once() -> None:
    cases = plans.singles(REMOVE, places.survey(REMOVE), list(troubles.TROUBLES.values()))
    groups = together.groups(cases, 50)
    assert sorted(map(repr, cases)) == sorted(repr(case) for group in groups for case in group)
    assert max(map(len, groups)) <= 50
    assert all(len({trial.befallen(case) for case in group}) == 1 for group in groups)


def test_a_group_stops_between_two_cases() -> None:
    """Ctrl-C waits for the case in hand, not for the rest of its group."""
    cases = [replace(REMOVE, hits=(Hit.parse(f"{step}:before:crash@{FIRST}"),)) for step in (2, 3, 4, 5)]
    asked: list[bool] = []

    def after_two() -> bool:
        asked.append(len(asked) >= 2)
        return asked[-1]

    with pytest.raises(halting.Halted):
        together.run(cases, after_two)
    assert asked == [False, False, True]


def test_workers_stop_when_nobody_waits_any_more() -> None:
    cases = plans.singles(REMOVE, places.survey(REMOVE), [troubles.named("crash")])
    found: list[trial.Summary] = []
    for summary in campaign.run_shared(cases, 2, most=3, halt=lambda: bool(found)):
        found.append(summary)
    assert 0 < len(found) <= 3, "the group that was there first, and no other"


def test_an_error_in_a_child_is_raised_in_the_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: object) -> None:
        raise RuntimeError("planted")

    cases = [replace(REMOVE, hits=(Hit.parse(f"{step}:before:crash@{FIRST}"),)) for step in (2, 3)]
    monkeypatch.setattr(trial.Trial, "judge", broken)
    with pytest.raises(RuntimeError, match="planted"):
        together.run(cases)


def test_runs_are_the_same_in_a_process_with_another_hash_seed() -> None:
    summaries = [trial.run(replace(REMOVE, hits=(Hit.parse(f"3:before:{name}"),))) for name in ("reset", "lost-answer")]
    known = [(summary.case, summary.digest) for summary in summaries]
    assert again.rerun(known, jobs=2) == (2, ())
    run, differing = again.rerun([(known[0][0], "0"), known[1]])
    assert (run, [found.case for found in differing]) == (2, [known[0][0]])
    assert again.rerun(known, seconds=0.0) == (1, ()), "a process makes one run however little time there is"


def test_a_failure_is_always_run_again_and_some_passes_are_in_an_order_of_no_pattern() -> None:
    passed = trial.run(REMOVE)
    assert again.chosen(replace(passed, verdict=Verdict.STUCK))
    sample = again.Sample()
    for seed in range(2000):
        verdict = Verdict.STUCK if seed % 100 == 7 else Verdict.DONE
        sample.hear(replace(passed, case=replace(REMOVE, seed=seed), verdict=verdict))
    known = sample.known()
    assert 25 <= sample.chosen == len(known) <= 60
    assert {seed for seed in range(2000) if seed % 100 == 7} <= {case.seed for case, _ in known}
    first = [case.seed or 0 for case, _ in known[: len(known) // 2]]
    assert min(first) < 500
    assert max(first) > 1500
    assert any(seed % 100 == 7 for seed in first)
    assert any(seed % 100 != 7 for seed in first)


def test_the_same_search_makes_the_same_cases_in_any_number_of_processes() -> None:
    one = [s.digest for s in explore(DOCUMENTED, Budget(runs=22), seed=3)]
    assert [s.digest for s in explore(DOCUMENTED, Budget(runs=22), seed=3, jobs=2)] == one
    assert len(set(one)) > 15


def test_a_search_meets_ever_new_states() -> None:
    coverage = Coverage()
    plain = set(trial.run(DOCUMENTED).states)
    cut = [troubles.named("partition"), troubles.named("pause")]
    ends = list(explore(DOCUMENTED, Budget(runs=25), coverage=coverage, troubles=cut))
    assert len(ends) == 25
    assert len(coverage) > 2 * len(plain)
    assert any("partition" in state for state in coverage.first)


@pytest.mark.parametrize("limits", [{"runs": 0}, {"cpu": 0.0}, {"seconds": -1.0}])
def test_a_budget_of_nothing_is_bad_input(limits: dict[str, float]) -> None:
    with pytest.raises(BadInput, match="is no budget"):
        Budget(**limits)  # type: ignore[arg-type]


def test_a_failure_gets_as_small_as_it_can() -> None:
    """A wiped first server founds a second cluster, whatever else is there: other faults, delays, a fourth member."""
    hits = tuple(
        Hit.parse(text) for text in (f"1:before:pause@{THIRD}", f"2:before:wipe@{FIRST}", "4:before:lost-answer")
    )
    failed = trial.run(replace(REMOVE, spec=ClusterSpec(members=4, spares=1), hits=hits, seed=11))
    assert failed.reasons[0].startswith("S15")
    found = shrink.shrink(failed)
    assert [str(hit) for hit in found.case.hits] == [f"1:before:wipe@{FIRST}"], "as early as it can be"
    assert (found.case.source, found.deviations, found.whole) == (Source(), 0, True)
    assert (found.case.spec.members, found.case.spec.spares) == (3, 0)
    assert trial.run(found.case).digest == found.summary.digest
    assert found.runs < 20


def test_shrinking_stops_when_its_runs_are_used_up() -> None:
    failed = trial.run(DOCUMENTED)
    found = shrink.shrink(failed, lambda summary: summary.case.seed is not None, runs=1)
    assert (found.whole, found.case) == (False, DOCUMENTED)


def test_of_many_choices_those_remain_that_matter() -> None:
    tried = []

    def fails(items: object) -> bool:
        tried.append(items)
        return {3, 71} <= set(items)  # type: ignore[call-overload]

    assert shrink.minimal(range(100), fails) == [3, 71]
    assert len(tried) < 60
    assert shrink.minimal([1, 2], lambda items: True) == []


def test_deviations_are_counted_once_they_are_a_list() -> None:
    summary = trial.run(replace(DOCUMENTED, seed=None, edits=(Edit("kube: object goes", 1, 3),)))
    assert shrink.Shrunk(summary, 1, whole=True).deviations == 1
    assert shrink.Shrunk(trial.run(DOCUMENTED), 1, whole=True).deviations == -1


# -- moments of the cluster -------------------------------------------------------------------------------------------


def test_a_fault_at_an_election_comes_before_anybody_has_heard_of_it() -> None:
    """Four members, the leader crashes, and somebody is cut off as the next one is elected: it never had its entry."""
    base = Case(Wanted("careless", "kick", THIRD), ClusterSpec(members=4))
    hits = (Hit.parse(f"2:before:partition@{FIRST}"), Hit.parse("2:elected:partition@kube-ovn-control-plane2"))
    told = trial.run(replace(base, hits=hits), tell=True)
    at = {words.partition(":")[0]: at for at, words, *_ in told.story if "cut off" in words}
    assert set(at) == {FIRST, "kube-ovn-control-plane2"}
    assert 0 < at["kube-ovn-control-plane2"] < 12, "an election later"
    alone = trial.run(replace(base, hits=hits[:1]), tell=True)
    assert alone.elections, "the moment is one that the first fault has brought about"
    assert told.digest != alone.digest


def test_a_fault_at_an_election_that_never_comes_changes_nothing() -> None:
    hit = Hit.parse(f"1:elected:crash@{FIRST}")
    summary = trial.run(Case(Wanted("careless", "kick", THIRD), ClusterSpec(members=4), (hit,)))
    assert summary.verdict is Verdict.VOID


def test_the_operator_does_not_wait_for_an_election() -> None:
    assert str(Hit.parse(f"3:elected:crash@{FIRST}")) == f"3:elected:crash@{FIRST}"
    with pytest.raises(BadInput, match="can't wait for an election"):
        Hit.parse("3:elected:operator-dies")
