"""What a rehearsal saw, with its times: who could still fail, who led, what happened. The story is told from it."""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView, Database
from harness.executor import LabExecutor
from harness.invariants.worst_margin import WorstMargin
from harness.recorder import Recorder
from harness.recording import Kind
from harness.runner import Progress
from harness.witness import Witness


class Ledger:
    """Learns from every look, and shows it to the judge. ``recorder`` hears everything too, for those who draw it."""

    def __init__(self, witness: Witness, recorder: Recorder | None = None) -> None:
        self._witness = witness
        self._recorder = recorder
        self._margin = witness.monitor.one(WorstMargin)
        self._at: float | None = None
        self._leaders: dict[Database, str | None] = {}
        self.at_zero = 0.0
        self.without = 0.0
        self.story: list[tuple[float, str]] = []
        witness.monitor.world.hear = lambda at, words: self.happened(at, words, Kind.BAD)

    @property
    def lowest(self) -> int:
        """The least number of servers that could still fail, in the worse database."""
        return min(self._margin.lowest.values(), default=99)

    def happened(self, at: float, words: str, kind: Kind = Kind.RUN) -> None:
        self.story.append((at, words))
        if self._recorder is not None:
            self._recorder.happened(at, kind, words)

    def forgive(self, address: str) -> None:
        """A trouble befalls this host too."""
        self._witness.monitor.world.forgiven |= {address}

    def taken_out(self, address: str) -> None:
        """Somebody else has taken this host out, by the whole procedure: nobody expects it to be a member."""
        self._witness.monitor.world.taken_out.add(address)

    def attended(self, lab: LabExecutor, actor: str) -> LabExecutor:
        """``lab`` for somebody else than the operator: what he changes is judged as his."""
        return self._witness.attended(lab, actor).lab

    def excuse(self, at: float) -> None:
        """What is lost in the aftermath of ``at`` is not the procedure's doing."""
        self._witness.monitor.world.excuse(at)

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
        margins = self._margin.margins
        if self._at is not None and margins:
            worst, passed = min(margins.values()), view.at - self._at
            self.at_zero += passed if worst == 0 else 0.0
            self.without += passed if worst < 0 else 0.0
        self._at = view.at
        if self._recorder is not None:
            self._recorder.observe(view)
        self._witness.look(view)
        for database in DATABASES:
            self._leader(view, database)

    def _leader(self, view: ClusterView, database: Database) -> None:
        pair = view.leader(database)
        leader = pair[0] if pair is not None else None
        if database in self._leaders and leader != self._leaders[database]:
            self.happened(view.at, f"{database}: {leader or 'nobody'} leads", Kind.RAFT)
        self._leaders[database] = leader
