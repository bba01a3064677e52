"""The gate: bad procedures are caught with their story and line, ours pass, and every output says the same."""

from __future__ import annotations

import json
import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support_cli import complaint, ovnswap
from test_runbook import SCRIPT, seed

from harness.cluster import DATABASES, Versions
from harness.errors import BadInput
from harness.executors import create
from harness.gate import against
from harness.gate.control import excuse
from harness.gate.gate import Settings, gate
from harness.gate.shapes import FIRST, FOLLOWER, LEADER, PROFILES, SIZES, Shape, shapes, target
from harness.gate.subject import Subject, of_file, ours
from harness.gate.verdict import FAILED, NOTHING, PASSED, Gated, slow, ways
from harness.procedures import guarded
from harness.report.gate_github import CUT, annotated, summary
from harness.report.gate_junit import junit
from harness.report.gate_page import gate_page
from harness.report.gate_text import gate_data, gate_lines
from harness.report.markdown import runbook as markdown
from harness.report.page import render
from harness.search import trial
from harness.search.case import Case, Hit
from harness.search.opened import opened
from harness.search.trial import Verdict
from harness.spec import ClusterSpec

LEAVER = "kube-ovn-control-plane3"
ONE = Settings(budget=None, runs=1, replays=0, profiles=PROFILES[:1])
UPSTREAM = """\
```
# kubectl -n kube-system get pod -o wide | grep central
ovn-central-6bf58cbc97-2cdhg   1/1   Running   0   21m   172.18.0.3   a   <none>   <none>
ovn-central-6bf58cbc97-crmfp   1/1   Running   0   21m   172.18.0.5   b   <none>   <none>
ovn-central-6bf58cbc97-lxmpl   1/1   Running   0   21m   172.18.0.4   c   <none>   <none>
kubectl ko nb backup
kubectl ko sb backup
kubectl ko nb kick <ID>
kubectl ko nb status
kubectl ko sb kick <ID>
kubectl ko sb status
kubectl label node b kube-ovn/role-
kubectl wait pod/<POD> --for=condition=Ready=false
kubectl scale deployment ovn-central --replicas=2
kubectl set env deployment/ovn-central NODE_IPS=172.18.0.3,172.18.0.4
kubectl rollout status deployment/ovn-central
```
"""
"""Kick, then wait, on a release whose leader deletes its database when it has fewer servers than NODE_IPS."""


def upstream(name: str = "change.md") -> Subject:
    (subject,) = of_file(UPSTREAM.encode(), name, sizes=(5,))
    return subject


def exported(members: int = 3) -> bytes:
    """What ``ovnswap plan remove -o md`` writes."""
    with closing(create("sim", ClusterSpec(members=members, spares=1))) as lab:
        view = lab.view()
        plan = guarded.remove(view, LEAVER)
        return markdown(plan, plan.forecast(view), view).encode()


@pytest.fixture(scope="module")
def caught() -> Gated:
    """The upstream-like change, on the release that had it."""
    versions = replace(PROFILES[0], kube_ovn="v1.15.9")
    return gate(upstream(), Settings(budget=None, runs=2, replays=0, profiles=(versions,)))


@pytest.fixture(scope="module")
def passed() -> Gated:
    (subject,) = ours("guarded:remove", (3,))
    return gate(subject, Settings(budget=None, runs=6, replays=0, profiles=PROFILES[:1]))


# -- shapes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", SIZES)
def test_shapes_have_every_size_part_and_release(verb: str) -> None:
    found = shapes(verb)
    assert len(found) == len(set(found))
    assert {shape.members for shape in found} == set(SIZES[verb])
    assert {shape.versions for shape in found} == set(PROFILES)
    for size in SIZES[verb]:
        parts = {(shape.part, shape.moved) for shape in found if shape.members == size}
        assert len(parts) == (2 if verb == "add" else 4)
    assert {versions.ovs for versions in PROFILES} == {"3.1", "3.5", "newest"}
    assert {versions.kubernetes for versions in PROFILES} >= {(1, 20), (1, 22)}


@pytest.mark.parametrize("shape", shapes("remove", (3,), PROFILES[:1]), ids=lambda shape: shape.part)
def test_the_node_has_the_part_that_the_shape_says(shape: Shape) -> None:
    (subject,) = ours("guarded:remove")
    with closing(opened(Case(subject.case(shape).wanted, shape.spec, moved=shape.moved))) as lab:
        view = lab.view()
        leads = {pair[0] for database in DATABASES if (pair := view.leader(database)) is not None}
        node = target(shape, view)
        assert subject.case(shape).wanted.node == node
    assert (node in leads) == (shape.part in (LEADER, "first, leads"))
    assert (node == "kube-ovn-control-plane") == (shape.part in (FIRST, "first, leads"))
    assert shape.part != FOLLOWER or node not in leads


# -- verdicts ---------------------------------------------------------------------------------------------------------


def test_an_upstream_like_change_is_caught_with_its_story(caught: Gated) -> None:
    assert caught.verdict == FAILED
    story = caught.stories[0]
    assert story.verdict.value == "unsafe"
    assert any("deletes ovnnb_db.db" in words for _, words in story.shortest.story)
    assert 8 <= story.line <= 13, "a kick was under way, or what waits for it"


