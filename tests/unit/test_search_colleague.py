"""A second operator who takes another member out: he types again what stopped, as its errors say, and both get done."""

from __future__ import annotations

import pytest

from harness.procedures.wanted import Wanted
from harness.search import colleague, trial
from harness.search.case import Case, Hit
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
