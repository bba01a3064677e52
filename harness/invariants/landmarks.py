"""P12: a run that passes has done what it was made for."""

from __future__ import annotations

from collections.abc import Iterable

from harness import health
from harness.cluster import DATABASES
from harness.invariants.acts import Act, Ending
from harness.invariants.base import EndState, Grade, Property


class Landmarks(Property):
    """A run that found nothing to do, or during which nobody wrote, would pass every other property."""

    id = "P12"
    statement = "A run that calls itself done has changed something, in both databases, while a client wrote to them."
    source = 'CCF: DebugInv*; stateright and Antithesis: "sometimes"; facts: testing C'
    grade = Grade.RUN

    def begin(self) -> None:
        self._acts = 0
        self._others = 0
        self._last: Ending | None = None

    def on_act(self, act: Act) -> None:
        """Somebody else may have done it all meanwhile: then nothing was left to do."""
        self._others += not act.own

    def on_ending(self, ending: Ending) -> None:
        self._acts += ending.acts
        self._last = ending

    def at_end(self, end: EndState) -> Iterable[str]:
        last, before = self._last, end.before
        if last is None or last.how != "done" or before is None or not (last.leaves or last.comes):
            return []
        found = [] if self._acts or self._others else ["it calls itself done and has changed nothing"]
        for database in DATABASES:
            then = health.member_hosts(before, database)
            if (not last.leaves or last.leaves not in then) and (not last.comes or last.comes in then):
                found.append(f"{database} had nothing to change when it began")
            if end.history is not None and not end.history.acknowledged(database):
                found.append(f"no client's write to {database} was acknowledged all along")
        return found
