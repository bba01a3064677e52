"""A gate's verdict for GitHub: workflow commands that annotate lines, and the summary of a job.

Sources: GitHub's documentation, "Workflow commands for GitHub Actions" (escapes; a step's summary has at most 1 MiB,
and one that is larger is not shown at all).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.gate.verdict import Gated, Story
from harness.lint import ERROR, WARNING
from harness.report.gate_text import TOLD, figures_line, headline, real_lines
from harness.report.rehearsal import story_lines
from harness.report.wording import clean

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of a step's summary."""
CUT = "\n\n(cut off here: the summary of a step has at most 1 MiB; the report has all)\n"
LONGEST_MESSAGE = 4000
"""Characters of one annotation: what GitHub shows of it; the summary has the rest."""


def annotated(all_found: Sequence[Gated]) -> Iterator[str]:
    """``::error file=...,line=...,title=...::message`` for each story and finding, the gravest first: GitHub shows ten
    of a step."""
    for found in all_found:
        for story in found.stories:
            yield _annotation("error", found, story.line or found.subject.line, story.verdict.value, _told(story))
        for reason in found.worse:
            yield _annotation("error", found, found.subject.line, f"worse than {found.base}", reason)
    for found in all_found:
        failing = set(found.errors)
        for one in found.findings:
            level = "error" if one in failing else "warning" if one.level in (ERROR, WARNING) else "notice"
            words = f"{one.seen}: {one.why}. {one.fix} ({one.fact})"
            yield _annotation(level, found, one.line, one.rule, words)


def _told(story: Story) -> str:
    lines = [headline(story), f"on {story.shape}:", *(line.strip() for line in story_lines(story.shortest))]
    return "\n".join([*lines, *(line.strip() for line in real_lines(story))])[:LONGEST_MESSAGE]


def _annotation(level: str, found: Gated, line: int, title: str, message: str) -> str:
    where = [f"file={_property(found.subject.file)}", f"line={max(line, 1)}"] if found.subject.file else []
    properties = ",".join([*where, f"title={_property(f'ovnswap gate: {title}')}"])
    return f"::{level} {properties}::{_message(message)}"


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def summary(all_found: Sequence[Gated], room: int = SUMMARY_LIMIT) -> str:
    """The summary of a job in Markdown, of at most ``room`` bytes."""
    text = "\n".join(_markdown(all_found)) + "\n"
    data = text.encode()
    if len(data) <= room:
        return text
    kept = data[: max(room - len(CUT.encode()), 0)].decode(errors="ignore")
    kept = kept.rpartition("\n")[0]
    if kept.count("```") % 2:
        fence = "\n```"
        kept = kept[: -len(fence)].rpartition("\n")[0] + fence
    return (kept + CUT) if len((kept + CUT).encode()) <= room else ""


def _markdown(all_found: Sequence[Gated]) -> Iterator[str]:
    yield "## ovnswap gate"
    yield ""
    yield "| subject | verdict | runs | survives | longest stall | tolerates nothing | no majority |"
    yield "|---|---|---|---|---|---|---|"
    for found in all_found:
        cells = [_cell(found.subject.label), f"**{found.verdict}**", str(found.runs)]
        parts = figures_line(found.figures).split(", ")
        numbers = (parts[0], parts[1], parts[2], parts[3])
        cells += [number.split(" ", 1)[1] if number.startswith("survives") else number for number in numbers]
        yield f"| {' | '.join(cells)} |"
    for found in all_found:
        yield ""
        yield from _section(found)


def _section(found: Gated) -> Iterator[str]:
    yield f"### {_cell(found.subject.label)}: {found.verdict}"
    yield ""
    yield from (f"- {_cell(clean(reason))}" for reason in found.reasons)
    if found.base_figures is not None:
        yield f"- before ({_cell(found.base)}): {figures_line(found.base_figures)}"
    if found.partial:
        yield f"- partial: {_cell(found.partial)}"
    if found.findings:
        yield ""
        yield "| line | rule | level | seen | fix |"
        yield "|---|---|---|---|---|"
        for one in found.findings:
            yield f"| {one.line} | `{one.rule}` | {one.level} | {_cell(one.seen)} | {_cell(one.fix)} |"
    for story in found.stories[:TOLD]:
        yield ""
        yield f"<details><summary>{_html(headline(story))}</summary>"
        yield ""
        yield f"On {story.shape}:"
        yield ""
        yield "```text"
        yield from (line.replace("```", "'''") for line in [*story_lines(story.shortest), *real_lines(story)])
        yield "```"
        yield ""
        yield "</details>"
    yield ""
    yield f"verdict: {found.verdict}"


def _cell(text: str) -> str:
    return _html(clean(text)).replace("|", "\\|").replace("\n", " ")


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
