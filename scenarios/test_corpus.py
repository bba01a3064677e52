"""Every known failure of the corpus, replayed: the documented and the guarded procedure end as its file says.

`make track-record` writes docs/track-record.md from the same files.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from harness import corpus
from harness.errors import BadInput
from harness.report.track_record import COMMAND, page
from harness.search import trial
from harness.search.configuration_model import Bounds, Property
from harness.search.configurations import GATED, OVSDB, Violation, explore

HERE = Path(__file__).parent
ENTRIES = corpus.load(HERE / "corpus")
EVERYWHERE = dict(corpus.tries(ENTRIES, "ovsdb"))
SIM_ONLY = {name: one for name, one in corpus.tries(ENTRIES, "sim") if name not in EVERYWHERE}
PROOFS = [
    pytest.param(replay.fields, id=f"{entry.name}-{number}")
    for entry in ENTRIES
    for number, replay in enumerate(entry.replays, start=1)
    if replay.kind == "proof"
]


def ends_as_told(one: corpus.Try, backend: str) -> None:
    summary = trial.run(one.case, backend, tell=True)
    told = [summary.verdict.value, *summary.reasons, *(words for _, words in summary.story[-30:])]
    assert summary.verdict.value in one.ends, told
    assert not one.says or any(re.search(one.says, reason) for reason in summary.reasons), told


@pytest.mark.ovn(backends=["sim"])
@pytest.mark.parametrize("name", SIM_ONLY)
def test_a_known_failure_on_the_model(ovn_backend: str, name: str) -> None:
    ends_as_told(SIM_ONLY[name], ovn_backend)


@pytest.mark.ovn(backends=["sim", "ovsdb"])
@pytest.mark.parametrize("name", EVERYWHERE)
def test_a_known_failure(ovn_backend: str, name: str) -> None:
    ends_as_told(EVERYWHERE[name], ovn_backend)


@pytest.mark.parametrize("fields", PROOFS)
def test_a_known_failure_of_the_rules(fields: dict) -> None:
    judged = tuple(Property(name) for name in fields["judged"])
    found = explore(GATED if fields["gated"] else OVSDB, Bounds(**fields["bounds"]), judged)
    if not fields["breaks"]:
        assert not isinstance(found, Violation)
        assert found.complete
        return
    assert isinstance(found, Violation)
    assert (found.broken.value, len(found.actions)) == (fields["breaks"], fields["actions"])


def test_what_stands_in_the_catalogue_of_hazards_has_a_file() -> None:
    sources = {source for entry in ENTRIES for source in entry.sources}
    assert {f"hazard {number}" for number in range(1, 39)} <= sources
    assert "O1" in sources


def test_every_test_that_a_file_names_exists() -> None:
    root = HERE.parent
    named = [test for e in ENTRIES for r in e.replays if r.kind == "test" for test in r.fields["tests"]]
    assert named
    known: dict[str, set[str]] = {}
    for test in named:
        path, _, function = test.partition("::")
        if path not in known:
            tree = ast.parse((root / path).read_text(encoding="utf-8"))
            known[path] = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert function in known[path], test


UNKNOWN_FAULT = json.dumps(
    {
        "format": 1,
        "title": "",
        "sources": ["x"],
        "foundBy": "",
        "replays": [
            {
                "kind": "rehearsal",
                "on": ["sim"],
                "verb": "remove",
                "node": "a",
                "faults": ["1:before:flood@a"],
                "guarded": {"ends": ["done"]},
            }
        ],
    }
)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "JSONDecodeError"),
        ('{"format": 2}', "format 2"),
        ('{"format": 1, "titel": ""}', "'titel'"),
        ('{"format": 1, "title": "", "sources": ["x"], "foundBy": "", "replays": []}', "a reason why there are none"),
        (UNKNOWN_FAULT, "there is no fault 'flood'"),
    ],
)
def test_a_file_that_is_wrong_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "wrong.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"wrong\.json") as raised:
        corpus.read(path)
    assert complaint in str(raised.value)


def test_the_page_is_in_step_with_the_files() -> None:
    days = json.loads((HERE / "reproduced.json").read_text(encoding="utf-8"))
    kept = (HERE.parent / "docs" / "track-record.md").read_text(encoding="utf-8")
    assert kept == page(ENTRIES, days), f"{COMMAND} writes it anew"
    assert set(days) <= {entry.name for entry in ENTRIES}
