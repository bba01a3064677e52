"""The runner is killed by SIGKILL at every step, and the same command is typed again until it is done.

One chain for each procedure: kill at the first step, begin anew, kill at the second, and so on; what is there already
is skipped, so a chain costs one swap and a start for each kill. The kills come at once, or a moment later, when the
change is under way or just made.
"""

from __future__ import annotations

import time
from itertools import cycle

import pytest
from ends import Client, assert_ended, summary
from operators import Operator, StepSeen

from harness.cluster import Database
from harness.executors.kind import KindExecutor
from harness.procedures.wanted import Wanted, make

pytestmark = [pytest.mark.ovn(backends=["kind"]), pytest.mark.timeout(5400)]

DELAYS = (0.0, 0.3, 0.05, 1.5, 0.1, 5.0)
"""Seconds from the moment that a step is written down until the kill."""

MOST = 80
"""Kills in one chain; more mean that it does not get on."""


def chain(operator: Operator, *words: str) -> list[StepSeen]:
    """Kill at each step in turn until nothing is left to kill; returns the steps that were killed."""
    killed: list[StepSeen] = []
    delays = cycle(DELAYS)
    while True:
        assert len(killed) < MOST, [step.title for step in killed]
        run = operator.begin(*words)
        known = {step.key for step in killed}
        for event in run.events():
            if event["event"] == "step" and run.steps[-1].key not in known:
                killed.append(run.steps[-1])
                time.sleep(next(delays))
                run.kill()
                break
        else:
            typed = run.end()
            assert typed.code == 0, typed.err
            return killed


@pytest.mark.parametrize("procedure", ["guarded"])
def test_killed_at_every_step(
    anew: KindExecutor, operator: Operator, client: Client, ovn_record, procedure: str
) -> None:
    """Out, back in, and replaced by the spare: three chains on one cluster."""
    first, *_, spare = (node.name for node in anew.view().nodes)
    kills = {}
    for wanted, words in (
        (Wanted(procedure, "remove", first), ("remove", first)),
        (Wanted(procedure, "add", first), ("add", first)),
        (Wanted(procedure, "replace", first, spare), ("replace", first, "--with", spare)),
    ):
        plan = make(wanted, anew.view(), anew.files)
        killed = chain(operator, "apply", *words, "--procedure", procedure)
        kills[wanted.verb] = [step.title for step in killed]
        changing = {step.as_dict()["step"] for step in plan.steps if not step.read_only}
        assert_ended(anew, plan, client.history())
        skipped = changing - {step.title for step in killed} - {"KeepPodForLast", "ScaleIn", "Scale"}
        assert not skipped, "every change was killed at least once"
        ovn_record(**{f"killed_{wanted.verb}": kills[wanted.verb], f"end_{wanted.verb}": summary(anew.view())})
    ovn_record(kills=sum(map(len, kills.values())), stall=client.stop().longest_stall(Database.NB))
