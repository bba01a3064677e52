"""Lint: every rule finds what it is for, at its line, and a careful procedure has nothing to find."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from support_cli import complaint, ovnswap
from support_views import healthy
from test_runbook import DOCS, PAGES, C, D, plans, seed

from harness.cluster import ClusterView
from harness.lint import RULES, Finding, lint
from harness.lint.steered_rules import STEERED
from harness.procedures import runbook
from harness.report.markdown import runbook as markdown

OUT = """\
# take it out
```
kubectl ko nb backup
kubectl ko sb backup
kubectl ko nb status
kubectl ko nb kick <ID>
kubectl ko nb status
kubectl ko sb status
kubectl ko sb kick <ID>
kubectl ko sb status
kubectl label node <node> kube-ovn/role-
kubectl wait pod/<POD> --for=condition=Ready=false
kubectl scale deployment ovn-central --replicas=4
kubectl set env deployment/ovn-central NODE_IPS=172.18.0.3,172.18.0.4,172.18.0.6,172.18.0.7
kubectl rollout status deployment/ovn-central
kubectl set env daemonset/ovs-ovn OVN_DB_IPS=172.18.0.3,172.18.0.4,172.18.0.6,172.18.0.7
kubectl set env deployment/kube-ovn-controller OVN_DB_IPS=172.18.0.3,172.18.0.4,172.18.0.6,172.18.0.7
kubectl rollout status deployment/kube-ovn-controller
ssh <node> rm -rf /etc/origin/ovn
```
"""
IN = """\
```
kubectl ko nb backup
kubectl ko sb backup
kubectl ko nb status
kubectl ko sb status
ssh <node> rm -rf /etc/origin/ovn
kubectl label node <node> kube-ovn/role=master
kubectl scale deployment ovn-central --replicas=4
kubectl set env deployment/ovn-central NODE_IPS=172.18.0.3,172.18.0.4,172.18.0.5,172.18.0.6
kubectl rollout status deployment/ovn-central
kubectl set env daemonset/ovs-ovn OVN_DB_IPS=172.18.0.3,172.18.0.4,172.18.0.5,172.18.0.6
kubectl set env deployment/kube-ovn-controller OVN_DB_IPS=172.18.0.3,172.18.0.4,172.18.0.5,172.18.0.6
kubectl rollout status deployment/kube-ovn-controller
```
"""
ALWAYS = {"KICK-HEALTH"}
"""What a page can't do with commands that are understood: look at every member before the first kick."""


def found(text: str, view: ClusterView, node: str) -> list[Finding]:
    (book,) = runbook.read(text.encode(), "a.md", view, node)
    return list(lint(book, view))


def without(text: str, *words: str) -> str:
    lines = text.splitlines(keepends=True)
    for word in words:
        assert any(word in line for line in lines), word
        lines = [line for line in lines if word not in line]
    return "".join(lines)


def moved(text: str, word: str, before: str) -> str:
    """The line with ``word`` comes before the one with ``before``."""
    lines = text.splitlines(keepends=True)
    line = next(line for line in lines if word in line)
    lines.remove(line)
    lines.insert(next(at for at, other in enumerate(lines) if before in other), line)
    return "".join(lines)


def test_careful_pages_have_next_to_nothing_to_find() -> None:
    assert {one.rule for one in found(OUT, healthy(5, 1).view(), C)} == ALWAYS
    assert found(IN, healthy(3, 1).view(), D) == []


