"""Whether every step keeps its word: acts only while its precondition holds, and is done only when it says so.

The runner asks a step before it acts and after; this asks once more, beside the runner and of the cluster as it is, so
that a check that was left out, a wait that was cut short or an old view does not pass unseen. What a step itself leaves
out is not seen here: that is what the end of a run and the tests of the steps are for.
"""

from __future__ import annotations

from harness.cluster import ClusterView
from harness.steps import Step


class Monitor:
    """``broken`` tells each broken word once, as ``M1: ...`` (acted too early) or ``M2: ...`` (done too early);
    ``sent`` are the changes in their order, without times."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.sent: list[str] = []
        self._step: Step | None = None

    def begins(self, step: Step) -> None:
        self._step = getattr(step, "plain", step)

    def acts(self, view: ClusterView) -> None:
        """The first change of the step is about to be made."""
        problem = self._step.blocked(view) if self._step is not None else None
        if self._step is not None and problem is not None:
            self._breaks(f"M1: {self._step.title} acts although: {problem.seen}")

    def done(self, view: ClusterView) -> None:
        waiting = self._step.pending(view) if self._step is not None else None
        if self._step is not None and waiting is not None:
            self._breaks(f"M2: {self._step.title} is taken for done although: {waiting}")

    def _breaks(self, words: str) -> None:
        if words not in self.broken:
            self.broken.append(words)
