"""A fault at every step of a procedure, and the same command typed again whenever it stops: it ends well all the same.

Two chains for each procedure, one for every other step each, so that a chain takes a quarter of an hour and its end is
judged. A step is met by one fault, in turn of another kind; ``--ovn-seed`` begins with another one, so that other pairs
are tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import cycle

import pytest
from ends import Client, assert_ended, summary
from operators import Operator, Running
from troubles import TROUBLES, wipe_a_node

from harness.cluster import Database
from harness.errors import ExitCode
from harness.executors.kind import KindExecutor
from harness.procedures.wanted import Wanted, make

pytestmark = [pytest.mark.ovn(backends=["kind"]), pytest.mark.timeout(7200)]

MOST_RUNS = 25
ACCEPT = "--accept-stall"
BRING_BACK = re.compile(r"bring its server back, .*\(kubectl label node (\S+) (\S+)\)")
NOTHING_LEFT = re.compile(r"is no ovn-central member|is an ovn-central member already")
STOPS = (ExitCode.FAILED, ExitCode.REFUSED, ExitCode.NEEDS_ATTENTION, ExitCode.INCONCLUSIVE)
"""How a troubled run may end: never by a traceback, a usage error or a lock that nobody holds."""


class Chain:
    """One command, typed until it is done, with a fault at every other of its steps; ``half`` is 0 or 1."""

    def __init__(self, lab: KindExecutor, operator: Operator, first: int, half: int) -> None:
        self._lab = lab
        self._operator = operator
        self._half = half
        names = list(TROUBLES)
        self._next: Iterator[str] = cycle(names[first % len(names) :] + names[: first % len(names)])
        self.met: list[tuple[str, str]] = []
        self.ends: list[int] = []
        self.told: list[str] = []
        self.brought_back = 0
        self.accepted = False
        self._known: set[str] = set()

    def go(self, *words: str) -> None:
        while True:
            assert len(self.ends) < MOST_RUNS, (self.ends, self.told[-3:])
            run = self._operator.begin(*words, *((ACCEPT,) if self.accepted else ()))
            for event in run.events():
                if event["event"] == "step" and run.steps[-1].key not in self._known:
                    self._trouble(run)
            typed = run.end()
            self.ends.append(typed.code)
            if typed.code == ExitCode.OK:
                return
            if self.told and NOTHING_LEFT.search(typed.err):
                return  # the last step was done, and a fault spoilt only the look at the end
            assert typed.code in STOPS, typed.err
            self.told.append(typed.complaint)
            self._do_as_told(typed.complaint)
            self._lab.wait(self._calm, 600.0, "the fault to be over")

    def _trouble(self, run: Running) -> None:
        step = run.steps[-1]
        self._known.add(step.key)
        if len(self._known) % 2 != self._half:
            return
        name = next(self._next)
        self.met.append((step.title, name))
        TROUBLES[name](self._lab)

    def _do_as_told(self, complaint: str) -> None:
        """What the refusal says: a leaver without its label, and then without its pod, gets its label again; where two
        members are left and a fault has given one the old addresses, there is only to accept that writes stop."""
        told = BRING_BACK.search(complaint)
        if told is None:
            self.accepted |= ACCEPT in complaint
        else:
            key, _, value = told[2].partition("=")
            labels = {"metadata": {"labels": {key: value}}}
            self._lab.api.request("core", "patch_node", told[1], labels)
            self.brought_back += 1

    def _calm(self) -> bool:
        """Every node is Ready again, and the pods on those with the label; raft is for the next run to wait for."""
        view = self._lab.view()
        pods = [view.central_pod(node.name) for node in view.labelled()]
        return all(node.ready for node in view.nodes) and all(pod is None or pod.ready for pod in pods)


@pytest.mark.parametrize("half", [1, 0], ids=["odd", "even"])
@pytest.mark.parametrize("verb", ["remove", "add"])
def test_a_fault_at_every_other_step(
    anew: KindExecutor, operator: Operator, client: Client, ovn_record, verb: str, half: int, ovn_seed: int
) -> None:
    first = anew.view().nodes[0].name
    newcomer = anew.view().nodes[-1].name
    node = first if verb == "remove" else newcomer
    plan = make(Wanted("guarded", verb, node), anew.view(), anew.files)
    chain = Chain(anew, operator, ovn_seed, half)
    try:
        chain.go("apply", verb, node)
    finally:
        ovn_record(
            met=chain.met,
            exit_codes=chain.ends,
            told=chain.told,
            brought_back=chain.brought_back,
            accepted=chain.accepted,
        )
    ovn_record(end=summary(anew.view()))
    assert_ended(anew, plan, client.history())
    assert len(chain.met) >= len({step.as_dict()["step"] for step in plan.steps}) // 2 - 3
    ovn_record(stall=client.stop().longest_stall(Database.NB))


def test_a_second_operator_and_a_wiped_leaver(
    anew: KindExecutor, operator: Operator, client: Client, ovn_record
) -> None:
    """Somebody else types a command at every step and is told who works here; the leaver's files vanish meanwhile."""
    last = anew.view().labelled()[-1].name
    other = anew.view().labelled()[0].name
    plan = make(Wanted("guarded", "remove", last), anew.view(), anew.files)
    run = operator.begin("apply", "remove", last)
    told = []
    wiped = False
    for event in run.events():
        if event["event"] != "step":
            continue
        step = run.steps[-1]
        if step.title == "RollNextPod" and not wiped:
            wiped = wipe_a_node(anew, last)
        second = operator.type("apply", "remove", other)
        if run.process.poll() is None:
            assert second.code == ExitCode.LOCKED, second.err
            assert f"process {run.process.pid}" in second.complaint
            told.append(second.complaint)
    typed = run.end()
    assert typed.code == ExitCode.OK, typed.err
    assert wiped
    assert len(told) > 5
    assert_ended(anew, plan, client.history())
    ovn_record(refused=len(told), told=told[-1], stall=client.stop().longest_stall(Database.NB))