def test_a_guarded_procedure_passes(passed: Gated) -> None:
    assert passed.verdict == PASSED, passed.reasons
    assert {stage.name for stage in passed.stages if stage.tried} == {"calm", "schedules", "faults", "pairs"}
    assert passed.partial == "--runs 6"


def test_an_exported_runbook_is_gated_on_clusters_of_its_size_as_the_procedure_that_it_is() -> None:
    (subject,) = of_file(exported(), "plan.md")
    found = subject.shapes(PROFILES[:1])
    assert {shape.members for shape in found} == {3}
    wanted = {subject.case(shape).wanted for shape in found}
    assert {one.node for one in wanted} > {LEAVER}, "other parts are other nodes"
    assert all(one.given is None for one in wanted), "an interrupted operator makes a new plan"
    assert gate(subject, ONE).verdict == PASSED


def test_an_exported_runbook_without_a_section_is_another_procedure() -> None:
    text = exported().decode()
    sections = re.split(r"(?m)^(?=## )", text)
    dropped = [part for part in sections if "Remove" not in part or '"database": "sb"' not in part]
    assert len(dropped) == len(sections) - 1
    (subject,) = of_file("".join(dropped).encode(), "plan.md")
    found = gate(subject, ONE)
    assert subject.case(found.shapes[0]).wanted.given is not None
    assert found.verdict == FAILED
    assert "ONE-DATABASE" in {one.rule for one in found.errors}
    assert (found.stories[0].verdict.value, found.stories[0].stages[0]) == ("refused", "calm")


def test_the_seed_page_fails_as_it_stands() -> None:
    subjects = of_file(seed("replace-ovn-central-node.en.md"), "page.md")
    assert [subject.verb for subject in subjects] == ["remove", "add"]
    found = gate(subjects[0], replace(ONE, runs=2))
    assert found.verdict == FAILED
    assert {"KICK-HEALTH", "SCALE-EARLY", "STALL"} <= {one.rule for one in found.errors}
    assert found.stories[0].verdict.value == "unsafe"


def test_a_script_for_one_cluster_is_tried_on_that_one_only() -> None:
    (subject,) = of_file(SCRIPT.encode(), "out.sh")
    assert subject.own
    assert subject.node == LEAVER, "the one that its NODE_IPS leaves out"
    assert {shape.members for shape in subject.shapes()} == {3}
    assert gate(subject, ONE).verdict == FAILED


def test_worse_than_before_is_a_failure(passed: Gated, caught: Gated) -> None:
    same = against.compared(replace(passed), passed)
    assert (same.verdict, same.worse) == (PASSED, ())
    shape = next(iter(passed.figures.stall))
    for name, more in (("stall", against.STALL_MORE), ("at_zero", against.AT_ZERO_MORE), ("without", 0.0)):
        before = dict(getattr(passed.figures, name))
        for grown, worse in ((more, False), (more + 1.0, True)):
            figures = replace(passed.figures, **{name: {**before, shape: before[shape] + grown}})
            assert bool(against.compared(replace(passed, figures=figures), passed).worse) == worse
    fewer = replace(passed.figures, survived=passed.figures.survived - against.SURVIVED_LESS - 0.1)
    assert against.compared(replace(passed, figures=fewer), passed).verdict == FAILED


def test_a_long_stall_and_an_empty_gate_do_not_pass(passed: Gated, caught: Gated) -> None:
    assert replace(passed, slow="L2: writes stop").verdict == FAILED
    assert replace(passed, stages=()).verdict == NOTHING
    assert slow([]) == ""
    assert ways([]) == []


# -- outputs ----------------------------------------------------------------------------------------------------------


def test_every_output_tells_the_same(caught: Gated, passed: Gated) -> None:
    both = [caught, passed]
    text = "\n".join(gate_lines(both))
    as_data = json.loads(json.dumps(gate_data(both)))
    assert [one["verdict"] for one in as_data["subjects"]] == ["failed", "passed"]
    assert as_data["verdict"] == "failed"
    line = caught.stories[0].line
    assert f"change.md:{line}: unsafe: P" in text
    assert as_data["subjects"][0]["stories"][0]["line"] == line
    first = next(iter(annotated(both)))
    assert first.startswith(f"::error file=change.md,line={line},title=ovnswap gate%3A unsafe::unsafe: P")
    assert "%0A" in first
    assert "\n" not in first
    suites = ElementTree.fromstring(junit(both))
    assert [suite.get("name") for suite in suites] == ["change.md", "guarded:remove"]
    assert [int(suite.get("failures", "")) > 0 for suite in suites] == [True, False]
    assert "### change.md: failed" in summary(both)
    page = render(gate_page([caught]))
    assert "gate: change.md" in page
    assert "no majority" in page


