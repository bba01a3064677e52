"""What changed between releases, on the servers of three of them and on the model of each family."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from functools import cache
from itertools import islice

import pytest
from catalogue.known import ODDS
from installed_roots import Installation
from raft_worlds import FakeWorld, Invented, RealWorld, Seeded
from release_cases import DIFFERENCES, SCENARIOS, Differs, Scenario
from test_raft_basics import Notes

from fake_raft import by_version
from fake_raft.profile import OVS_3_1, OVS_3_5, OVS_NEWEST, PreVote, Profile

FAMILIES = ("3.1", "3.5", "newest")
OTHER_RUNS = 40
"""Runs of the fake among which a real one must be, and which together must show all that chance may bring."""

RUNS_OF_A_WRONG_MODEL = 15


def runs(scenario: Scenario, release: str | Profile) -> Iterator[Notes]:
    """What the fake shows in as many runs."""
    return (scenario(FakeWorld(Invented(), release, Seeded(seed, calm=True))) for seed in range(OTHER_RUNS))


@cache
def endings(scenario: Scenario, family: str) -> tuple[Notes, ...]:
    return tuple(runs(scenario, family))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("differs", DIFFERENCES, ids=lambda d: f"{d.scenario.__name__}-{d.note.replace(' ', '_')}")
def test_the_model_of_a_family_shows_all_that_it_may_and_nothing_else(differs: Differs, family: str) -> None:
    allowed = differs.values[FAMILIES.index(family)]
    assert {notes[differs.note] for notes in endings(differs.scenario, family)} == set(allowed)


def test_where_only_the_odds_are_known_to_differ_both_endings_are_met() -> None:
    names = {scenario.__name__: scenario for scenario in SCENARIOS}
    for name, family in ODDS:
        differs = next(
            differs
            for differs in DIFFERENCES
            if differs.scenario is names[name] and len(differs.values[FAMILIES.index(family)]) > 1
        )
        met = {notes[differs.note] for notes in endings(differs.scenario, family)}
        assert len(met) > 1, (name, family)


OTHERWISE = (
    *(replace(OVS_3_1, pre_vote=PreVote.EARLY), replace(OVS_3_1, join_by_commit=True)),
    *(replace(OVS_3_1, patient_leave=True), replace(OVS_3_1, resets_strangers=True)),
    *(replace(OVS_3_5, pre_vote=PreVote.NONE), replace(OVS_3_5, pre_vote=PreVote.FULL)),
    *(replace(OVS_3_5, join_by_commit=False), replace(OVS_3_5, patient_leave=True)),
    *(replace(OVS_3_5, drops_disruptive=True), replace(OVS_3_5, resets_strangers=True)),
    *(replace(OVS_NEWEST, pre_vote=PreVote.NONE), replace(OVS_NEWEST, pre_vote=PreVote.EARLY)),
    *(replace(OVS_NEWEST, join_by_commit=False), replace(OVS_NEWEST, patient_leave=False)),
    *(replace(OVS_NEWEST, drops_disruptive=False), replace(OVS_NEWEST, resets_strangers=False)),
)
"""A family with one rule of another one."""


def changed_rule(profile: Profile) -> str:
    known = next(known for known in (OVS_3_1, OVS_3_5, OVS_NEWEST) if known.name == profile.name)
    return f"{profile.name}-" + next(
        f"{field.name}={getattr(profile, field.name)}"
        for field in fields(Profile)
        if getattr(profile, field.name) != getattr(known, field.name)
    )


@pytest.mark.parametrize("profile", OTHERWISE, ids=changed_rule)
def test_a_model_with_one_wrong_rule_is_found_out(profile: Profile) -> None:
    family = FAMILIES.index(profile.name)

    def shows(differs: Differs) -> bool:
        some = islice(runs(differs.scenario, profile), RUNS_OF_A_WRONG_MODEL)
        return any(notes[differs.note] not in differs.values[family] for notes in some)

    assert any(map(shows, DIFFERENCES))


@pytest.mark.usefixtures("real_ovsdb")
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_release_does_as_its_model(real: RealWorld, installation: Installation, scenario: Scenario) -> None:
    expected = scenario(real)
    profile = by_version(installation.version)
    if profile.name in FAMILIES:
        for differs in DIFFERENCES:
            if differs.scenario is scenario:
                assert expected[differs.note] in differs.values[FAMILIES.index(profile.name)], differs.note
    if scenario(FakeWorld(real, installation.version)) != expected:
        others = (FakeWorld(real, installation.version, Seeded(seed, calm=True)) for seed in range(OTHER_RUNS))
        assert expected in map(scenario, others), f"not among {OTHER_RUNS} runs of the fake"
