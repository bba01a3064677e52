"""What changed between releases, on the servers of three of them and on the model of each family."""

from __future__ import annotations

from functools import cache

import pytest
from installed_roots import Installation
from raft_worlds import FakeWorld, Invented, RealWorld, Seeded
from release_cases import DIFFERENCES, SCENARIOS, Differs, Scenario
from test_raft_basics import Notes

from fake_raft import by_version

FAMILIES = ("3.1", "3.5", "newest")
OTHER_RUNS = 40
"""Runs of the fake among which a real one must be, and which together must show all that chance may bring."""


@cache
def endings(scenario: Scenario, release: str) -> tuple[Notes, ...]:
    """What the fake shows in as many runs."""
    return tuple(scenario(FakeWorld(Invented(), release, Seeded(seed, calm=True))) for seed in range(OTHER_RUNS))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("differs", DIFFERENCES, ids=lambda d: f"{d.scenario.__name__}-{d.note.replace(' ', '_')}")
def test_the_model_of_a_family_shows_all_that_it_may_and_nothing_else(differs: Differs, family: str) -> None:
    allowed = differs.values[FAMILIES.index(family)]
    assert {notes[differs.note] for notes in endings(differs.scenario, family)} == set(allowed)


@pytest.mark.usefixtures("real_ovsdb")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_release_does_as_its_model(real: RealWorld, installation: Installation, scenario: Scenario) -> None:
    expected = scenario(real)
    profile = by_version(installation.version)
    if profile.name in FAMILIES:
        for differs in DIFFERENCES:
            if differs.scenario is scenario:
                assert expected[differs.note] in differs.values[FAMILIES.index(profile.name)], differs.note
    runs = (FakeWorld(real, installation.version, Seeded(seed, calm=True)) for seed in range(OTHER_RUNS))
    if scenario(FakeWorld(real, installation.version)) != expected:
        assert expected in map(scenario, runs), f"not among {OTHER_RUNS} runs of the fake"
