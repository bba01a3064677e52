"""The same tape gives the same trace, in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

from raft_support import Cluster, Seeded, host, sid

from fake_raft import OVS_NEWEST

ROOT = Path(__file__).parents[3]


def trace(seed: int) -> str:
    """A hash over every message of a run with faults, joins, kicks and writes."""
    digest = hashlib.sha256()
    cluster = Cluster(OVS_NEWEST, Seeded(seed))

    def note(source: str, target: str, message: object) -> bool:
        digest.update(f"{cluster.clock.now} {source} {target} {message}\n".encode())
        return False

    cluster.network.drop = note
    cluster.form(3)
    cluster.write(2, "x")
    cluster.join(4)
    cluster.isolate(1)
    cluster.run(6)
    cluster.network.heal()
    cluster.at[2].kill()
    cluster.run(6)
    cluster.start(2)
    cluster.at[3].kick(sid(4))
    cluster.network.host_down(host(4))
    cluster.run(10)
    digest.update(repr([process.status() for process in cluster.at.values()]).encode())
    return digest.hexdigest()


def test_the_same_choices_give_the_same_trace_whatever_the_hash_seed() -> None:
    code = "import sys; sys.path[:0] = sys.argv[1:]; from test_raft_determinism import trace; print(trace(7))"
    traces = []
    for hash_seed in ("0", "4711"):
        done = subprocess.run(
            [sys.executable, "-c", code, str(ROOT), str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        traces.append(done.stdout.strip())
    assert traces == [trace(7)] * 2


def test_other_choices_give_another_trace() -> None:
    assert trace(7) != trace(8)
