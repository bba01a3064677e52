"""Only a core is healed at the end: it must come in order, and nobody waits for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace

import pytest

from harness import executors, health
from harness.cluster import ClusterView
from harness.faults import Fault, FaultKind
from harness.procedures.wanted import Wanted
from harness.report.rehearsal import Words, replay
from harness.search import core, shrink, trial
from harness.search.case import Case, Hit
from harness.search.opened import opened
from harness.search.tape import Edit
from harness.search.trial import Trial, Verdict
from harness.spec import ClusterSpec

FIRST, SECOND, LEAVER = "kube-ovn-control-plane", "kube-ovn-control-plane2", "kube-ovn-control-plane3"
SPARE = "kube-ovn-control-plane4"
CUT = Case(
    Wanted("guarded", "remove", LEAVER), ClusterSpec(spares=1), (Hit.parse(f"9:before:partition@{SECOND}"),), core=True
)
LEFT = replace(CUT, edits=(Edit(core.CHOICE, 1, 1),))


def view(members: int = 3) -> ClusterView:
    with closing(executors.create("sim", ClusterSpec(members=members, spares=1))) as lab:
        return lab.view()


def test_those_that_may_stay_broken_leave_a_majority_the_fewest_first() -> None:
    assert core.left_broken(view(), [SECOND]) == [(), (SECOND,)]
    assert core.left_broken(view(), [FIRST, SECOND]) == [(), (FIRST,), (SECOND,)]
    assert core.left_broken(view(), [FIRST, SPARE])[-1] == (FIRST, SPARE), "the spare has no part in it"
    assert core.left_broken(view(5), [FIRST, SECOND, LEAVER])[4:] == [
        *((FIRST, SECOND), (FIRST, LEAVER), (SECOND, LEAVER)),
    ]


def test_a_silent_server_that_nobody_mends_counts_as_lost() -> None:
    whole = view()
    silent = replace(whole, reports=tuple(one for one in whole.reports if one.node != LEAVER))
    assert core.left_broken(silent, [SECOND]) == [()]
    assert core.left_broken(silent, [SECOND, LEAVER]) == [(), (SECOND,), (LEAVER,)]


def test_of_a_fault_that_has_no_end_of_its_own_all_is_healed_under_the_happy_schedule() -> None:
    summary = trial.run(CUT, tell=True)
    assert (summary.verdict, summary.ends[0], summary.ends[-1]) == (Verdict.DONE, "stopped", "done")
    assert "all that is broken is mended" in [words for _, words in summary.story]


def test_a_node_that_is_left_broken_is_not_waited_for() -> None:
    tape = LEFT.tape()
    with closing(opened(LEFT, tape=tape)) as lab:
        played = Trial(LEFT, lab, tape=tape)
        played.play()
        at, whole = lab.now(), lab.view()
        summary = played.ended(tape, 0.0, tell=True)
    assert f"left broken: {SECOND}" in [words for _, words in summary.story]
    assert health.all_problems(whole), "it is still cut off"
    assert core.problems(whole, (SECOND,)) == []
    broken = next(when for when, words in summary.story if words.startswith("left broken"))
    assert at - broken < trial.CONVERGES
    assert summary.verdict is Verdict.REFUSED
    assert f"bring {SECOND} back" in summary.reasons[0]
    assert replay(LEFT, Words(f"remove {LEAVER}")).endswith(f"--core --at 9:before:partition@{SECOND}")


def test_a_core_that_does_not_come_in_order_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: another node than the one that may be spared is cut off too, and nobody tells."""

    def both(done: Sequence[Fault], left: Sequence[str]) -> Iterator[Fault]:
        yield Fault(FaultKind.PARTITION, tuple(left))
        yield Fault(FaultKind.PARTITION, (*left, FIRST))

    monkeypatch.setattr(core, "cuts_again", both)
    summary = trial.run(LEFT)
    assert summary.verdict is Verdict.STUCK
    assert any("leader" in reason for reason in summary.reasons)
    small = shrink.shrink(summary)
    assert small.whole
    assert small.case.core, "without it everything is healed"


def test_a_core_that_has_no_part_in_a_failure_is_left_out() -> None:
    failed = trial.run(replace(CUT, mutation="drop Remove(nb, 172.18.0.5)"))
    assert failed.bad, failed.reasons
    small = shrink.shrink(failed)
    assert small.whole
    assert (small.case.core, small.case.hits) == (False, ())


def test_who_stays_cut_off_is_cut_off_again_and_nobody_else() -> None:
    done = [
        Fault(FaultKind.PARTITION, (FIRST,)),
        Fault(FaultKind.NODE_DOWN, (LEAVER,)),
        Fault(FaultKind.BRIDGE, (SECOND, FIRST)),
        Fault(FaultKind.DELAY, (LEAVER,)),
        Fault(FaultKind.PARTITION, (FIRST, SECOND)),
    ]
    assert list(core.cuts_again(done, (SECOND,))) == [done[2], Fault(FaultKind.PARTITION, (SECOND,))]
    assert list(core.cuts_again(done, (LEAVER,))) == [done[3]]
    assert list(core.cuts_again(done, ())) == []


@pytest.mark.parametrize(
    ("words", "left", "excused"),
    [
        (f"L2: neither done nor refused: stopped: {SECOND} does not answer", SECOND, True),
        (f"L2: neither done nor refused: stopped: {SECOND} does not answer", FIRST, False),
        ("P8: nb server at 172.18.0.4 does not answer", SECOND, True),
        ("nb has no leader", SECOND, False),
        ("P9: Ready ovn-central pods are at 172.18.0.3, wanted 172.18.0.3,172.18.0.4", SECOND, True),
        ("P9: the label is on 172.18.0.3,172.18.0.5, wanted 172.18.0.3,172.18.0.4", SECOND, False),
        (f"nb leader on {FIRST} has a membership change pending", SPARE, True),
        (f"nb leader on {FIRST} has a membership change pending", SECOND, False),
    ],
)
def test_an_excuse_names_who_was_left_broken(words: str, left: str, excused: bool) -> None:
    found = core.excuses(view(), (left,), SPARE, (words,))
    assert found == ((f"{left} was left broken: {words}",) if excused else ())
    assert core.excuses(view(), (left,), SPARE, (words, "sb has no leader")) == ()


def ipv6(text: str) -> str:
    return text.replace("172.18.0.", "fd00:10::")


@pytest.mark.parametrize(
    ("words", "left", "excused"),
    [
        ("P8: nb server at fd00:10::4 does not answer", SECOND, True),
        ("P8: nb server at fd00:10::41 does not answer", SECOND, False),
        ("P8: nb server at fd00:10::4:1 does not answer", SECOND, False),
        ("P9: Ready ovn-central pods are at fd00:10::3, wanted fd00:10::3,fd00:10::4", SECOND, True),
        ("P9: the label is on fd00:10::3,fd00:10::5, wanted fd00:10::3,fd00:10::4", SECOND, False),
    ],
)
def test_it_may_name_an_ipv6_address(words: str, left: str, excused: bool) -> None:
    whole = view()
    there = replace(whole, nodes=tuple(replace(node, address=ipv6(node.address)) for node in whole.nodes))
    assert bool(core.excuses(there, (left,), SPARE, (words,))) == excused
