"""Run a plan on an executor: look, act, wait until done, write it down; stop where it is safe.

The runner asks reality before every step: a step that is satisfied is skipped, one whose precondition does not hold is
waited for and then refused. So a run killed anywhere is started again by making the plan anew and running it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from harness.cluster import ClusterView
from harness.errors import Inconclusive, Interrupted, OvnswapError, Refused, StepFailed
from harness.executor import Executor, WaitTimeout
from harness.journal import Journal, MemoryJournal
from harness.plan import Plan
from harness.steps import Problem, Step

PATIENCE = 90.0
"""How long a precondition may take to come true, in cluster seconds: elections and probes settle within it."""

ATTEMPTS = 3
"""How often a repeatable step may be sent, each time after a look at the cluster."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What became of one step. ``outcome``: done, skipped or failed; cluster seconds; ``reply``: its answer."""

    number: int
    step: Step
    outcome: str
    started: float
    ended: float
    reply: str = ""


GO_ON = "look with `ovnswap status`, mend what it names, then run the same command again: it goes on from here"
"""What to do after a run that stopped half-way, where a step does not know better."""

TAKEN_ON = ("started removal", "sent removal request to leader")
"""What ``cluster/kick`` answers when it did something; a leader that is told to kick itself answers nothing, and leaves
(facts: ovsdb-raft 3)."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """A finished run: every step with its outcome, in order."""

    plan: Plan
    outcomes: tuple[StepOutcome, ...]
    started: float
    ended: float

    @property
    def kicks(self) -> int:
        """Membership changes that a server took on (a landmark: a swap without one did nothing)."""
        asked = [o for o in self.outcomes if o.outcome == "done" and type(o.step).__name__ in ("Kick", "Remove")]
        return sum(not outcome.reply or outcome.reply.startswith(TAKEN_ON) for outcome in asked)


@dataclass(frozen=True, slots=True)
class Progress:
    """One thing that happened, for whoever watches: ``kind`` is started, waiting, done, skipped or failed."""

    kind: str
    number: int
    total: int
    step: Step
    at: float
    text: str = ""


Watcher = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How an operator goes through a plan: ``between`` cluster seconds pass after each step (reading, typing)."""

    between: float = 0.0


