"""P10: a procedure can be cut off anywhere and typed again, and typed again when it is done."""

from __future__ import annotations

from collections.abc import Iterable

from harness.invariants.acts import Ending
from harness.invariants.base import EndState, Grade, Property


class Resumable(Property):
    """That the end after a cut is the same as without one is P8's, P9's and P13's to say: they are asked the same of
    both."""

    id = "P10"
    statement = "After a cut the same command ends in done or in a refusal; after done it changes nothing."
    source = "facts: testing C (ours), peers (what operators expect of a tool they type again)"
    grade = Grade.ORDER

    def begin(self) -> None:
        self._cut = False
        self._last = ""

    def on_ending(self, ending: Ending) -> None:
        if self._last == "done" and ending.acts:
            self.broken(f"typed again after it was done, it made {ending.acts} changes")
        self._cut = self._cut or ending.how == "died"
        self._last = ending.how

    def at_end(self, end: EndState) -> Iterable[str]:
        if self._cut and self._last not in ("done", "refused"):
            return [f"a run that was cut off is not brought to an end by the same command: {self._last}"]
        return []
