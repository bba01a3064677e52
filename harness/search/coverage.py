"""Which abstract states (:mod:`harness.search.states`) many runs have been through."""

from __future__ import annotations

from harness.search.case import Case
from harness.search.trial import Summary


class Coverage:
    """All states that were seen, each with the first case that saw it."""

    def __init__(self) -> None:
        self.first: dict[str, Case] = {}
        self.runs = 0

    def __len__(self) -> int:
        return len(self.first)

    def add(self, summary: Summary) -> int:
        """Learn from a run; how many of its states are new."""
        self.runs += 1
        return sum(self.first.setdefault(state, summary.case) is summary.case for state in summary.states)
