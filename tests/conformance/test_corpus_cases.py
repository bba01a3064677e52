"""The corpus names cases of the catalogue and scenarios of releases, which other tests here play."""

from __future__ import annotations

from pathlib import Path

from catalogue import CASES
from release_cases import SCENARIOS

from harness import corpus

ENTRIES = corpus.load(Path(__file__).parents[2] / "scenarios" / "corpus")


def test_every_case_that_the_corpus_names_is_played() -> None:
    replays = [replay for entry in ENTRIES for replay in entry.replays if replay.kind == "conformance"]
    assert replays
    cases = {case.name for case in CASES}
    releases = {scenario.__name__ for scenario in SCENARIOS}
    for replay in replays:
        assert replay.fields["cases"]
        assert set(replay.fields["cases"]) <= cases, replay.fields
        assert set(replay.fields.get("releases", ())) <= releases, replay.fields
