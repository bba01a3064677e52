"""docs/page-judged.md: in step with what was kept, and told as the figures say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.procedures.wanted import Wanted
from harness.report.page_judged import COMMAND, page, row
from harness.search import trial
from harness.search.case import Case, Hit
from harness.search.tally import Tally
from harness.spec import ClusterSpec

DOCS = Path(__file__).parents[2] / "docs"
LEAVER = "kube-ovn-control-plane3"


def test_the_page_is_in_step_with_the_figures() -> None:
    data = json.loads((DOCS / "page-judged.json").read_text(encoding="utf-8"))
    assert (DOCS / "page-judged.md").read_text(encoding="utf-8") == page(data), f"{COMMAND} writes it anew"
    asked = {(one["procedure"], one["verb"], one["nodes"]) for one in data["rows"]}
    assert len(asked) == len(data["rows"]) >= 10


def test_a_row_counts_what_had_an_effect_and_tells_how_to_run_it_again() -> None:
    case = Case(Wanted("documented", "remove", LEAVER), ClusterSpec(members=3, spares=1))
    calm = trial.run(case, tell=True)
    tally = Tally()
    for step in (1, 99):  # the second place never comes: void
        hits = (Hit.parse(f"{step}:before:wipe@{LEAVER}"),)
        tally.add(trial.run(Case(case.wanted, case.spec, hits)))
    found = row(calm, tally, 669, "a sample of 2")
    assert (found["counted"], found["runs"], found["nodes"]) == (1, 2, 3)
    shown = page({"when": "now.", "pace": 0.0, "rows": [found]})
    assert f"| documented remove | 3 | {found['survived']} of 1 (of 669) |" in shown
    for way in found["failing"]:
        assert way["replay"] in shown
        assert way["replay"].startswith(f"ovnswap rehearse remove {LEAVER} --procedure documented")


@pytest.mark.parametrize("verb", ["remove", "add"])
def test_both_sizes_are_judged(verb: str) -> None:
    data = json.loads((DOCS / "page-judged.json").read_text(encoding="utf-8"))
    sizes = [(one["procedure"], one["nodes"]) for one in data["rows"] if one["verb"] == verb]
    assert sizes == [("documented", 3), ("guarded", 3), ("documented", 5), ("guarded", 5)]
