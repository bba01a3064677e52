"""What people read: scripts, runbooks, tables, overviews, live progress."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console
from support_views import Cluster, healthy, names_of, page_cluster

from harness.cluster import ClusterView, Database, NodeFiles
from harness.errors import ExitCode, Refused
from harness.plan import Plan
from harness.procedures import documented, guarded
from harness.report import tables, text
from harness.report.live import LiveReporter, PlainReporter
from harness.report.markdown import runbook
from harness.report.outcome import EndLooks, Outcome, outcome_data, outcome_lines
from harness.report.overview import overview
from harness.report.script import script
from harness.report.typed import typed_steps
from harness.report.wording import DONE_WHEN, clean, done_when, margins, safe_points, tolerance
from harness.runner import Progress
from harness.steps import AwaitInOrder, ClearFiles, Kick, Remove, RollNextPod
from harness.steps.base import REGISTRY
from harness.steps.careless import KickSilent

A, B, C, D, E = names_of(5)
PLANS = {
    "documented remove": (healthy(3), lambda view: documented.remove(view, B)),
    "documented add": (healthy(3, 1), lambda view: documented.add(view, D)),
    "guarded remove": (healthy(3), lambda view: guarded.remove(view, A)),
    "guarded remove 1.27": (healthy(3).kubernetes(1, 27), lambda view: guarded.remove(view, C)),
    "guarded remove dead": (healthy(5).kill(C), lambda view: guarded.remove(view, C)),
    "guarded add": (healthy(3, 1), lambda view: guarded.add(view, D)),
    "guarded replace": (healthy(3, 1), lambda view: guarded.replace(view, A, D)),
    "guarded replace dead": (healthy(3, 1).kill(C), lambda view: guarded.replace(view, C, D)),
}


def made(name: str) -> tuple[Plan, ClusterView]:
    cluster, procedure = PLANS[name]
    view = cluster.view()
    return procedure(view), view


def script_of(name: str) -> str:
    plan, view = made(name)
    return script(plan, plan.forecast(view), view)


every_plan = pytest.mark.parametrize("name", PLANS)


# -- words ------------------------------------------------------------------------------------------------------------


def test_every_step_says_when_it_is_done() -> None:
    own = {cls for cls in REGISTRY.values() if cls.__module__.startswith("harness.")}
    assert own - {KickSilent} == {*DONE_WHEN, RollNextPod, AwaitInOrder}  # a script kicks, and waits for nothing


@every_plan
def test_when_a_step_is_done_has_no_gaps(name: str) -> None:
    plan, view = made(name)
    for step in plan.steps:
        words = done_when(step, view)
        assert words
        assert "{" not in words


def test_margins_in_words() -> None:
    assert margins({"nb": 1, "sb": 0}) == "1/0"
    assert margins({"nb": -1, "sb": 0}) == "NO QUORUM/0"
    assert margins({"nb": -2, "sb": -1}) == "NO QUORUM"


def test_the_worst_instant_is_shown_only_where_it_is_lower() -> None:
    plan, view = made("documented remove")
    rows = plan.forecast(view)
    assert tolerance(rows[0]) == "1/1"
    assert tolerance(next(row for row in rows if row.during["nb"] < 0)) == "0/0 (during it NO QUORUM)"


def test_a_look_is_as_safe_as_the_change_before_it() -> None:
    plan, _ = made("documented remove")
    safe = dict(zip((step.title for step in plan.steps), safe_points(plan.steps), strict=True))
    assert safe["list the pods"]
    assert not safe["show sb status"], "nb has one member less than sb"
    assert safe[f"unlabel {B}"]


@pytest.mark.parametrize("nasty", ["a\nb", "a\x1b[31mb", "a\x00b", "a\u2028b", "a\rb"])
def test_nothing_that_moves_the_cursor_is_printed(nasty: str) -> None:
    assert clean(nasty).isprintable()


# -- scripts ----------------------------------------------------------------------------------------------------------


@every_plan
def test_a_script_is_one(name: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.sh"
    path.write_text(script_of(name), encoding="utf-8")
    subprocess.run(["sh", "-n", path], check=True)
    subprocess.run(["bash", "-n", path], check=True)


@pytest.fixture
def kubectl(tmp_path: Path) -> Path:
    """A kubectl that notes what it was asked, and answers with the pod's node as its name; an ``rm`` that notes too."""
    tools = tmp_path / "tools"
    tools.mkdir()
    node = "s/.*spec.nodeName=\\([^,]*\\).*/pod-on-\\1/p"
    for tool in ("kubectl", "rm"):
        lines = (
            "#!/bin/sh",
            f'printf "%s\\n" "{tool} $*" >>{tmp_path}/asked',
            f"printf %s \"$*\" | sed -n '{node}'",
            "case $* in *wide) echo ovn-central-1 ;; esac",
        )
        (tools / tool).write_text("\n".join(lines) + "\n", encoding="utf-8")
        (tools / tool).chmod(0o755)
    return tools


