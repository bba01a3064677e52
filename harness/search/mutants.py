"""Procedures with one mistake each: what a careless change of a procedure would look like.

A mutation names its step by what the step is, not by its number, so that it stays the same mistake when the plan is
made anew half-way. A judge that lets mutants live would let such a change live too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import Any, cast

from harness import health
from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database
from harness.errors import BadInput
from harness.executor import Executor, Reply
from harness.plan import Plan
from harness.steps import (
    CENTRAL,
    AwaitInOrder,
    AwaitPodOn,
    DeletePods,
    KeepPodForLast,
    Remove,
    RestartOutdated,
    ResumeRollout,
    RollNextPod,
    RolloutStatus,
    Step,
)


class _Careless:
    """A step without its precondition (``unchecked``), whoever asks for it: the runner, or the step itself where it
    looks again before it acts; or without the wait for its "done when" (``unawaited``)."""

    def __init__(self, step: Step, *, checks: bool, waits: bool) -> None:
        self._step = step
        self._checks = checks
        self._waits = waits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)

    @property
    def plain(self) -> Step:
        """The step as it is written: what is missing can't be read."""
        return self._step

    def blocked(self, view: ClusterView) -> Any:
        return self._step.blocked(view) if self._checks else None

    def pending(self, view: ClusterView) -> str | None:
        return self._step.pending(view) if self._waits else None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        """What the step does, with this object as the step, so that it has no other check either."""
        return type(self._step).act(cast(Step, self), executor, view)


class _Trusting(_Careless):
    """A step that takes the leader's word for everybody's: what another member says, or does not say, is no matter."""

    def __init__(self, step: Step) -> None:
        super().__init__(step, checks=True, waits=True)

    def blocked(self, view: ClusterView) -> Any:
        problem = self._step.blocked(view)
        return None if problem is not None and not problem.fatal and self._leaders_agree(view) else problem

    def pending(self, view: ClusterView) -> str | None:
        waiting = self._step.pending(view)
        return None if waiting is not None and self._leaders_agree(view) else waiting

    def _leaders_agree(self, view: ClusterView) -> bool:
        about = getattr(self._step, "database", None)
        for database in DATABASES if about is None else (about,):
            pair = view.leader(database)
            if pair is None or health.leader_problems(view, database):
                return False
            if isinstance(self._step, Remove) and pair[1].entry_at(self._step.address):
                return False
        return True


Other = tuple[str, str]
"""Name and address of a node that the procedure is not about."""


def _drop(step: Step, other: Other) -> list[Step]:
    return []


def _twice(step: Step, other: Other) -> list[Step]:
    return [step, step]


def _unchecked(step: Step, other: Other) -> list[Step]:
    if type(step).blocked is Step.blocked:
        return [step]
    return [cast(Step, _Careless(step, checks=False, waits=True))]


def _unawaited(step: Step, other: Other) -> list[Step]:
    if type(step).pending is Step.pending:
        return [step]
    return [cast(Step, _Careless(step, checks=True, waits=False))]


def _other_database(step: Step, other: Other) -> list[Step]:
    given = getattr(step, "database", None)
    wrong = {Database.NB: Database.SB, Database.SB: Database.NB}.get(cast(Database, given))
    return [replace(step, database=wrong) if wrong is not None else step]  # type: ignore[call-arg]


def _other_node(step: Step, other: Other) -> list[Step]:
    known = {field.name for field in fields(step)}
    changes: dict[str, Any] = {"node": other[0]} if "node" in known else {}
    if "address" in known:
        changes["address"] = other[1]
    return [replace(step, **changes)]


