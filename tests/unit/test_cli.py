"""``ovnswap status`` and ``ovnswap plan``, on the documentation's pasted text and on a simulated lab."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from support_cli import LEAVER, PAGE, SIM, STATUS, TEXT, ovnswap, process, typed
from support_golden import commands

import harness
from harness.plan import load

SEED = Path(__file__).parents[3] / "shared" / "seed" / "replace-ovn-central-node.en.md"
NODE_LISTING = """\
NAME                      STATUS   ROLES    AGE   VERSION   INTERNAL-IP   OS-IMAGE   LABELS
kube-ovn-control-plane    Ready    master   9d    v1.20.15  172.18.0.3    Debian     kube-ovn/role=master
kube-ovn-control-plane2   Ready    master   9d    v1.20.15  172.18.0.5    Debian     kube-ovn/role=master
kube-ovn-control-plane3   Ready    master   9d    v1.20.15  172.18.0.4    Debian     kube-ovn/role=master
worker                    Ready    <none>   9d    v1.20.15  172.18.0.9    Debian     kubernetes.io/os=linux
"""


def without_last_contact(database: str, sid: str) -> str:
    """The page's status, but the leader has not heard from ``sid`` for a minute."""
    text = (PAGE / f"{database}.txt").read_text(encoding="utf-8")
    return re.sub(rf"(?m)({sid} at .*last msg )\d+ ms", r"\g<1>60000 ms", text)


@pytest.fixture
def one_silent(tmp_path: Path) -> tuple[str, ...]:
    """The page's cluster, but control-plane3 (4984, 6e84) is silent."""
    options = ["--pods", str(PAGE / "pods.txt")]
    for database, sid in (("nb", "4984"), ("sb", "6e84")):
        path = tmp_path / f"{database}.txt"
        path.write_text(without_last_contact(database, sid), encoding="utf-8")
        options += ["--status", str(path)]
    return tuple(options)


# -- the page ---------------------------------------------------------------------------------------------------------


def test_the_pages_text_gives_the_pages_commands_byte_for_byte() -> None:
    result = ovnswap("plan", "remove", LEAVER, "--procedure", "documented", *TEXT)
    assert result.exit_code == 0
    assert typed(result.stdout) == list(commands("page/remove.txt"))
    assert "kubectl ko nb kick d64b" in result.stdout
    assert "kubectl ko sb kick e9f7" in result.stdout


def test_the_page_as_it_is_read_on_one_piece() -> None:
    """pods and statuses from one stdin each way: everything in one paste, with prompts and answers."""
    everything = "".join((PAGE / f"{name}.txt").read_text(encoding="utf-8") for name in ("nb", "sb"))
    result = ovnswap(
        *("plan", "--pods", str(PAGE / "pods.txt"), "--status", "-", "remove", LEAVER, "--procedure", "documented"),
        stdin=everything,
    )
    assert result.exit_code == 0
    assert typed(result.stdout) == list(commands("page/remove.txt"))


@pytest.mark.skipif(not SEED.exists(), reason=f"the page's source is not at {SEED}: put a copy there to compare")
def test_the_kept_text_is_the_pages_own() -> None:
    source = SEED.read_text(encoding="utf-8")
    for name in ("pods", "nb", "sb"):
        assert (PAGE / f"{name}.txt").read_text(encoding="utf-8") in source, name


@pytest.mark.skipif(not SEED.exists(), reason=f"the page's source is not at {SEED}: put a copy there to compare")
def test_the_pages_plan_from_the_source_itself(tmp_path: Path) -> None:
    blocks = re.findall(r"```bash\n(.*?)```", SEED.read_text(encoding="utf-8"), re.DOTALL)
    pods = next(block for block in blocks if "grep central" in block)
    first = [next(block for block in blocks if f"kubectl ko {database} status" in block) for database in ("nb", "sb")]
    (tmp_path / "pods").write_text(pods, encoding="utf-8")
    (tmp_path / "status").write_text("".join(first), encoding="utf-8")
    options = ("--pods", str(tmp_path / "pods"), "--status", str(tmp_path / "status"))
    result = ovnswap("plan", "remove", LEAVER, "--procedure", "documented", *options)
    assert typed(result.stdout) == list(commands("page/remove.txt"))


