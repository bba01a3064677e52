"""A control plane loses power in the middle of a run, and with it an API server, an etcd member and an OVN member."""

from __future__ import annotations

import pytest
from ends import Client, assert_ended, summary
from operators import Operator

from harness.cluster import Database
from harness.errors import ExitCode
from harness.executors.kind import KindExecutor
from harness.faults import Fault, FaultKind
from harness.procedures.wanted import Wanted, make

pytestmark = [pytest.mark.ovn(backends=["kind"]), pytest.mark.timeout(3600)]

MOST_RUNS = 5


def test_a_run_stops_with_what_it_knows_and_goes_on(
    anew: KindExecutor, operator: Operator, client: Client, ovn_record
) -> None:
    """Nothing more may be restarted with one member gone: the run says so, and the same command ends it afterwards."""
    _, lost, leaver = (node.name for node in anew.view().labelled())
    plan = make(Wanted("guarded", "remove", leaver), anew.view(), anew.files)
    run = operator.begin("apply", "remove", leaver)
    for event in run.events():
        if event["event"] == "step" and run.steps[-1].title == "SetEnv" and not anew.fired():
            assert anew.inject(Fault(FaultKind.NODE_DOWN, (lost,)))
    typed = run.end()
    assert anew.fired(), "the control plane was stopped"
    assert typed.code in (ExitCode.NEEDS_ATTENTION, ExitCode.INCONCLUSIVE), typed.err
    assert "run the same command" in typed.complaint or "->" in typed.complaint
    shown = operator.type("status")
    assert shown.code == ExitCode.OK, shown.err
    assert "NOT in order" in shown.out
    assert anew.inject(Fault(FaultKind.NODE_UP, (lost,)))

    def back() -> bool:
        """A Ready node says nothing of the pod on it: until that answers, the command is refused, as it should be."""
        view = anew.view()
        pods = [view.central_pod(node.name) for node in view.labelled()]
        return all(node.ready for node in view.nodes) and all(pod is not None and pod.ready for pod in pods)

    anew.wait(back, 300.0, "the control plane and its pod to be back")
    told = [typed.complaint]
    codes = [int(typed.code)]
    while codes[-1] != ExitCode.OK:
        assert len(codes) < MOST_RUNS, (codes, told)
        again = operator.type("apply", "remove", leaver)
        codes.append(again.code)
        told += [again.complaint] if again.code else []
    ovn_record(told=told, codes=codes, status=shown.out, end=summary(anew.view()))
    assert_ended(anew, plan, client.history())
    ovn_record(stall=client.stop().longest_stall(Database.NB))
