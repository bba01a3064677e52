"""The corpus as a stage of the gate: known failures' situations, with another procedure in them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support_cli import complaint, ovnswap
from test_gate import ONE, exported, upstream
from test_runbook import seed

from harness import corpus
from harness.errors import BadInput
from harness.gate import known
from harness.gate.gate import Settings, gate
from harness.gate.shapes import PROFILES
from harness.gate.subject import of_file, ours
from harness.gate.verdict import PASSED
from harness.search.case import Hit

DIRECTORY = known.beside()
assert DIRECTORY is not None
ENTRIES = known.read(DIRECTORY)


def hits(name: str, entry: str, verb: str = "remove") -> list[str]:
    (subject,) = ours(name)
    found = known.cases(subject, known.situations(ENTRIES, verb), PROFILES)
    (case,) = [case for shape, case in found if shape.like == entry]
    return [str(hit) for hit in case.hits]


def test_each_of_ours_meets_a_fault_where_the_entry_has_it_for_that_procedure() -> None:
    assert hits("guarded:remove", "disk-full") == ["9:during:disk-full@kube-ovn-control-plane"]
    assert hits("documented:remove", "disk-full") == ["10:before:disk-full@kube-ovn-control-plane"]


def test_only_what_the_guarded_procedure_must_survive_is_asked() -> None:
    known_names = {one.name for verb in ("remove", "add") for one in known.situations(ENTRIES, verb)}
    assert "all-masters-rebooted-at-once" in known_names
    assert "first-address-wiped-while-it-leads" not in known_names, "nothing survives it"
    bad = [e for e in ENTRIES if all(set(t.ends) & {"stuck", "unsafe"} for r in e.replays for t in r.tries)]
    assert bad
    assert not known_names & {entry.name for entry in bad}


def test_a_fault_goes_to_the_same_step_of_another_plan_or_as_far_on_the_way() -> None:
    guarded, page = ours("guarded:remove")[0], ours("documented:remove")[0]
    plans = [subject.plan(subject.shapes(PROFILES[:1])[0])[0] for subject in (guarded, page)]
    ours_, theirs = plans
    kicks = next(n for n, step in enumerate(theirs.steps, 1) if "Unlabel" in type(step).__name__)
    carried = known.carried(Hit.parse(f"{kicks}:before:pause@x"), theirs, ours_)
    assert type(ours_.steps[carried.step - 1]) is type(theirs.steps[kicks - 1])
    assert known.carried(Hit.parse(f"{len(theirs.steps)}:after:pause@x"), theirs, ours_).step == len(ours_.steps)
    assert known.carried(Hit.parse("1:before:pause@x"), theirs, ours_).step == 1


def test_an_exported_runbook_is_asked_as_the_procedure_that_it_is() -> None:
    (subject,) = of_file(exported(), "plan.md")
    found = list(known.cases(subject, known.situations(ENTRIES, "remove"), PROFILES))
    assert {case.wanted.procedure for _, case in found} == {"guarded"}
    assert {shape.members for shape, _ in found} == {3}, "the plan is for three"


def test_a_known_failure_fails_the_gate_with_its_name() -> None:
    entry = corpus.read(DIRECTORY / "kick-while-another-member-is-down.json")
    settings = replace(ONE, corpus=(entry,), profiles=PROFILES)
    (page,) = of_file(seed("replace-ovn-central-node.en.md"), "page.md", verb="remove", sizes=(3,))
    found = gate(page, settings)
    stages = {stage.name: stage for stage in found.stages}
    assert (stages["corpus"].tried, stages["corpus"].bad) == (1, 1)
    assert any("corpus" in story.stages for story in found.stories)
    assert "as in kick-while-another-member-is-down" in " ".join(str(story.shape) for story in found.stories)


def test_to_refuse_is_a_good_end_in_a_known_failure() -> None:
    entry = corpus.read(DIRECTORY / "last-member-kicked.json")
    (subject,) = ours("guarded:remove")
    found = gate(subject, replace(ONE, corpus=(entry,)))
    (stage,) = [stage for stage in found.stages if stage.name == "corpus"]
    assert (stage.tried, stage.bad, found.verdict) == (1, 0, PASSED)


def test_without_a_corpus_the_stage_says_so() -> None:
    (subject,) = ours("guarded:remove", (3,))
    found = gate(subject, Settings(budget=None, runs=1, replays=0, profiles=PROFILES[:1]))
    (stage,) = [stage for stage in found.stages if stage.name == "corpus"]
    assert stage.tried == 0
    assert "there is no corpus (--corpus DIR)" in stage.words


def test_a_corpus_that_is_none_is_one_clear_line(tmp_path: Path) -> None:
    for directory, words in ((tmp_path / "none", "is no directory"), (tmp_path, "has no known failures")):
        result = ovnswap("gate", "guarded", "--corpus", str(directory))
        assert result.exit_code == 2
        assert words in complaint(result)
    with pytest.raises(BadInput, match="no known failures"):
        known.read(tmp_path)


def test_what_fits_no_cluster_of_an_entry_is_left_out() -> None:
    change = upstream()
    found = list(known.cases(change, known.situations(ENTRIES, "remove"), PROFILES))
    assert {shape.members for shape, _ in found} == {5}
