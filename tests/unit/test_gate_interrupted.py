"""A runner of jobs ends a whole group of processes: what was tried until then is told, and nothing is a bug."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from support_cli import process

from harness.errors import OvnswapError
from harness.search import campaign


@pytest.mark.parametrize("options", [("--mutants",), ()], ids=["mutants", "gate"])
def test_a_group_that_is_ended_tells_what_it_has(tmp_path: Path, options: tuple[str, ...]) -> None:
    command = ("gate", "guarded:remove", *options, "--members", "3", "--jobs", "2", "--replays", "0")
    child = process(*command, "--time-budget", "all", state=tmp_path, start_new_session=True)
    workers, deadline = Path(f"/proc/{child.pid}/task/{child.pid}/children"), time.monotonic() + 300.0
    while len(workers.read_text().split()) < 2:
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline, "no worker was started"
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGTERM)
    out, err = child.communicate(timeout=300)
    assert child.returncode == 130, err
    assert "bug" not in err
    assert "Traceback" not in out + err
    assert "guarded:remove" in out


def _dies(number: int) -> int:
    if number:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_a_worker_that_is_killed_is_no_bug() -> None:
    with pytest.raises(OvnswapError, match=r"a worker process was killed .*--jobs 1"):
        list(campaign.each(_dies, [0, 1], 2))
