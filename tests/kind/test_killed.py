"""The runner is killed by SIGKILL at every step, and the same command is typed again until it is done.

One chain for each procedure: kill at the first step, begin anew, kill at the second, and so on; what is there already
is skipped, so a chain costs one swap and a start for each kill. The kills come at once, or a moment later, when the
change is under way or just made.
"""

from __future__ import annotations

import re
from itertools import cycle

import pytest
from ends import Client, assert_ended, summary
from operators import Operator, StepSeen

from harness.cluster import Database
from harness.errors import ExitCode
from harness.executors.kind import KindExecutor
from harness.procedures.wanted import Wanted, make

pytestmark = [pytest.mark.ovn(backends=["kind"]), pytest.mark.timeout(5400)]

DELAYS = (0.0, 0.3, 0.05, 1.5, 0.1, 5.0)
"""Seconds from the moment that a step is written down until the kill; a step that is done sooner is killed then."""

NOTHING_LEFT = re.compile(r"is no ovn-central member|is an ovn-central member already")
MAY_BE_SKIPPED = {"KeepPodForLast", "KeepTogether", "Scale", "ScaleIn"}
"""Where there is nothing to do, or a kill at the step before came after its change; the leaders may be within one
pod's NODE_IPS by themselves."""

NOT_YET = re.compile(r"PODS: .* -> mend it or wait until it is Ready")
"""A rollout that the killed run had let go is still replacing a pod: there is nothing to mend."""

MOST = 80
"""Kills in one chain; more mean that it does not get on."""


def chain(operator: Operator, *words: str) -> tuple[list[StepSeen], int]:
    """Kill at each step in turn until nothing is left to kill; returns the steps that were killed, and how often a
    command was told to wait for a pod first.

    Killed at the very last step, the procedure is done, and a further command is told that there is nothing to do.
    """
    killed: list[StepSeen] = []
    waited = 0
    delays = cycle(DELAYS)
    while True:
        assert len(killed) + waited < MOST, [step.title for step in killed]
        run = operator.begin(*words)
        known = {step.key for step in killed}
        for event in run.events():
            if event["event"] == "step" and run.steps[-1].key not in known:
                killed.append(run.steps[-1])
                run.kill_within(next(delays))
                break
        else:
            typed = run.end()
            if typed.code == ExitCode.REFUSED and NOT_YET.search(typed.err):
                waited += 1
                continue
            nothing_left = killed and NOTHING_LEFT.search(typed.err)
            assert typed.code == ExitCode.OK or nothing_left, typed.err
            return killed, waited


@pytest.mark.parametrize("verb", ["remove", "add", "replace"])
def test_killed_at_every_step(anew: KindExecutor, operator: Operator, client: Client, ovn_record, verb: str) -> None:
    """``add`` brings the spare in as a fourth member; ``replace`` puts it in the first member's place."""
    first, *_, spare = (node.name for node in anew.view().nodes)
    wanted = {
        "remove": Wanted("guarded", "remove", first),
        "add": Wanted("guarded", "add", spare),
        "replace": Wanted("guarded", "replace", first, spare),
    }[verb]
    plan = make(wanted, anew.view(), anew.files)
    killed, waited = chain(operator, "apply", verb, wanted.node, *(("--with", spare) if wanted.spare else ()))
    ovn_record(killed=[step.title for step in killed], kills=len(killed), waited=waited, end=summary(anew.view()))
    assert_ended(anew, plan, client.history())
    changing = {str(step.as_dict()["step"]) for step in plan.steps if not step.read_only}
    never = changing - {step.title for step in killed} - MAY_BE_SKIPPED
    assert not never, "every change was killed at least once"
    ovn_record(stall=client.stop().longest_stall(Database.NB))