def asked(tools: Path) -> list[str]:
    log = tools.parent / "asked"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [line for line in lines if "jsonpath" not in line]


def run_script(text: str, tools: Path, answers: int) -> tuple[int, str]:
    """Run it with a terminal at which somebody presses Enter ``answers`` times and then goes away."""
    path = tools.parent / "plan.sh"
    path.write_text(text, encoding="utf-8")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve("/bin/sh", ["sh", str(path)], {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    seen = b""
    try:
        while True:
            chunk = os.read(terminal, 4096)
            for _ in range(chunk.count(b"Ctrl-C stops: ")):
                answers -= 1
                os.write(terminal, b"\n" if answers >= 0 else b"\x04")
            seen += chunk
    except OSError:
        pass  # the script is over
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    return os.waitstatus_to_exitcode(status), seen.decode()


def test_a_script_asks_after_every_step_and_stops_when_nobody_answers(kubectl: Path) -> None:
    code, seen = run_script(script_of("documented remove"), kubectl, answers=2)
    assert code != 0
    assert "step 2 of 16 is done when" in seen
    assert asked(kubectl) == [
        "kubectl -n kube-system get pod -o wide",
        "kubectl ko nb status",
        "kubectl ko nb kick 4984",
    ]


@every_plan
def test_a_script_that_is_confirmed_runs_to_its_end(name: str, kubectl: Path) -> None:
    code, seen = run_script(script_of(name), kubectl, answers=10_000)
    assert code == 0, seen
    total = len(made(name)[0].steps)
    assert f"step {total} of {total} is done when" in seen
    assert not [line for line in asked(kubectl) if line.startswith("rm ")], "files are removed on their node, by hand"
    assert all("<" not in line for line in asked(kubectl))


@pytest.mark.parametrize("name", ["guarded remove", "guarded replace", "guarded remove dead", "guarded replace dead"])
def test_a_script_asks_no_node_that_has_no_server(name: str, kubectl: Path) -> None:
    """A pod that is gone by then would end the script, and so would a node that is down."""
    plan, _ = made(name)
    assert plan.old is not None
    run_script(script_of(name), kubectl, answers=10_000)
    execs = [line for line in asked(kubectl) if " exec " in line]
    removal = next(index for index, line in enumerate(execs) if "cluster/kick" in line)
    leaver = f"pod-on-{plan.old.node} "
    assert all(leaver not in line for line in execs[removal:])
    if "dead" in name:
        assert all(leaver not in line for line in execs)
    if plan.new is not None:
        last = [line for line in execs if "cluster/status OVN_Southbound" in line][-3:]
        assert any(f"pod-on-{plan.new.node} " in line for line in last), "the newcomer is asked at the end"


def test_without_a_terminal_a_script_does_one_step_at_most(kubectl: Path) -> None:
    path = kubectl.parent / "plan.sh"
    path.write_text(script_of("guarded remove"), encoding="utf-8")
    env = {**os.environ, "PATH": f"{kubectl}:{os.environ['PATH']}"}
    done = subprocess.run(["setsid", "-w", "sh", path], env=env, capture_output=True, check=False)
    assert done.returncode != 0
    assert len(asked(kubectl)) == 6, "the six looks of the first step"


def test_lines_that_are_pasted_into_a_shell_are_not_swallowed(kubectl: Path) -> None:
    """`ask` reads nothing there: it would take the line that is pasted next."""
    env = {**os.environ, "PATH": f"{kubectl}:{os.environ['PATH']}", "PS1": "", "PS2": ""}
    done = subprocess.run(
        ["setsid", "-w", "bash", "--norc", "--noprofile", "-i"],
        input=script_of("documented remove"),
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert len(asked(kubectl)) == 15, "every command of the page but the rm"


def test_a_refused_script_runs_nothing(kubectl: Path) -> None:
    view = healthy(3).kill(C).view()
    plan = guarded.remove(view, B)
    assert plan.refusals
    code, seen = run_script(script(plan, plan.forecast(view), view), kubectl, answers=10_000)
    assert code == ExitCode.REFUSED
    assert "refused: Q-STRICT" in seen
    assert asked(kubectl) == []


def test_the_kick_goes_through_a_survivor() -> None:
    """The plan's own line names today's leader, which may be the node that leaves."""
    plan, view = made("guarded remove")
    kicks = [
        typed
        for step, lines in zip(plan.steps, typed_steps(plan.steps, view), strict=True)
        if isinstance(step, Remove)
        for typed in lines
    ]
    assert all(f'"$(pod_on {B})"' in typed.command for typed in kicks)


def test_files_are_removed_where_they_are() -> None:
    plan, view = made("guarded remove")
    index = next(i for i, step in enumerate(plan.steps) if isinstance(step, ClearFiles))
    (typed,) = typed_steps(plan.steps, view)[index]
    assert (typed.command, typed.by_hand) == ("rm -rf /etc/origin/ovn", f"on {A}")


# -- runbooks ---------------------------------------------------------------------------------------------------------


@every_plan
def test_a_runbook_has_a_box_and_a_block_for_every_step(name: str) -> None:
    plan, view = made(name)
    book = runbook(plan, plan.forecast(view), view)
    steps = book.split("\n## ")[1:]
    assert len(steps) == len(plan.steps)
    for number, (part, step) in enumerate(zip(steps, plan.steps, strict=True), start=1):
        assert part.startswith(f"{number}. {step.title}\n")
        assert part.count("- [ ] Done when: ") == 1
        assert "- Tolerates: nb " in part
        assert "- Undo: " in part
        assert part.count("```bash\n") == len(re.findall(r"(?m)^```$", part)) >= 1
    assert ("pod_on() {" in book) == ("$(pod_on " in book)


def test_a_runbook_gives_the_pages_commands() -> None:
    view = page_cluster().view()
    plan = documented.remove(view, "kube-ovn-control-plane2")
    blocks = re.findall(r"```bash\n(.*?)\n```", runbook(plan, plan.forecast(view), view), re.DOTALL)
    assert blocks == [line for step in plan.steps for line in step.commands(view)]


def test_a_refused_runbook_says_so_first() -> None:
    view = healthy(3).kill(C).view()
    plan = guarded.remove(view, B)
    book = runbook(plan, plan.forecast(view), view)
    assert book.split("\n")[2].startswith("**REFUSED")


# -- tables -----------------------------------------------------------------------------------------------------------


def drawn(renderable: object, width: int) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None, markup=False)
    console.print(renderable, crop=False)
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_width_breaks_a_command(width: int) -> None:
    plan, view = made("guarded replace")
    commands = [step.commands(view) for step in plan.steps]
    lines = drawn(tables.plan(plan, plan.forecast(view), commands), width).splitlines()
    shown = [line.removeprefix(tables.INDENT) for line in lines if line.startswith(tables.INDENT)]
    assert shown == [line for typed in commands for line in typed]


@pytest.mark.parametrize("width", [40, 100, 200])
def test_no_width_breaks_a_name(width: int) -> None:
    view = healthy(3, 1).view()
    shown = drawn(tables.status(overview(view)), width)
    assert "…" not in shown
    for node in view.nodes:
        assert f"{node.name} " in shown
        assert node.address in shown


def test_brackets_are_text() -> None:
    """Addresses and titles must not be taken for markup."""
    view = healthy(3).view()
    node = replace(view.nodes[0], name="[bold]x[/bold]")
    found = overview(replace(view, nodes=(node, *view.nodes[1:])))
    assert "[bold]x[/bold]" in drawn(tables.status(found), 200)


def test_columns_line_up() -> None:
    assert text.columns([("a", "b"), ("long", "c")]) == ["a     b", "long  c"]


# -- overview ---------------------------------------------------------------------------------------------------------


def row_of(cluster: Cluster, name: str) -> tuple[str, ...]:
    found = overview(cluster.view())
    return next(row for row in text.node_rows(found) if row[0] == name)


def test_what_differs_from_raft_is_in_capitals() -> None:
    fine = row_of(healthy(3, 1), B)
    assert (fine[2], fine[4], fine[5]) == ("yes", "yes", "yes/yes")
    spare = row_of(healthy(3, 1), D)
    assert (spare[2], spare[4], spare[5], spare[6]) == ("no", "no", "no/no", "-")
    drifted = healthy(3, 1).set_env("kube-ovn-controller", "OVN_DB_IPS", "172.18.0.3,172.18.0.5")
    assert row_of(drifted, B)[5] == "yes/NO"
    listed = healthy(3, 1).set_env("ovn-central", "NODE_IPS", "172.18.0.3,172.18.0.4,172.18.0.5,172.18.0.6")
    assert row_of(listed, D)[4] == "YES"


def test_a_database_without_a_majority() -> None:
    found = overview(healthy(3).kill(B).kill(C).view())
    assert text.database_rows(found)[0][3:8] == ("none", "3", "0", "2", "NO QUORUM")
    assert not found.in_order


def test_two_clusters_are_seen() -> None:
    split = healthy(3).tell(Database.NB, C, cluster_id="beef0000-0000-4000-8000-000000000000")
    assert text.database_rows(overview(split.view()))[0][1] == "32ca+beef"


def test_a_server_at_an_address_without_a_node_is_shown() -> None:
    view = healthy(3).view()
    found = overview(replace(view, nodes=view.nodes[:2]))
    assert text.node_rows(found)[-1][:2] == ("?", "172.18.0.5")


def test_a_ghost_is_shown_beside_the_server() -> None:
    assert "+" in row_of(healthy(3).ghost(Database.NB, B), B)[6]


def test_files_of_a_node_that_is_no_member_are_a_warning() -> None:
    view = healthy(3, 1).view()
    left = NodeFiles(D, ("ovnnb_db.db", "ovnsb_db.hdr"))
    found = overview(view, {D: left, A: NodeFiles(A, ("ovnnb_db.db", "ovnsb_db.db"))})
    assert [row[8] for row in text.node_rows(found)] == ["nb,sb", "?", "?", "nb,sb.hdr"]
    assert [check.seen for check in found.findings] == [f"ovnnb_db.db, ovnsb_db.hdr on {D}, which is no member"]


# -- live -------------------------------------------------------------------------------------------------------------


def progress(plan: Plan, number: int, kind: str, words: str = "") -> Progress:
    return Progress(kind, number, len(plan.steps), plan.steps[number - 1], 12.0 * number, words)


def test_plain_lines() -> None:
    plan, _ = made("guarded remove")
    lines: list[str] = []
    with PlainReporter(lines.append) as reporter:
        reporter.margins({"nb": 1, "sb": -1})
        reporter(progress(plan, 1, "started"))
        reporter(progress(plan, 1, "waiting", "nb has no leader"))
        reporter(progress(plan, 1, "done", "two\nlines"))
    assert lines == [
        "[  12.0 s]  1/25 waiting  check nb and sb on every member: nb has no leader  [nb 1 sb NO QUORUM]",
        "[  12.0 s]  1/25 done     check nb and sb on every member: two  [nb 1 sb NO QUORUM]",
    ]


def test_the_picture_fits_into_a_small_terminal_wherever_the_run_is() -> None:
    plan, _ = made("guarded replace")
    reporter = LiveReporter(Console(file=io.StringIO()), plan)
    for number in range(1, len(plan.steps) + 1):
        reporter(progress(plan, number, "started"))
        reporter(progress(plan, number, "waiting", "a pod"))
        reporter.margins({"nb": 0, "sb": 1})
        picture = drawn(reporter.picture(), 80)
        assert len(picture.splitlines()) <= 20
        assert f"{number:>3} running  {plan.steps[number - 1].title}" in picture
        assert "waiting: a pod" in picture
        assert "nb 0  sb 1" in picture
        reporter(progress(plan, number, "done"))


# -- outcome ----------------------------------------------------------------------------------------------------------


def outcome(**changes: object) -> Outcome:
    plan, _ = made("guarded remove")
    base = Outcome(plan, "a lab", "sim", (), 10.0, "then", "now", "journal")
    return replace(base, **changes)  # type: ignore[arg-type]


FINE = EndLooks({"nb": ("172.18.0.4",)}, {"nb": B}, (), (), ())


@pytest.mark.parametrize(
    ("changes", "code", "word"),
    [
        ({"end": FINE}, ExitCode.OK, "done"),
        ({"end": replace(FINE, lost=("a row",))}, ExitCode.FAILED, "failed"),
        ({"end": replace(FINE, violations=("S1: two leaders",))}, ExitCode.FAILED, "failed"),
        ({"end": replace(FINE, problems=("nb has no leader",))}, ExitCode.FAILED, "failed"),
        ({"error": Refused("no"), "end": None}, ExitCode.REFUSED, "refused"),
    ],
)
def test_how_a_run_ended(changes: dict[str, object], code: ExitCode, word: str) -> None:
    run = outcome(**changes)
    assert (run.exit_code, run.word) == (code, word)
    assert outcome_lines(run)[0].startswith(f"{word}: ")
    assert outcome_data(run)["exitCode"] == code


def test_what_is_broken_is_told() -> None:
    lines = outcome_lines(outcome(end=replace(FINE, problems=("nb is slow",), violations=("S1: two leaders",))))
    assert "problem: nb is slow" in lines
    assert "BROKEN:  S1: two leaders" in lines
    assert not any(line.startswith("end:") for line in lines)


def test_kicks_are_marked_as_not_finished_by_their_answer() -> None:
    plan, view = made("documented remove")
    kick = next(step for step in plan.steps if isinstance(step, Kick))
    assert "neither means that it is done" in done_when(kick, view)
