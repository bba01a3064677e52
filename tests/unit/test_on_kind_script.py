"""What ``ci/on-kind.sh`` answers to a lab that does not come up, failing or hanging tests, Ctrl-C; the lab always goes.

The lab and pytest are stand-ins here; CI runs the script with the real ones.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOT_HERE = 75
DONE = "done"

pytestmark = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("bash", "timeout", "flock")), reason="needs bash, coreutils and util-linux"
)

HANGS = f"touch hangs; trap '' TERM; for i in $(seq 600); do sleep 0.1; [ ! -e {DONE} ] || exit 0; done"
"""Does not listen to SIGTERM, and ends when the test has."""


@dataclass
class Checkout:
    """A directory with the script, and stand-ins for what it calls; what they were told is in ``log``."""

    at: Path

    def start(self, budget: int = 60, *tests: str, **variables: str) -> subprocess.Popen[str]:
        env = {
            "PATH": f"{self.at / 'bin'}:{os.environ['PATH']}",
            "KIND_BUDGET": str(budget),
            "TMPDIR": str(self.at),
            "LAB_KINDLAB": "",
        }
        return subprocess.Popen(
            # A shell can't trap what it was started to ignore, as jobs in the background are.
            ["env", "--default-signal=INT", "bash", "ci/on-kind.sh", "reports", *tests],
            cwd=self.at,
            env={**env, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, budget: int = 60, *tests: str) -> tuple[int, str]:
        with self.start(budget, *tests) as process:
            out, _ = process.communicate(timeout=120)
        return process.returncode, out

    def script(self, name: str, text: str) -> None:
        path = self.at / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def lab(self, up: str) -> None:
        self.script("ci/lab.sh", f'echo "lab $1" >>log\n[ "$1" != up ] || {{ {up}; }}')

    def tests(self, text: str) -> None:
        self.script(".make/kind-venv/bin/python", f'[ "$2" = pip ] && exit 0\necho "tests" >>log\n{text}')

    @property
    def log(self) -> list[str]:
        return (self.at / "log").read_text(encoding="utf-8").splitlines()

    def wait_for(self, name: str) -> None:
        deadline = time.monotonic() + 60
        while not (self.at / name).exists():
            assert time.monotonic() < deadline, f"no {name}"
            time.sleep(0.02)


@pytest.fixture
def checkout(tmp_path: Path):
    made = Checkout(tmp_path)
    (tmp_path / "ci").mkdir()
    shutil.copy(ROOT / "ci" / "on-kind.sh", tmp_path / "ci")
    made.script("bin/docker", "exit 0")
    made.script(".make/kind-venv/bin/pytest", "exit 0")
    made.lab("true")
    made.tests("exit 0")
    yield made
    (tmp_path / DONE).touch()


def test_the_lab_is_made_tested_and_taken_down(checkout: Checkout) -> None:
    assert checkout.run() == (0, "")
    assert checkout.log == ["lab down", "lab up", "tests", "lab down"]


def test_tests_that_are_named_are_run_in_place_of_the_usual_ones(checkout: Checkout) -> None:
    checkout.tests('printf "%s\\n" "${@: -3}" >>log')
    assert checkout.run(60, "scenarios/test_add.py", "-k", "leads-both and 3") == (0, "")
    assert checkout.log[-4:] == ["scenarios/test_add.py", "-k", "leads-both and 3", "lab down"]
    assert checkout.run() == (0, "")
    assert checkout.log[-4:-2] == ["tests/kind/test_bad_input.py", "-k"]


def test_tests_that_fail_are_a_failure(checkout: Checkout) -> None:
    checkout.tests("exit 1")
    assert checkout.run() == (1, "")
    assert checkout.log[-1] == "lab down"


def test_without_docker_nothing_is_begun(checkout: Checkout) -> None:
    checkout.script("bin/docker", "exit 1")
    code, out = checkout.run()
    assert code == NOT_HERE
    assert "SKIPPED: scenarios on kind: Docker does not answer" in out
    assert not (checkout.at / "log").exists()


def test_a_lab_that_can_not_be_made_is_no_failure(checkout: Checkout) -> None:
    checkout.lab("exit 1")
    code, out = checkout.run()
    assert (code, out) == (NOT_HERE, "SKIPPED: scenarios on kind: the lab could not be made\n")
    assert checkout.log == ["lab down", "lab up", "lab down"]


def test_a_lab_that_misses_its_time(checkout: Checkout) -> None:
    checkout.lab("sleep 600")
    code, out = checkout.run(budget=1)
    assert code == NOT_HERE
    assert "the lab did not stand within 1 s" in out
    assert checkout.log == ["lab down", "lab up", "lab down"]


def test_tests_that_miss_their_time(checkout: Checkout) -> None:
    checkout.tests("sleep 600")
    code, out = checkout.run(budget=3)
    assert code == NOT_HERE
    assert "the tests did not end within 3 s" in out
    assert checkout.log == ["lab down", "lab up", "tests", "lab down"]


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_answered_at_once_and_leaves_nothing(checkout: Checkout, sent: signal.Signals) -> None:
    """To the whole group, as a terminal does; the lab is under way and would take long."""
    checkout.lab("touch begun; sleep 600 & echo $! >child; wait")
    with checkout.start() as process:
        checkout.wait_for("child")
        os.killpg(process.pid, sent)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert checkout.log == ["lab down", "lab up", "lab down"]
    child = int((checkout.at / "child").read_text(encoding="utf-8"))
    assert not Path(f"/proc/{child}").exists() or "Z" in Path(f"/proc/{child}/stat").read_text().split()[2]


def test_two_at_once_do_not_share_a_cluster(checkout: Checkout) -> None:
    checkout.lab(HANGS.replace("trap '' TERM; ", ""))
    with checkout.start() as first:
        checkout.wait_for("hangs")
        code, out = checkout.run()
        assert code == NOT_HERE
        assert "another run works on the cluster ovnswap-ci" in out
        (checkout.at / DONE).touch()
        first.communicate(timeout=60)
    assert first.returncode == 0
