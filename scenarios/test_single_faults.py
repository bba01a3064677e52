"""Any single fault, anywhere in a guarded procedure: it ends, or refuses with a reason, and nothing is lost.

A sample of all places, the same in every run; `ovnswap rehearse` tries them all. Every kind of fault has a part in it.
What ends as badly on a cluster at rest (a lost disk leaves a ghost, automation comes when all is done) is laid to the
fault, and to these kinds only.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from harness.procedures.wanted import Wanted
from harness.search import places, trial, troubles
from harness.search.case import Case
from harness.search.control import Controls
from harness.search.trial import Verdict
from harness.spec import ClusterSpec

pytestmark = pytest.mark.ovn(backends=["sim"])

FIRST, LAST, SPARE = ("kube-ovn-control-plane" + digit for digit in ("", "3", "4"))
HARD = ("wipe", "stale-disk", "auto-kick", "reset", "helm", "reinstall", "other-operator", "disk-full")
"""Kinds that a fair sample of all may leave out; some of each are tried besides."""
LAID = ("wipe", "stale-disk", "auto-kick", "reset", "helm", "reinstall")
"""Kinds that may do as much without a procedure (docs/rehearsals.md)."""
SAMPLE, OF_EACH = 11, 1
CONTROLS = Controls()


def sample(cases: Sequence[Case]) -> list[Case]:
    """A fair sample of all, and a place or more for each of the hard kinds."""
    hard = [[case for case in cases if case.hits[0].trouble == name][:OF_EACH] for name in HARD]
    return [*cases[:SAMPLE], *(case for found in hard for case in found)]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("guarded", "remove", LAST),
        Wanted("guarded", "remove", FIRST),
        Wanted("guarded", "add", SPARE),
        Wanted("guarded", "replace", LAST, SPARE),
    ],
    ids=["remove", "remove-first", "add", "replace"],
)
def test_any_single_fault_is_survived(ovn_backend: str, wanted: Wanted) -> None:
    case = Case(wanted, ClusterSpec(members=3, spares=1), seed=7)
    every = tuple(troubles.TROUBLES.values())
    cases = places.spread(list(places.single_faults(case, places.survey(case), every)))
    assert len(cases) > 500
    ended = [CONTROLS.judged(trial.run(one, ovn_backend)) for one in sample(cases)]
    bad = [f"{summary.case.hits[0]}: {summary.verdict.value}: {summary.reasons[0]}" for summary in ended if summary.bad]
    assert bad == []
    laid = {summary.case.hits[0].trouble for summary in ended if summary.verdict is Verdict.LAID}
    assert laid <= set(LAID)
    assert sum(summary.verdict is Verdict.DONE for summary in ended) >= SAMPLE / 2, "most are done in the end"
