"""Any rehearsal of a guarded procedure: any cluster and release, any schedule, up to two troubles anywhere in it.

It is never unsafe. Troubles are those after which disks hold what they held and nobody else works on the cluster.
"""

from __future__ import annotations

import pytest
from hypothesis import event, given

from harness import strategies
from harness.search import trial
from harness.search.case import Case
from harness.search.trial import Verdict
from harness.search.troubles import TROUBLES

pytestmark = pytest.mark.ovn(backends=["sim"])

NODES = ("crash", "restart", "node-loss", "partition", "one-way", "pause")
HANDS = ("operator-dies", "operator-pauses", "lost-answer", "stale-view")
CASES = strategies.cases([TROUBLES[name] for name in (*NODES, *HANDS)], names=("guarded",))


@given(case=CASES)
def test_no_guarded_procedure_is_unsafe(ovn_backend: str, case: Case) -> None:
    summary = trial.run(case, ovn_backend)
    event(summary.verdict.value)
    assert summary.verdict is not Verdict.UNSAFE, summary.reasons