class Runner:
    """Runs one plan once."""

    def __init__(
        self,
        executor: Executor,
        plan: Plan,
        *,
        journal: Journal | None = None,
        watch: Watcher | None = None,
        pace: Pace = Pace(),
    ) -> None:
        self._executor = executor
        self._plan = plan
        self._journal = journal if journal is not None else MemoryJournal()
        self._watch = watch
        self._pace = pace
        self._outcomes: list[StepOutcome] = []
        self._changed = False
        self._begun: Step | None = None

    def run(self) -> RunResult:
        """Run every step.

        Raises :class:`Refused` if the plan carries a refusal or its first mutation is not allowed (nothing changed),
        :class:`StepFailed` when a step does not get done, :class:`Inconclusive` when a mutation's outcome stays
        unknown, :class:`Interrupted` on Ctrl-C. Each says what to do next.
        """
        self._refuse()
        started = self._executor.now()
        self._journal.record("run", digest=self._plan.digest, steps=len(self._plan.steps), at=started)
        try:
            for number, step in enumerate(self._plan.steps, start=1):
                self._step(number, step)
                if self._pace.between and number < len(self._plan.steps):
                    self._executor.sleep(self._pace.between)
        except KeyboardInterrupt:
            raise self._interrupted() from None
        except OvnswapError as error:
            self._journal.record("stopped", error=type(error).__name__, seen=error.seen, why=error.why, todo=error.todo)
            raise
        ended = self._executor.now()
        self._journal.record("finished", at=ended)
        return RunResult(self._plan, tuple(self._outcomes), started, ended)

    def _refuse(self) -> None:
        refusals = self._plan.refusals
        if not refusals:
            return
        first = refusals[0]
        more = f" (and {len(refusals) - 1} more)" if len(refusals) > 1 else ""
        self._journal.record("refused", checks=[check.as_dict() for check in refusals])
        raise Refused(f"{first.id}: {first.seen}{more}", why=first.why, todo=first.todo)

    def _step(self, number: int, step: Step) -> None:
        started = self._executor.now()
        self._tell("started", number, step)
        view = self._executor.view()
        if step.satisfied(view):
            self._finish(number, step, "skipped", started, "")
            return
        self._journal.record("step", number=number, step=step.as_dict(), commands=list(step.commands(view)), at=started)
        try:
            reply = self._do(number, step, view)
        except (WaitTimeout, OvnswapError) as error:
            self._finish(number, step, "failed", started, str(error))
            raise self._failure(step, error) from error
        self._finish(number, step, "done", started, reply)

    def _do(self, number: int, step: Step, view: ClusterView) -> str:
        for attempt in range(1, ATTEMPTS + 1):
            view = self._allowed(number, step, view)
            if not step.read_only:
                self._changed = True
                self._begun = step
            reply = step.act(self._executor, view)
            try:
                self._await(number, step)
            except WaitTimeout:
                view = self._executor.view()
                again = step.repeatable and attempt < ATTEMPTS and step.blocked(view) is None
                if not again:
                    raise
                self._journal.record("again", number=number, attempt=attempt + 1, at=self._executor.now())
                continue
            return reply.text if reply is not None else ""
        raise AssertionError("the last attempt returns or raises")

    def _allowed(self, number: int, step: Step, view: ClusterView) -> ClusterView:
        """Wait until the precondition holds; returns the view in which it does."""
        problem = step.blocked(view)
        if problem is None:
            return view
        self._tell("waiting", number, step, problem.seen)

        def ready() -> tuple[ClusterView, Problem | None] | None:
            now = self._executor.view()
            left = step.blocked(now)
            return (now, left) if left is None or left.fatal else None

        try:
            view, left = self._executor.wait(ready, PATIENCE, problem.seen)
        except WaitTimeout:
            view = self._executor.view()
            left = step.blocked(view)
        if left is None:
            return view
        if not self._changed:
            raise Refused(left.seen, why=left.why, todo=left.todo)
        raise StepFailed(left.seen, why=left.why, todo=left.todo or GO_ON)

    def _await(self, number: int, step: Step) -> None:
        last = ""

        def done() -> bool:
            nonlocal last
            waiting = step.pending(self._executor.view())
            if waiting is not None and waiting != last:
                self._tell("waiting", number, step, waiting)
            last = waiting or ""
            return waiting is None

        try:
            self._executor.wait(done, step.deadline, step.title)
        except WaitTimeout as timeout:
            raise WaitTimeout(f"{step.title}: {last}" if last else timeout.reason, timeout.timeout) from None

    def _failure(self, step: Step, error: Exception) -> OvnswapError:
        if isinstance(error, OvnswapError):
            return error
        if not self._changed:
            return Refused(str(error), why=f"step {step.title!r} is not done, and nothing was changed yet", todo=GO_ON)
        if step.repeatable:
            return Inconclusive(str(error), why="whether the change will still happen is not known", todo=GO_ON)
        return StepFailed(str(error), why=f"step {step.title!r} is not done", todo=GO_ON)

    def _interrupted(self) -> Interrupted:
        """Says whether the cluster may be left like this: not within a step, nor after one that is no safe point."""
        last = next((o.step for o in reversed(self._outcomes) if not o.step.read_only), None)
        why = ""
        if self._begun is not None:
            why = f"step {self._begun.title!r} was begun and is not done: do not leave it like this"
        elif last is not None and not last.safe_point:
            why = f"step {last.title!r} is half of a change: do not leave it like this"
        self._journal.record("interrupted", after=len(self._outcomes), safe=not why)
        return Interrupted(
            f"stopped after step {len(self._outcomes)} of {len(self._plan.steps)}",
            why=why,
            todo="run the same command again: it goes on from what is really there",
        )

    def _finish(self, number: int, step: Step, outcome: str, started: float, reply: str) -> None:
        ended = self._executor.now()
        self._outcomes.append(StepOutcome(number, step, outcome, started, ended, reply))
        self._begun = None
        self._journal.record("step-" + outcome, number=number, reply=reply, at=ended)
        self._tell(outcome, number, step, reply)

    def _tell(self, kind: str, number: int, step: Step, text: str = "") -> None:
        if self._watch is not None:
            total = len(self._plan.steps)
            self._watch(Progress(kind, number, total, step, self._executor.now(), text))


def run(executor: Executor, plan: Plan, **options: Any) -> RunResult:
    """Run ``plan`` on ``executor``; options as for :class:`Runner`."""
    return Runner(executor, plan, **options).run()