@pytest.mark.parametrize("room", [40, 300, 2000, 5000])
def test_a_summary_keeps_within_its_room(caught: Gated, room: int) -> None:
    text = summary([caught] * 20, room)
    assert len(text.encode()) <= room
    assert text == "" or text.endswith(CUT)
    assert text.count("```") % 2 == 0


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_writes_a_report_and_a_job_summary(tmp_path: Path) -> None:
    path = tmp_path / "change.md"
    path.write_text(UPSTREAM, encoding="utf-8")
    job = tmp_path / "summary"
    job.write_text("before\n")
    options = ("--members", "5", "--kube-ovn", "v1.15.9", "--runs", "1", "--jobs", "1", "--replays", "0")
    env = {"GITHUB_STEP_SUMMARY": str(job)}
    result = ovnswap("gate", str(path), *options, "-o", "github", "--report", str(tmp_path / "out"), env=env)
    assert result.exit_code == 1
    assert result.stdout.startswith("::error file=")
    assert {one.name for one in (tmp_path / "out").iterdir()} == {
        *("gate.txt", "gate.json", "gate.html", "junit.xml", "summary.md")
    }
    assert job.read_text().startswith("before\n## ovnswap gate")


def test_compared_with_itself_a_procedure_passes() -> None:
    options = ("--members", "3", "--runs", "1", "--jobs", "1", "--ovs", "3.1", "--kubernetes", "1.20", "--replays", "0")
    result = ovnswap("gate", "guarded:remove", "--against", "guarded:remove", *options, "--kube-ovn", "v1.13.15")
    assert result.exit_code == 0, result.output
    assert "before:   survives 100.0 %" in result.stdout


BAD = {
    "empty.md": (b"", "is empty"),
    "prose.md": (b"# words\nand more words\n", "has no commands"),
    "unknown.md": (b"```\nhelm upgrade\n```\n", "none of its 1 commands is understood"),
    "namespace.md": (
        UPSTREAM.replace("scale deployment", "scale deployment -n other").encode(),
        "namespace kube-system",
    ),
    "huge.md": (b"x" * (10 << 20), "larger than 1 MiB"),
    "bytes.md": (b"```\nkubectl ko nb kick \xff\xfe\n```\n", "no UTF-8"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_files_are_one_clear_line(tmp_path: Path, name: str) -> None:
    data, words = BAD[name]
    path = tmp_path / name
    path.write_bytes(data)
    result = ovnswap("gate", str(path), "--runs", "1")
    assert result.exit_code == 2
    assert words in complaint(result)


def test_other_bad_input_is_one_clear_line(tmp_path: Path) -> None:
    loop = tmp_path / "loop.md"
    loop.symlink_to(loop)
    cases = (
        ((str(loop),), "symbolic links"),
        (("documented:kick",), "documented:kick"),
        (("guarded:remove", "--against", "guarded:add", "--members", "3", "--runs", "1"), "no procedure to remove"),
        (("guarded", "--time-budget", "soon"), "is no time budget"),
        (("guarded", "--kubernetes", "old"), "is no Kubernetes release"),
    )
    for arguments, words in cases:
        result = ovnswap("gate", *arguments, "--jobs", "1")
        assert result.exit_code == 2, arguments
        assert words in complaint(result)


def test_two_procedures_in_one_file_are_to_be_told_apart(tmp_path: Path) -> None:
    data = seed("replace-ovn-central-node.md")
    path = tmp_path / "p.md"
    path.write_bytes(data)
    result = ovnswap("gate", str(path))
    assert result.exit_code == 2
    assert re.search(r"p.md has 2 procedures: remove from line \d+, add from line \d+ ", complaint(result))
    assert "--verb remove or --verb add, or --verb all" in complaint(result)
    assert [one.label for one in of_file(data, "p.md")] == ["p.md: remove", "p.md: add"]
    assert [one.verb for one in of_file(data, "p.md", verb="add")] == ["add"]
    with pytest.raises(BadInput, match="has no procedure to replace"):
        of_file(data, "p.md", verb="replace")


def test_a_release_that_is_asked_for_is_the_only_one() -> None:
    only = Versions((1, 22), "v1.16.2", "3.5")
    assert {shape.versions for shape in shapes("add", (), (only,))} == {only}


def test_what_a_fault_does_to_a_cluster_that_nobody_changes_does_not_count() -> None:
    """A member that lost its disk comes back beside its own ghost, whatever is typed; one that crashed does not."""
    (subject,) = ours("guarded:remove", (3,))
    shape = shapes("remove", (3,), PROFILES[:1])[0]
    ghost = "nb has 2 servers configured at 172.18.0.4: all but one are ghosts"
    for trouble, excused in (("wipe", True), ("crash", False)):
        case = replace(subject.case(shape), hits=(Hit.parse(f"1:before:{trouble}@kube-ovn-control-plane2"),))
        calm = trial.run(subject.case(shape))
        stuck = replace(calm, case=case, verdict=Verdict.STUCK, reasons=(ghost,))
        (story,) = ways([("faults", shape, stuck)])
        assert bool(excuse(story, "remove")) == excused


def test_a_mistyped_name_of_ours_says_which_there_are() -> None:
    result = ovnswap("gate", "gaurded")
    assert result.exit_code == 2
    assert "one of ours: guarded, documented" in complaint(result)
