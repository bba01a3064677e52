"""P12: a run that passes has done what it was made for."""

from __future__ import annotations

from collections.abc import Iterable

from harness import health
from harness.addresses import split_list
from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.acts import Act, Ending
from harness.invariants.base import EndState, Grade, Property
from harness.invariants.kicked import entry_of


class Landmarks(Property):
    """A run that found nothing to do, or during which nobody wrote, would pass every other property."""

    id = "P12"
    statement = "A run that calls itself done has changed something, in both databases, while a client wrote to them."
    source = 'CCF: DebugInv*; stateright and Antithesis: "sometimes"; facts: testing C'
    grade = Grade.RUN

    def begin(self) -> None:
        self._acts = 0
        self._taken: set[tuple[Database, str]] = set()
        self._brought: set[str] = set()
        self._last: Ending | None = None

    def on_act(self, act: Act) -> None:
        """Somebody else may do it all meanwhile: kick the leaver from both databases, list the newcomer."""
        if act.own:
            return
        if act.what == "kick" and act.database is not None and (host := entry_of(act)) is not None:
            self._taken.add((act.database, host))
        elif act.what == "set_env" and act.arguments[1:3] == ("ovn-central", "NODE_IPS"):
            self._brought.update(split_list(str(act.arguments[3])))

    def on_ending(self, ending: Ending) -> None:
        self._acts += ending.acts
        self._last = ending

    def at_end(self, end: EndState) -> Iterable[str]:
        last, before = self._last, end.before
        if last is None or last.how != "done" or before is None or not (last.leaves or last.comes):
            return []
        found = [] if self._acts or self._by_others(last, before) else ["it calls itself done and has changed nothing"]
        for database in DATABASES:
            then = health.member_hosts(before, database)
            if (not last.leaves or last.leaves not in then) and (not last.comes or last.comes in then):
                found.append(f"{database} had nothing to change when it began")
            if end.history is not None and not end.history.acknowledged(database):
                found.append(f"no client's write to {database} was acknowledged all along")
        return found

    def _by_others(self, last: Ending, before: ClusterView) -> bool:
        """Whether others did what the run was made for, so that nothing was left to do."""
        members = {database: health.member_hosts(before, database) for database in DATABASES}
        out = all((db, last.leaves) in self._taken for db in DATABASES if last.leaves in members[db])
        here = all(last.comes in members[db] for db in DATABASES) or last.comes in self._brought
        return (not last.leaves or out) and (not last.comes or here)
