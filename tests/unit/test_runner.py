"""The runner: look, act, wait until done, write it down; stop where it is safe."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest
from support_executor import World
from support_views import LABEL, Cluster, healthy, names_of

from harness.cluster import ClusterView, Database
from harness.errors import ExitCode, Inconclusive, Interrupted, Refused, StepFailed
from harness.executor import Executor, Reply
from harness.journal import FileJournal, MemoryJournal
from harness.plan import Plan
from harness.preflight import Check
from harness.runner import ATTEMPTS, PATIENCE, Pace, Progress, Runner, run
from harness.steps import AwaitInOrder, Backup, Kick, Label, Problem, Remove, Scale, ShowStatus, Step

A, B, C, D = names_of(4)
NB, SB = Database.NB, Database.SB


def plan(*steps: Step, checks: tuple[Check, ...] = ()) -> Plan:
    return Plan("guarded", "remove", None, None, steps, checks=checks)


def events(journal: MemoryJournal) -> list[str]:
    return [str(event["event"]) for event in journal.events]


def still(cluster: Cluster | None = None) -> World:
    return World(cluster or healthy(3, 1), still=True)


@dataclass(frozen=True)
class Mark(Step):
    """Labels a spare: done when the label is seen; allowed when the node ``when`` is Ready."""

    when: str = A
    fatal: bool = False
    deadline: ClassVar[float] = 20.0

    @property
    def title(self) -> str:
        return "mark"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        return ("mark",)

    def blocked(self, view: ClusterView) -> Problem | None:
        node = view.node(self.when)
        if node is not None and node.ready:
            return None
        return Problem(f"{self.when} is not Ready", "marking needs it", "mend it", fatal=self.fatal)

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        executor.label_node(D, *LABEL)
        return Reply(0, "marked")


@dataclass(frozen=True)
class Never(Mark):
    """Is sent, and never done."""

    def pending(self, view: ClusterView) -> str | None:
        return "the moon"


@dataclass(frozen=True)
class NeverAgain(Never):
    repeatable: ClassVar[bool] = True


@dataclass(frozen=True)
class HalfWay(Mark):
    safe_point: ClassVar[bool] = False


# -- refusals ----------------------------------------------------------------------------------------------------


def test_a_refused_plan_changes_nothing_and_says_how_much_more_is_wrong() -> None:
    world, journal = still(), MemoryJournal()
    checks = (Check("LEADER", "refused", "nb has no leader", "why", "wait"), Check("PODS", "refused", "pod x"))
    with pytest.raises(Refused) as caught:
        run(world, plan(Mark(), checks=checks), journal=journal)
    assert world.mutations == []
    assert world.looks == 0
    assert caught.value.exit_code == ExitCode.REFUSED
    assert (caught.value.seen, caught.value.why, caught.value.todo) == (
        "LEADER: nb has no leader (and 1 more)",
        "why",
        "wait",
    )
    assert events(journal) == ["refused"]
    assert [check["id"] for check in journal.events[0]["checks"]] == ["LEADER", "PODS"]


def test_warnings_do_not_stop_a_plan() -> None:
    world = still()
    run(world, plan(Mark(), checks=(Check("DRIFT", "warn", "seen"),)))
    assert len(world.mutations) == 1


def test_a_precondition_is_waited_for() -> None:
    world = still(healthy(3, 1).put_node(C, ready=False))
    world.at(30.0, lambda: world.cluster.put_node(C, ready=True))
    result = run(world, plan(Mark(when=C)))
    assert world.mutations == [("label_node", D, *LABEL)]
    assert result.outcomes[0].ended == 30.0


def test_one_that_stays_false_is_refused_before_any_change_and_failed_after_one() -> None:
    world = still(healthy(3, 1).put_node(C, ready=False))
    with pytest.raises(Refused) as refused:
        run(world, plan(ShowStatus(NB), Backup(NB), Mark(when=C)))
    assert str(refused.value) == f"{C} is not Ready (marking needs it) -> mend it"
    assert world.now() == PATIENCE
    assert [m[0] for m in world.mutations] == ["backup"], "a backup changes no cluster"
    world = still(healthy(3, 1).put_node(C, ready=False))
    with pytest.raises(StepFailed) as failed:
        run(world, plan(Mark(), Mark(when=C)))
    assert failed.value.exit_code == ExitCode.NEEDS_ATTENTION
    assert len(world.mutations) == 1


def test_a_fatal_precondition_is_not_waited_for() -> None:
    world = still(healthy(3, 1).put_node(C, ready=False))
    with pytest.raises(Refused):
        run(world, plan(Mark(when=C, fatal=True)))
    assert world.now() == 0


def test_looking_in_vain_before_any_change_is_a_refusal() -> None:
    world = still(healthy(3).kill(C))
    with pytest.raises(Refused) as caught:
        run(world, plan(AwaitInOrder(), Mark()))
    assert "172.18.0.5 does not answer" in caught.value.seen
    assert "nothing was changed" in caught.value.why
    assert world.mutations == []


# -- steps -------------------------------------------------------------------------------------------------------


def test_a_step_that_is_satisfied_is_skipped() -> None:
    world, journal = still(), MemoryJournal()
    result = run(world, plan(Label(C, *LABEL), Scale("ovn-central", 3)), journal=journal)
    assert [outcome.outcome for outcome in result.outcomes] == ["skipped", "skipped"]
    assert world.mutations == []
    assert events(journal) == ["run", "step-skipped", "step-skipped", "finished"]


def test_a_step_is_done_when_the_cluster_says_so_and_not_before() -> None:
    world = still(healthy(3).tell(SB, C, status="joining cluster"))
    world.at(17.0, world.cluster.overrides.clear)
    seen: list[Progress] = []
    result = run(world, plan(AwaitInOrder()), watch=seen.append)
    assert result.outcomes[0].ended == 17.0
    assert [p.kind for p in seen] == ["started", "waiting", "done"]
    assert "joining cluster" in seen[1].text


def test_a_deadline_is_a_failure_with_what_was_awaited() -> None:
    world, journal = still(), MemoryJournal()
    with pytest.raises(StepFailed) as caught:
        run(world, plan(Never(), Mark()), journal=journal)
    assert "mark: the moon" in caught.value.seen
    assert caught.value.todo
    assert world.now() == Never.deadline
    assert len(world.mutations) == 1, "neither sent again nor passed over"
    assert events(journal) == ["run", "step", "step-failed", "stopped"]


def test_a_repeatable_step_is_sent_again_a_few_times_and_then_inconclusive() -> None:
    world, journal = still(), MemoryJournal()
    with pytest.raises(Inconclusive) as caught:
        run(world, plan(NeverAgain()), journal=journal)
    assert caught.value.exit_code == ExitCode.INCONCLUSIVE
    assert len(world.mutations) == ATTEMPTS
    assert events(journal).count("again") == ATTEMPTS - 1


def test_it_is_not_sent_again_where_a_look_finds_it_no_longer_allowed() -> None:
    world = still()
    world.at(5.0, lambda: world.cluster.put_node(A, ready=False))
    with pytest.raises(Inconclusive):
        run(world, plan(NeverAgain()))
    assert len(world.mutations) == 1


# -- kicks of unknown outcome ------------------------------------------------------------------------------------


def unanswered(world: World, *, takes_effect: bool, times: int = 1) -> Callable[[tuple[object, ...]], None]:
    """The connection breaks after a kick was sent."""
    left = [times]

    def cut(mutation: tuple[object, ...]) -> None:
        if mutation[0] == "kick" and left[0]:
            left[0] -= 1
            if takes_effect:
                database = mutation[1]
                assert isinstance(database, Database)
                world.at(world.now() + 3.0, lambda: world.cluster.raft[database].remove("172.18.0.5"))
            world.mutations.append(mutation)
            raise Inconclusive("connection reset")

    return cut


def kicks(world: World) -> int:
    return sum(1 for mutation in world.mutations if mutation[0] == "kick")


def test_a_kick_without_an_answer_is_looked_at_and_not_resent() -> None:
    world = still()
    world.before = unanswered(world, takes_effect=True)
    result = run(world, plan(Remove(NB, "172.18.0.5")))
    assert kicks(world) == 1
    assert "no answer (connection reset)" in result.outcomes[0].reply
    assert 3.0 <= world.now() < Remove.deadline


def test_it_is_resent_only_after_its_deadline_and_a_look_that_allows_it() -> None:
    world = still()
    world.before = unanswered(world, takes_effect=False)
    run(world, plan(Remove(NB, "172.18.0.5")))
    assert kicks(world) == 2
    assert world.now() >= Remove.deadline


def test_it_is_not_resent_while_the_first_may_still_be_pending() -> None:
    world = still()
    world.before = unanswered(world, takes_effect=False)
    world.at(1.0, lambda: world.cluster.change_pending(NB, C))
    with pytest.raises(Inconclusive):
        run(world, plan(Remove(NB, "172.18.0.5")))
    assert kicks(world) == 1


def test_it_is_not_resent_where_it_would_cost_the_majority_now() -> None:
    world = still()
    world.before = unanswered(world, takes_effect=False)
    world.at(1.0, lambda: world.cluster.kill(B))
    with pytest.raises(Inconclusive):
        run(world, plan(Remove(NB, "172.18.0.5")))
    assert kicks(world) == 1


def test_the_pages_own_kick_is_never_sent_twice() -> None:
    world = still()
    world.before = unanswered(world, takes_effect=False)
    with pytest.raises(Inconclusive):
        run(world, plan(Kick(NB, "172.18.0.5")))
    assert kicks(world) == 1


# -- Ctrl-C ------------------------------------------------------------------------------------------------------


def interrupted(world: World, steps: Plan, when: Callable[[Progress], bool]) -> tuple[Interrupted, MemoryJournal]:
    journal = MemoryJournal()

    def watch(progress: Progress) -> None:
        if when(progress):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        run(world, steps, journal=journal, watch=watch)
    assert caught.value.exit_code == ExitCode.INTERRUPTED
    return caught.value, journal


def test_between_steps_it_says_where_it_stopped_and_that_this_is_safe() -> None:
    error, journal = interrupted(still(), plan(Mark(), Mark(), Mark()), lambda p: p.kind == "started" and p.number == 3)
    assert error.seen == "stopped after step 2 of 3"
    assert error.why == ""
    assert journal.events[-1] == {"event": "interrupted", "after": 2, "safe": True}


def test_after_one_database_only_it_is_not_safe() -> None:
    steps = plan(Remove(NB, "172.18.0.5"), Remove(SB, "172.18.0.5"))
    error, journal = interrupted(still(), steps, lambda p: p.kind == "started" and p.number == 2)
    assert "half of a change" in error.why
    assert journal.events[-1]["safe"] is False
    error, _ = interrupted(still(), plan(*steps.steps, Mark()), lambda p: p.kind == "started" and p.number == 3)
    assert error.why == ""


def test_a_look_in_between_does_not_make_it_safe() -> None:
    error, _ = interrupted(
        still(), plan(HalfWay(), ShowStatus(NB), Mark()), lambda p: p.kind == "started" and p.number == 3
    )
    assert error.why != ""


def test_within_a_step_it_is_not_safe() -> None:
    world = still()
    world.before = unanswered(world, takes_effect=False)
    error, journal = interrupted(world, plan(Remove(SB, "172.18.0.5")), lambda p: p.kind == "waiting")
    assert error.seen == "stopped after step 0 of 1"
    assert "was begun and is not done" in error.why
    assert journal.events[-1]["safe"] is False


def test_while_a_precondition_is_awaited_nothing_was_done() -> None:
    world = still(healthy(3, 1).put_node(C, ready=False))
    error, _ = interrupted(world, plan(Mark(when=C)), lambda p: p.kind == "waiting")
    assert error.why == ""
    assert world.mutations == []


# -- the journal -------------------------------------------------------------------------------------------------


def test_the_journal_has_everything_in_order() -> None:
    journal = MemoryJournal()
    steps = plan(Label(C, *LABEL), Mark())
    run(still(), steps, journal=journal)
    assert events(journal) == ["run", "step-skipped", "step", "step-done", "finished"]
    head, _, begun, done, _ = journal.events
    assert (head["digest"], head["steps"]) == (steps.digest, 2)
    assert (begun["number"], begun["step"], begun["commands"]) == (2, Mark().as_dict(), ["mark"])
    assert (done["number"], done["reply"]) == (2, "marked")


def test_a_step_is_on_disk_before_it_is_done_and_its_end_before_the_next_begins(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "journal.jsonl"
    world = still()
    seen: list[list[str]] = []

    def on_disk(_mutation: tuple[object, ...]) -> None:
        lines = path.read_text(encoding="utf-8").splitlines()
        seen.append([str(json.loads(line)["event"]) for line in lines])

    world.before = on_disk
    with FileJournal(path) as journal:
        run(world, plan(Mark(), Mark()), journal=journal)
    assert seen == [["run", "step"], ["run", "step", "step-done", "step"]]


def test_a_second_run_is_appended(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    for _ in range(2):
        with FileJournal(path) as journal:
            run(still(), plan(Mark()), journal=journal)
    found = [json.loads(line)["event"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert found == ["run", "step", "step-done", "finished"] * 2


def test_what_cant_be_written_stops_the_run_before_the_act() -> None:
    world = still()

    class Full:
        def record(self, event: str, **_values: object) -> None:
            if event == "step":
                raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        run(world, plan(Mark()), journal=Full())
    assert world.mutations == []


def test_a_failure_is_journalled_with_what_why_and_what_next() -> None:
    journal = MemoryJournal()
    with pytest.raises(StepFailed):
        run(still(), plan(Never()), journal=journal)
    assert journal.events[-1]["error"] == "StepFailed"
    assert all(journal.events[-1][key] for key in ("seen", "why", "todo"))


# -- results and pace --------------------------------------------------------------------------------------------


def test_kicks_are_counted_only_if_they_were_done() -> None:
    world = still()
    steps = plan(Remove(NB, "172.18.0.5"), Remove(SB, "172.18.0.5"))
    assert run(world, steps).kicks == 2
    assert run(world, steps).kicks == 0, "the second time there is nothing to do"


def test_an_operator_who_reads_lets_time_pass_between_steps_but_not_after_the_last() -> None:
    world = still()
    result = run(world, plan(Mark(), Mark(), Mark()), pace=Pace(between=60.0))
    assert result.ended == 120.0


def test_an_error_that_is_no_error_of_ours_is_not_hidden() -> None:
    world = still()

    def bug(_mutation: tuple[object, ...]) -> None:
        raise ZeroDivisionError

    world.before = bug
    with pytest.raises(ZeroDivisionError):
        Runner(world, plan(Mark())).run()
