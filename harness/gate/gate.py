"""Put a subject through its stages within a budget of time, and come to a verdict."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace

from harness import executors
from harness.cluster import Versions
from harness.corpus import Entry
from harness.errors import OvnswapError
from harness.executor import WaitTimeout
from harness.gate import stages as all_stages
from harness.gate.control import excuse
from harness.gate.shapes import PROFILES, Shape
from harness.gate.stages import Tried
from harness.gate.subject import Subject
from harness.gate.verdict import Gated, StageResult, Story, fails, figures, slow, ways
from harness.search import campaign, trial
from harness.search.case import Case
from harness.search.opened import opened
from harness.search.tape import Source
from harness.search.trial import Summary, Verdict

Run = tuple[str, Shape, Summary]
Tell = Callable[[str, int, int], None]
"""Hears of every run: the stage, how many runs there were, how many of them ended badly."""


@dataclass(frozen=True, slots=True)
class Settings:
    """``budget``: seconds for all stages (None: everything there is); ``runs``: at most so many. ``replays``: how many
    stories are run on real servers afterwards; that time comes on top. ``corpus``: the known failures whose situations
    are tried. ``stopped``: whether to come to an end."""

    budget: float | None = 60.0
    runs: int | None = None
    jobs: int = 1
    profiles: tuple[Versions, ...] = PROFILES
    corpus: tuple[Entry, ...] = ()
    replays: int = 1
    time_scale: float = 0.1
    strict: bool = False
    clock: Callable[[], float] = time.monotonic
    stopped: Callable[[], bool] = lambda: False


def gate(subject: Subject, settings: Settings = Settings(), tell: Tell = lambda stage, runs, bad: None) -> Gated:
    """The verdict on ``subject``. Raises :class:`harness.errors.BadInput` if it fits no cluster at all."""
    began = settings.clock()
    fitting, unfit = all_stages.fits(subject, subject.shapes(settings.profiles))
    if not fitting:
        shape, reason = unfit[0]
        raise OvnswapError(f"{subject.label} can't be tried on any cluster: {shape}: {reason}", todo="ovnswap lint")
    findings = tuple(subject.findings(fitting[0]))
    judged = _Run(subject, fitting, settings, tell)
    judged.play()
    grave, mild = judged.stories()
    excused = [(story, excuse(story, subject.verb)) for story in grave]
    mild += [replace(story, excuse=words) for story, words in excused if words]
    grave = [replace(story, line=_line(subject, story)) for story, words in excused if not words]
    plan, _ = subject.plan(fitting[0])
    found = Gated(
        subject=subject,
        digest=plan.digest,
        findings=findings,
        shapes=tuple(fitting),
        unfit=tuple(unfit),
        stages=judged.results(),
        stories=tuple(grave),
        tolerated=tuple(mild),
        figures=figures(judged.runs),
        seconds=settings.clock() - began,
        partial=judged.partial,
        strict=settings.strict,
        slow=slow(judged.runs),
    )
    found.stories = tuple(_replayed(found, settings))
    return found


class _Run:
    """All stages of one subject."""

    def __init__(self, subject: Subject, shapes: Sequence[Shape], settings: Settings, tell: Tell) -> None:
        self._stages = all_stages.stages(subject, shapes, settings.corpus, settings.profiles)
        self._settings = settings
        self._tell = tell
        self._whole: dict[str, bool] = {}
        self._handed: deque[Tried] = deque()
        self._began = settings.clock()
        self.runs: list[Run] = []
        self.partial = ""

    def play(self) -> None:
        bad = 0
        for summary in campaign.run(self._cases(), self._settings.jobs):
            tried = self._handed.popleft()
            self.runs.append((tried.stage, tried.shape, summary))
            bad += fails(summary, tried.shape)
            self._tell(tried.stage, len(self.runs), bad)
            if self._settings.stopped():
                self.partial = "interrupted: what was tried until then counts"
                break
        if not self.partial and not all(self._whole.values()):
            budget, runs = self._settings.budget, self._settings.runs
            spent = budget is not None and self._settings.clock() - self._began >= budget
            self.partial = f"the time budget of {budget:g} s is used up" if spent else f"--runs {runs}"

    def _cases(self) -> Iterator[Case]:
        """Cases of stage after stage; one that has used up its share gives way to the next. What a stage leaves of its
        share is the next ones'. Of each stage at least one case is tried."""
        share, handed = 0.0, 0
        for stage in self._stages:
            share += stage.share
            self._whole[stage.name] = True
            for number, tried in enumerate(stage.cases()):
                if number and self._over(share, handed):
                    self._whole[stage.name] = False
                    break
                self._handed.append(tried)
                handed += 1
                yield tried.case

    def _over(self, share: float, handed: int) -> bool:
        budget, runs = self._settings.budget, self._settings.runs
        if runs is not None and handed >= runs * share:
            return True
        return budget is not None and self._settings.clock() - self._began >= budget * share

    def results(self) -> tuple[StageResult, ...]:
        found = []
        for stage in self._stages:
            runs = [(summary, shape) for name, shape, summary in self.runs if name == stage.name]
            own = [summary for summary, _ in runs]
            found.append(
                StageResult(
                    name=stage.name,
                    words=stage.words,
                    tried=len(own),
                    bad=sum(fails(*one) for one in runs),
                    void=sum(summary.verdict is Verdict.VOID for summary in own),
                    whole=self._whole.get(stage.name, False),
                    cpu=sum(summary.cpu for summary in own),
                )
            )
        return tuple(found)

    def stories(self) -> tuple[list[Story], list[Story]]:
        """(those that count, those that do not): two faults may leave something for a person to mend, as long as
        nothing is lost and no majority goes by the procedure's own doing."""
        grave = [run for run in self.runs if run[0] != "pairs" or run[2].verdict is Verdict.UNSAFE]
        mild = [run for run in self.runs if run[0] == "pairs" and run[2].verdict is Verdict.STUCK]
        return ways(grave), ways(mild)


