"""README and docs say what the program does.

The tables in docs/procedures.md are rewritten when OVN_REWRITE=1 is in the environment.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from support_cli import LEAVER, ROOT, TEXT, ovnswap
from support_views import healthy, names_of

from harness.cluster import ClusterView
from harness.errors import ExitCode
from harness.plan import Plan
from harness.procedures import documented, guarded
from harness.report.text import step_rows

README = Path(__file__).parents[2] / "README.md"
DOCS = Path(__file__).parents[2] / "docs" / "procedures.md"
A, B, C, D = names_of(4)


def dead() -> ClusterView:
    return healthy(3, 1).kill(C).view()


CASES = {
    "documented remove": (healthy(3).view, lambda view: documented.remove(view, C)),
    "guarded remove": (healthy(3).view, lambda view: guarded.remove(view, C)),
    "guarded remove dead": (dead, lambda view: guarded.remove(view, C, guarded.Options(accept_stall=True))),
    "guarded add": (healthy(3, 1).view, lambda view: guarded.add(view, D)),
    "guarded replace": (healthy(3, 1).view, lambda view: guarded.replace(view, C, D)),
    "guarded replace dead": (dead, lambda view: guarded.replace(view, C, D)),
}


def table(plan: Plan, view: ClusterView) -> str:
    lines = ["| # | step | tolerates nb/sb | safe point |", "|---|---|---|---|"]
    for number, tolerance, safe, title in step_rows(plan.forecast(view)):
        lines.append(f"| {number} | {title} | {tolerance} | {safe} |")
    return "\n".join(lines)


@pytest.mark.parametrize("name", CASES)
def test_the_table_is_what_the_procedure_gives(name: str) -> None:
    make, procedure = CASES[name]
    view = make()
    plan = procedure(view)
    assert plan.refusals == (), "the documentation shows orders that are allowed"
    wanted = f"<!-- steps: {name} -->\n{table(plan, view)}\n<!-- end -->"
    text = DOCS.read_text(encoding="utf-8")
    pattern = re.compile(rf"<!-- steps: {name} -->\n.*?<!-- end -->", re.DOTALL)
    if os.environ.get("OVN_REWRITE") == "1":
        DOCS.write_text(pattern.sub(lambda _: wanted, text), encoding="utf-8")
        return
    found = pattern.search(text)
    assert found is not None, f"{DOCS} has no place for {name}"
    assert found[0] == wanted, "rewrite with OVN_REWRITE=1 if the change is meant"


def test_every_table_of_the_documentation_is_tested() -> None:
    assert re.findall(r"<!-- steps: (.*?) -->", DOCS.read_text(encoding="utf-8")) == list(CASES)


def shown(start: str) -> list[str]:
    """The block of the README whose first line begins with ``start``."""
    blocks = re.findall(r"```\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    return next(block for block in blocks if block.startswith(start)).splitlines()


def test_the_readme_shows_what_is_printed() -> None:
    plan = ovnswap("plan", "remove", LEAVER, *TEXT).stdout.splitlines()
    missing = [line for line in shown("plan: ") if line and line not in plan]
    assert missing == []
    status = ovnswap("status", *TEXT).stdout.splitlines()
    assert [line for line in shown("DB ") if line not in status] == []


def test_the_readmes_commands_are_understood() -> None:
    text = README.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines() if re.match(r"(\.venv/bin/)?ovnswap \w", line.strip())]
    assert len(lines) >= 8
    for line in lines:
        words = shlex.split(line)[1:]
        spoken = [word for word in words if word not in ("remove|add|replace", "...")]
        result = ovnswap(*spoken, "-h")
        assert result.exit_code == 0, line
        options = {word for word in words if word.startswith("--")}
        assert all(option in result.stdout for option in options if option not in ("--pods", "--status", "--nodes")), (
            line
        )


def test_every_exit_code_is_explained() -> None:
    text = README.read_text(encoding="utf-8")
    codes = text.split("### Exit codes")[1].split("### JSON")[0]
    for code in ExitCode:
        assert re.search(rf"(?m)^\| {int(code)} \||\b{int(code)} \(", codes), code


def test_the_quick_starts_plan_runs_as_it_is_written() -> None:
    text = README.read_text(encoding="utf-8").replace("\\\n", " ")
    line = next(line for line in text.splitlines() if line.startswith(".venv/bin/ovnswap plan"))
    words = [str(ROOT / word) if word.startswith("tests/") else word for word in shlex.split(line)[1:]]
    assert ovnswap(*words).exit_code == 0
