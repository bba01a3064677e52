"""Every case of the catalogue on the model of each family, and on real servers."""

from __future__ import annotations

import pytest
from catalogue import CASES, FAMILIES, Case
from catalogue.compare import compare, fake_complaint
from catalogue.known import KNOWN
from catalogue.labels import SAMPLES, STUDIED, SUBTLE, UPSTREAM, of_line, of_point, of_study
from catalogue.places import room_for
from installed_roots import HOST, SUITES, need
from language import script as read_script
from language import to_json

NAMES = [case.name for case in CASES]
DIFFERENT = tuple(case for case in CASES if case.differs)
"""Those that are played on every installation by ``make test``; ``make conformance`` plays all of them everywhere."""


def test_names_are_unique() -> None:
    assert len(set(NAMES)) == len(NAMES)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_is_plain_data(case: Case) -> None:
    assert read_script(to_json(case.script)) == case.script


def test_every_known_difference_is_one_of_a_case() -> None:
    assert all(case in NAMES and family in FAMILIES for case, family in KNOWN)


def test_every_label_has_a_case() -> None:
    """The cases of the study, the tests of OVS's own suite, what is subtle, and the captured statuses."""
    assert [label for label in STUDIED if not of_study(label)] == []
    assert [line for line in UPSTREAM if not of_line(line)] == []
    assert [label for label in SUBTLE if not of_point(label)] == []
    assert [name for names in SAMPLES.values() for name in names if name not in NAMES] == []
    assert (len(STUDIED), len(UPSTREAM), len(SUBTLE), len(SAMPLES)) == (21, 43, 28, 14)


def test_a_label_without_a_case_is_missed() -> None:
    assert (of_study("K9"), of_line(865 + 100), of_point("9.29")) == ([], [], [])
    assert of_point("9.1") == ["J8-stranded"], "9.1 is not 9.10"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_model_shows_what_the_facts_allow(case: Case, family: str) -> None:
    if (case.name, family) not in KNOWN:
        assert not fake_complaint(case, family)


PLACES = [(name, case) for name in (HOST, *SUITES) for case in (CASES if name == HOST else DIFFERENT)]


@pytest.mark.usefixtures("real_ovsdb")
@pytest.mark.parametrize(("name", "case"), PLACES, ids=[f"{name}-{case.name}" for name, case in PLACES])
def test_real_servers_and_the_model_agree(name: str, case: Case) -> None:
    installation = need(name)
    with room_for(installation.prefix, filters=case.needs_filters) as world:
        if case.needs_filters and not world.partitions:
            pytest.skip("cutting servers off needs network namespaces and packet filters: run as root")
        verdict = compare(case, world, installation.version)
    if (case.name, verdict.family) not in KNOWN:
        assert verdict.well, verdict
