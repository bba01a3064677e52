"""Shows a monitor everything: looks, what servers write, faults, and what an operator does to a lab."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from harness.cluster import ClusterView
from harness.executor import Capability, LabExecutor, Reply
from harness.faults import FaultKind
from harness.invariants import Act, Monitor
from harness.invariants.acts import CHANGES, OPERATOR

FORGETTING = (FaultKind.WIPE, FaultKind.STALE_DISK, FaultKind.FORGET, FaultKind.DISK_FULL)
"""Faults after which a server does not know what it knew."""

FRESH = 5.0
"""Cluster seconds."""


class Witness:
    """Stands beside ``lab`` and tells ``monitor``."""

    def __init__(self, lab: LabExecutor, monitor: Monitor) -> None:
        self.lab = lab
        self.monitor = monitor
        self._reads_files = Capability.RAFT_EVENTS in lab.capabilities
        self._every_event = Capability.ORDERED_EVENTS in lab.capabilities
        self._hears_faults = Capability.FAULTS in lab.capabilities
        self._heard = len(lab.fired()) if self._hears_faults else 0  # how things were when it began is no fault
        self._last: ClusterView | None = None
        monitor.world.ordered = self._every_event

    def look(self, view: ClusterView) -> None:
        """Somebody has looked: tell it, and first all that came before it."""
        self.catch_up()
        self._last = view
        self.monitor.observe(view, tells_raft=not self._every_event)

    def now(self) -> ClusterView:
        """The cluster as it is: where a look takes time, the last one if it is not old."""
        if not self._every_event and self._last is not None and self.lab.now() - self._last.at < FRESH:
            return self._last
        return self.lab.view()

    def catch_up(self) -> None:
        """Tell the faults and what servers wrote since the last time."""
        if self._hears_faults:
            self._faults()
        if self._reads_files:
            self.monitor.raft(self.lab.raft_events())

    def _faults(self) -> None:
        fired = self.lab.fired()
        for at, fault, changed in fired[self._heard :]:
            if changed:
                self.monitor.world.disturbed = at
                if fault.kind in FORGETTING:
                    self.monitor.world.forgetful.update(fault.nodes)
                if fault.kind is FaultKind.STALE_DISK:
                    self.monitor.world.put_back.update(dict.fromkeys(fault.nodes, at))
        self._heard = len(fired)

    def attended(self, executor: LabExecutor, actor: str = OPERATOR) -> Attended:
        """``executor`` for ``actor``, whose every change is told before it is made, and what came of it."""
        return Attended(executor, self, actor)


class Attended:
    """An executor whose user is watched. ``acts`` is how many changes he has made."""

    def __init__(self, executor: LabExecutor, witness: Witness, actor: str) -> None:
        self._inner = executor
        self._witness = witness
        self._actor = actor
        self.acts = 0

    @property
    def lab(self) -> LabExecutor:
        """This object, for those who want an executor."""
        return cast(LabExecutor, self)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._inner, name)
        return self._attend(name, attribute) if name in CHANGES else attribute

    def _attend(self, name: str, make: Callable[..., Any]) -> Callable[..., Any]:
        def made(*args: Any, **values: Any) -> Any:
            lab, monitor = self._witness.lab, self._witness.monitor
            self._witness.catch_up()
            act = Act(lab.now(), self._actor, name, (*args, *values.values()), self._witness.now())
            monitor.act(act)
            self.acts += 1
            answered = False
            try:
                answer = make(*args, **values)
                answered = True
            finally:  # whatever ends the run here, also a dying operator: it may have taken effect
                text = (answer.text if answer.ok else "") if answered and isinstance(answer, Reply) else ""
                monitor.answered(act, text if answered else None)
            return answer

        return made
