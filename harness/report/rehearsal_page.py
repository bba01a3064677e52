"""A rehearsal as one page: what became of each fault, and every way to fail drawn over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.recording import Recording
from harness.report.page import Page, Run, Shown, Table
from harness.report.rehearsal import Rehearsal, Words, replay, subject, verdict_line
from harness.report.wording import clean
from harness.search.case import Case
from harness.search.tally import Failing
from harness.search.trial import Verdict


@dataclass(frozen=True, slots=True)
class Drawn:
    """One way to fail: its case, how it is headed, and that case's recordings, one for each backend."""

    case: Case
    title: str
    note: str
    recordings: tuple[Recording, ...]

    @classmethod
    def of(cls, failing: Failing, recordings: tuple[Recording, ...]) -> Drawn:
        """The shortest story of ``failing``."""
        by = ", ".join(f"{name} {count}" for name, count in failing.troubles.most_common())
        times = "once" if failing.count == 1 else f"{failing.count} times"
        return cls(
            failing.shortest.case, f"{failing.verdict.value}: {clean(failing.words)}", f"{times} ({by})", recordings
        )


def rehearsal_page(found: Rehearsal, drawn: Sequence[Drawn]) -> Page:
    """The page of ``found``; ``drawn`` are the ways to fail that are shown, the worst first."""
    tally = found.tally
    word = "failed" if tally.bad else "passed" if tally.runs and found.complete else "partial"
    return Page(
        title=f"{subject(found.case)}, {found.case.wanted.procedure} procedure",
        verdict=word,
        summary=verdict_line(found).removeprefix("verdict: "),
        facts=_facts(found),
        replay=(replay(found.case, found.options),),
        tables=tuple(table for table in (_faults(found), _ways(found)) if table.rows),
        runs=tuple(_run(one, found) for one in drawn),
        notes=(f"Not everything was tried: {found.stopped}",) if found.stopped else (),
    )


def case_page(case: Case, digest: str, where: str, options: Words, recordings: tuple[Recording, ...]) -> Page:
    """The page of one case, on one backend or on several side by side."""
    worst = next((recording for recording in recordings if recording.bad), recordings[0])
    faults = ", ".join(map(str, case.hits)) or "no fault"
    return Page(
        title=f"{subject(case)}, {case.wanted.procedure} procedure, {faults}",
        verdict=worst.verdict,
        summary=worst.reasons[0] if worst.reasons else "everything is in order at the end",
        facts=(("procedure", case.wanted.procedure), ("plan's digest", digest), ("where", where), ("faults", faults)),
        replay=tuple(replay(case, options, recording.backend) for recording in recordings),
        runs=(Run(faults, tuple(Shown(r, where if r.backend == "sim" else "real servers") for r in recordings)),),
    )


def _facts(found: Rehearsal) -> tuple[tuple[str, str], ...]:
    tally = found.tally
    facts = [
        ("procedure", found.case.wanted.procedure),
        ("plan's digest", found.digest),
        ("where", found.where),
        ("seed", str(found.case.seed)),
        ("runs", f"{tally.runs} of {found.total}"),
        ("steps x faults tried", f"{len(tally.tried)} of {found.cells}"),
    ]
    facts += [(f"worst {name}", f"{worst.seconds:.0f} s") for name, worst in tally.worst.items()]
    return tuple(facts)


def _faults(found: Rehearsal) -> Table:
    tally = found.tally
    ends = [verdict for verdict in Verdict if tally.verdicts[verdict]]
    rows: list[tuple[str, ...]] = []
    bad: list[int] = []
    for name, counts in sorted(tally.by_trouble.items()):
        nb, sb = tally.stalls[name]
        if counts[Verdict.UNSAFE] or counts[Verdict.STUCK]:
            bad.append(len(rows))
        rows.append((name, *(str(counts[verdict] or "-") for verdict in ends), f"{nb:.0f} s", f"{sb:.0f} s"))
    heads = ("fault", *(verdict.value for verdict in ends), "longest stall of nb", "of sb")
    return Table("How the runs with each fault ended", heads, tuple(rows), frozenset(bad))


def _ways(found: Rehearsal) -> Table:
    rows = tuple((f.verdict.value, str(f.count), clean(f.words)) for f in found.tally.failing)
    return Table("Ways to fail", ("end", "runs", "what"), rows, frozenset(range(len(rows))))


def _run(one: Drawn, found: Rehearsal) -> Run:
    shown = tuple(
        Shown(
            recording,
            found.where if recording.backend == "sim" else "real servers",
            replay(one.case, found.options, recording.backend),
        )
        for recording in one.recordings
    )
    return Run(one.title, shown, one.note)
