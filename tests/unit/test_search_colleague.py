"""A second operator who takes another member out: he types again what stopped, as its errors say, and both get done."""

from __future__ import annotations

from typing import cast

import pytest

from harness.errors import BadInput, NothingToDo
from harness.executor import LabExecutor
from harness.plan import Plan
from harness.procedures import guarded
from harness.procedures.wanted import Wanted
from harness.search import colleague, trial
from harness.search.case import Case, Hit
from harness.search.colleague import Colleague
from harness.search.trial import Verdict
from harness.spec import ClusterSpec

LEAVER = "kube-ovn-control-plane3"
BOTH = Case(
    Wanted("guarded", "remove", LEAVER),
    ClusterSpec(members=5),
    (Hit.parse("8:during:other-operator"),),
    pace=15.0,
)
"""They finish together: each list of addresses is the last writer's, and the last looks of both see it."""


def test_two_who_finish_together_are_both_done_when_both_type_again() -> None:
    summary = trial.run(BOTH, tell=True)
    assert (summary.verdict, summary.ends) == (Verdict.DONE, ("stopped", "done")), summary.reasons
    second = [words for _, words in summary.story if words.startswith("the second operator: ")]
    assert sum("runs the same command again" in words for words in second) == colleague.AGAIN
    assert any("somebody has changed it" in words for words in second)
    assert trial.run(BOTH).digest == summary.digest


def test_if_the_second_one_does_not_his_change_is_left_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(colleague, "AGAIN", 2)
    summary = trial.run(BOTH)
    assert summary.verdict is Verdict.STUCK
    assert any(reason.startswith(("P8", "P9")) for reason in summary.reasons), summary.reasons


class _Clock:
    """A lab in which nothing is but time."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        self._now += 50.0
        return self._now


@pytest.mark.parametrize(("error", "done"), [(NothingToDo("it is out"), True), (BadInput("there is no node"), False)])
def test_only_who_has_nothing_left_to_do_is_done(error: BadInput, done: bool) -> None:
    def make() -> Plan:
        raise error

    told: list[str] = []
    second = Colleague(cast(LabExecutor, _Clock()), make, told.append)
    while not second.over:
        second.turn()
    second.send_home()
    assert (second.done, second.changed) == (done, False)
    stopped = 1 if done else 1 + colleague.AGAIN
    assert sum(words.startswith("stops: ") for words in told) == stopped, told


def test_a_command_that_can_not_be_typed_again_is_no_end_that_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is stopped, and then the plan can't be made although nothing is done yet."""
    stopped = Case(Wanted("guarded", "remove", LEAVER), ClusterSpec(members=3), (Hit.parse("5:before:operator-dies"),))
    assert trial.run(stopped).verdict is Verdict.DONE
    usual, calls = guarded.remove, []

    def remove(*args: object) -> Plan:
        calls.append(args)
        if len(calls) > 1:
            raise BadInput("there is no such node")
        return usual(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(guarded, "remove", remove)
    summary = trial.run(stopped)
    assert summary.verdict is Verdict.STUCK
    assert set(summary.ends) == {"died", "stopped"}
