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
