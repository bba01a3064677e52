"""An executor that is watched: whoever looks and changes things through it also keeps the books."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from harness.cluster import ClusterView
from harness.executor import LabExecutor
from harness.invariants import CATALOGUE, Ending, Monitor, World
from harness.invariants.worst_margin import WorstMargin
from harness.plan import Plan
from harness.procedures.wanted import Wanted
from harness.recorder import Recorder
from harness.witness import Witness

T = TypeVar("T")


class Watched:
    """Passes everything on to ``executor``, learns from every view, and judges by ``monitor`` as it goes.

    ``lowest`` is the least number of servers that could still fail, of each database; ``tell`` hears it at every look.
    ``plan`` says what is meant to change (without one only the cluster is judged); ``recorder`` sees what was seen.
    """

    def __init__(
        self,
        executor: LabExecutor,
        tell: Callable[[Mapping[str, int]], None],
        plan: Plan | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._inner = executor
        self._tell = tell
        self._recorder = recorder
        leaves = plan.old.address if plan is not None and plan.old is not None else ""
        comes = plan.new.address if plan is not None and plan.new is not None else ""
        gated = plan is not None and plan.procedure == "guarded"
        waived = plan is not None and Wanted.like(plan).accept_stall
        self.before: ClusterView | None = None
        self.monitor = Monitor(CATALOGUE, World(leaves, comes, gated, waived))
        self._witness = Witness(executor, self.monitor)
        self._attended = self._witness.attended(executor)
        self._margin = self.monitor.one(WorstMargin)
        # A node may have died by itself here, and nobody can tell: margins are told, and not judged.
        self.monitor.world.excuse(math.inf)

    @property
    def lab(self) -> LabExecutor:
        """This object, for those who want an executor."""
        return cast(LabExecutor, self)

    @property
    def lowest(self) -> dict[str, int]:
        return {database.value: margin for database, margin in self._margin.lowest.items()}

    def __getattr__(self, name: str) -> object:
        return getattr(self._attended, name)

    def view(self) -> ClusterView:
        """A look, noted."""
        view = self._inner.view()
        self.before = self.before or view
        self._witness.look(view)
        if self._recorder is not None:
            self._recorder.observe(view)
        self._tell({database.value: margin for database, margin in self._margin.margins.items()})
        return view

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        """The same, with a look at each turn: also while a step waits for something else than raft."""

        def looked() -> T | None:
            self.view()
            return condition()

        return self._inner.wait(looked, timeout, reason)

    def ended(self, how: str, reason: str = "") -> None:
        """The run came to its end: done, refused or stopped."""
        world, view = self.monitor.world, self.view()
        acts = self._attended.acts
        self.monitor.ended(Ending(view.at, how, acts, view, world.leaves, world.comes, reason))
