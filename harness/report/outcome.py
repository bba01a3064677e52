"""What became of a run: for people in a few lines, for programs as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.cluster import DATABASES
from harness.errors import ExitCode, OvnswapError
from harness.plan import API_VERSION, Plan
from harness.recorder import Recorder
from harness.report.wording import clean, margin, short_subject
from harness.workload import History


@dataclass(frozen=True, slots=True)
class StepLine:
    """One step that was begun. ``outcome``: done, skipped, failed or begun; times in cluster seconds."""

    number: int
    title: str
    step: str
    outcome: str
    started: float
    ended: float | None
    reply: str = ""


@dataclass(frozen=True, slots=True)
class EndLooks:
    """The cluster as it was left: members and leader of each database, what is not in order, what is broken.

    ``unchecked``: databases of which no live member could be asked for its rows."""

    members: Mapping[str, tuple[str, ...]]
    leaders: Mapping[str, str | None]
    problems: tuple[str, ...]
    violations: tuple[str, ...]
    lost: tuple[str, ...]
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """A run that is over, however it ended. ``end`` is None if nobody looked; ``lowest``: servers that could still fail
    at the worst moment seen; ``recorder``: what was seen."""

    plan: Plan
    where: str
    backend: str
    steps: tuple[StepLine, ...]
    seconds: float
    began: str
    ended: str
    journal: str
    error: OvnswapError | None = None
    history: History | None = None
    end: EndLooks | None = None
    lowest: Mapping[str, int] = field(default_factory=dict)
    recorder: Recorder | None = None

    @property
    def broken(self) -> tuple[str, ...]:
        """What the end state violates, lost writes among it."""
        return (*self.end.lost, *self.end.violations) if self.end is not None else ()

    @property
    def exit_code(self) -> ExitCode:
        """The code with which the command ends."""
        if self.error is not None:
            return self.error.exit_code
        return ExitCode.FAILED if self.broken or (self.end is not None and self.end.problems) else ExitCode.OK

    @property
    def word(self) -> str:
        """One word for what became of it."""
        words = {
            ExitCode.OK: "done",
            ExitCode.FAILED: "failed",
            ExitCode.REFUSED: "refused",
            ExitCode.INCONCLUSIVE: "inconclusive",
            ExitCode.INTERRUPTED: "interrupted",
        }
        return words.get(self.exit_code, "stopped")


def outcome_lines(run: Outcome) -> list[str]:
    """The result, as the last thing on the screen."""
    lines = [f"{run.word}: {clean(short_subject(run.plan))}, {run.plan.procedure} procedure{_steps(run)}"]
    if run.history is not None:
        lines += _client_lines(run, run.history)
    if run.lowest:
        worst = ", ".join(f"{name} {margin(value)}" for name, value in run.lowest.items())
        lines.append(f"worst:   servers that could still have failed at the worst moment seen: {worst}")
    if run.end is not None:
        lines += _end_lines(run.end)
    return lines


def _steps(run: Outcome) -> str:
    if run.error is not None and run.exit_code is ExitCode.REFUSED:
        return "; nothing was changed"
    outcomes = [line.outcome for line in run.steps]
    counts = [f"{outcomes.count(word)} {word}" for word in ("done", "skipped", "failed") if word in outcomes]
    return f"; {len(run.plan.steps)} steps: {', '.join(counts) or 'none begun'}; {run.seconds:.0f} cluster seconds"


def _client_lines(run: Outcome, history: History) -> list[str]:
    nb, sb = (len(history.acknowledged(database)) for database in DATABASES)
    stalls = ", ".join(f"{db} {history.longest_stall(db):.1f} s" for db in DATABASES)
    lines = [f"client:  {nb} writes acknowledged in nb, {sb} of them seen in sb; longest stall: {stalls}"]
    if run.end is not None:
        lines.append(_lost_line(run.end))
    return lines


def _lost_line(end: EndLooks) -> str:
    if end.lost:
        return f"LOST:    {'; '.join(map(clean, end.lost))}"
    if end.unchecked:
        return f"client:  no live member of {' and '.join(end.unchecked)} to ask whether acknowledged rows are lost"
    return "client:  no acknowledged row is lost"


def _end_lines(end: EndLooks) -> list[str]:
    lines = []
    for name, members in end.members.items():
        leader = end.leaders.get(name)
        led = f"led by {clean(leader)}" if leader else "without a leader"
        lines.append(f"{name}:      {len(members)} members ({', '.join(members)}), {led}")
    lines += [f"problem: {clean(problem)}" for problem in end.problems]
    lines += [f"BROKEN:  {clean(violation)}" for violation in end.violations]
    if not end.problems and not end.violations and not end.lost:
        lines.append("end:     in order: every member is a caught-up voter, and addresses, labels and files agree")
    return lines


def outcome_data(run: Outcome) -> dict[str, Any]:
    """The same for ``-o json``. Times of steps and stalls are cluster seconds, ``began`` and ``ended`` are UTC."""
    error = run.error
    return {
        "apiVersion": API_VERSION,
        "kind": "Run",
        "outcome": run.word,
        "exitCode": int(run.exit_code),
        "backend": run.backend,
        "where": run.where,
        "began": run.began,
        "ended": run.ended,
        "clusterSeconds": round(run.seconds, 3),
        "journal": run.journal,
        "error": error and {"type": type(error).__name__, "seen": error.seen, "why": error.why, "todo": error.todo},
        "plan": run.plan.as_dict(),
        "steps": _steps_data(run),
        "client": _client_data(run),
        "lowestMargin": dict(run.lowest),
        "end": _end_data(run.end),
    }


def _steps_data(run: Outcome) -> list[dict[str, Any]]:
    """``stallSeconds``: the longest wait for an acknowledgement that was due first during the step, or before the next
    one; null if no client wrote."""
    ends = [line.started for line in run.steps[1:]]
    ends.append(run.history.stopped if run.history is not None else 0.0)
    return [_step_data(line, run.history, end) for line, end in zip(run.steps, ends, strict=True)] if run.steps else []


def _step_data(line: StepLine, history: History | None, until: float) -> dict[str, Any]:
    stalls = None
    if history is not None:
        stalls = {db.value: round(history.stall_begun_within(db, line.started, until), 3) for db in DATABASES}
    return {
        "number": line.number,
        "step": line.step,
        "title": line.title,
        "outcome": line.outcome,
        "started": line.started,
        "ended": line.ended,
        "reply": line.reply,
        "stallSeconds": stalls,
    }


def _client_data(run: Outcome) -> dict[str, Any] | None:
    history = run.history
    if history is None:
        return None
    per_database = {
        database.value: {
            "acknowledged": len(history.acknowledged(database)),
            "longestStallSeconds": round(history.longest_stall(database), 3),
        }
        for database in DATABASES
    }
    end = run.end
    asked = None if end is None else {"lost": list(end.lost), "notAsked": list(end.unchecked)}
    return {**per_database, "rows": asked}


def _end_data(end: EndLooks | None) -> dict[str, Any] | None:
    if end is None:
        return None
    return {
        "members": {name: list(members) for name, members in end.members.items()},
        "leaders": dict(end.leaders),
        "problems": list(end.problems),
        "violations": list(end.violations),
        "inOrder": not (end.problems or end.violations or end.lost),
    }
