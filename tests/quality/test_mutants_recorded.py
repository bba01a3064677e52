"""The kills of scenarios/mutants.json, once more: a change after which the gate finds less is seen in each test run."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from harness.gate import mutation, recorded, situations, survivors
from harness.gate.mutation import EQUIVALENT, LINT, LIVES, MONITOR, RUN, Fate
from harness.gate.recorded import Record
from harness.gate.situations import Ground
from harness.gate.subject import ours
from harness.report.mutants_page import DOCUMENTED, GUARDED, page, page_words, percent, words
from harness.search import mutants, trial

ROOT = Path(__file__).parents[2]
RECORDS = recorded.read(ROOT / recorded.FILE)
ALL = os.environ.get("OVN_MUTANTS") == "all"
"""Every kill of the documented procedures and every argument, too: some minutes."""
SHARE = 6
"""One of so many of their kills otherwise."""
ARGUED = 20
"""One of so many arguments otherwise."""


@cache
def grounds(label: str) -> tuple[Ground, ...]:
    return situations.grounds(ours(label)[0])


def kills() -> list[tuple[str, str]]:
    found = []
    for label, record in RECORDS.items():
        ran = [name for name, known in record.mutants.items() if known.how in (RUN, MONITOR)]
        found += [(label, name) for name in (ran if ALL or label in GUARDED else ran[::SHARE])]
    return found


@pytest.mark.parametrize(("label", "name"), kills(), ids=lambda text: text.replace(" ", "-"))
def test_a_kill_still_kills(label: str, name: str) -> None:
    usual, known = grounds(label)[0], RECORDS[label].mutants[name]
    base = known.base(grounds(label))
    ground = next(one for one in grounds(label) if one.name == known.on)
    mutant = situations.there(name, usual.plan, ground.plan)
    assert mutant, f"there is no {name} on the cluster {known.on}: make mutants"
    how, _ = mutation.judged(trial.run(replace(base, mutation=mutant)), base)
    assert how in (RUN, MONITOR), f"{name} of {label} lives in the run that killed it: {known.by}: make mutants"


def argued() -> list[tuple[str, str]]:
    found = [
        (label, name)
        for label, record in RECORDS.items()
        for name, known in record.mutants.items()
        if known.how == EQUIVALENT
    ]
    return found if ALL else found[::ARGUED]


@pytest.mark.parametrize(("label", "name"), argued(), ids=lambda text: text.replace(" ", "-"))
def test_an_argument_still_stands_its_runs(label: str, name: str) -> None:
    known = RECORDS[label].mutants[name]
    claim = Fate(name, EQUIVALENT, known.by, 0, grounds(label)[0].case)
    fate = mutation.confirmed((grounds(label), claim))
    assert (fate.how, fate.runs, fate.alike) == (EQUIVALENT, known.runs, known.alike), f"{fate.by}: make mutants"


def test_each_argument_has_stood_runs_with_faults() -> None:
    runs = [known.runs for record in RECORDS.values() for known in record.mutants.values() if known.how == EQUIVALENT]
    assert min(runs) >= mutation.CONFIRMING


def test_whatever_lives_has_a_meaning() -> None:
    living = [(label, name) for label, record in RECORDS.items() for name in record.living]
    assert [one for one in living if survivors.meaning(one[1]) == survivors.HOLE] == []
    assert survivors.meaning("drop Remove(nb, 172.18.0.5)") == survivors.HOLE


@pytest.mark.parametrize("label", RECORDS)
def test_every_mutant_has_a_record_and_what_can_be_read_is_as_recorded(label: str) -> None:
    usual, record = grounds(label)[0], RECORDS[label]
    todo = list(mutants.mutations(usual.plan, usual.view))
    assert sorted(todo) == sorted(record.mutants), "make mutants"
    for name in todo:
        fate, known = mutation.read(usual, name), record.mutants[name]
        if fate is None:
            assert known.how in (RUN, MONITOR, LIVES) or name.startswith("twice "), name
        elif fate.how == EQUIVALENT and known.how in (RUN, MONITOR):
            assert known.runs <= mutation.CONFIRMING, f"{name}: only a run that confirms an argument may refute it"
        else:
            assert (fate.how, fate.by) == (known.how, known.by), name


def test_the_guarded_procedures_reach_what_is_asked_for() -> None:
    assert set(GUARDED) | set(DOCUMENTED) <= set(RECORDS)
    for label in GUARDED:
        assert percent(RECORDS[label]) >= mutation.ENOUGH
    assert all(known.by for record in RECORDS.values() for known in record.mutants.values() if known.how != LIVES)


def test_readme_and_the_page_say_what_the_record_says() -> None:
    assert (ROOT / "docs" / "mutants.md").read_text(encoding="utf-8") == page(RECORDS), "make mutants"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert words(RECORDS) in readme
    assert page_words(RECORDS) in readme


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "mutants.json"
    path.write_text(recorded.written(RECORDS), encoding="utf-8")
    assert recorded.read(path) == RECORDS
    counts = [one.count(LINT, RUN, MONITOR, EQUIVALENT, LIVES) for one in RECORDS.values()]
    assert counts == [len(one.mutants) for one in RECORDS.values()]
    assert isinstance(next(iter(RECORDS.values())), Record)
