"""Every single fault of a procedure: each trouble, at each place of each step, on each node that has a part in it.

The places are those of the undisturbed run: a step that found nothing to do has no inside. AFTER a step is BEFORE the
next one, the same instant, so it is tried only after the last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace

from harness.cluster import DATABASES, ClusterView
from harness.errors import Inconclusive, StepFailed
from harness.plan import Plan
from harness.procedures.wanted import make
from harness.runner import Pace, Progress, Runner
from harness.search.case import Case, Hit, Position
from harness.search.opened import opened
from harness.search.targets import first_listed
from harness.search.troubles import Trouble


@dataclass(frozen=True, slots=True)
class Place:
    """One place of a plan: the step, its title, the position, and the nodes that have a part in things there, each with
    its roles."""

    step: int
    title: str
    position: Position
    nodes: tuple[tuple[str, tuple[str, ...]], ...]


def roles(view: ClusterView, plan: Plan) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """(node, what it is) of every node that leads, follows, leaves, comes in, or is first in NODE_IPS."""
    found: dict[str, list[str]] = {}
    for database in DATABASES:
        for node, status in view.statuses(database):
            if status.is_member:
                found.setdefault(node, []).append(f"{database} {'leader' if status.is_leader else 'follower'}")
    for target, role in ((plan.old, "leaver"), (plan.new, "newcomer")):
        if target is not None:
            found.setdefault(target.node, []).append(role)
    first = first_listed(view)
    if first:
        found.setdefault(first, []).append("first in NODE_IPS")
    return tuple((node, tuple(names)) for node, names in sorted(found.items()))


def survey(case: Case) -> list[Place]:
    """The places of the undisturbed run of ``case`` in the simulator, up to where it fails if it does.

    Raises :class:`BadInput` and :class:`Refused` where there is no run.
    """
    with closing(opened(case)) as lab:
        plan = make(case.wanted, lab.view(), lab.files)
        found: list[Place] = []

        def watch(progress: Progress) -> None:
            if progress.kind not in ("started", "done"):
                return
            here = roles(lab.view(), plan)
            title = progress.step.title
            if progress.kind == "started":
                found.append(Place(progress.number, title, Position.BEFORE, here))
            elif not progress.step.read_only:
                found.append(Place(progress.number, title, Position.DURING, found[-1].nodes))
            if progress.kind == "done" and progress.number == progress.total:
                found.append(Place(progress.number, title, Position.AFTER, here))

        lab.client().start()  # as in a trial: the same events at the same times
        with suppress(StepFailed, Inconclusive):
            Runner(lab, plan, watch=watch, pace=Pace(case.pace)).run()
        return found


def spread(cases: Sequence[Case]) -> list[Case]:
    """The same cases in an order of no pattern, always the same: so that a part of them is a fair sample."""
    return sorted(cases, key=lambda case: hashlib.sha256(repr((case.seed, case.hits)).encode()).digest())


def single_faults(case: Case, places: Sequence[Place], wanted: Sequence[Trouble]) -> Iterator[Case]:
    """``case`` with one hit, for every trouble and place."""
    for place in places:
        for trouble in wanted:
            nodes = [""] if trouble.hands is not None else [node for node, _ in place.nodes]
            for node in nodes:
                yield replace(case, hits=(Hit(place.step, place.position, trouble.name, node),))
