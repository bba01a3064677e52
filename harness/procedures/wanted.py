"""What is asked for, in a few words, and the plan for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.cluster import ClusterView, NodeFiles
from harness.errors import BadInput
from harness.plan import Plan
from harness.procedures import careless, documented, guarded
from harness.steps import RollNextPod

Look = Callable[[str], NodeFiles | None]
"""What lies on a node; None where nobody can look."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A procedure, a verb and its nodes. ``spare`` is the newcomer of ``replace``.

    ``given`` is a plan that stands for the procedure, step for step: a runbook bound to the cluster at hand, or a saved
    plan. It is used as it is each time, whatever the cluster looks like then.
    """

    procedure: str
    verb: str
    node: str
    spare: str = ""
    accept_stall: bool = False
    given: Plan | None = None

    @classmethod
    def exactly(cls, plan: Plan) -> Wanted:
        """``plan`` itself, and no plan that is made anew."""
        return replace(cls.like(plan), given=plan)

    @classmethod
    def like(cls, plan: Plan) -> Wanted:
        """What was asked for when ``plan`` was made."""
        spare = plan.new.node if plan.verb == "replace" and plan.new is not None else ""
        stall = any(isinstance(step, RollNextPod) and step.accept_stall for step in plan.steps)
        return cls(plan.procedure, plan.verb, plan.target.node, spare, stall)


def make(wanted: Wanted, view: ClusterView, look: Look) -> Plan:
    """Raises :class:`BadInput` for a node that does not fit, and for what the procedure has no order for."""
    if wanted.given is not None:
        return wanted.given
    if wanted.procedure == "documented":
        return _documented(wanted, view)
    if wanted.procedure == "careless" and wanted.verb == "kick":
        return careless.kick(view, wanted.node)
    if wanted.procedure != "guarded":
        raise BadInput(f"there is no procedure {wanted.procedure!r}", todo="--procedure guarded, or documented")
    newcomer = {"add": wanted.node, "replace": wanted.spare}.get(wanted.verb)
    found = look(newcomer) if newcomer is not None and view.node(newcomer) is not None else None
    options = guarded.Options(wanted.accept_stall, found.databases if found is not None else None)
    if wanted.verb == "remove":
        return guarded.remove(view, wanted.node, options)
    if wanted.verb == "add":
        return guarded.add(view, wanted.node, options)
    return guarded.replace(view, wanted.node, wanted.spare, options)


def _documented(wanted: Wanted, view: ClusterView) -> Plan:
    if wanted.verb == "remove":
        return documented.remove(view, wanted.node)
    if wanted.verb == "add":
        return documented.add(view, wanted.node)
    return documented.replace(view, wanted.node, wanted.spare)
