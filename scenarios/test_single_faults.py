"""Any single fault, anywhere in a guarded procedure: it ends, or refuses with a reason, and nothing is lost.

A sample of all places, the same in every run; `ovnswap rehearse` tries them all. Left out is what is not survived and
why (docs/rehearsals.md): wiped and old disks, automation that kicks, and what is put back when everything is done.
"""

from __future__ import annotations

import pytest

from harness.procedures.wanted import Wanted
from harness.search import places, trial, troubles
from harness.search.case import Case
from harness.search.trial import Verdict
from harness.spec import ClusterSpec

pytestmark = pytest.mark.ovn(backends=["sim"])

FIRST, LAST, SPARE = ("kube-ovn-control-plane" + digit for digit in ("", "3", "4"))
NOT_EVERYWHERE = ("wipe", "stale-disk", "auto-kick", "reset", "helm", "reinstall")
SURVIVED = [trouble for name, trouble in troubles.TROUBLES.items() if name not in NOT_EVERYWHERE]
SAMPLE = 15


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
    cases = places.spread(list(places.single_faults(case, places.survey(case), SURVIVED)))
    assert len(cases) > 500
    ended = [trial.run(case, ovn_backend) for case in cases[:SAMPLE]]
    bad = [f"{summary.case.hits[0]}: {summary.verdict.value}: {summary.reasons[0]}" for summary in ended if summary.bad]
    assert bad == []
    assert sum(summary.verdict is Verdict.DONE for summary in ended) >= SAMPLE / 2, "most are done in the end"
