"""P11: one membership change at a time, whoever asks."""

from __future__ import annotations

from harness.cluster import ClusterView, Database
from harness.invariants.acts import Act
from harness.invariants.base import Property
from harness.invariants.kicked import entry_of, removed


class SerialActors(Property):
    """Two different kicks, asked of two leaders one after the other, split a cluster of four (facts: testing 0.2)."""

    id = "P11"
    statement = "Nobody kicks a server while the kick of another actor, for another server, is not committed."
    source = "facts: testing 0.2; ovn-kubernetes #1747 (automation that kicks by itself)"

    def begin(self) -> None:
        self._open: dict[Database, tuple[str, str]] = {}

    def on_look(self, view: ClusterView) -> None:
        for database, (_, host) in list(self._open.items()):
            if removed(view, database, host):
                del self._open[database]

    def on_act(self, act: Act) -> None:
        database = act.database
        if act.what != "kick" or database is None:
            return
        host = entry_of(act)
        if database in self._open and host is not None:
            actor, earlier = self._open[database]
            if actor != act.actor and earlier != host and not removed(act.view, database, earlier):
                text = f"{act.actor} kicks {host} from {database} while {actor}'s kick of {earlier} is not committed"
                self.broken(text, database)

    def on_answer(self, act: Act, answer: str | None) -> None:
        if act.what == "kick" and act.database is not None and (answer is None or "removal" in answer):
            host = entry_of(act)
            if host is not None:
                self._open[act.database] = (act.actor, host)
