"""``ovnswap rehearse``: what it tries, what it says, and how it ends."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support_cli import ROOT, ovnswap

LEAVER = "kube-ovn-control-plane3"
FIRST = "kube-ovn-control-plane"
REMOVE = ("rehearse", "remove", LEAVER)


def test_some_faults_at_all_places_end_well() -> None:
    result = ovnswap(*REMOVE, "--faults", "crash,operator-dies", "--runs", "12", "--jobs", "1", "-o", "json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["kind"], data["runs"], data["partial"]) == ("Rehearsal", 12, "--runs 12")
    assert set(data["faults"]) == {"crash", "operator-dies"}
    assert data["failing"] == []
    assert data["singleFaults"] > 100


def test_what_ends_badly_is_told_with_the_line_that_runs_it_again() -> None:
    result = ovnswap(*REMOVE, "--faults", "wipe", "--runs", "10", "--jobs", "1")
    assert result.exit_code == 1
    assert "S15: DB has 2 cluster ids" in result.stdout
    line = next(line for line in result.stdout.splitlines() if "replay: " in line)
    words = shlex.split(line.split("replay: ovnswap ")[1])
    again = ovnswap(*words)
    assert again.exit_code == 1
    assert "the files are removed and the servers killed" in again.stdout


def test_one_place_tells_its_story_also_when_it_ends_well() -> None:
    result = ovnswap(*REMOVE, "--at", f"9:during:crash@{FIRST}")
    assert result.exit_code == 0, result.stderr
    assert "the servers are killed; the kubelet restarts them" in result.stdout
    assert result.stdout.rstrip().endswith("ends done")


def test_a_time_budget_keeps_what_was_tried() -> None:
    result = ovnswap(*REMOVE, "--time-budget", "0.001s", "--jobs", "1", "-o", "json")
    data = json.loads(result.stdout)
    assert data["runs"] == 1
    assert "time budget" in data["partial"]


def test_ctrl_c_keeps_what_was_tried_and_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "harness.cli", *REMOVE, "--jobs", "2", "--report", str(tmp_path)]
    child = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert child.stderr is not None
    for line in child.stderr:
        if " runs, " in line:
            break
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 130, err
    assert "partial:   interrupted" in out
    kept = json.loads((tmp_path / "receipt.json").read_text())
    assert kept["partial"].startswith("interrupted")
    assert 0 < kept["runs"] < kept["runsThereAre"]
    assert "Traceback" not in out + err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--faults", "flood"), "there is no fault 'flood'"),
        (("--time-budget", "0"), "is no time budget"),
        (("--time-budget", "soon"), "is no time budget"),
        (("--at", "9:during:crash"), "needs a node"),
        (("--at", f"99:during:crash@{FIRST}"), "the fault changed nothing"),
        (("--backend", "ovsdb"), "take hours on real servers"),
        (("--backend", "kind"), "needs a lab"),
        (("--pods", "x"), "can't be changed"),
        (("--tape", "tape/0; happy"), "the tape is of version 0"),
        (("--tape", "tape"), "is no tape"),
        (("--node-ips", "172.18.0.3"), "no effect without --from"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], complaint: str) -> None:
    result = ovnswap(*REMOVE, *arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr


def test_a_plan_that_is_refused_is_not_rehearsed() -> None:
    result = ovnswap("rehearse", "remove", "kube-ovn-control-plane2", "--members", "2")
    assert result.exit_code == 2
    assert "Q-ROLL" in result.stderr