def test_the_pages_second_half(tmp_path: Path) -> None:
    pods = "".join(
        line
        for line in (PAGE / "pods.txt").read_text(encoding="utf-8").splitlines(keepends=True)
        if "crmfp" not in line
    )
    (tmp_path / "pods").write_text(pods, encoding="utf-8")
    (tmp_path / "nodes").write_text(
        NODE_LISTING.replace(
            "9d    v1.20.15  172.18.0.5    Debian     kube-ovn/role=master",
            "9d    v1.20.15  172.18.0.5    Debian     a=b",
        ),
        encoding="utf-8",
    )
    result = ovnswap(
        *("plan", "add", LEAVER, "--procedure", "documented", "--pods", str(tmp_path / "pods")),
        *("--nodes", str(tmp_path / "nodes")),
        *("--status", str(STATUS / "page-nb-before-add.txt"), "--status", str(STATUS / "page-sb-before-add.txt")),
    )
    assert result.exit_code == 0, result.stderr
    assert typed(result.stdout) == list(commands("page/add.txt"))


# -- plan -------------------------------------------------------------------------------------------------------------


def test_losing_the_majority_is_said_in_words() -> None:
    documented = ovnswap("plan", "remove", LEAVER, "--procedure", "documented", *TEXT).stdout
    assert re.search(r"(?m)^10 .*NO QUORUM.* NODE_IPS of ovn-central$", documented)
    assert "worst moment: nb NO QUORUM (step 10), sb NO QUORUM (step 10)" in documented
    guarded = ovnswap("plan", "remove", LEAVER, *TEXT).stdout
    assert "NO QUORUM" not in guarded
    assert "worst moment: nb 0 (step 4), sb 0 (step 4)" in guarded


def test_a_look_between_two_halves_of_a_change_is_no_safe_point() -> None:
    output = ovnswap("plan", "remove", LEAVER, "--procedure", "documented", *TEXT).stdout
    safe = dict(re.findall(r"(?m)^(\d+) +\S+ (?:\(.*\))? *(yes|NO) ", output))
    assert [safe[str(number)] for number in range(1, 9)] == ["yes", "yes", "NO", "NO", "NO", "NO", "NO", "yes"]


def test_assumptions_and_progress_go_to_stderr() -> None:
    result = ovnswap("plan", "remove", LEAVER, *TEXT)
    assert "assumed: nb server d64b was not asked" in result.stderr
    assert "assumed" not in result.stdout
    assert result.stdout.startswith("plan: ")


@pytest.mark.parametrize("form", ["table", "json", "sh", "md"])
def test_a_refused_plan_is_printed_and_ends_with_3(form: str, one_silent: tuple[str, ...]) -> None:
    result = ovnswap("plan", "remove", LEAVER, *one_silent, "-o", form)
    assert result.exit_code == 3
    refused = [line for line in result.stderr.splitlines() if line.startswith("refused: ")]
    assert any("Q-STRICT: nb: after removing 172.18.0.5: 2 members, 1 live, 2 needed" in line for line in refused)
    assert "Q-STRICT" in result.stdout


def test_the_refusal_names_the_way_out(one_silent: tuple[str, ...]) -> None:
    result = ovnswap("plan", "remove", LEAVER, *one_silent)
    assert "bring kube-ovn-control-plane3 back" in result.stderr
    lines = result.stdout.splitlines()
    verdicts = [re.match(r"check: +(REFUSED|warn|ok)", line) for line in lines if line.startswith("check:")]
    order = [found[1] for found in verdicts if found]
    assert order == sorted(order, key=["REFUSED", "warn", "ok"].index), "refused first, the fine ones last"
    assert order.count("ok") == 1, "what is fine is one line"


