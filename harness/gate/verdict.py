"""What a gate says of one subject, and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.gate.shapes import Shape
from harness.gate.subject import Subject
from harness.lint import ERROR, Finding
from harness.recording import Recording
from harness.search.tally import kind_of
from harness.search.trial import Summary, Verdict

PASSED, FAILED, NOTHING = "passed", "failed", "nothing"


@dataclass(frozen=True, slots=True)
class Story:
    """One way in which a procedure fails: how often, in which stages and shapes, and its shortest run.

    ``line`` is where in the runbook the step stands that was under way. ``real`` is the same run on real servers,
    and ``recording`` what it showed there.
    """

    verdict: Verdict
    words: str
    count: int
    stages: tuple[str, ...]
    shapes: int
    shape: Shape
    shortest: Summary
    line: int = 0
    real: Summary | None = None
    recording: Recording | None = None
    excuse: str = ""
    """Why it does not count; "" for one that does, and for two faults at once."""
    replayed: str = ""
    """Why it was not run on real servers, where it was wanted."""


@dataclass(frozen=True, slots=True)
class StageResult:
    """``tried`` runs of a stage, how many ended badly, and whether there were more than there was time for."""

    name: str
    words: str
    tried: int
    bad: int
    void: int
    whole: bool
    cpu: float


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures that two procedures are compared by. Of the calm runs of each shape, the largest,
    in cluster seconds; ``survived`` of all runs that had an effect, in percent."""

    stall: Mapping[str, float]
    at_zero: Mapping[str, float]
    without: Mapping[str, float]
    survived: float
    lowest: int


@dataclass(slots=True)
class Gated:
    """``shapes`` were tried; ``unfit`` could not be, with the reason; ``tolerated`` are bad ends that do not count."""

    subject: Subject
    digest: str
    findings: tuple[Finding, ...]
    shapes: tuple[Shape, ...]
    unfit: tuple[tuple[Shape, str], ...]
    stages: tuple[StageResult, ...]
    stories: tuple[Story, ...]
    tolerated: tuple[Story, ...]
    figures: Figures
    seconds: float
    partial: str = ""
    worse: tuple[str, ...] = ()
    """In which ways it is worse than what it was compared with."""
    strict: bool = False
    base: str = ""
    base_figures: Figures | None = None
    slow: str = ""
    """Which run without a fault stops writes for too long."""

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.level == ERROR or (self.strict and one.level == "warning"))

    @property
    def runs(self) -> int:
        return sum(stage.tried - stage.void for stage in self.stages)

    @property
    def verdict(self) -> str:
        if self.errors or self.stories or self.worse or self.slow:
            return FAILED
        return PASSED if self.runs else NOTHING

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it failed, the gravest first."""
        found = [f"{story.count} runs end {story.verdict.value}: {story.words}" for story in self.stories]
        found += [*([self.slow] if self.slow else []), *self.worse]
        rules = list(dict.fromkeys(one.rule for one in self.errors))
        if rules:
            found.append(f"lint: {', '.join(rules)}")
        return tuple(found)


def fails(summary: Summary, shape: Shape) -> bool:
    """Whether a run counts against its procedure. To refuse is a good end after a fault and in a known failure's
    situation, and none without."""
    return summary.bad or (summary.verdict is Verdict.REFUSED and not summary.case.hits and not shape.like)


def ways(runs: Sequence[tuple[str, Shape, Summary]]) -> list[Story]:
    """The bad runs by the way in which they fail: unsafe ones first, then by how often, then by their words. The
    shortest story stands for each."""
    grouped: dict[tuple[Verdict, str], list[tuple[str, Shape, Summary]]] = {}
    for stage, shape, summary in runs:
        if fails(summary, shape):
            grouped.setdefault((summary.verdict, kind_of(summary.reasons[0])), []).append((stage, shape, summary))
    found = []
    for (verdict, words), group in grouped.items():
        _, shape, shortest = min(group, key=lambda one: (len(one[2].case.hits), len(one[2].story)))
        kinds = tuple(dict.fromkeys(stage for stage, _, _ in group))
        found.append(Story(verdict, words, len(group), kinds, len({s for _, s, _ in group}), shape, shortest))
    return sorted(found, key=lambda s: (s.verdict is not Verdict.UNSAFE, len(s.shortest.case.hits), -s.count, s.words))


LONGEST_STALL = 18.0
"""Cluster seconds without an acknowledged write that a procedure may cost where nothing fails: one election at its
longest, and the retries of a client (facts: ovsdb-raft 1)."""


def slow(runs: Sequence[tuple[str, Shape, Summary]]) -> str:
    """The worst stall of the runs without a fault, in words, if it is longer than :data:`LONGEST_STALL`."""
    calm = [(max(s.stalls), shape) for _, shape, s in runs if not s.case.hits and not fails(s, shape)]
    seconds, shape = max(calm, key=lambda one: one[0], default=(0.0, None))
    if seconds <= LONGEST_STALL:
        return ""
    return f"L2: writes stop for {seconds:.0f} s where nothing fails, {LONGEST_STALL:.0f} s are allowed ({shape})"


def figures(runs: Sequence[tuple[str, Shape, Summary]]) -> Figures:
    """See :class:`Figures`."""
    calm = [(shape, summary) for stage, shape, summary in runs if stage == "calm"]
    effective = [(summary, shape) for _, shape, summary in runs if summary.verdict is not Verdict.VOID]
    good = sum(not fails(*one) for one in effective)
    stall: dict[str, float] = {}
    at_zero: dict[str, float] = {}
    without: dict[str, float] = {}
    for shape, summary in calm:
        key = str(shape)
        stall[key] = max(stall.get(key, 0.0), *summary.stalls)
        at_zero[key] = max(at_zero.get(key, 0.0), summary.at_zero)
        without[key] = max(without.get(key, 0.0), summary.without)
    lowest = min((summary.lowest for _, summary in calm), default=0)
    return Figures(stall, at_zero, without, 100.0 * good / len(effective) if effective else 100.0, lowest)
