"""A gate's verdict as one page: a table of subjects, and every way to fail drawn over time, real servers beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.gate.verdict import Gated, Story
from harness.report.gate_text import TOLD, figures_line, headline, overall, replay_line, verdict_line
from harness.report.page import Page, Run, Shown, Table
from harness.report.wording import clean
from harness.search import trial


def gate_page(all_found: Sequence[Gated]) -> Page:
    """Runs the shortest story of each way to fail once more, with everything recorded."""
    lines = [replay_line(found, story.shortest.case) for found in all_found for story in found.stories[:1]]
    return Page(
        title="gate: " + ", ".join(found.subject.label for found in all_found),
        verdict=overall(all_found),
        summary="; ".join(verdict_line(found).removeprefix("verdict:").strip() for found in all_found),
        facts=tuple(_facts(all_found)),
        replay=tuple(line for line in lines if line),
        tables=tuple(table for table in (_stages(all_found), _findings(all_found)) if table.rows),
        runs=tuple(_run(found, story) for found in all_found for story in found.stories[:TOLD]),
        notes=tuple(f"{found.subject.label}: partial: {found.partial}" for found in all_found if found.partial),
    )


def _facts(all_found: Sequence[Gated]) -> Iterator[tuple[str, str]]:
    for found in all_found:
        yield found.subject.label, f"{found.verdict}; plan {found.digest}; {figures_line(found.figures)}"
        if found.base_figures is not None:
            yield f"before: {found.base}", figures_line(found.base_figures)


def _stages(all_found: Sequence[Gated]) -> Table:
    pairs = [(found, stage) for found in all_found for stage in found.stages]
    rows = tuple(
        (f.subject.label, f"{s.name}: {s.words}", str(s.tried), str(s.bad), "yes" if s.whole else "no")
        for f, s in pairs
    )
    bad = frozenset(number for number, (_, stage) in enumerate(pairs) if stage.bad)
    return Table("What was tried", ("subject", "stage", "runs", "end badly", "all there is"), rows, bad)


def _findings(all_found: Sequence[Gated]) -> Table:
    rows = [
        (f"{one.file}:{one.line}", f"{one.level}: {one.rule}", clean(one.seen), clean(one.fix))
        for found in all_found
        for one in found.findings
    ]
    return Table("What lint says", ("where", "rule", "seen", "what to write"), tuple(rows))


def _run(found: Gated, story: Story) -> Run:
    case = story.shortest.case
    _, recording = trial.recorded(case)
    shown = [Shown(recording, f"sim: {story.shape}", replay_line(found, case))]
    if story.recording is not None:
        shown.append(Shown(story.recording, "real servers"))
    return Run(f"{found.subject.label}: {headline(story)}", tuple(shown))
