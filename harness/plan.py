"""A plan: a procedure for one cluster and one node, as data that can be printed, saved and run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.cluster import DATABASES, ClusterView
from harness.errors import BadInput
from harness.forecast import Forecast
from harness.preflight import Check
from harness.steps import Step, from_dict

API_VERSION = "ovnswap/v1"


@dataclass(frozen=True, slots=True)
class Target:
    """A node that a procedure is about, as it was when the plan was made."""

    node: str
    address: str


@dataclass(frozen=True, slots=True)
class Plan:
    """``procedure`` (documented or guarded) for ``verb`` (remove, add, replace), as steps.

    ``old`` leaves, ``new`` comes in. ``order`` says which order was chosen and why; ``notes`` what the operator must
    know before starting; ``checks`` the preflight's verdicts on the view that the plan was made from.
    """

    procedure: str
    verb: str
    old: Target | None
    new: Target | None
    steps: tuple[Step, ...]
    order: str = ""
    notes: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def refusals(self) -> tuple[Check, ...]:
        """Checks that forbid the plan to run."""
        return tuple(check for check in self.checks if check.verdict == "refused")

    @property
    def target(self) -> Target:
        """The node that gave the plan its name."""
        target = self.old or self.new
        assert target is not None, "a plan is about a node"
        return target

    @property
    def digest(self) -> str:
        """Names what the plan does: the same steps give the same digest."""
        text = json.dumps([self.procedure, self.verb, [step.as_dict() for step in self.steps]], sort_keys=True)
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def forecast(self, view: ClusterView) -> tuple[StepForecast, ...]:
        """Tolerance of nb and sb during and after every step, starting from ``view``."""
        rows = []
        now = Forecast.of(view)
        for step in self.steps:
            impact = step.impact(now)
            during = {db.value: impact.during.of_database(db).margin for db in DATABASES}
            after = {db.value: impact.after.of_database(db).margin for db in DATABASES}
            rows.append(StepForecast(step, during, after))
            now = impact.after
        return tuple(rows)

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain data (JSON); :func:`from_dict` of this module reads it back."""
        return {
            "apiVersion": API_VERSION,
            "kind": "Plan",
            "procedure": self.procedure,
            "verb": self.verb,
            "old": _target(self.old),
            "new": _target(self.new),
            "digest": self.digest,
            "order": self.order,
            "notes": list(self.notes),
            "checks": [check.as_dict() for check in self.checks],
            "steps": [step.as_dict() for step in self.steps],
        }


@dataclass(frozen=True, slots=True)
class StepForecast:
    """How many more servers may fail in nb and in sb, at the worst instant of a step and after it (< 0: no quorum)."""

    step: Step
    during: Mapping[str, int]
    after: Mapping[str, int]


def _target(target: Target | None) -> dict[str, str] | None:
    return None if target is None else {"node": target.node, "address": target.address}


def load(text: str, source: str) -> Plan:
    """Read a saved plan. Raises :class:`BadInput` naming ``source`` if it is not one, or was changed by hand."""
    try:
        data = json.loads(text)
        if data["apiVersion"] != API_VERSION or data["kind"] != "Plan":
            raise ValueError(f"not a plan of {API_VERSION}")
        plan = Plan(
            procedure=data["procedure"],
            verb=data["verb"],
            old=Target(**data["old"]) if data["old"] else None,
            new=Target(**data["new"]) if data["new"] else None,
            steps=tuple(_steps(data["steps"])),
            order=data["order"],
            notes=tuple(data["notes"]),
            checks=tuple(Check(**check) for check in data["checks"]),
        )
        wanted = data["digest"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{source} is not a plan: {error}", todo="write one with `ovnswap plan ... -o json`") from None
    if plan.digest != wanted:
        raise BadInput(f"{source}: its steps do not fit its digest {wanted}", todo="make the plan anew")
    return plan


def _steps(items: list[dict[str, Any]]) -> list[Step]:
    return [from_dict(item) for item in items]
