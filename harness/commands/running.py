"""Running a plan in a lab, with a client that writes throughout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from harness.commands.judging import judge, settle
from harness.errors import Interrupted, OvnswapError
from harness.executor import Capability, LabExecutor
from harness.journal import Journal
from harness.plan import Plan
from harness.recorder import Recorder
from harness.report.live import Reporter
from harness.report.outcome import EndLooks, Outcome, StepLine
from harness.runner import Pace, Progress, Runner
from harness.watched import Watched
from harness.workload import History


class Keeper:
    """Keeps what became of every step, also of a run that ends in an error, and passes it on to a reporter."""

    def __init__(self, reporter: Reporter, recorder: Recorder) -> None:
        self._reporter = reporter
        self._recorder = recorder
        self._steps: dict[int, StepLine] = {}

    @property
    def steps(self) -> tuple[StepLine, ...]:
        """In order."""
        return tuple(self._steps.values())

    def __call__(self, progress: Progress) -> None:
        """Watch one thing that the runner says."""
        if progress.kind == "started":
            title, step = progress.step.title, type(progress.step).__name__
            self._steps[progress.number] = StepLine(progress.number, title, step, "begun", progress.at, None)
        elif progress.kind != "waiting":
            begun = self._steps[progress.number]
            self._steps[progress.number] = StepLine(
                begun.number, begun.title, begun.step, progress.kind, begun.started, progress.at, progress.text
            )
        self._recorder.told(progress)
        self._reporter(progress)


@dataclass(frozen=True, slots=True)
class Lab:
    """Where a plan runs: the executor, its backend, and words for people."""

    executor: LabExecutor
    backend: str
    where: str


def run(lab: Lab, plan: Plan, journal: Journal, journal_name: str, reporter: Reporter, pace: Pace) -> Outcome:
    """Run ``plan`` and judge the end; what the runner raises is in the outcome's ``error``.

    On a cluster that is not ours no client writes, and the end is judged without one. A refused plan is not judged."""
    began, started = utc_now(), lab.executor.now()
    recorder = Recorder()
    keeper, watched = Keeper(reporter, recorder), Watched(lab.executor, reporter.margins, plan, recorder)
    error: OvnswapError | None = None
    history: History | None = None
    end: EndLooks | None = None
    runner = Runner(watched.lab, plan, journal=journal, watch=keeper, pace=pace)
    seconds = 0.0
    with reporter:
        has_client = Capability.CLIENT in lab.executor.capabilities
        client = lab.executor.client() if has_client and not plan.refusals else None
        try:
            if client is not None:
                client.start()
            try:
                runner.run()
            except OvnswapError as caught:
                error = caught
            seconds = lab.executor.now() - started
            if error is None:
                watched.ended("done")
            if error is None:
                settle(watched.lab)
        finally:
            if client is not None:
                history = client.stop()
        judged = error is None if not has_client else history is not None and not isinstance(error, Interrupted)
        if judged:
            end = judge(lab.executor, plan, history, watched.monitor, watched.before, finished=error is None)
            journal.record("judged", lost=end.lost, violations=end.violations, problems=end.problems)
    return Outcome(
        plan=plan,
        where=lab.where,
        backend=lab.backend,
        steps=keeper.steps,
        seconds=seconds,
        began=began,
        ended=utc_now(),
        journal=journal_name,
        error=error,
        history=history,
        end=end,
        lowest=watched.lowest,
        recorder=recorder,
    )


def utc_now() -> str:
    """The time as RFC 3339 has it, in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
