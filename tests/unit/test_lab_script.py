"""``ci/lab.sh`` as far as it goes without Docker: what it asks of kind, and what it refuses with which words."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "ci" / "lab.sh"

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash: apt-get install bash")
yaml = pytest.importorskip("yaml", reason="the package kubernetes is missing: pip install 'ovnswap[kube]'")


def lab(command: str, directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run it with no Docker, kind or helm on PATH but those that ``directory`` has."""
    tools = directory / "tools"
    tools.mkdir(exist_ok=True)
    for name in ("bash", "sed", "grep", "dirname", "realpath", "mkdir", "cat", "tail", "env", "python3", "awk"):
        found = shutil.which(name)
        if found is not None and not (tools / name).exists():
            (tools / name).symlink_to(found)
    env = {
        "PATH": str(tools),
        "LAB_DIR": str(directory / "lab"),
        "LAB_KINDLAB": "",
    }
    command_line = [str(tools / "bash"), str(LAB), *([command] if command else [])]
    return subprocess.run(
        command_line, env={**env, **variables}, capture_output=True, text=True, timeout=60, check=False
    )


def roles(text: str) -> list[str]:
    return [node["role"] for node in yaml.safe_load(text)["nodes"]]


@pytest.mark.parametrize(
    ("members", "spares", "expected"),
    [("3", "1", ["control-plane"] * 3 + ["worker"]), ("3", "0", ["control-plane"] * 3), ("2", "2", None)],
)
def test_three_control_planes_and_workers_for_the_rest(
    tmp_path: Path, members: str, spares: str, expected: list[str] | None
) -> None:
    found = roles(lab("config", tmp_path, LAB_MEMBERS=members, LAB_SPARES=spares).stdout)
    assert found == (expected or ["control-plane"] * 2 + ["worker"] * 2)


def test_one_control_plane_if_that_is_asked_for(tmp_path: Path) -> None:
    text = lab("config", tmp_path, LAB_CONTROL_PLANES="1").stdout
    assert roles(text) == ["control-plane", *["worker"] * 3]


def test_the_chart_brings_its_own_network(tmp_path: Path) -> None:
    networking = yaml.safe_load(lab("config", tmp_path, LAB_INSTALL="kube-ovn").stdout)["networking"]
    assert networking == {"disableDefaultCNI": True, "podSubnet": "10.16.0.0/16", "serviceSubnet": "10.96.0.0/12"}


def test_the_labs_own_image_needs_nothing_special(tmp_path: Path) -> None:
    assert "networking" not in yaml.safe_load(lab("config", tmp_path).stdout)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"LAB_INSTALL": "ovn"}, "LAB_INSTALL is lab or kube-ovn, not ovn"),
        ({"LAB_INSTALL": "kube-ovn"}, "kube-ovn is installed by helm, which is not here"),
        ({}, "Docker does not answer; start it, or install it"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_made(
    tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    done = lab("up", tmp_path, **variables)
    assert done.returncode == 1
    assert expected in done.stderr


def test_the_chart_needs_a_registry(tmp_path: Path) -> None:
    scripts = tmp_path / "kindlab"
    scripts.mkdir()
    (scripts / "up.sh").write_text("exit 1\n", encoding="utf-8")
    (scripts / "up.sh").chmod(0o755)
    done = lab("up", tmp_path, LAB_INSTALL="kube-ovn", LAB_KINDLAB=str(scripts))
    assert done.returncode == 1
    assert "kube-ovn comes from a registry" in done.stderr


def test_without_a_command_it_says_what_it_can_do(tmp_path: Path) -> None:
    done = lab("", tmp_path)
    assert done.returncode == 2
    assert "ci/lab.sh up|ensure|reset|prepare|status|down|config" in done.stderr
