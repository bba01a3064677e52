"""A gate's verdict for people and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.gate.against import AT_ZERO_MORE, STALL_MORE, SURVIVED_LESS
from harness.gate.shapes import Shape
from harness.gate.verdict import Figures, Gated, Story
from harness.plan import API_VERSION
from harness.report.rehearsal import Words, replay, story_lines, subject, summary_data
from harness.report.wording import clean
from harness.search.case import Case

TOLD = 5
"""Stories that are told in full; the others are counted."""


def gate_lines(all_found: Sequence[Gated]) -> list[str]:
    out: list[str] = []
    for found in all_found:
        out += [*_one(found), ""]
    return out[:-1]


def _one(found: Gated) -> Iterator[str]:
    yield f"gated:    {found.subject.label}, plan {found.digest}"
    yield f"shapes:   {len(found.shapes)} clusters" + (f", {len(found.unfit)} can't be tried" if found.unfit else "")
    for shape, reason in found.unfit[:TOLD]:
        yield f"          not on {shape}: {clean(reason)}"
    for stage in found.stages:
        more = "" if stage.whole else ", more than there was time for"
        void = f", {stage.void} without effect" if stage.void else ""
        yield f"{stage.name + ':':<10}{stage.tried} runs {stage.words}{more}: {stage.bad} end badly{void}"
    yield f"figures:  {figures_line(found.figures)}"
    if found.base_figures is not None:
        yield f"before:   {figures_line(found.base_figures)} ({found.base})"
    if found.partial:
        yield f"partial:  {found.partial}"
    for one in found.findings:
        place = f"{one.file}:{one.line}: " if found.subject.file else f"step {one.line}: "
        yield f"lint:     {place}{one.level}: {one.rule}: {clean(one.seen)} ({clean(one.why)}) -> {clean(one.fix)}"
    for story in found.stories[:TOLD]:
        yield from _story(found, story)
    if len(found.stories) > TOLD:
        yield f"and {len(found.stories) - TOLD} more ways to fail: -o json tells all"
    for story in found.tolerated[:TOLD]:
        why = story.excuse or "with two faults a person may have to mend something"
        yield f"told:     {story.count} runs end {story.verdict.value}: {clean(story.words)} (does not count: {why})"
    yield verdict_line(found)


def verdict_line(found: Gated) -> str:
    reasons = f": {'; '.join(map(clean, found.reasons))}" if found.reasons else ""
    return f"verdict:  {found.verdict}{reasons}"


def figures_line(figures: Figures) -> str:
    parts = [
        f"survives {figures.survived:.1f} % of the runs",
        f"longest stall {worst(figures.stall):.0f} s",
        f"tolerates nothing for {worst(figures.at_zero):.0f} s",
        f"no majority for {worst(figures.without):.0f} s",
    ]
    return ", ".join(parts)


def worst(by_shape: Any) -> float:
    """The largest value of all shapes."""
    return max(by_shape.values(), default=0.0)


def place_of(found: Gated, line: int) -> str:
    """``FILE:LINE`` of a runbook; the label of one of our procedures."""
    return f"{found.subject.file}:{line or found.subject.line}" if found.subject.file else found.subject.label


def _story(found: Gated, story: Story) -> Iterator[str]:
    yield ""
    yield f"{place_of(found, story.line)}: {headline(story)}"
    yield f"  shortest, on {story.shape}:"
    yield from (f"    {line}" for line in story_lines(story.shortest))
    yield f"  replay: {replay_line(found, story.shortest.case)}"
    yield from real_lines(story)


def headline(story: Story) -> str:
    """What goes wrong, how often and where, in one line."""
    where = f"{story.count} runs on {story.shapes} clusters ({', '.join(story.stages)})"
    return f"{story.verdict.value}: {clean(story.words)}; {where}"


def real_lines(story: Story) -> Iterator[str]:
    if story.real is not None:
        same = "too" if story.real.bad else "not"
        yield f"  on real servers: fails {same}: ends {story.real.verdict.value}"
        yield from (f"    {line}" for line in story_lines(story.real))
    elif story.replayed:
        yield f"  {story.replayed}"


def replay_line(found: Gated, case: Case) -> str:
    """What to type to see one run again."""
    return replay(case, _words(found, case), once=True)


def _words(found: Gated, case: Case) -> Words:
    given = found.subject.file and case.wanted.given is not None
    return Words(found.subject.file, node=case.wanted.node) if given else Words(subject(case))


def gate_data(all_found: Sequence[Gated]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "Gate",
        "verdict": overall(all_found),
        "thresholds": {
            "survivedLessPercent": SURVIVED_LESS,
            "stallMoreSeconds": STALL_MORE,
            "toleranceZeroMoreSeconds": AT_ZERO_MORE,
        },
        "subjects": [_data(found) for found in all_found],
    }


def overall(all_found: Sequence[Gated]) -> str:
    verdicts = {found.verdict for found in all_found}
    return "failed" if "failed" in verdicts else "nothing" if "nothing" in verdicts else "passed"


def _data(found: Gated) -> dict[str, Any]:
    keys = ("rule", "level", "file", "line", "seen", "why", "fact", "fix")
    return {
        "subject": found.subject.label,
        "file": found.subject.file or None,
        "verb": found.subject.verb,
        "planDigest": found.digest,
        "verdict": found.verdict,
        "reasons": list(found.reasons),
        "partial": found.partial or None,
        "seconds": round(found.seconds, 1),
        "shapes": [str(shape) for shape in found.shapes],
        "unfit": [{"shape": str(shape), "reason": reason} for shape, reason in found.unfit],
        "stages": [
            {
                "name": stage.name,
                "tried": stage.tried,
                "bad": stage.bad,
                "withoutEffect": stage.void,
                "whole": stage.whole,
                "cpuSeconds": round(stage.cpu, 2),
            }
            for stage in found.stages
        ],
        "figures": _figures(found.figures),
        "against": {"subject": found.base, "figures": _figures(found.base_figures), "worse": list(found.worse)}
        if found.base_figures is not None
        else None,
        "findings": [{key: getattr(one, key) for key in keys} for one in found.findings],
        "stories": [_story_data(found, story) for story in found.stories],
        "tolerated": [_story_data(found, story) for story in found.tolerated],
    }


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "survivedPercent": round(figures.survived, 2),
        "longestStallSeconds": dict(figures.stall),
        "secondsToleratingNothing": dict(figures.at_zero),
        "secondsWithoutMajority": dict(figures.without),
        "lowestTolerance": figures.lowest,
    }


def _story_data(found: Gated, story: Story) -> dict[str, Any]:
    return {
        "verdict": story.verdict.value,
        "what": story.words,
        "count": story.count,
        "stages": list(story.stages),
        "shapes": story.shapes,
        "shape": shape_data(story.shape),
        "line": story.line or None,
        "excuse": story.excuse or None,
        **summary_data(story.shortest, _words(found, story.shortest.case)),
        "onRealServers": summary_data(story.real, _words(found, story.real.case))
        if story.real is not None
        else story.replayed or None,
    }


def shape_data(shape: Shape) -> dict[str, Any]:
    return {
        "members": shape.members,
        "part": shape.part,
        "anotherLeads": shape.moved,
        "asIn": shape.like or None,
        "kubernetes": ".".join(map(str, shape.versions.kubernetes)),
        "kubeOvn": shape.versions.kube_ovn,
        "ovs": shape.versions.ovs,
    }
