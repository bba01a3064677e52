"""`ovnswap rehearse --backend ovsdb --runs N`: some of the single faults, on real servers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("real_ovsdb")
ROOT = Path(__file__).parents[2]


def test_a_sample_is_tried_on_real_servers() -> None:
    words = ["remove", "kube-ovn-control-plane3", "--backend", "ovsdb", "--faults", "operator-dies,lost-answer"]
    done = subprocess.run(
        [sys.executable, "-m", "harness.cli", "rehearse", *words, "--runs", "1", "-o", "json"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert (data["runs"], data["partial"], data["failing"]) == (1, "--runs 1", [])
    assert data["faultsChosen"] == ["operator-dies", "lost-answer"]
    assert data["ends"]["done"] + data["ends"]["refused"] == 1
