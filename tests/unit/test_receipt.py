"""The receipt of a rehearsal: what it says, and what is refused as one."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support_cli import ovnswap

from harness import executors
from harness.errors import BadInput
from harness.plan import Plan
from harness.procedures.wanted import Wanted, make
from harness.report.rehearsal import Words, replay
from harness.search import receipt
from harness.search.case import Case, Hit
from harness.search.tally import Tally, cells
from harness.search.tape import Edit
from harness.search.trial import Summary, Verdict
from harness.spec import EXAMPLE_VERSIONS, ClusterSpec

LEAVER = "kube-ovn-control-plane3"
REMOVE = ("rehearse", "remove", LEAVER)
WANTED = Wanted("guarded", "remove", LEAVER)


def summary(hit: str, verdict: Verdict = Verdict.DONE, reasons: tuple[str, ...] = (), zero: float = 0.0) -> Summary:
    case = Case(WANTED, hits=(Hit.parse(hit),))
    return Summary(case, verdict, reasons, (), (zero, 0.0), zero, 0.0, 0, (), "", 0.0)


def plan() -> Plan:
    with closing(executors.create("sim", ClusterSpec())) as lab:
        return make(WANTED, lab.view(), lab.files)


def test_a_tally_counts_cells_once_and_keeps_the_worst_case() -> None:
    tally = Tally()
    runs = [
        summary(f"3:before:crash@{LEAVER}", zero=5.0),
        summary(f"3:during:crash@{LEAVER}", zero=9.0),
        summary(f"4:during:wipe@{LEAVER}", Verdict.UNSAFE, ("S15: nb has 2 cluster ids", "S15: sb has 2", "S17: lost")),
        summary(f"5:during:wipe@{LEAVER}", Verdict.STUCK, ("nothing moves",)),
    ]
    for run in runs:
        tally.add(run)
    assert tally.tried == cells(run.case for run in runs) == {(3, "crash"), (4, "wipe"), (5, "wipe")}
    assert tally.by_invariant == {"S15": 1, "S17": 1, "stuck": 1}
    assert (tally.worst["tolerance 0"].seconds, tally.worst["tolerance 0"].case) == (9.0, runs[1].case)


def test_a_receipt_of_void_runs_alone_did_not_pass() -> None:
    tally = Tally()
    tally.add(summary(f"3:before:crash@{LEAVER}", Verdict.VOID))
    assert receipt.document(Case(WANTED), "d", tally, 1, 1, "", ["crash"])["verdict"] == "nothing"


def test_a_report_is_written_replaced_and_fits_its_plan(tmp_path: Path) -> None:
    kept = tmp_path / "new" / "report"
    command = (*REMOVE, "--faults", "crash", "--jobs", "1", "--report", str(kept))
    for runs in ("3", "2"):
        result = ovnswap(*command, "--runs", runs)
        assert result.exit_code == 0, result.stderr
    assert sorted(path.name for path in kept.iterdir()) == ["receipt.json", "report.html", "report.txt"]
    assert (kept / "report.txt").read_text() == result.stdout
    loaded = receipt.load((kept / "receipt.json").read_text(), "receipt.json")
    receipt.fits(loaded, plan())
    assert (loaded.verdict, loaded.partial, loaded.fields["runs"]) == ("passed", "--runs 2", 2)
    assert loaded.faults == ("crash",)
    assert "passed: 2 of " in receipt.words(loaded)
    assert "not tried: " in receipt.words(loaded)
    assert 0 < loaded.fields["coverage"]["cellsTried"] <= 2 < loaded.fields["coverage"]["cells"]
    assert "cells of step x fault" in result.stdout


def test_a_report_that_cannot_be_written_is_refused_before_any_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = ovnswap(*REMOVE, "--report", str(tmp_path / "file" / "below"))
    assert result.exit_code == 2
    assert "can't write to" in result.stderr


def test_stories_have_a_line_for_ovsdb() -> None:
    result = ovnswap(*REMOVE, "--faults", "wipe", "--runs", "10", "--jobs", "1")
    lines = result.stdout.splitlines()
    sim = next(line for line in lines if "  replay: " in line).partition("replay: ")[2]
    real = next(line for line in lines if "  ovsdb:  " in line).partition("ovsdb:  ")[2]
    assert real.replace(" --backend ovsdb", "") == sim != real


def test_the_line_for_ovsdb_leaves_out_what_real_servers_refuse() -> None:
    versions = replace(EXAMPLE_VERSIONS, ovs="3.5")
    wanted = replace(WANTED, accept_stall=True)
    case = Case(wanted, ClusterSpec(members=5, spares=1, versions=versions), seed=7)
    line = replay(case, Words(f"remove {LEAVER}"), "ovsdb")
    assert line == f"ovnswap rehearse remove {LEAVER} --accept-stall --members 5 --backend ovsdb"
    assert replay(case, Words(f"remove {LEAVER}")).endswith("--members 5 --ovs 3.5 --seed 7")


def test_one_run_without_a_fault_is_named_by_its_tape_and_all_faults_are_not() -> None:
    case = Case(WANTED, ClusterSpec(spares=1), seed=7, moved=True)
    assert replay(case, Words(f"remove {LEAVER}"), once=True).endswith("--another-leads --tape 'tape/1; random 7'")
    assert replay(replace(case, moved=False), Words(f"remove {LEAVER}")).endswith(f"{LEAVER} --seed 7")


def test_a_schedule_that_is_no_seed_is_a_tape() -> None:
    case = Case(WANTED, ClusterSpec(spares=1), edits=(Edit("delay", 3, 1),))
    assert "--tape 'tape/1; happy; delay#3=1'" in replay(case, Words(f"remove {LEAVER}"))


def written(**changes: object) -> str:
    return json.dumps(receipt.document(Case(WANTED), "d", Tally(), 1, 1, "", ["crash"]) | changes)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is not a receipt"),
        ("[]", "is not a receipt"),
        ('{"kind": "Plan"}', "is not a receipt"),
        (written(format=99), "has format 99"),
        (written(planDigest=None), "is not a whole receipt"),
        (written(verdict=["passed"]), "is not a whole receipt"),
        (written(faults=None), "does not say which faults were chosen"),
    ],
)
def test_what_is_no_receipt_is_said_in_one_line(text: str, complaint: str) -> None:
    with pytest.raises(BadInput, match=complaint) as caught:
        receipt.load(text, "r.json")
    assert "\n" not in str(caught.value)
    assert caught.value.seen.startswith("r.json")


def test_a_receipt_of_another_plan_does_not_fit() -> None:
    with pytest.raises(BadInput, match="is for plan 'd'"):
        receipt.fits(receipt.load(written(), "r.json"), plan())
