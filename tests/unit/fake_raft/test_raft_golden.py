"""Recorded runs come out as recorded, whether every message is looked at or quiet heartbeats may be skipped."""

from __future__ import annotations

import json

import pytest
from golden_traces import GOLDEN, SEEDS, Run


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_comes_out_as_recorded(seed: int) -> None:
    notes, messages = json.loads(GOLDEN.read_text())[str(seed)]
    watched = Run(seed, watched=True).play()
    assert (watched.notes.hash(), watched.messages.hash()) == (notes, messages)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_that_nobody_watches_comes_out_the_same(seed: int) -> None:
    """Same choices at the same times, and the same states at every microsecond that is looked at."""
    assert Run(seed, watched=False).play().notes.hash() == json.loads(GOLDEN.read_text())[str(seed)][0]


def test_what_nobody_watches_is_skipped_in_good_part() -> None:
    """Otherwise the test above says nothing."""
    skipped = [sum(p.skipped for p in Run(seed, watched=False).play().cluster.at.values()) for seed in range(0, 54, 9)]
    assert all(skipped), skipped


def test_skipping_can_be_switched_off() -> None:
    run = Run(0, watched=False)
    run.cluster.network.skips_idle = False
    run.play()
    assert sum(process.skipped for process in run.cluster.at.values()) == 0
    assert run.notes.hash() == json.loads(GOLDEN.read_text())["0"][0]
