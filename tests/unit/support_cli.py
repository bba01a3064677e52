"""What the command line's tests share: running a command in this process or in one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner, Result

from harness.cli import cli

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "tests" / "transcripts" / "page"
HEEDS_CTRL_C = ("env", "--default-signal=INT")
"""Before a command: what a shell without job control starts with "&" ignores SIGINT, and hands that on (env(1))."""
STATUS = ROOT / "tests" / "transcripts" / "status"
TEXT = ("--pods", str(PAGE / "pods.txt"), "--status", str(PAGE / "nb.txt"), "--status", str(PAGE / "sb.txt"))
LEAVER = "kube-ovn-control-plane2"
SIM = ("--backend", "sim")


def ovnswap(*arguments: str, stdin: str = "", env: dict[str, str] | None = None) -> Result:
    """Run it here. No traceback and no half line may reach the user, whatever the outcome."""
    result = CliRunner(env=env).invoke(cli, arguments, input=stdin)
    assert "Traceback" not in result.output, result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def complaint(result: Result) -> str:
    """The one line that says what is wrong."""
    lines = [line for line in result.stderr.splitlines() if line.startswith("ovnswap: ")]
    assert len(lines) == 1, result.stderr
    return lines[0]


def process(*arguments: str, state: Path, **options: object) -> subprocess.Popen[str]:
    """Run it in a process of its own; its journals go below ``state``."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(state), **options.pop("env", {})}  # type: ignore[dict-item]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen([sys.executable, "-m", "harness.cli", *arguments], text=True, env=env, cwd=ROOT, **pipes)  # type: ignore[call-overload]


def typed(output: str) -> list[str]:
    """The commands of a plan as text: what stands below the titles."""
    return [line.strip() for line in output.splitlines() if line.startswith(" " * 8) and line.strip()]
