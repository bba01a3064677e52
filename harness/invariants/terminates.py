"""L2: a procedure comes to an end that it can explain."""

from __future__ import annotations

from collections.abc import Iterable

from harness.cluster import DATABASES
from harness.invariants.acts import Ending
from harness.invariants.base import EndState, Grade, Property


class Terminates(Property):
    """Its steps have deadlines, so it does end; a refusal is a good end only of a cluster that works."""

    id = "L2"
    statement = "A procedure ends as done, or refused with a reason while both databases have a leader."
    source = "facts: testing C (ours)"
    grade = Grade.ORDER

    def begin(self) -> None:
        self._last: Ending | None = None

    def on_ending(self, ending: Ending) -> None:
        self._last = ending

    def at_end(self, end: EndState) -> Iterable[str]:
        last = self._last
        if last is None or last.how == "done":
            return []
        if last.how != "refused":
            return [f"neither done nor refused: {last.how}: {last.reason}"]
        leaderless = [database for database in DATABASES if end.view.leader(database) is None]
        return [f"refused, and {database} has no leader" for database in leaderless]