def _line(subject: Subject, story: Story) -> int:
    """The line of the step that was under way when it went wrong."""
    steps = [int(words.split()[1].rstrip(":")) for _, words in story.shortest.story if words.startswith("step ")]
    first = story.shortest.reasons[0]
    if " s: " in first:  # it says when
        before = float(first.split(" s: ")[0].split()[-1])
        begun = [w for at, w in story.shortest.story if w.startswith("step ") and at <= before]
        steps = [int(words.split()[1].rstrip(":")) for words in begun] or steps[:1]
    return subject.line_of(steps[-1], story.shape) if steps else subject.line


def _replayed(found: Gated, settings: Settings) -> Iterator[Story]:
    """The first stories once more, on real servers."""
    reason = executors.unavailable("ovsdb") if settings.replays else ""
    for number, story in enumerate(found.stories):
        if number >= settings.replays:
            yield story
        elif reason:
            yield replace(story, replayed=f"not run on real servers: {reason}")
        else:
            yield _on_real_servers(found.subject, story, settings)


def _on_real_servers(subject: Subject, story: Story, settings: Settings) -> Story:
    """Its lab has other addresses: the procedure is bound to them first."""
    case = story.shortest.case
    spec = replace(case.spec, time_scale=settings.time_scale)
    case = replace(case, spec=spec).under(Source())
    try:
        if case.wanted.given is not None:
            with closing(opened(replace(case, moved=False), "ovsdb")) as lab:
                case = replace(case, wanted=subject.bound(lab.view(), case.wanted.node))
        real, recording = trial.recorded(case, "ovsdb")
    except (OvnswapError, WaitTimeout, OSError) as error:
        return replace(story, replayed=f"not run on real servers: {error}")
    return replace(story, real=real, recording=recording)