def _addresses(change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Callable[[Step, Other], list[Step]]:
    def changed(step: Step, other: Other) -> list[Step]:
        given = getattr(step, "addresses", None)
        return [replace(step, addresses=change(given)) if given else step]  # type: ignore[call-arg]

    return changed


def _trusting(step: Step, other: Other) -> list[Step]:
    asks_everybody = isinstance(step, AwaitInOrder | AwaitPodOn | Remove | KeepPodForLast)
    return [cast(Step, _Trusting(step))] if asks_everybody else [step]


def _at_once(step: Step, other: Other) -> list[Step]:
    """Not one after the other: the whole rollout, or every pod of a DaemonSet."""
    if isinstance(step, RollNextPod):
        resumed = cast(Step, _Careless(ResumeRollout(CENTRAL), checks=False, waits=True))
        return [resumed, RolloutStatus("Deployment", CENTRAL)]
    return [DeletePods("ovs")] if isinstance(step, RestartOutdated) else [step]


_KINDS: dict[str, Callable[[Step, Other], list[Step]]] = {
    "drop": _drop,
    "twice": _twice,
    "unchecked": _unchecked,
    "unawaited": _unawaited,
    "other-database": _other_database,
    "other-node": _other_node,
    "leader-only": _trusting,
    "at-once": _at_once,
    "reversed": _addresses(lambda given: given[::-1]),
    "one-address-less": _addresses(lambda given: given[:-1]),
}
LATER = "later"
"""The step and the one after it change places."""
KINDS = (*_KINDS, LATER)

_FORM = re.compile(r"(?P<kind>[a-z-]+) (?P<step>.+)")


def keys(plan: Plan) -> tuple[str, ...]:
    """A name for each step of ``plan``, such as ``Remove(nb, 172.18.0.5)``; ``#2`` for the second of the same kind."""
    seen: Counter[str] = Counter()
    found = []
    for step in plan.steps:
        values = (value for value in step.as_dict().values() if value not in ("", [], False))
        name, *parameters = (",".join(value) if isinstance(value, list) else str(value) for value in values)
        key = f"{name}({', '.join(parameters)})"
        seen[key] += 1
        found.append(key if seen[key] == 1 else f"{key}#{seen[key]}")
    return tuple(found)


def mutations(plan: Plan, view: ClusterView) -> Iterator[str]:
    """Every mutation that changes ``plan``, as text such as ``drop Remove(nb, 172.18.0.5)``."""
    other = bystander(plan, view)
    for key, step in zip(keys(plan), plan.steps, strict=True):
        for kind, change in _KINDS.items():
            if change(step, other) != [step] and not (step.read_only and kind in ("twice", "unchecked")):
                yield f"{kind} {key}"
        if step is not plan.steps[-1]:
            yield f"{LATER} {key}"


def bystander(plan: Plan, view: ClusterView) -> Other:
    """A member that neither leaves nor comes in: the node that a careless hand takes instead."""
    about = {target.node for target in (plan.old, plan.new) if target is not None}
    found = next((node for node in view.labelled() if node.name not in about), None)
    return (found.name, host_of(found.address)) if found is not None else ("", "")


def mutated(plan: Plan, mutation: str, view: ClusterView) -> Plan:
    """``plan`` with the mistake; as it is if it has no such step (any more).

    Raises :class:`BadInput` for a text that is no mutation.
    """
    match = _FORM.fullmatch(mutation)
    if match is None or match["kind"] not in KINDS:
        raise BadInput(f"{mutation!r} is no mutation", todo=f"KIND STEP(...), KIND one of {', '.join(KINDS)}")
    names = keys(plan)
    if match["step"] not in names:
        return plan
    at = names.index(match["step"])
    return replace(plan, steps=_changed(plan.steps, at, match["kind"], bystander(plan, view)))


def _changed(steps: Sequence[Step], at: int, kind: str, other: Other) -> tuple[Step, ...]:
    if kind == LATER:
        swapped = list(steps)
        swapped[at : at + 2] = swapped[at : at + 2][::-1]
        return tuple(swapped)
    return (*steps[:at], *_KINDS[kind](steps[at], other), *steps[at + 1 :])


def written(plan: Plan) -> Plan:
    """``plan`` as it can be read: a check or a wait that a step does not do any more does not show."""
    return replace(plan, steps=tuple(step.plain if isinstance(step, _Careless) else step for step in plan.steps))