SPOILED = [
    ("ONE-DATABASE", without(OUT, "sb kick"), 6),
    ("NO-KICK", without(OUT, "nb kick", "sb kick"), 17),
    ("WRONG-SERVER", OUT.replace("sb kick <ID>", "sb kick tcp:[172.18.0.4]:6644"), 9),
    ("ID-UNSEEN", moved(OUT, "nb kick", "nb status"), 5),
    (
        "ID-UNSEEN",
        OUT.replace("nb kick <ID>\nkubectl ko nb status\nkubectl ko sb", "nb kick <ID>\nkubectl ko nb", 1),
        8,
    ),
    ("KICK-UNCONFIRMED", without(OUT, "nb status"), 5),
    ("KICK-UNCONFIRMED", OUT.replace("sb kick <ID>\nkubectl ko sb status", "sb kick <ID>"), 9),
    ("SCALE-EARLY", without(OUT, "kubectl wait"), 12),
    ("SCALE-EARLY", OUT.replace("kubectl wait pod/<POD> --for=condition=Ready=false", "sleep 10"), 13),
    ("LABEL-KEPT", without(OUT, "kubectl label"), 12),
    ("LABEL-KEPT", moved(OUT, "kubectl label", "ssh"), 12),
    ("NO-SCALE", without(OUT, "kubectl scale"), 18),
    ("ENV-BEFORE-SCALE", moved(OUT, "kubectl scale", "rollout status"), 13),
    ("NODE-IPS", OUT.replace("NODE_IPS=172.18.0.3,", "NODE_IPS="), 14),
    ("NODE-IPS", OUT.replace("NODE_IPS=", "NODE_IPS=172.18.0.5,"), 14),
    ("NODE-IPS", without(OUT, " NODE_IPS"), 18),
    ("NO-ROLLOUT-STATUS", without(OUT, "rollout status deployment/ovn-central"), 14),
    ("ROLLOUT-UNAWAITED", without(OUT, "rollout status deployment/kube-ovn-controller"), 17),
    (
        "ROLLOUT-UNAWAITED",
        moved(OUT, "status deployment/kube-ovn-controller", "set env deployment/kube-ovn-controller"),
        18,
    ),
    ("FILES-EARLY", moved(OUT, "ssh", "sb kick"), 9),
    ("FILES-EARLY", moved(OUT, "ssh", "kubectl label"), 11),
    ("FILES-WRONG-NODE", OUT.replace("ssh <node>", "ssh kube-ovn-control-plane"), 19),
    ("FILES-LEFT", without(OUT, "ssh"), 18),
    ("CLIENTS-FORGOTTEN", without(OUT, "daemonset/ovs-ovn"), 18),
    ("CLIENTS-FORGOTTEN", OUT.replace("ovs-ovn OVN_DB_IPS=172.18.0.3,", "ovs-ovn OVN_DB_IPS="), 16),
    ("CLIENTS-AT-ONCE", OUT.replace("ssh", "kubectl delete pod -l app=ovs\nssh"), 19),
    ("SLEEP", OUT.replace("ssh", "sleep 90\nssh"), 19),
    ("NO-BACKUP", without(OUT, "backup"), 1),
    ("NOT-UNDERSTOOD", OUT.replace("ssh", "helm upgrade\nssh"), 19),
]


@pytest.mark.parametrize(("rule", "text", "line"), SPOILED)
def test_a_removal_that_was_spoiled_is_found_out(rule: str, text: str, line: int) -> None:
    lines = [one.line for one in found(text, healthy(5, 1).view(), C) if one.rule == rule]
    assert lines == [line]


SPOILED_ADD = [
    ("ADD-HEALTH", without(IN, "nb status"), 6),
    (
        "NEW-FIRST",
        IN.replace("NODE_IPS=172", "NODE_IPS=172.18.0.6,172").replace("5,172.18.0.6\nkubectl roll", "5\nkubectl roll"),
        9,
    ),
    ("FILES-LEFT", moved(IN, "ssh", "kubectl scale"), 7),
    ("FILES-LEFT", without(IN, "ssh"), 12),
    ("ENV-BEFORE-SCALE", moved(IN, "kubectl scale", "rollout status"), 8),
    ("LABEL-LATE", moved(IN, "kubectl scale", "kubectl label"), 7),
]


@pytest.mark.parametrize(("rule", "text", "line"), SPOILED_ADD)
def test_an_addition_that_was_spoiled_is_found_out(rule: str, text: str, line: int) -> None:
    lines = [one.line for one in found(text, healthy(3, 1).view(), D) if one.rule == rule]
    assert lines == [line]


def test_every_workload_that_carries_addresses_counts() -> None:
    view = healthy(5, 1).view()
    (controller,) = (workload for workload in view.workloads if workload.name == "kube-ovn-controller")
    more = replace(view, workloads=(*view.workloads, replace(controller, name="ovn-ic-controller")))
    forgotten = [one.seen for one in found(OUT, more, C) if one.rule == "CLIENTS-FORGOTTEN"]
    assert forgotten == ["OVN_DB_IPS of deployment/ovn-ic-controller is not changed"]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_found_wanting_where_the_scenarios_break_it(page: str) -> None:
    view = healthy(3, 1).view()
    out, _ = runbook.read(seed(page), page, view, C)
    rules = [one.rule for one in lint(out, view)]
    assert rules == ["NO-BACKUP", "KICK-HEALTH", "SCALE-EARLY", "STALL", "CLIENTS-AT-ONCE"]


@pytest.mark.parametrize("name", [name for name in plans() if name != "page"])
def test_the_guarded_procedures_have_nothing_to_find(name: str) -> None:
    view, plan = plans()[name]
    assert found(markdown(plan, plan.forecast(view), view), view, "") == []


def test_every_rule_is_tested() -> None:
    tested = {rule for rule, _, _ in (*SPOILED, *SPOILED_ADD)} | ALWAYS | {"STALL"}
    assert tested == ({rule.id for rule in RULES} - {rule.id for rule in STEERED}) | {"NOT-UNDERSTOOD"}


