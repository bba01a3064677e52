"""Bad input: one clear line, the right exit code, no traceback, nothing on stdout."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from support_cli import LEAVER, PAGE, ROOT, SIM, STATUS, TEXT, complaint, ovnswap, process

from harness import executors
from harness.errors import ExitCode

PODS = str(PAGE / "pods.txt")
NB, SB = ("--status", str(PAGE / "nb.txt")), ("--status", str(PAGE / "sb.txt"))
REMOVE = ("plan", "remove", LEAVER)

TYPED = [
    (("plan", "remove", "nowhere", *TEXT), "there is no node nowhere -> choose from: kube-ovn-control-plane, "),
    (("plan", "remove", "Bad_Name;rm", *TEXT), "is no node name"),
    (("plan", "remove", "two\nlines\x1b[31m", *TEXT), "is no node name"),
    (("plan", "remove", "", *TEXT), "is no node name"),
    (("plan", "replace", LEAVER, "--with", LEAVER, *TEXT), "can't replace itself"),
    (("plan", "remove", "kube-ovn-control-plane4", *SIM), "is no ovn-central member"),
    (("plan", "add", LEAVER, "--procedure", "documented", *TEXT), "is in NODE_IPS already"),
    (("plan", "remov", LEAVER), "No such command 'remov'"),
    (("plan", "remove"), "Missing argument 'NODE'"),
    (("plan", "replace", LEAVER, *TEXT), "Missing option '--with'"),
    (("plan", "remove", LEAVER, "--procedure", "careful", *TEXT), "'careful' is not one of 'guarded', 'documented'"),
    ((*REMOVE, "--pods", PODS), "--pods without --status"),
    ((*REMOVE, *NB, *SB), "--status without --pods"),
    ((*REMOVE, "--pods", PODS, *NB), "no status of sb"),
    ((*REMOVE, *TEXT, *SIM), "--pods and --backend sim exclude each other"),
    (("apply", "remove", LEAVER, *TEXT), "pasted text can't be changed"),
    ((*REMOVE, "--backend", "kube", "--members", "3"), "--members has no effect with --backend kube"),
    ((*REMOVE, "--backend", "kube", "--pods", PODS), "--pods and --backend kube exclude each other"),
    ((*REMOVE, *SIM, "--context", "x"), "--context has no effect with --backend sim"),
    ((*REMOVE, *TEXT, "--allow-cluster", "x"), "--allow-cluster has no effect with pasted text"),
    (("rehearse", "remove", LEAVER, "--backend", "kube"), "a rehearsal does harm, so it needs a lab"),
    ((*REMOVE, "--backend", "cloud"), "'cloud' is not one of"),
    ((*REMOVE, *SIM, "--time-scale", "1"), "--time-scale has no effect with --backend sim"),
    ((*REMOVE, "--backend", "ovsdb", "--seed", "1"), "--seed has no effect with --backend ovsdb"),
    ((*REMOVE, *TEXT, "--members", "5"), "--members has no effect with pasted text"),
    ((*REMOVE, *SIM, "--namespace", "x"), "--namespace has no effect with --backend sim"),
    ((*REMOVE, *SIM, "--members", "0"), "0 is not in the range"),
    ((*REMOVE, *SIM, "--kubernetes", "new"), "'new' is no Kubernetes release"),
    ((*REMOVE, *SIM, "--kubernetes", "1.19"), "no profile for Kubernetes 1.19"),
    ((*REMOVE, *SIM, "--kube-ovn", "latest"), "not a Kube-OVN release: 'latest'"),
    ((*REMOVE, *SIM, "--ovs", "two"), "not an OVS release: 'two'"),
    ((*REMOVE, *TEXT, "--node-ips", "172.18.0.3,here"), "--node-ips: 'here' is no IP address"),
    ((*REMOVE, *TEXT, "-f", "/"), "can't write /: is a directory"),
    ((*REMOVE, *TEXT, "-f", "/nowhere/plan.json"), "can't write /nowhere/plan.json: /nowhere is no directory"),
    (("apply", "remove", LEAVER, *SIM, "--journal", "/proc/journal"), "can't write the journal /proc/journal"),
    ((*REMOVE, "--pods", "/nowhere/pods", *NB, *SB), "--pods /nowhere/pods: No such file or directory"),
    ((*REMOVE, "--pods", "/", *NB, *SB), "--pods /: Is a directory"),
    ((*REMOVE, "--pods", PODS, "--status", "/"), "--status /: Is a directory"),
    ((*REMOVE, "--pods", "-", "--status", "-"), "stdin is empty"),
    ((*REMOVE, "--pods", PODS, "--status", "-"), "--status stdin is empty"),
    ((*REMOVE, "--pods", PODS, "--status", PODS), "pods.txt has no status"),
    ((*REMOVE, "--pods", NB[1], *NB, *SB), "nb.txt has no ovn-central pod"),
    (("apply", "/nowhere/plan.json", *SIM), "plan /nowhere/plan.json: No such file or directory"),
    (("apply", "/", *SIM), "plan /: Is a directory"),
    (("apply", PODS, *SIM), "pods.txt is not a plan"),
    (("apply", "README.md"), "README.md is not a plan"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), TYPED, ids=lambda value: " ".join(value) if isinstance(value, tuple) else None
)
def test_what_was_typed_is_answered_in_one_line(arguments: tuple[str, ...], words: str) -> None:
    result = ovnswap(*arguments)
    assert words in complaint(result)
    assert result.exit_code == ExitCode.USAGE
    assert result.stdout == ""


PAGE_PODS = Path(PODS).read_text(encoding="utf-8")
PAGE_NB = Path(NB[1]).read_text(encoding="utf-8")
LINE = next(line for line in PAGE_PODS.splitlines() if "crmfp" in line)

PASTED = [
    (PAGE_PODS + LINE, PAGE_NB, "is listed twice"),
    (PAGE_PODS + LINE.replace("crmfp", "other"), PAGE_NB, "node kube-ovn-control-plane2 is there twice"),
    (PAGE_PODS.replace("172.18.0.5", "172.18.0.500"), PAGE_NB, "'172.18.0.500' is no IP address"),
    (PAGE_PODS.replace("kube-ovn-control-plane3", "node$(reboot)"), PAGE_NB, "'node$(reboot)' is no node name"),
    (PAGE_PODS.replace("97-2cdhg", "97-`id`"), PAGE_NB, "is no pod name"),
    (PAGE_PODS, PAGE_NB.replace("Term: 1\n", "Term: one\n"), "line 9: a 'Term:' line"),
    (PAGE_PODS, PAGE_NB.replace("Role: leader\n", ""), "line "),
    (PAGE_PODS, PAGE_NB[:300], "line "),
    (PAGE_PODS, 'ovn-appctl: cannot connect to "/var/run/ovn/ovnnb_db.ctl" (No such file or directory)\n', "answered"),
    (PAGE_PODS, "\x00\x01\x02", "has no status"),
    (PAGE_PODS, "   \n\n", "is empty"),
    ("", PAGE_NB, "is empty"),
]


@pytest.mark.parametrize(("pods", "nb", "words"), PASTED, ids=[words for _, _, words in PASTED])
def test_pasted_text_that_can_not_be_read_names_its_file(pods: str, nb: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "pods").write_text(pods, encoding="utf-8")
    (tmp_path / "nb").write_text(nb, encoding="utf-8")
    options = ("--pods", str(tmp_path / "pods"), "--status", str(tmp_path / "nb"), *SB)
    result = ovnswap(*REMOVE, *options)
    line = complaint(result)
    assert words in line
    assert " -> " in line, "what to do about it"
    assert result.exit_code == ExitCode.USAGE
    if "no node name" not in words and "no pod name" not in words and "there twice" not in words:
        assert str(tmp_path) in line


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "nb").write_bytes(b"1b9a\nName: \xff\xfe")
    result = ovnswap(*REMOVE, "--pods", PODS, "--status", str(tmp_path / "nb"))
    assert "is no UTF-8 text: byte 11" in complaint(result)
    assert result.exit_code == ExitCode.USAGE


def test_without_a_leader_the_plan_is_refused() -> None:
    """Two statuses of a server that knows no leader: nothing can be changed, and that is said."""
    candidate = (STATUS / "candidate-no-quorum.txt").read_text(encoding="utf-8")
    southbound = candidate.replace("OVN_Northbound", "OVN_Southbound").replace(":6643", ":6644")
    result = ovnswap(*REMOVE, "--pods", PODS, "--status", "-", stdin=candidate + "# sb\n" + southbound)
    assert result.exit_code == ExitCode.REFUSED, result.stderr
    assert "refused: LEADER: nb has no leader" in result.stderr
    assert (
        "has no leader"
        in ovnswap("status", "--pods", PODS, "--status", "-", stdin=candidate + "# sb\n" + southbound).stdout
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data["steps"].pop(),
        lambda data: data["steps"][4].update(node="kube-ovn-control-plane"),
        lambda data: data["steps"][0].update(step="Reboot"),
        lambda data: data.update(kind="Status"),
        lambda data: data.update(apiVersion="ovnswap/v9"),
        lambda data: data.pop("digest"),
        lambda data: data.update(steps="all"),
        lambda data: data.update(procedure="documented"),
    ],
    ids=["step missing", "another node", "unknown step", "kind", "version", "no digest", "steps", "procedure"],
)
def test_a_plan_that_was_changed_by_hand(change, tmp_path: Path) -> None:
    data = json.loads(ovnswap(*REMOVE, *SIM, "-o", "json").stdout)
    change(data)
    (tmp_path / "plan.json").write_text(json.dumps(data), encoding="utf-8")
    result = ovnswap("apply", str(tmp_path / "plan.json"), *SIM)
    assert result.exit_code == ExitCode.USAGE
    assert str(tmp_path) in complaint(result)


def test_a_bug_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr(executors, "create", broken)
    result = ovnswap(*REMOVE, *SIM)
    assert result.exit_code == 70
    assert complaint(result) == (
        "ovnswap: ZeroDivisionError: of all things: this is a bug, please report it; ovnswap --debug shows where"
    )


def test_debug_shows_where() -> None:
    script = (
        "import harness.executors, harness.cli\n"
        "def broken(*a, **o): raise ZeroDivisionError('of all things')\n"
        "harness.executors.create = broken\n"
        "harness.cli.cli(['--debug', 'status', '--backend', 'sim'])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 70
    assert "Traceback" in done.stderr
    assert "this is a bug" in done.stderr


def test_nothing_typed_is_answered_with_help(tmp_path: Path) -> None:
    for words in ((), ("plan",), ("apply",)):
        child = process(*words, state=tmp_path)
        out, err = child.communicate(timeout=60)
        assert (child.returncode, out) == (ExitCode.USAGE, "")
        assert err.startswith("Usage: ovnswap")
