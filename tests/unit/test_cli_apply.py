"""``ovnswap apply``: runs in a lab, what they print, how they end, and that nothing is left."""

from __future__ import annotations

import json
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support_cli import LEAVER, SIM, TEXT, complaint, ovnswap, process

from harness import executors
from harness.cluster import DATABASES, Database
from harness.errors import ExitCode, Inconclusive
from harness.executor import LabExecutor
from harness.executors.processes import janitor
from harness.executors.simulated import SimulatedExecutor
from harness.faults import Fault, FaultKind
from harness.steps import Remove

SPARE = "kube-ovn-control-plane4"


def test_a_run_is_drawn_as_a_page(tmp_path: Path) -> None:
    page = tmp_path / "run.html"
    result = ovnswap("apply", "remove", LEAVER, *SIM, "--report", str(page))
    assert result.exit_code == ExitCode.OK
    html = page.read_text()
    assert "<h1>done</h1>" in html
    assert f"kubectl label node {LEAVER} kube-ovn/role-" in html
    assert "no acknowledged row is lost" in html
    assert html.count('class="role leader"') >= 2


def test_a_page_that_can_not_be_written_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    result = ovnswap("apply", "remove", LEAVER, *SIM, "--report", str(tmp_path / "nowhere" / "run.html"))
    assert result.exit_code == ExitCode.USAGE
    assert "can't write" in result.stderr
    assert "step" not in result.stderr


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Journals go below a directory of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "ovnswap"


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[LabExecutor], object]], list[LabExecutor]]:
    """Lets a test arrange each lab before the command sees it; returns the labs, to see whether they were closed."""

    def prepare(arrange: Callable[[LabExecutor], object]) -> list[LabExecutor]:
        create, made = executors.create, []

        def wrapped(*arguments: object, **options: object) -> LabExecutor:
            executor = create(*arguments, **options)  # type: ignore[arg-type]
            arrange(executor)
            made.append(executor)
            return executor

        monkeypatch.setattr(executors, "create", wrapped)
        return made

    return prepare


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The simulated labs that were closed."""
    seen: list[object] = []
    close = SimulatedExecutor.close
    monkeypatch.setattr(SimulatedExecutor, "close", lambda self: (seen.append(self), close(self)))
    return seen


def lose_node(name: str) -> Callable[[LabExecutor], None]:
    """The node has no power, and everybody has noticed."""

    def arrange(executor: LabExecutor) -> None:
        assert executor.inject(Fault(FaultKind.NODE_DOWN, (name,)))
        executor.sleep(90)

    return arrange


RUNS = [
    (("remove", LEAVER), ["172.18.0.3", "172.18.0.5"]),
    (("add", SPARE), ["172.18.0.3", "172.18.0.4", "172.18.0.5", "172.18.0.6"]),
    (("replace", LEAVER, "--with", SPARE), ["172.18.0.3", "172.18.0.5", "172.18.0.6"]),
]


@pytest.mark.parametrize(("words", "members"), RUNS, ids=["remove", "add", "replace"])
def test_a_run_ends_in_order_and_says_so_in_json(
    words: tuple[str, ...], members: list[str], closed: list[object]
) -> None:
    result = ovnswap("apply", *words, *SIM, "-o", "json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["apiVersion"], data["kind"], data["outcome"], data["exitCode"]) == ("ovnswap/v1", "Run", "done", 0)
    assert data["end"]["members"] == {"nb": members, "sb": members}
    assert data["end"]["inOrder"] is True
    assert data["client"]["rows"] == {"lost": [], "notAsked": []}
    assert data["client"]["nb"]["acknowledged"] > 50
    assert 0 < data["client"]["nb"]["longestStallSeconds"] < 10
    assert min(data["lowestMargin"].values()) >= 0, "the guarded procedure never loses the majority"
    assert {step["outcome"] for step in data["steps"]} <= {"done", "skipped"}
    assert len(data["steps"]) == len(data["plan"]["steps"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", data["began"])
    assert len(closed) == 1


def test_data_goes_to_stdout_and_progress_to_stderr() -> None:
    result = ovnswap("apply", "remove", LEAVER, *SIM)
    assert result.stdout.startswith(f"done: remove {LEAVER}, guarded procedure; 25 steps: ")
    assert "client:  no acknowledged row is lost\n" in result.stdout
    assert result.stderr.startswith("on: sim, a simulated lab: members 3, spares 1")
    assert "nothing asks for confirmation" in result.stderr
    assert re.search(r"(?m)^\[ +[\d.]+ s\] 13/25 done +remove 172.18.0.4 from nb: started removal", result.stderr)
    assert "\x1b" not in result.output, "no colours and no redrawing where nobody looks"


def test_the_same_seed_gives_the_same_run() -> None:
    def run(seed: str) -> dict[str, object]:
        data = json.loads(
            ovnswap("apply", "replace", LEAVER, "--with", SPARE, *SIM, "--seed", seed, "-o", "json").stdout
        )
        return {key: data[key] for key in ("clusterSeconds", "steps", "client", "lowestMargin", "end")}

    assert run("7") == run("7")
    assert run("7") != run("8")


def test_the_documented_procedure_loses_the_majority_and_that_shows() -> None:
    data = json.loads(
        ovnswap("apply", "remove", LEAVER, "--procedure", "documented", "--pace", "15", *SIM, "-o", "json").stdout
    )
    assert data["lowestMargin"]["nb"] < 0
    assert data["client"]["nb"]["longestStallSeconds"] > 10
    assert data["clusterSeconds"] > 15 * 15, "fifteen pauses of an operator who reads"


def test_the_journal_is_where_it_was_said(state: Path) -> None:
    result = ovnswap("apply", "remove", LEAVER, *SIM)
    path = Path(re.search(r"(?m)^journal: (\S+);", result.stderr)[1])  # type: ignore[index]
    assert path.parent.parent == state
    assert path.parent.name.startswith("sim-")
    events = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [event["event"] for event in events][:: len(events) - 1] == ["run", "judged"]


def test_the_journal_can_be_put_elsewhere_and_is_appended_to(tmp_path: Path, state: Path) -> None:
    path = tmp_path / "deep" / "journal.jsonl"
    for _ in range(2):
        assert ovnswap("apply", "remove", LEAVER, *SIM, "--journal", str(path)).exit_code == 0
    assert path.read_text(encoding="utf-8").count('"event": "run"') == 2
    assert not state.exists()


# -- refused, stale, failed -------------------------------------------------------------------------------------------


def test_a_journal_that_can_not_be_written_any_more_ends_the_run(closed: list[object]) -> None:
    result = ovnswap("apply", "remove", LEAVER, *SIM, "--journal", "/dev/full")
    assert result.exit_code == ExitCode.FAILED
    assert "can't write the journal /dev/full: No space left on device" in complaint(result)
    assert len(closed) == 1


def test_a_refusal_changes_nothing(prepared, closed: list[object]) -> None:
    labs = prepared(lose_node("kube-ovn-control-plane3"))
    result = ovnswap("apply", "remove", LEAVER, *SIM)
    assert result.exit_code == ExitCode.REFUSED
    assert complaint(result).startswith(
        "ovnswap: refused, nothing was changed: Q-STRICT: nb: after removing 172.18.0.4"
    )
    assert result.stdout == f"refused: remove {LEAVER}, guarded procedure; nothing was changed\n"
    assert "check:   REFUSED Q-STRICT" in result.stderr
    assert closed == labs


def test_a_refusal_in_json(prepared) -> None:
    prepared(lose_node("kube-ovn-control-plane3"))
    result = ovnswap("apply", "remove", LEAVER, *SIM, "-o", "json")
    data = json.loads(result.stdout)
    assert (result.exit_code, data["outcome"], data["exitCode"], data["steps"]) == (3, "refused", 3, [])
    assert data["error"]["type"] == "Refused"
    assert data["end"] is data["client"] is None


def test_a_saved_plan_runs() -> None:
    saved = ovnswap("plan", "remove", LEAVER, *SIM, "-o", "json").stdout
    result = ovnswap("apply", "-", *SIM, stdin=saved)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith(f"done: remove {LEAVER}, guarded procedure")


def test_options_may_stand_before_the_plan(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert ovnswap("plan", *SIM, "remove", LEAVER, "-f", str(path)).exit_code == 0
    assert ovnswap("apply", *SIM, str(path)).exit_code == 0


def test_a_plan_for_another_cluster_is_stale(tmp_path: Path) -> None:
    """The page has control-plane2 at .5, the lab at .4."""
    path = tmp_path / "plan.json"
    ovnswap("plan", "remove", LEAVER, *TEXT, "-f", str(path))
    result = ovnswap("apply", str(path), *SIM)
    assert result.exit_code == ExitCode.STALE
    assert "is for kube-ovn-control-plane2 at 172.18.0.5, which is at 172.18.0.4 here" in complaint(result)
    assert result.stdout == ""


def test_a_plan_for_the_same_cluster_in_another_state_is_stale(tmp_path: Path, prepared) -> None:
    path = tmp_path / "plan.json"
    ovnswap("plan", "remove", LEAVER, *SIM, "-f", str(path))
    prepared(lose_node(LEAVER))
    result = ovnswap("apply", str(path), *SIM)
    assert result.exit_code == ExitCode.STALE
    assert f"ovnswap plan remove {LEAVER}" in complaint(result)


def test_a_run_that_can_not_finish_needs_attention(prepared, closed: list[object]) -> None:
    """A second member dies while the run is on: the step fails, what became of it is told, the lab is removed."""

    def arrange(executor: LabExecutor) -> None:
        kick = executor.kick

        def kick_and_die(database: Database, via: str, server: str) -> object:
            reply = kick(database, via, server)
            executor.inject(Fault(FaultKind.NODE_DOWN, ("kube-ovn-control-plane3",)))
            return reply

        executor.kick = kick_and_die  # type: ignore[method-assign, assignment]

    labs = prepared(arrange)
    result = ovnswap("apply", "remove", LEAVER, *SIM)
    assert result.exit_code in (ExitCode.NEEDS_ATTENTION, ExitCode.INCONCLUSIVE)
    assert " -> " in complaint(result)
    assert "1 failed" in result.stdout
    assert "problem: nb has no leader" in result.stdout
    assert closed == labs


def test_an_unknown_outcome_has_its_own_code(prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_arguments: object) -> None:
        raise Inconclusive("no answer within 10 s", why="it may happen yet", todo="look first")

    monkeypatch.setattr(Remove, "act", lost)
    result = ovnswap("apply", "remove", LEAVER, *SIM)
    assert result.exit_code == ExitCode.INCONCLUSIVE
    assert (
        complaint(result)
        == "ovnswap: no answer within 10 s (it may happen yet) -> this lab is gone; on a cluster: look first"
    )
    assert result.stdout.startswith("inconclusive: ")


def test_lost_rows_are_a_failure(prepared) -> None:
    """A server that forgets: every step is done, and the run has failed all the same."""

    def forgetful(executor: LabExecutor) -> None:
        executor.rows = lambda database, node: frozenset()  # type: ignore[method-assign, assignment]

    prepared(forgetful)
    result = ovnswap("apply", "remove", LEAVER, *SIM)
    assert result.exit_code == ExitCode.FAILED
    assert result.stdout.startswith("failed: ")
    assert re.search(r"(?m)^LOST: +nb on kube-ovn-control-plane3? lacks \d+ acknowledged rows", result.stdout)
    assert "the end is not in order" in complaint(result)


def test_where_nobody_can_be_asked_nothing_is_claimed() -> None:
    """Seed 2 pastes the page in one go and leaves two servers without a leader."""
    for seed in range(1, 30):
        result = ovnswap("apply", "remove", LEAVER, "--procedure", "documented", *SIM, "--seed", str(seed))
        if "nb has no leader" in result.stdout:
            break
    assert result.exit_code == ExitCode.NEEDS_ATTENTION
    assert "to ask whether acknowledged rows are lost" in result.stdout
    assert "no acknowledged row is lost" not in result.stdout


# -- stopping ---------------------------------------------------------------------------------------------------------


def test_ctrl_c_in_the_middle_of_a_step(prepared, closed: list[object]) -> None:
    def arrange(executor: LabExecutor) -> None:
        def interrupted(workload: str) -> None:
            raise KeyboardInterrupt

        executor.pause = interrupted  # type: ignore[method-assign]

    labs = prepared(arrange)
    result = ovnswap("apply", "remove", LEAVER, *SIM, "-o", "json")
    assert result.exit_code == ExitCode.INTERRUPTED
    data = json.loads(result.stdout)
    assert data["outcome"] == "interrupted"
    assert data["steps"][-1]["outcome"] == "begun"
    assert "stopped after step 6 of 25" in complaint(result)
    assert closed == labs


def test_ctrl_c_while_the_lab_is_looked_at(prepared, closed: list[object]) -> None:
    def arrange(executor: LabExecutor) -> None:
        def interrupted() -> None:
            raise KeyboardInterrupt

        executor.view = interrupted  # type: ignore[method-assign, assignment]

    labs = prepared(arrange)
    for command in (("apply", "remove", LEAVER), ("plan", "remove", LEAVER), ("status",)):
        result = ovnswap(*command, *SIM)
        assert result.exit_code == ExitCode.INTERRUPTED
        assert complaint(result) == "ovnswap: interrupted; what this command made is removed"
        assert result.stdout == ""
    assert closed == labs


def run_directories(pid: int) -> list[Path]:
    """What the command with this pid keeps its lab in."""
    return [path for path in janitor.base().glob("ovnswap-*") if f"-{pid}-" in path.name]


@pytest.mark.real_ovsdb
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=["INT", "TERM", "HUP"])
@pytest.mark.parametrize("until", ["on: ovsdb", "started  roll pod 1"], ids=["while it forms", "within a step"])
def test_a_signal_leaves_nothing_behind(number: signal.Signals, until: str, tmp_path: Path) -> None:
    child = process("apply", "remove", LEAVER, "--backend", "ovsdb", state=tmp_path, start_new_session=True)
    assert child.stderr is not None
    for line in child.stderr:
        if until in line:
            break
    while not (directories := run_directories(child.pid)):
        assert child.poll() is None
        time.sleep(0.01)  # the run directory is about to be made
    child.send_signal(number)
    out, err = child.communicate(timeout=60)
    assert child.returncode == ExitCode.INTERRUPTED, err
    assert "Traceback" not in out + err
    assert [line for line in err.splitlines() if line.startswith("ovnswap: ")], err
    assert run_directories(child.pid) == []
    assert [pid for directory in directories for pid in janitor.marked(directory)] == []


@pytest.mark.real_ovsdb
def test_the_same_command_on_real_servers() -> None:
    result = ovnswap("apply", "remove", LEAVER, "--backend", "ovsdb", "-o", "json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["backend"], data["outcome"]) == ("ovsdb", "done")
    assert min(data["lowestMargin"].values()) >= 0
    assert data["client"]["rows"] == {"lost": [], "notAsked": []}
    assert all(len(data["end"]["members"][database.value]) == 2 for database in DATABASES)
