"""``ci/github/gate.yaml`` as a runner executes it: its own shell lines, in a repository with a changed runbook."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML is missing: pip install 'ovnswap[kube]'")
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git: apt-get install git")

ROOT = Path(__file__).parents[2]
WORKFLOW = yaml.safe_load((ROOT / "ci" / "github" / "gate.yaml").read_text(encoding="utf-8"))
STEPS = WORKFLOW["jobs"]["gate"]["steps"]
LINES = [step["run"] for step in STEPS if "run" in step]

FEW = '#!/bin/sh\n{python} -m harness.cli "$@" --runs 2 --jobs 1 --replays 0 --members 3\n'
"""Fewer runs than the workflow asks for."""


def git(where: Path, *arguments: str) -> None:
    name = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", *name, *arguments], cwd=where, check=True, capture_output=True, timeout=60)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A clone whose branch may change ``runbooks/plan.md`` of the base ``main``."""
    base, clone = tmp_path / "base", tmp_path / "clone"
    (base / "runbooks").mkdir(parents=True)
    (base / "ci").mkdir()
    shutil.copy(ROOT / "ci" / "gate.sh", base / "ci")
    plan = [sys.executable, "-m", "harness.cli", "plan", "remove", "kube-ovn-control-plane3", "--backend", "sim"]
    target = base / "runbooks" / "plan.md"
    subprocess.run([*plan, "-o", "md", "-f", str(target)], cwd=ROOT, check=True, capture_output=True, timeout=60)
    git(base, "init", "-q", "-b", "main")
    git(base, "add", ".")
    git(base, "commit", "-q", "-m", "base")
    git(tmp_path, "clone", "-q", str(base), str(clone))
    git(clone, "checkout", "-q", "-b", "change")
    return clone


def gated(repository: Path) -> subprocess.CompletedProcess[str]:
    """The workflow's last shell line, as GitHub calls bash."""
    tools = repository.parent / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "ovnswap").write_text(FEW.format(python=shlex.quote(sys.executable)), encoding="utf-8")
    (tools / "ovnswap").chmod(0o755)
    env = {
        **os.environ,
        **WORKFLOW["env"],
        "PATH": f"{tools}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_BASE_REF": "main",
        "GITHUB_STEP_SUMMARY": str(repository.parent / "summary.md"),
    }
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", LINES[-1]]
    return subprocess.run(command, cwd=repository, env=env, capture_output=True, text=True, timeout=300, check=False)


def test_it_installs_what_the_documentation_names_and_runs_the_script_that_is_there() -> None:
    assert [line.split()[0] for line in LINES] == ["sudo", "pip", "ci/gate.sh"]
    packages = {word for word in LINES[0].split() if word.startswith(("openvswitch", "ovn"))}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert packages == {"openvswitch-common", "ovn-common", "ovn-central"}
    assert all(package in readme for package in packages)
    assert os.access(ROOT / "ci" / "gate.sh", os.X_OK)
    assert STEPS[-1]["with"]["path"] == "gate-report"


def test_a_pull_request_that_changes_no_runbook_passes(repository: Path) -> None:
    (repository / "notes.md").write_text("nothing", encoding="utf-8")
    done = gated(repository)
    assert (done.returncode, done.stdout) == (0, "gate.sh: no runbook below runbooks differs from origin/main\n")


def test_a_runbook_that_became_worse_fails_with_annotations_a_summary_and_reports(repository: Path) -> None:
    path = repository / "runbooks" / "plan.md"
    text = path.read_text(encoding="utf-8")
    without = re.sub(r"(?m)^## [^\n]*\bremove 172\.18\.0\.5 from sb\n.*?(?=^## )", "", text, flags=re.DOTALL)
    assert without != text
    path.write_text(without, encoding="utf-8")
    git(repository, "commit", "-qam", "change")
    done = gated(repository)
    assert done.returncode == 1, done.stderr
    assert "::error file=runbooks/plan.md,line=" in done.stdout
    report = repository / "gate-report" / "1-plan.md"
    assert {one.name for one in report.iterdir()} >= {"gate.html", "gate.json", "junit.xml", "summary.md"}
    assert "plan.md" in (repository.parent / "summary.md").read_text(encoding="utf-8")
    assert "before:" in (report / "gate.txt").read_text(encoding="utf-8")
