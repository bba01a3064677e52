"""fake_raft as C extensions (bench/compile.py) goes through the recorded runs as in plain Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from golden_traces import GOLDEN

ROOT = Path(__file__).parents[3]
COMPILED = ROOT / ".make" / "compiled"
REPLAY = """
import json
import fake_raft.server
from golden_traces import SEEDS, Run
runs = {seed: Run(seed, watched=True).play() for seed in SEEDS}
alone = {seed: Run(seed, watched=False).play().notes.hash() for seed in SEEDS}
hashes = {seed: [run.notes.hash(), run.messages.hash()] for seed, run in runs.items()}
print(json.dumps([fake_raft.server.__file__, hashes, alone]))
"""


def stale() -> bool:
    """Whether the compiled copy is missing or of other sources."""
    sources = (ROOT / "fake_raft").glob("*.py")
    copies = ((path, COMPILED / "fake_raft" / path.name) for path in sources)
    return any(not copy.exists() or copy.read_bytes() != path.read_bytes() for path, copy in copies)


@pytest.mark.skipif(stale(), reason="fake_raft is not compiled, or from older sources: make compiled")
def test_a_compiled_model_leaves_the_same_traces() -> None:
    path = os.pathsep.join([str(COMPILED), str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", REPLAY],
        env={**os.environ, "PYTHONPATH": path},
        cwd=COMPILED,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    module, hashes, alone = json.loads(done.stdout)
    recorded = json.loads(GOLDEN.read_text())
    assert module.endswith(".so")
    assert hashes == recorded
    assert alone == {seed: notes for seed, (notes, _) in recorded.items()}
