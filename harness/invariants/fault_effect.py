"""M2: a fault that changed nothing proves nothing."""

from __future__ import annotations

from collections.abc import Iterable

from harness.invariants.base import EndState, Grade, Property


class FaultEffect(Property):
    """Such a run is void: it counts neither as passed nor as failed."""

    id = "M2"
    statement = "At least one of the faults that were asked for changed something."
    source = "freenet #4727 (faults that did nothing, tests that were green); facts: testing C"
    grade = Grade.RUN

    def at_end(self, end: EndState) -> Iterable[str]:
        hits = self.world.hits
        return ["nothing was changed by the fault"] if hits and not any(hits) else []
