"""``ovnswap rehearse``: what it tries, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support_cli import HEEDS_CTRL_C, ROOT, ovnswap

from harness.search import again, receipt

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


BADLY = (*REMOVE, "--faults", "wipe", "--runs", "10", "--jobs", "1")


@pytest.fixture(scope="module")
def badly() -> str:
    result = ovnswap(*BADLY)
    assert result.exit_code == 1
    return result.stdout


def test_what_ends_badly_is_told_with_the_line_that_runs_it_again(badly: str) -> None:
    """In another process with another hash seed it is the same story, word for word."""
    assert "S15: DB has 2 cluster ids" in badly
    story, line = stories(badly)[0]
    replayed = subprocess.run(
        [sys.executable, "-m", "harness.cli", *shlex.split(line)[1:]],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert replayed.returncode == 1, replayed.stderr
    assert replayed.stdout.splitlines() == story
    assert any("the files are removed and the servers killed" in words for words in story)


def stories(text: str) -> list[tuple[list[str], str]]:
    """Each story of a report, as a single run tells it, and the line that replays it."""
    found, story = [], []
    for line in text.splitlines():
        if line.startswith("    "):
            story.append(line[4:])
        elif line.startswith("  replay: "):
            found.append((story, line.removeprefix("  replay: ")))
            story = []
    return found


def test_failures_are_run_again_and_counted(badly: str) -> None:
    counts = next(line for line in badly.splitlines() if line.startswith("again: ")).split()
    assert int(counts[1]) == int(counts[-2]) >= 1


def test_a_run_that_is_not_the_same_again_fails_the_rehearsal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The other process is another simulator here: each of its digests is another."""
    monkeypatch.setattr(again, "chosen", lambda summary: True)
    monkeypatch.setattr(again._Other, "digests", lambda other, halt: ["0"])
    result = ovnswap(*REMOVE, "--faults", "crash", "--runs", "2", "--jobs", "1", "--report", str(tmp_path))
    assert result.exit_code == 1
    assert "verdict: NOT DETERMINISTIC: 1 of 1 runs" in result.stdout
    assert "not the same again: " in result.stdout
    kept = receipt.load((tmp_path / "receipt.json").read_text(), "receipt.json")
    assert kept.verdict == "failed"
    assert "NOT DETERMINISTIC" in receipt.words(kept)


@pytest.mark.parametrize(
    ("options", "kind", "faults"),
    [((), "single faults", 1), (("--pairs", "covering"), "covering pairs", 2), (("--pairs", "all"), "all pairs", 2)],
)
def test_each_plan_is_tried_under_several_schedules(options: tuple[str, ...], kind: str, faults: int) -> None:
    chosen = ("--faults", "crash,lost-answer", "--runs", "6", "--jobs", "1", "-o", "json")
    results = [ovnswap(*REMOVE, *chosen, *options, "--schedules", many) for many in ("1", "3")]
    one, three = (json.loads(result.stdout) for result in results)
    assert three["runsThereAre"] == 3 * one["runsThereAre"]
    assert (three["schedules"], three["faultPlans"], three["runs"]) == (3, kind, 6)
    assert all(len(name.split(", ")) == faults for name in three["faults"])
    assert ("expected: 6 runs take about" in results[0].stderr) == (kind == "all pairs")


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
    command = [*HEEDS_CTRL_C, sys.executable, "-m", "harness.cli", *REMOVE, "--jobs", "2", "--report", str(tmp_path)]
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
        (("--schedules", "0"), "0 is not in the range"),
        (("--schedules", "2", "--backend", "ovsdb", "--runs", "1"), "draw their schedule themselves"),
        (("--pairs", "all", "--jobs", "2"), "pairs of faults take about"),
        (("--pairs", "some"), "is not one of 'covering', 'all'"),
        (("--pairs", "all", "--at", "9:during:operator-dies"), "have no effect on one run"),
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
