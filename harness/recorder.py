"""Makes a recording: hears of every look, step, fault and message of one run."""

from __future__ import annotations

from dataclasses import replace

from harness import health
from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database, MemberStatus
from harness.forecast import Standing
from harness.recording import Attempt, Kind, Lane, Letter, Margin, Mark, RecordedStep, Recording, Seen
from harness.runner import Progress
from harness.workload import History

AROUND = 5.0
"""Cluster seconds before and after the focus whose messages are kept."""
LETTERS = 80
"""Messages that are kept at most: those nearest to the focus."""


class Recorder:
    """Keeps what changes. Hand it to whoever looks, runs and hurts; :meth:`recording` gives the whole at the end."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._at = 0.0
        self._view: ClusterView | None = None
        self._hosts: dict[str, str] = {}
        self._seen: dict[tuple[Database, str], list[Seen]] = {}
        self._margins: dict[Database, list[Margin]] = {database: [] for database in DATABASES}
        self._attempts: list[Attempt] = []
        self._steps: list[RecordedStep] = []
        self._total = 0
        self._marks: list[Mark] = []
        self._letters: list[Letter] = []

    # -- hearing ------------------------------------------------------------------------------------------------

    def observe(self, view: ClusterView) -> None:
        """A look at the cluster: who leads, who follows, who believes in which configuration, who may fail."""
        self._began = view.at if self._began is None else self._began
        self._at, self._view = view.at, view
        self._hosts.update((node.name, node.address) for node in view.nodes)
        for database in DATABASES:
            told = dict(view.statuses(database))
            for node in dict.fromkeys((*self._nodes(database), *told)):
                self._server(view.at, database, node, told.get(node))
            self._margin(view, database)

    def told(self, progress: Progress) -> None:
        """A step began, ended, or was skipped."""
        self._total = progress.total
        if progress.kind == "started":
            commands = progress.step.commands(self._view) if self._view is not None else ()
            self._steps.append(RecordedStep(progress.number, progress.step.title, commands, progress.at))
        elif progress.kind in ("done", "skipped", "failed") and self._steps:
            ended = replace(self._steps[-1], ended=progress.at, outcome=progress.kind, reply=progress.text)
            self._steps[-1] = ended

    def ended(self, words: str) -> None:
        """The operator's command came to its end."""
        self._attempts.append(Attempt(tuple(self._steps), self._total, words))
        self._steps.clear()

    def happened(self, at: float, kind: Kind, words: str) -> None:
        self._marks.append(Mark(at, kind, words))

    def overheard(self, letter: Letter) -> None:
        """A message between two servers."""
        self._letters.append(letter)

    # -- the whole ----------------------------------------------------------------------------------------------

    def recording(
        self, backend: str, verdict: str, reasons: tuple[str, ...], history: History | None = None
    ) -> Recording:
        """Everything up to now."""
        if self._steps:
            self.ended("")
        whole = Recording(
            backend=backend,
            verdict=verdict,
            reasons=reasons,
            began=self._began or 0.0,
            ended=max([self._at, *([history.stopped] if history is not None else [])]),
            attempts=tuple(self._attempts),
            lanes=tuple(
                Lane(database, node, self._hosts.get(node, ""), tuple(seen))
                for (database, node), seen in sorted(
                    self._seen.items(), key=lambda item: (item[0][0].value, item[0][1])
                )
            ),
            margins={database: tuple(margins) for database, margins in self._margins.items()},
            marks=tuple(sorted(self._marks, key=lambda mark: mark.at)),
            history=history,
            labels={host: node for node, host in self._hosts.items()},
        )
        return replace(whole, letters=self._near(whole.focus))

    def _near(self, focus: float | None) -> tuple[Letter, ...]:
        """Messages around ``focus``, the nearest ones if there are many, in order of time."""
        if focus is None:
            return ()
        near = [letter for letter in self._letters if abs(letter.at - focus) <= AROUND]
        nearest = sorted(near, key=lambda letter: abs(letter.at - focus))[:LETTERS]
        return tuple(sorted(nearest, key=lambda letter: letter.at))

    # -- parts of a look ------------------------------------------------------------------------------------------

    def _nodes(self, database: Database) -> list[str]:
        return [node for known, node in self._seen if known is database]

    def _server(self, at: float, database: Database, node: str, status: MemberStatus | None) -> None:
        lane = self._seen.setdefault((database, node), [])
        now = Seen(at, "") if status is None else _seen(at, status)
        if not lane or replace(lane[-1], at=at) != now:
            lane.append(now)

    def _margin(self, view: ClusterView, database: Database) -> None:
        members = health.member_hosts(view, database)
        known = Standing(members, health.running_hosts(view, database)).margin if members else None
        line = self._margins[database]
        if not line or line[-1].servers != known:
            line.append(Margin(view.at, known))


def _seen(at: float, status: MemberStatus) -> Seen:
    """One server's own words, cut down to what a picture shows."""
    role = status.role if status.is_member else status.status.split()[0]
    members = tuple(sorted(host_of(entry.address) for entry in status.servers))
    return Seen(at, role, status.term, status.server_id[:4], members)
