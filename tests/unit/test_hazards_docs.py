"""docs/hazards.md says of each hazard what really catches it."""

from __future__ import annotations

import pytest
from support_cli import ROOT

from harness import corpus
from harness.report import hazards
from harness.report.track_record import COMMAND

ENTRIES = corpus.load(ROOT / "scenarios" / "corpus")


def test_the_page_is_in_step_with_corpus_and_rules() -> None:
    kept = (ROOT / "docs" / "hazards.md").read_text(encoding="utf-8")
    assert kept == hazards.page(ENTRIES), f"{COMMAND} writes it anew"


@pytest.mark.parametrize("number", hazards.HAZARDS)
def test_each_is_caught_in_a_run_or_has_a_reason_and_a_test(number: int) -> None:
    (entry,) = [one for one in ENTRIES if number in hazards._numbers(one)]
    bad = [
        one for r in entry.replays for one in r.tries if one.procedure == "documented" and set(one.ends) & hazards.BAD
    ]
    if number in hazards.OUTSIDE:
        assert not bad
        assert any(replay.kind in ("test", "conformance") for replay in entry.replays)
    else:
        assert bad


def test_every_hazard_that_a_rule_names_is_in_the_row_of_it() -> None:
    assert hazards.rules(1) == ["`ONE-DATABASE`"]
    assert "`FILES-OTHER`" in hazards.rules(4), "hazards 3 to 6"
    named = {number for number in hazards.HAZARDS if hazards.rules(number)}
    assert len(named) > 20, "rules give hazards as their reasons"
