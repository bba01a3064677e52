"""``make conformance``: every case of the catalogue on the model and on each installation that is here, as a table.

Arguments: names of cases (all if none). Several cases are played at a time, as servers mostly wait. The exit status
says whether everything agrees, known differences aside.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor

from catalogue import CASES, Case
from catalogue.compare import Verdict, compare, fake_complaint, family_of
from catalogue.known import KNOWN, ODDS
from catalogue.places import room_for
from installed_roots import HOST, SUITES, Installation, find, missing

AT_A_TIME = int(os.environ.get("CONFORMANCE_WORKERS", "6"))
NEEDS_ROOT = "needs root"
AS_FACTS = "as the facts"

Played = tuple[Case, list[Verdict | str]]


def played(case: Case, installation: Installation) -> Verdict | str:
    """The verdict, or why there is none."""
    try:
        with room_for(installation.prefix, filters=case.needs_filters) as world:
            if case.needs_filters and not world.partitions:
                return NEEDS_ROOT
            return compare(case, world, installation.version)
    except (AssertionError, OSError) as error:
        return f"could not be played: {error}"


def known(verdict: Verdict) -> str:
    return KNOWN.get((verdict.case, verdict.family), "")


def cell(found: Verdict | str) -> str:
    """What an installation's column says."""
    if isinstance(found, str):
        return found if found == NEEDS_ROOT else "error"
    return "OTHER" if found.real else AS_FACTS


def agree(found: Sequence[Verdict | str]) -> str:
    """What the last column says."""
    verdicts = [verdict for verdict in found if isinstance(verdict, Verdict)]
    bad = [verdict for verdict in verdicts if not verdict.well]
    if any(isinstance(verdict, str) and verdict != NEEDS_ROOT for verdict in found) or not all(map(known, bad)):
        return "NO"
    return "known difference" if bad else "yes" if verdicts else "-"


def fake_cell(case: Case, releases: Sequence[str]) -> str:
    wrong = [release for release in releases if fake_complaint(case, release)]
    return f"OTHER: {', '.join(wrong)}" if wrong else AS_FACTS


def main(names: Sequence[str]) -> int:
    installations = [found for name in (HOST, *SUITES) if (found := find(name)) is not None]
    for name in (HOST, *SUITES):
        if find(name) is None:
            print(f"not compared: {missing(name)}")
    cases = [case for case in CASES if not names or case.name in names]
    if not cases or not installations:
        print("nothing to compare")
        return 1
    releases = [installation.version for installation in installations]
    widths = (max(len(case.name) for case in cases), 14, *(14 for _ in installations), 16)
    print_row(("case", "fake", *(f"real {release}" for release in releases), "agree"), widths)
    results: list[Played] = []
    with ProcessPoolExecutor(AT_A_TIME) as pool:  # processes, as to look for a run of the model like a real one is work
        futures = [
            (
                [pool.submit(played, case, installation) for installation in installations],
                pool.submit(fake_cell, case, releases),
            )
            for case in cases
        ]
        for case, (promised, fake) in zip(cases, futures, strict=True):
            found = [future.result() for future in promised]
            results.append((case, found))
            print_row((case.name, fake.result(), *map(cell, found), agree(found)), widths)
    return finish(results, [family_of(release) for release in releases])


def print_row(cells: Sequence[str], widths: Sequence[int]) -> None:
    print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip(), flush=True)


def finish(results: Sequence[Played], families: Sequence[str]) -> int:
    """What is behind the table, and the exit status."""
    for case, found in results:
        for family, verdict in zip(families, found, strict=True):
            if isinstance(verdict, str):
                print(f"{case.name}, {family}: {verdict}")
                continue
            for what in filter(None, (verdict.fake, verdict.real, verdict.agree)):
                print(f"{case.name}, {family}: {known(verdict) or what}")
    for (scenario, family), reason in ODDS.items():
        if family in families:
            print(f"known difference, {scenario}, {family}: {reason}")
    words = [agree(found) for _, found in results]
    times = sum(isinstance(verdict, Verdict) for _, found in results for verdict in found)
    print(
        f"{len(results)} cases, {times} times on real servers: {words.count('yes')} cases agree, "
        f"{words.count('known difference')} differ as known, {words.count('NO')} do not agree, "
        f"{words.count('-')} could not be played here"
    )
    return 1 if "NO" in words else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
