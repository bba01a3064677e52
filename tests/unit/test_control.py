"""The control of a run: what is laid to the fault, and what still counts against the procedure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.procedures.wanted import Wanted
from harness.report.rehearsal import Rehearsal, Words, rehearsal_data, rehearsal_lines, verdict_line
from harness.search import receipt, trial
from harness.search.case import Case, Hit
from harness.search.control import Controls, case_at_rest, size_like
from harness.search.moment import LEADER, MEMBER, OUT, Moment
from harness.search.tally import Tally
from harness.search.trial import Summary, Verdict
from harness.spec import ClusterSpec

FIRST, SECOND, THIRD, SPARE = ("kube-ovn-control-plane" + digit for digit in ("", "2", "3", "4"))
REMOVE, ADD, REPLACE = (
    Case(Wanted("guarded", verb, *nodes), ClusterSpec(members=members, spares=1))
    for verb, nodes, members in (("remove", (THIRD,), 3), ("add", (THIRD,), 2), ("replace", (THIRD, SPARE), 3))
)
GHOST = "nb has 2 servers configured at 172.18.0.4: all but one are ghosts"


def summary(
    hit: str,
    moment: Moment,
    verdict: Verdict = Verdict.STUCK,
    reasons: tuple[str, ...] = (GHOST,),
    case: Case = REPLACE,
) -> Summary:
    case = replace(case, hits=(Hit.parse(hit),))
    return Summary(case, verdict, reasons, ("done",), (0.0, 0.0), 0.0, 0.0, 0, (), "d", 0.0, moments=(moment,))


class Rest:
    """Controls that end as they are told, for nodes of one role, and remember what they were asked for."""

    def __init__(self, role: str, verdict: Verdict = Verdict.STUCK, reasons: tuple[str, ...] = (GHOST,)) -> None:
        self.asked: list[Case] = []
        self._end = role, verdict, reasons

    def __call__(self, case: Case) -> Summary:
        self.asked.append(case)
        role, verdict, reasons = self._end
        return summary(str(case.hits[0]), Moment(case.spec.members, role), verdict, reasons, case)


def test_a_lost_disk_leaves_a_ghost_with_and_without_a_procedure() -> None:
    """The whole way, with real runs: the member comes back as a new server, here as at rest."""
    run = trial.run(replace(REPLACE, hits=(Hit.parse(f"35:after:wipe@{SECOND}"),)))
    assert run.verdict is Verdict.STUCK
    found = Controls().judged(run)
    assert found.verdict is Verdict.LAID
    assert "3 members at rest" in found.reasons[0]
    assert found.reasons[1:] == run.reasons, "what happened stays told"


def test_a_fault_that_a_cluster_at_rest_survives_counts_against_the_procedure() -> None:
    """The page kicks a member while another is down: at rest, a member that crashed comes back."""
    documented = Case(Wanted("documented", "remove", THIRD), ClusterSpec(members=3, spares=1), pace=15.0)
    run = trial.run(replace(documented, hits=(Hit.parse(f"3:before:crash@{SECOND}"),)))
    assert run.verdict is Verdict.UNSAFE
    controls = Controls()
    assert controls.reason(run) == ""
    assert controls.judged(run) is run


def test_it_must_be_the_same_way_to_fail() -> None:
    run = summary(f"9:during:wipe@{SECOND}", Moment(3, MEMBER), reasons=("nb has no leader",))
    assert Controls(Rest(MEMBER)).reason(run) == ""
    assert Controls(Rest(MEMBER, reasons=("nb has no leader",))).reason(run) != ""


def test_what_is_unsafe_is_not_laid_to_a_fault_that_only_leaves_things_undone() -> None:
    run = summary(f"9:during:wipe@{SECOND}", Moment(3, MEMBER), Verdict.UNSAFE, ("S17: nb on a lacks 3",))
    assert Controls(Rest(MEMBER, reasons=("S17: nb on a lacks 3",))).reason(run) == ""


def test_every_property_that_the_run_broke_must_break_at_rest() -> None:
    split = "S15: nb has 2 cluster ids: a, b"
    run = summary(f"9:during:wipe@{FIRST}", Moment(3, LEADER), Verdict.UNSAFE, (split, "P1: a kick too many"))
    assert Controls(Rest(LEADER, Verdict.UNSAFE, (split,))).reason(run) == ""
    lacks = replace(run, reasons=(split, "S17: nb on x lacks 3 acknowledged rows, first m1"))
    assert Controls(Rest(LEADER, Verdict.UNSAFE, (split,))).reason(lacks) != "", "two clusters, so rows are in one"


@pytest.mark.parametrize("role", [MEMBER, OUT])
def test_another_role_is_another_matter(role: str) -> None:
    run = summary(f"9:during:wipe@{SECOND}", Moment(3, role))
    assert Controls(Rest(LEADER)).reason(run) == ""


def test_two_faults_are_not_laid_to_one() -> None:
    run = summary(f"9:during:wipe@{SECOND}", Moment(3, MEMBER))
    two = replace(run, case=replace(run.case, hits=run.case.hits * 2), moments=run.moments * 2)
    assert Controls(Rest(MEMBER)).reason(run) != ""
    assert Controls(Rest(MEMBER)).reason(two) == ""


@pytest.mark.parametrize(
    ("case", "running", "size"),
    [(REMOVE, 3, 3), (REMOVE, 2, 2), (REMOVE, 1, 2), (ADD, 2, 2), (ADD, 3, 3), (REPLACE, 4, 3), (REPLACE, 2, 3)],
)
def test_a_cluster_at_rest_is_no_smaller_than_what_the_procedure_leaves_up(case: Case, running: int, size: int) -> None:
    assert size_like(case, Moment(running, MEMBER)) == size
    rest = Rest(MEMBER)
    Controls(rest).reason(summary(f"9:during:wipe@{SECOND}", Moment(running, MEMBER), case=case))
    assert {asked.spec.members for asked in rest.asked} == {size}


def test_controls_are_run_once_for_each_fault_and_size() -> None:
    rest = Rest(MEMBER)
    controls = Controls(rest)
    for step in (9, 10):
        controls.reason(summary(f"{step}:before:wipe@{SECOND}", Moment(3, MEMBER)))
    asked = len(rest.asked)
    assert len(set(rest.asked)) == asked
    controls.reason(summary(f"9:before:crash@{SECOND}", Moment(3, MEMBER)))
    assert len(rest.asked) == 2 * asked


@pytest.mark.parametrize("trouble", ["auto-kick", "reset", "helm", "reinstall"])
def test_automation_is_excused_only_when_the_procedure_is_over(trouble: str) -> None:
    assert Controls().reason(summary(f"35:before:{trouble}", Moment(3))) == ""
    assert "is over" in Controls().reason(summary(f"35:after:{trouble}", Moment(3, over=True)))


def test_an_old_disk_of_a_newcomer_is_an_empty_one() -> None:
    rest = Rest(LEADER)
    run = summary(f"30:before:stale-disk@{SPARE}", Moment(3, LEADER))
    assert "like wipe" in Controls(rest).reason(run)
    assert {asked.hits[0].trouble for asked in rest.asked} == {"wipe"}
    assert "like wipe" not in Controls(Rest(LEADER)).reason(summary(f"9:before:stale-disk@{FIRST}", Moment(3, LEADER)))


def test_at_rest_nothing_is_changed_and_the_role_is_seen() -> None:
    calm = trial.run(case_at_rest(ClusterSpec(members=3), "crash", FIRST))
    assert (calm.verdict, calm.ends) == (Verdict.DONE, ("done",))
    assert calm.moments == (Moment(3, LEADER, first=True, over=False),)


def test_a_tally_keeps_what_is_laid_to_the_fault_apart_and_names_it() -> None:
    tally, controls = Tally(), Controls(Rest(MEMBER))
    tally.add(controls.judged(summary(f"9:during:wipe@{SECOND}", Moment(3, MEMBER))))
    tally.add(summary(f"9:during:crash@{SECOND}", Moment(3, MEMBER), Verdict.DONE, ()))
    assert (tally.bad, tally.runs, tally.verdicts[Verdict.LAID], tally.by_invariant) == (0, 2, 1, {})
    assert [(laid.count, dict(laid.troubles)) for laid in tally.laid] == [(1, {"wipe": 1})]
    found = Rehearsal(REPLACE, "d", "here", Words("x"), tally, 2, 1, 1.0, "", 2)
    told = "\n".join(rehearsal_lines(found))
    assert "laid to the fault" in told
    assert f"9:during:wipe@{SECOND}" in told
    assert verdict_line(found) == "verdict: no run ended badly by the procedure's doing; 1 end badly by the fault alone"
    assert rehearsal_data(found)["laidToTheFault"][0]["count"] == 1
    assert receipt.document(REPLACE, "d", tally, 2, 2, "", ["wipe"])["ends"]["laid"] == 1


def test_what_counts_and_what_is_laid_to_the_fault_are_both_told() -> None:
    tally, controls = Tally(), Controls(Rest(MEMBER))
    for reasons in ((GHOST,), ("nb has no leader",)):
        tally.add(controls.judged(summary(f"9:during:wipe@{SECOND}", Moment(3, MEMBER), reasons=reasons)))
    found = Rehearsal(REPLACE, "d", "here", Words("x"), tally, 2, 1, 1.0, "", 2)
    assert verdict_line(found) == "verdict: 1 of 2 runs end badly; 1 end badly by the fault alone"
