"""Planted mistakes under a drawn schedule, among faults that have nothing to do with them: the mistake is left."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.procedures.wanted import Wanted
from harness.search import again, shrink, trial
from harness.search.case import Case, Hit
from harness.search.tape import Source
from harness.spec import ClusterSpec

FIRST, LEAVER = "kube-ovn-control-plane", "kube-ovn-control-plane3"
CASE = Case(Wanted("guarded", "remove", LEAVER), ClusterSpec(members=3, spares=2), seed=3, depth=2)
NOISE = (Hit.parse(f"2:before:pause@{LEAVER}"), Hit.parse("4:before:operator-pauses"))

MISTAKES = {
    "drop Remove(nb, 172.18.0.5)": 8,
    f"drop Unlabel({LEAVER}, kube-ovn/role)": 8,
    "other-database Remove(sb, 172.18.0.5)": 8,
    f"drop ClearFiles({LEAVER}, 172.18.0.5, /etc/origin/ovn)": 8,
}
"""Each with the runs in which it must be as small as it gets."""


@pytest.mark.parametrize("mutation", MISTAKES)
def test_of_a_planted_mistake_nothing_else_is_left(mutation: str) -> None:
    failed = trial.run(replace(CASE, mutation=mutation, hits=NOISE))
    assert failed.bad
    found = shrink.shrink(failed)
    assert found.whole
    assert (found.case.hits, found.case.source, found.case.spec.spares) == ((), Source(), 0)
    assert found.runs <= MISTAKES[mutation]
    assert again.digests([found.case]) == [found.summary.digest], "the same story in another process"
