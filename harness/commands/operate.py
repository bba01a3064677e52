"""``ovnswap apply`` on a cluster that is not ours: asked for twice, allowed, locked, shown, confirmed, then run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from harness import preflight
from harness.cluster import ClusterView
from harness.commands.output import say
from harness.commands.running import Lab, run
from harness.errors import BadInput, Interrupted, Refused
from harness.executor import LabExecutor
from harness.journal import Journal
from harness.plan import Plan
from harness.report import text
from harness.report.live import Reporter
from harness.report.outcome import Outcome
from harness.report.wording import short_subject
from harness.runner import Pace, Progress
from harness.steps import CENTRAL, Kick, Remove, SetEnv

if TYPE_CHECKING:
    from harness.executors.kubernetes import KubernetesExecutor

ROLES = ("observe", "operate", "clean")


class _Noting:
    """A reporter that also tells the lock which step is under way, for whoever is refused because of it."""

    def __init__(self, reporter: Reporter, executor: KubernetesExecutor) -> None:
        self._reporter = reporter
        self._executor = executor

    def __enter__(self) -> _Noting:
        self._reporter.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._reporter.__exit__(*error)

    def __call__(self, progress: Progress) -> None:
        if self._executor.lock is not None:
            self._executor.lock.step = f"{progress.number}/{progress.total} {progress.step.title}"
        self._reporter(progress)

    def margins(self, values: Mapping[str, int]) -> None:
        self._reporter.margins(values)


def prepare(executor: KubernetesExecutor, run_id: str) -> None:
    """See that everything the run will do is allowed, and that nobody else is at it.

    Raises Refused, naming each missing permission, or Locked, naming the holder.
    """
    executor.require(*ROLES)
    left = executor.acquire(run_id)
    say(f"lock: taken by this run, {run_id}")
    if left is not None:
        say(f"lock: left behind by {left.words()}; what that run began is looked at like everything else")


def check_release(plan: Plan, view: ClusterView) -> None:
    """The documented procedure has no checks of its own; this one it gets on a cluster that is not ours to lose.

    Raises Refused for a plan that kicks before NODE_IPS is changed, on a release that deletes its database then.
    """
    kicks = [number for number, step in enumerate(plan.steps) if isinstance(step, Kick | Remove)]
    listed = [
        number
        for number, step in enumerate(plan.steps)
        if isinstance(step, SetEnv) and (step.workload, step.variable) == (CENTRAL, "NODE_IPS")
    ]
    kick_first = bool(kicks) and (not listed or kicks[0] < listed[0])
    for check in preflight.version(view, kick_first):
        if check.verdict == preflight.REFUSED:
            raise Refused(f"{check.id}: {check.seen}", why=check.why, todo=check.todo)


def confirm(plan: Plan, executor: KubernetesExecutor, yes: bool) -> None:
    """Show what will be done, and ask for the node's name.

    Raises :class:`BadInput` if there is nobody to ask, :class:`Interrupted` if the answer is another one.
    """
    view = executor.view()
    rows = plan.forecast(view)
    for line in text.plan_lines(plan, rows, [step.commands(view) for step in plan.steps]):
        say(line)
    if yes or plan.refusals:  # refused plans end in the runner, with their reasons
        return
    name = plan.target.node
    where = executor.api.connection
    if not sys.stdin.isatty():
        why = "this changes a real cluster, and there is nobody to ask"
        raise BadInput("not confirmed", why=why, todo="look at the plan above, then add --yes")
    question = f"To do this on {where.context} ({where.server}), type the node's name ({name})"
    if click.prompt(question, default="", show_default=False, err=True).strip() != name:
        raise Interrupted("not confirmed", why="nothing was changed", todo=f"ovnswap apply {short_subject(plan)}")


def carry_out(
    executor: KubernetesExecutor, plan: Plan, journal: Journal, path: Path, reporter: Reporter, pace: Pace, where: str
) -> Outcome:
    """Run the plan, and look at what it leaves."""
    lab = Lab(cast(LabExecutor, executor), "kube", where)
    noting: Any = _Noting(reporter, executor)
    return run(lab, plan, journal, str(path), noting, pace)