def test_json_is_a_plan_that_can_be_read_back() -> None:
    result = ovnswap("plan", "remove", LEAVER, *TEXT, "-o", "json")
    data = json.loads(result.stdout)
    assert (data["apiVersion"], data["kind"]) == ("ovnswap/v1", "Plan")
    plan = load(result.stdout, "stdout")
    assert plan.digest == data["digest"]
    assert [row["title"] for row in data["forecast"]] == [step.title for step in plan.steps]
    assert all(row["commands"] and row["doneWhen"] for row in data["forecast"])


@pytest.mark.parametrize(("name", "start"), [("plan.json", "{"), ("plan.sh", "#!/bin/sh"), ("plan.md", "# ")])
def test_the_files_name_says_the_form(name: str, start: str, tmp_path: Path) -> None:
    result = ovnswap("plan", "remove", LEAVER, *TEXT, "-f", str(tmp_path / name))
    assert result.exit_code == 0
    assert result.stdout == ""
    assert (tmp_path / name).read_text(encoding="utf-8").startswith(start)
    assert f"written to {tmp_path / name}" in result.stderr


def test_a_node_without_a_pod_is_known_from_the_node_listing(tmp_path: Path) -> None:
    missing = ovnswap("plan", "replace", LEAVER, "--with", "worker", *TEXT)
    assert missing.exit_code == 2
    assert "--nodes FILE" in missing.stderr
    (tmp_path / "nodes").write_text(NODE_LISTING, encoding="utf-8")
    result = ovnswap("plan", "replace", LEAVER, "--with", "worker", *TEXT, "--nodes", str(tmp_path / "nodes"))
    assert result.exit_code == 0, result.stderr
    assert "replace kube-ovn-control-plane2 (172.18.0.5) with worker (172.18.0.9)" in result.stdout


def test_releases_that_are_known_can_be_given() -> None:
    late = ovnswap("plan", "remove", LEAVER, *TEXT, "--kubernetes", "1.27", "--kube-ovn", "v1.12.0")
    assert "pod-deletion-cost" in late.stdout
    assert "the Kube-OVN release is not known" not in late.stdout
    hazard = ovnswap("status", *TEXT, "--kube-ovn", "v1.16.0").stdout
    assert "warning  VERSION  Kube-OVN v1.16.0 deletes a database" in hazard
    assert "NOT in order" not in hazard, "guarded orders change NODE_IPS before they kick"


def test_a_plan_from_a_lab() -> None:
    result = ovnswap("plan", "replace", LEAVER, "--with", "kube-ovn-control-plane4", *SIM)
    assert result.exit_code == 0
    assert "add first" in result.stdout
    assert "assumed" not in result.stderr


def test_a_documented_replacement_is_the_removal_and_then_the_addition() -> None:
    words = ("plan", "replace", LEAVER, "--with", "kube-ovn-control-plane4", "--procedure", "documented", *SIM)
    result = ovnswap(*words, "-o", "json")
    assert result.exit_code == 0, result.stderr
    plan = json.loads(result.stdout)
    assert "the page has none" in plan["order"]
    result = ovnswap("plan", "replace", LEAVER, "--with", LEAVER, "--procedure", "documented", *SIM)
    assert result.exit_code == 2
    assert "can't replace itself" in result.stderr


# -- status -----------------------------------------------------------------------------------------------------------


def test_status_of_the_pages_cluster() -> None:
    result = ovnswap("status", *TEXT)
    assert result.exit_code == 0
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["nb", "32ca", "1", "kube-ovn-control-plane", "1b9a", "3", "3", "2", "1", "0"] in lines
    assert [LEAVER, "172.18.0.5", "yes", "Ready", "yes", "yes/yes", "d64b", "e9f7", "?"] in lines
    assert result.stdout.endswith("every server is a caught-up voter\n")


def test_status_shows_who_is_silent(one_silent: tuple[str, ...]) -> None:
    result = ovnswap("status", *one_silent)
    assert result.exit_code == 0, "status judges nothing"
    assert re.search(r"(?m)^nb .* 3 +2 +2 +0 ", result.stdout), "three voters, two alive, none may fail"
    assert "4984 silent" in result.stdout
    assert "problem  ALIVE  nb server 4984 at 172.18.0.4 does not answer" in result.stdout
    assert "NOT in order" in result.stdout


