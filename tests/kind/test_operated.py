"""A node is taken out and put back by ``ovnswap`` commands, as a user with the shipped roles types them.

Run with ``--ovn-report DIR`` to get a transcript with the client's stall at each step (docs/kind-transcript.md).
"""

from __future__ import annotations

import shlex

import pytest
from ends import Client, assert_ended
from operators import Operator, Running, Typed

from harness.cluster import DATABASES
from harness.executors.kind import KindExecutor
from harness.plan import Plan
from harness.procedures.wanted import Wanted, make
from harness.pytest_plugin import OPTIONS
from harness.workload import History

pytestmark = [pytest.mark.ovn(backends=["kind"]), pytest.mark.timeout(3600)]

PACES = {"guarded": (), "documented": ("--pace", "15")}
"""The page has no waits of its own; its reader takes a while for each command."""


class Transcript:
    """What was typed and printed, and the client's stall at each step."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def typed(self, typed: Typed) -> None:
        shown = [word for word in typed.words if word not in ("--yes", "--journal") and "journal.jsonl" not in word]
        self.lines += [f"$ ovnswap {shlex.join(shown)}", *typed.err.splitlines(), *typed.out.splitlines()]
        self.lines += [f"[exit code {typed.code}]", ""]

    def stalls(self, run: Running, history: History) -> None:
        self.lines.append("stall nb  sb     step (seconds of the client's wait; the step at which an answer was due)")
        nb, sb = (run.stalls(history, database) for database in DATABASES)
        for step, one, other in zip(run.steps, nb, sb, strict=True):
            self.lines.append(f"{one:8.1f} {other:6.1f}   {step.number:3d} {step.title}  {step.commands[0][:90]}")
        self.lines.append("")


def go(lab: KindExecutor, operator: Operator, wanted: Wanted, client: Client, transcript: Transcript) -> Plan:
    """Plan, apply, judge."""
    plan = make(wanted, lab.view(), lab.files)
    transcript.typed(operator.type("plan", wanted.verb, wanted.node, "--procedure", wanted.procedure))
    words = ("apply", wanted.verb, wanted.node, "--procedure", wanted.procedure, *PACES[wanted.procedure])
    run = operator.begin(*words)
    typed = run.end()
    transcript.typed(typed)
    assert typed.code == 0, typed.err
    assert_ended(lab, plan, client.history())
    transcript.stalls(run, client.history())
    return plan


@pytest.mark.parametrize("procedure", PACES)
def test_a_node_goes_and_comes_back(
    anew: KindExecutor,
    operator: Operator,
    client: Client,
    ovn_record,
    procedure: str,
    request: pytest.FixtureRequest,
) -> None:
    node = anew.view().labelled()[0].name
    transcript = Transcript()
    try:
        transcript.typed(operator.type("status"))
        go(anew, operator, Wanted(procedure, "remove", node), client, transcript)
        out = client.history().longest_stall(DATABASES[0])
        transcript.typed(operator.type("status"))
        go(anew, operator, Wanted(procedure, "add", node), client, transcript)
        transcript.typed(operator.type("status"))
    finally:
        report = request.config.stash[OPTIONS].report
        if report is not None:
            report.mkdir(parents=True, exist_ok=True)
            (report / f"transcript-{procedure}.txt").write_text("\n".join(transcript.lines) + "\n", encoding="utf-8")
    history = client.stop()
    ovn_record(stall=history.longest_stall(DATABASES[0]))
    if procedure == "guarded":
        assert history.longest_stall(DATABASES[0]) <= anew.timing.election
    else:
        assert out > anew.timing.election, "a two-member cluster was restarted, member after member"
