"""``make track-record``: replay the corpus, note what was reproduced where and when, and write docs/track-record.md
and docs/hazards.md.

Arguments: the backends to replay on (sim ovsdb); none only writes the page. What could not be reproduced keeps its old
day and is named; the exit status says whether anything could not.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from harness import corpus  # noqa: E402
from harness.report import hazards  # noqa: E402
from harness.report.track_record import page  # noqa: E402

DAYS = ROOT / "scenarios" / "reproduced.json"
CORPUS = "scenarios/test_corpus.py"
CATALOGUE = "tests/conformance/test_catalogue.py"
RELEASES = "tests/conformance/test_releases.py"
SHOWN = {
    "sim": (
        f"{CATALOGUE}::test_the_model_shows_what_the_facts_allow[",
        f"{RELEASES}::test_the_model_of_a_family_shows_all_that_it_may_and_nothing_else[",
        "-",
    ),
    "ovsdb": (
        f"{CATALOGUE}::test_real_servers_and_the_model_agree[host-",
        f"{RELEASES}::test_a_release_does_as_its_model[host-",
        "]",
    ),
}
"""How the ids of tests begin that play a case, and a scenario of releases, and what follows the name."""


class Outcomes:
    """What tests there are, and what became of each."""

    def __init__(self) -> None:
        self.known: list[str] = []
        self.passed: set[str] = set()
        self.failed: set[str] = set()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.known = [item.nodeid for item in session.items]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.add(report.nodeid)


def wanted(entry: corpus.Entry, backend: str) -> list[str]:
    """The beginnings of the ids of the tests that show ``entry`` on ``backend``."""
    found: list[str] = []
    for number, replay in enumerate(entry.replays, start=1):
        if backend not in replay.backends:
            continue
        if replay.kind == "rehearsal":
            both = "" if "ovsdb" in replay.backends else "_on_the_model"
            names = [f"{entry.name}-{number}-{one.procedure}" for one in replay.tries]
            found += [f"{CORPUS}::test_a_known_failure{both}[{backend}-{name}]" for name in names]
        elif replay.kind == "proof":
            found.append(f"{CORPUS}::test_a_known_failure_of_the_rules[{entry.name}-{number}]")
        elif replay.kind == "test":
            found += replay.fields["tests"]
        elif replay.kind == "conformance":
            cases, releases = replay.fields["cases"], replay.fields.get("releases", ())
            found += [f"{SHOWN[backend][0]}{name}{SHOWN[backend][2]}" for name in cases]
            found += [f"{SHOWN[backend][1]}{name}{SHOWN[backend][2]}" for name in releases]
    return found


def concerns(test: str, begin: str, backend: str) -> bool:
    """Whether ``test`` is one of those that begin so, and this backend's."""
    other = {"sim": "[ovsdb", "ovsdb": "[sim"}[backend]
    is_it = test.startswith(begin) if "[" in begin else test.partition("[")[0] == begin
    return is_it and other not in test


def is_shown(begin: str, backend: str, outcomes: Outcomes) -> bool:
    """Whether all of these tests were run and passed."""
    failed = any(concerns(test, begin, backend) for test in outcomes.failed)
    return not failed and any(concerns(test, begin, backend) for test in outcomes.passed)


def replay(entries: tuple[corpus.Entry, ...], backends: list[str]) -> list[str]:
    """Replay and note; returns what could not be reproduced."""
    begins = {(begin, backend) for entry in entries for backend in backends for begin in wanted(entry, backend)}
    quiet = ["-q", "--no-header", "-p", "no:cacheprovider", "--ovn-backend", ",".join(backends)]
    outcomes = Outcomes()
    functions = sorted({begin.partition("[")[0] for begin, _ in begins})
    pytest.main([*quiet, "--collect-only", "-qq", *functions], plugins=[outcomes])
    tests = [test for test in outcomes.known if any(concerns(test, *begin) for begin in begins)]
    pytest.main([*quiet, *tests], plugins=[outcomes])
    days = read_days()
    today, missing = datetime.now(UTC).date().isoformat(), []
    for entry in entries:
        for backend in (name for name in backends if name in entry.backends()):
            lacking = [begin for begin in wanted(entry, backend) if not is_shown(begin, backend, outcomes)]
            if lacking:
                missing.append(f"{entry.name} on {backend}: {lacking[0]}")
            else:
                days.setdefault(entry.name, {})[backend] = today
    known = {entry.name for entry in entries}
    kept = {name: days[name] for name in sorted(days) if name in known}
    DAYS.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return missing


def read_days() -> dict[str, dict[str, str]]:
    return json.loads(DAYS.read_text(encoding="utf-8")) if DAYS.exists() else {}


def main(backends: list[str]) -> int:
    entries = corpus.load(ROOT / "scenarios" / "corpus")
    missing = replay(entries, backends) if backends else []
    (ROOT / "docs" / "track-record.md").write_text(page(entries, read_days()), encoding="utf-8")
    (ROOT / "docs" / "hazards.md").write_text(hazards.page(entries), encoding="utf-8")
    for line in missing:
        print(f"not reproduced: {line}")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