def test_status_shows_drift() -> None:
    result = ovnswap("status", *TEXT, "--node-ips", "172.18.0.3,172.18.0.4")
    row = next(line for line in result.stdout.splitlines() if line.startswith(LEAVER))
    assert "NO " in row, "a member that NODE_IPS does not list"
    assert "problem  HALFWAY  kube-ovn-control-plane2 is a member and not in NODE_IPS" in result.stdout
    assert "warning  DRIFT" in result.stdout


def test_status_of_a_lab_looks_at_files() -> None:
    result = ovnswap("status", *SIM, "-o", "json")
    data = json.loads(result.stdout)
    assert (data["kind"], data["inOrder"]) == ("Status", True)
    files = {node["name"]: node["files"] for node in data["nodes"]}
    assert "ovnnb_db.db" in files["kube-ovn-control-plane"]
    assert files["kube-ovn-control-plane4"] == []
    assert [database["tolerates"] for database in data["databases"]] == [1, 1]


# -- the rest ---------------------------------------------------------------------------------------------------------


def test_version_and_help() -> None:
    assert ovnswap("--version").stdout == f"ovnswap {harness.__version__}\n"
    for command in ((), ("plan",), ("plan", "remove"), ("apply",), ("apply", "replace"), ("status",)):
        result = ovnswap(*command, "-h")
        assert result.exit_code == 0
        assert result.stdout.startswith("Usage: ")


def test_the_environment_gives_options_and_typing_beats_it() -> None:
    assert ovnswap("status", env={"OVNSWAP_BACKEND": "sim", "OVNSWAP_MEMBERS": "5"}).stdout.count(" yes ") >= 5
    result = ovnswap("status", *TEXT, env={"OVNSWAP_BACKEND": "sim"})
    assert "from: pasted text" in result.stderr
    assert ovnswap("status", env={"OVNSWAP_STATUS_BACKEND": "sim"}).exit_code == 0, "click's own names work too"


def test_who_names_no_cluster_gets_the_simulator_and_is_told() -> None:
    result = ovnswap("status")
    assert result.exit_code == 0
    assert "from: sim, a simulated lab" in result.stderr
    assert "for a cluster of yours: --pods FILE" in result.stderr
    assert "for a cluster of yours" not in ovnswap("status", *SIM).stderr
    assert "from: pasted text" in ovnswap("status", *TEXT).stderr


def test_colours_are_for_terminals_and_can_be_forced(tmp_path: Path) -> None:
    def run(**env: str) -> str:
        child = process("status", *TEXT, state=tmp_path, env=env)
        return child.communicate(timeout=60)[0]

    assert "\x1b[" not in run()
    assert "\x1b[" in run(FORCE_COLOR="1")
    assert "\x1b[3" not in run(FORCE_COLOR="1", NO_COLOR="1"), "no colours; bold may stay"


def test_a_reader_who_goes_away_is_no_error(tmp_path: Path) -> None:
    child = process("plan", "remove", LEAVER, *TEXT, state=tmp_path)
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    words = child.stderr.read()
    assert child.wait(timeout=60) == 141
    child.stderr.close()
    assert "Error" not in words
    assert "Exception" not in words


def test_on_a_terminal_each_command_is_one_line_to_copy(tmp_path: Path) -> None:
    child = process("plan", "remove", LEAVER, *TEXT, state=tmp_path, env={"FORCE_COLOR": "1", "COLUMNS": "60"})
    output = re.sub(r"\x1b\[[0-9;]*m", "", child.communicate(timeout=60)[0])
    plain = ovnswap("plan", "remove", LEAVER, *TEXT).stdout
    assert [line.strip() for line in output.splitlines() if line.startswith("      ")] == typed(plain)
    assert len(typed(plain)) > 20


def test_it_runs_from_a_plain_shell(tmp_path: Path) -> None:
    child = process(
        "plan", "remove", LEAVER, "--procedure", "documented", *TEXT, state=tmp_path, stderr=subprocess.DEVNULL
    )
    output = child.communicate(timeout=60)[0]
    assert child.returncode == 0
    assert typed(output) == list(commands("page/remove.txt"))
