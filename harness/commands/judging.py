"""Looking at a lab after a run: has it settled, is anything lost, does everything agree?"""

from __future__ import annotations

import contextlib
from dataclasses import replace

from harness import health
from harness.addresses import split_list
from harness.cluster import DATABASES, ClusterView
from harness.executor import LabExecutor, WaitTimeout
from harness.invariants import EndState, Grade, Monitor, NoLostWrite, violations
from harness.look import served
from harness.plan import Plan
from harness.report.outcome import EndLooks
from harness.steps import CENTRAL
from harness.workload import History

SETTLES = 120.0
"""Cluster seconds after a finished run until every server must be a caught-up voter."""


def settle(executor: LabExecutor) -> None:
    """Wait until both databases are in order; give up after :data:`SETTLES`, for the look that follows will tell."""
    with contextlib.suppress(WaitTimeout):
        executor.wait(lambda: not health.all_problems(executor.view()), SETTLES, "both databases to be in order")


def judge(
    executor: LabExecutor,
    plan: Plan,
    history: History | None,
    monitor: Monitor,
    before: ClusterView | None,
    *,
    finished: bool,
) -> EndLooks:
    """The end state of a run that ``monitor`` has watched and that found the cluster as ``before``. One that did not
    finish is only judged by what must hold whatever happens; without a client's ``history`` nothing is said of its
    rows."""
    with contextlib.suppress(WaitTimeout):
        # A follower serves the last rows a moment after they were acknowledged.
        executor.wait(lambda: not _lost(executor, plan, history), executor.timing.election, "followers to catch up")
    end = replace(_end(executor, plan, history), before=before)
    grades = (Grade.SAFETY, Grade.ORDER) if finished else (Grade.SAFETY,)
    at_end = monitor.at_end(end, grades)
    lost = tuple(v.text for v in at_end if v.invariant == NoLostWrite.id and history is not None)
    asked = end.rows.items()
    found = [v for grade in grades for v in monitor.broken(grade)]
    others = [str(v) for v in (*found, *at_end) if v.invariant != NoLostWrite.id]
    pairs = {database.value: end.view.leader(database) for database in DATABASES}
    return EndLooks(
        members={database.value: health.member_hosts(end.view, database) for database in DATABASES},
        leaders={name: pair[0] if pair else None for name, pair in pairs.items()},
        problems=tuple(health.all_problems(end.view)),
        violations=tuple(others),
        lost=lost,
        unchecked=tuple(db.value for db in DATABASES if not any(at[0] is db for at, rows in asked if rows is not None)),
    )


def _lost(executor: LabExecutor, plan: Plan, history: History | None) -> list[str]:
    end = _end(executor, plan, history)
    return [] if history is None else [v.text for v in violations(end, (NoLostWrite,))]


def _end(executor: LabExecutor, plan: Plan, history: History | None) -> EndState:
    retired = (plan.old.node,) if plan.old is not None else ()
    return served(executor, history, _expected(executor.view(), plan), retired)


def _expected(view: ClusterView, plan: Plan) -> frozenset[str]:
    """Who should be a member when the plan is through."""
    central = view.workload(CENTRAL)
    listed = set(split_list(central.env.get("NODE_IPS", ""))) if central is not None else set()
    if plan.old is not None:
        listed.discard(plan.old.address)
    if plan.new is not None:
        listed.add(plan.new.address)
    return frozenset(listed)
