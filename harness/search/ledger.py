"""What a rehearsal saw, with its times: who could still fail, who led, what happened. The story is told from it."""

from __future__ import annotations

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.forecast import Standing
from harness.invariants import ElectionSafety
from harness.recorder import Recorder
from harness.recording import Kind
from harness.runner import Progress

AFTERMATH = 180.0
"""Cluster seconds in which the kubelet restarts servers whose probes failed while a trouble had taken the majority."""


class Ledger:
    """Learns from every look. ``forgiven`` are hosts that a trouble befalls: what is lost without them is not the
    procedure's doing. ``recorder`` hears everything too, for those who draw it."""

    def __init__(self, forgiven: frozenset[str] = frozenset(), recorder: Recorder | None = None) -> None:
        self._forgiven = forgiven
        self._recorder = recorder
        self._at: float | None = None
        self._excused_until = -1.0
        self._margins: dict[Database, int] = {}
        self._leaders: dict[Database, str | None] = {}
        self.elections = ElectionSafety()
        self.lowest = 99
        self.at_zero = 0.0
        self.without = 0.0
        self.own_doing: list[str] = []
        self.story: list[tuple[float, str]] = []

    def forgive(self, address: str) -> None:
        """A trouble befalls this host too."""
        self._forgiven |= {address}

    def happened(self, at: float, words: str, kind: Kind = Kind.RUN) -> None:
        self.story.append((at, words))
        if self._recorder is not None:
            self._recorder.happened(at, kind, words)

    def excuse(self, at: float) -> None:
        """What is lost in the aftermath of ``at`` is not the procedure's doing."""
        self._excused_until = at + AFTERMATH

    def told(self, progress: Progress) -> None:
        """A line for each step that does something or fails."""
        if self._recorder is not None:
            self._recorder.told(progress)
        if progress.kind == "started":
            self.happened(progress.at, f"step {progress.number}: {progress.step.title}")
        elif progress.kind == "failed":
            self.happened(progress.at, f"step {progress.number} failed: {progress.text}")

    def observe(self, view: ClusterView) -> None:
        """Count the time since the last look by the worse database's margin then, and tell what is new."""
        if self._at is not None and self._margins:
            worst, passed = min(self._margins.values()), view.at - self._at
            self.at_zero += passed if worst == 0 else 0.0
            self.without += passed if worst < 0 else 0.0
        self._at = view.at
        if self._recorder is not None:
            self._recorder.observe(view)
        self.elections.observe(view)
        for database in DATABASES:
            self._standing(view, database)
            self._leader(view, database)

    def _standing(self, view: ClusterView, database: Database) -> None:
        members = health.member_hosts(view, database)
        if not members:
            return
        up = health.running_hosts(view, database)
        margin = Standing(members, up).margin
        if margin < 0 <= self._margins.get(database, 0):
            self._lost(view.at, database, members, up)
        self._margins[database] = margin
        self.lowest = min(self.lowest, margin)

    def _lost(self, at: float, database: Database, members: tuple[str, ...], up: frozenset[str]) -> None:
        """A majority is lost now. Whose doing is it?"""
        words = f"{len(up & set(members))} of {len(members)} servers run: no majority"
        self.happened(at, f"{database}: {words}", Kind.BAD)
        spared = Standing(members, frozenset(members) - self._forgiven)
        if spared.margin < 0 or Standing(members, up | self._forgiven).margin >= 0:
            self.excuse(at)
        elif at > self._excused_until:
            self.own_doing.append(f"{at:.0f} s: {database}: {words}")

    def _leader(self, view: ClusterView, database: Database) -> None:
        pair = view.leader(database)
        leader = pair[0] if pair is not None else None
        if database in self._leaders and leader != self._leaders[database]:
            self.happened(view.at, f"{database}: {leader or 'nobody'} leads", Kind.RAFT)
        self._leaders[database] = leader
