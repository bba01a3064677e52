"""P13: a procedure takes its brakes off."""

from __future__ import annotations

from collections.abc import Iterable

from harness.invariants.base import EndState, Grade, Property

BRAKE = 30
"""The minReadySeconds of the guarded procedures (``procedures.guarded.BRAKE``): found at the start, a run that was
killed has left it, and the run that goes on from there takes it off."""


class RolloutRestored(Property):
    """Not of the catalogue of facts: planted mistakes showed that nothing else saw it."""

    id = "P13"
    statement = "At the end no workload is paused, and each has the minReadySeconds that it had."
    source = "Kubernetes: a paused Deployment ignores every later change of its template; facts: kubernetes 5 and 6"
    grade = Grade.ORDER

    def at_end(self, end: EndState) -> Iterable[str]:
        found = []
        for workload in end.view.workloads:
            before = end.before.workload(workload.name) if end.before is not None else None
            if workload.paused and not (before is not None and before.paused):
                found.append(f"{workload.ref} is left paused")
            if before is None or (workload.min_ready_seconds == 0 and before.min_ready_seconds == BRAKE):
                continue
            if workload.min_ready_seconds != before.min_ready_seconds:
                was = f"{before.min_ready_seconds} before"
                found.append(f"{workload.ref} is left with minReadySeconds {workload.min_ready_seconds}, {was}")
        return found
