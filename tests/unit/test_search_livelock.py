"""What goes round for ever is reported, also where timers are drawn: only an election that chance would end gets a
second ten minutes (:meth:`harness.search.trial.Trial._calm`)."""

from __future__ import annotations

from contextlib import closing

import pytest

from fake_raft import elections
from fake_raft.state import State
from harness.cluster import DATABASES
from harness.executors.simulated import SimulatedExecutor
from harness.faults import Fault, FaultKind
from harness.procedures.wanted import Wanted
from harness.search import trial
from harness.search.case import Case, Hit
from harness.search.judge import CONVERGES
from harness.search.opened import opened
from harness.search.trial import Trial, Verdict
from harness.spec import ClusterSpec

FIRST, LEAVER = "kube-ovn-control-plane", "kube-ovn-control-plane3"
CASE = Case(Wanted("guarded", "remove", LEAVER), ClusterSpec(members=3), (Hit.parse(f"2:before:crash@{FIRST}"),))
DRAWN = "from here on every delay and timer is drawn"


def test_leaders_that_give_up_for_ever_are_reported_after_both_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: whoever is elected takes office and gives it up at once, however timers fall."""
    usual = elections.become_leader

    def become_leader(s: State) -> None:
        usual(s)
        if s.term > 3:
            elections.become_follower(s)

    monkeypatch.setattr(elections, "become_leader", become_leader)
    summary = trial.run(CASE, tell=True)
    assert summary.verdict is Verdict.STUCK
    assert any("has no leader" in reason for reason in summary.reasons), summary.reasons
    drawn = next(at for at, words in summary.story if words == DRAWN)
    still = [at for at, words in summary.story if words.startswith("still not in order")]
    assert len(still) == 2
    assert still[0] <= drawn <= still[1] - CONVERGES
    assert trial.run(CASE).digest == summary.digest


class Flipping(Trial):
    """Something ends whoever leads, again and again, from the end of the procedure on."""

    EVERY = 8.0

    def _calm(self) -> None:
        assert isinstance(self._lab, SimulatedExecutor)
        self._flip(self._lab)
        super()._calm()

    def _flip(self, lab: SimulatedExecutor) -> None:
        for database in DATABASES:
            if pair := lab.view().leader(database):
                lab.inject(Fault(FaultKind.CRASH, (pair[0],)))
        lab._clock.call_later(self.EVERY, lambda: self._flip(lab))


def test_automation_that_goes_round_for_ever_is_reported() -> None:
    tape = CASE.tape()
    with closing(opened(CASE, tape=tape)) as lab:
        played = Flipping(CASE, lab, tape=tape)
        played.play()
        summary = played.ended(tape, 0.0, tell=True)
    assert summary.verdict is Verdict.STUCK, summary.reasons
    assert any(words.startswith("still not in order") for _, words in summary.story)


def test_without_it_the_same_case_ends_well() -> None:
    summary = trial.run(CASE, tell=True)
    assert summary.verdict is Verdict.DONE
    assert DRAWN not in [words for _, words in summary.story]