def write(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "a.md"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_the_command_prints_ids_lines_and_fixes_and_ends_with_1(tmp_path: Path) -> None:
    path = write(tmp_path, OUT)
    result = ovnswap("lint", path, "--node", C, "--members", "5")
    assert result.exit_code == 1
    assert f"{path}:6: error: KICK-HEALTH" in result.stdout
    assert "    fix: " in result.stdout


def test_warnings_fail_only_when_strict(tmp_path: Path) -> None:
    path = write(tmp_path, IN.replace("kubectl label", "sleep 5\nkubectl label"))
    assert ovnswap("lint", path, "--node", D).exit_code == 0
    assert ovnswap("lint", path, "--node", D, "--strict").exit_code == 1


def test_json_and_sarif_name_the_same_findings(tmp_path: Path) -> None:
    path = write(tmp_path, without(OUT, "sb kick"))
    options = ("lint", path, "--node", C, "--members", "5", "-o")
    as_json = json.loads(ovnswap(*options, "json").stdout)
    run = json.loads(ovnswap(*options, "sarif").stdout)["runs"][0]
    expected = [(one["rule"], one["level"], one["line"]) for one in as_json["findings"]]
    assert ("ONE-DATABASE", "error", 6) in expected
    places = [one["locations"][0]["physicalLocation"]["region"]["startLine"] for one in run["results"]]
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [one[:2] for one in expected]
    assert places == [one[2] for one in expected]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])


def test_one_procedure_of_a_page_with_both_can_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, OUT + "# bring it in\n## now\n" + IN)
    refused = ovnswap("lint", path, "--node", C, "--members", "5")
    assert refused.exit_code == 2
    assert "has 2 procedures: remove from line " in complaint(refused)
    both = json.loads(ovnswap("lint", path, "--node", C, "--members", "5", "--verb", "all", "-o", "json").stdout)
    assert [one["verb"] for one in both["procedures"]] == ["remove", "add"]
    one = json.loads(ovnswap("lint", path, "--node", C, "--members", "5", "--verb", "add", "-o", "json").stdout)
    assert [p["verb"] for p in one["procedures"]] == ["add"]
    missing = ovnswap("lint", write(tmp_path, OUT), "--node", C, "--verb", "add", "--members", "5")
    assert "has no procedure to add a node" in complaint(missing)


def test_a_loop_of_links_and_a_directory_are_one_clear_line(tmp_path: Path) -> None:
    loop = tmp_path / "loop.md"
    loop.symlink_to(loop)
    for path, words in ((loop, "symbolic links"), (tmp_path, "directory"), (tmp_path / "none", "No such file")):
        result = ovnswap("lint", str(path))
        assert result.exit_code == 2
        assert words in complaint(result)


BAD = [
    (b"", "is empty -> name a runbook"),
    (b"x" * (10 << 20), "is larger than 1 MiB -> name a runbook"),
    (b"```\nkubectl ko nb kick \xff\xfe\n```\n", "a.md:2: byte 23 is no UTF-8 text -> save the file as UTF-8"),
    (b"# prose\n", "has no commands -> name a page or a script with commands"),
    (
        b"```\nkubectl ko nb status\nfrobnicate\nreboot\n```\n",
        "the one command does not kick or label a node, and 2 more are not understood, first line 3: frobnicate",
    ),
    (b"```\nhelm upgrade x\n```\n", "a.md:2: none of its 1 commands is understood, the first is helm upgrade x"),
]


@pytest.mark.parametrize(("data", "words"), BAD, ids=[words[:24] for _, words in BAD])
def test_bad_files_are_one_clear_line(tmp_path: Path, data: bytes, words: str) -> None:
    result = ovnswap("lint", write(tmp_path, data))
    assert result.exit_code == 2
    assert words in complaint(result)
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("kubectl scale deployment", "helm upgrade x\nkubectl scale deployment", "helm upgrade x"),
        ("kubectl scale deployment", "kubectl scale deployment -n other", "namespace kube-system"),
    ],
)
def test_one_line_of_another_kind_is_named_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in OUT
    path = write(tmp_path, OUT.replace(old, new))
    result = ovnswap("lint", path, "--node", C, "--members", "5")
    assert result.exit_code == 1
    (told,) = [line for line in result.stdout.splitlines() if "NOT-UNDERSTOOD" in line]
    assert re.match(re.escape(path) + r":\d+: error: NOT-UNDERSTOOD", told)
    assert words in result.stdout


def table() -> str:
    rows = [f"| `{rule.id}` | {rule.level} | {rule.why} | {rule.fact} |" for rule in RULES]
    return "\n".join(["| id | level | why | fact |", "|---|---|---|---|", *rows])


def test_the_docs_list_every_rule() -> None:
    before, _, rest = DOCS.read_text(encoding="utf-8").partition("<!-- rules -->\n")
    listed, _, after = rest.partition("<!-- end -->")
    if os.environ.get("OVN_REWRITE"):
        DOCS.write_text(f"{before}<!-- rules -->\n{table()}\n<!-- end -->{after}", encoding="utf-8")
        listed = table() + "\n"
    assert listed == table() + "\n"
