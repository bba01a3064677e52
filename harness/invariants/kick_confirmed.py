"""P4: a kick is followed until it is committed."""

from __future__ import annotations

from harness.cluster import ClusterView, Database
from harness.invariants.acts import Act, Ending
from harness.invariants.base import Property
from harness.invariants.kicked import entry_of, removed

TAKEN_ON = ("started removal", "sent removal request")


class KickConfirmed(Property):
    """Judged at the same actor's next act, and when he calls himself done. Asking for the same removal again is no
    new act."""

    id = "P4"
    statement = "After a kick nothing else is done until the removal is committed on a majority of the members left."
    source = "raft.c, raft_unixctl_kick (it answers before anything is committed); facts: ovsdb-raft 3.4, testing C"

    def begin(self) -> None:
        self._open: dict[tuple[str, Database], str] = {}

    def on_look(self, view: ClusterView) -> None:
        """Once it was committed it stays so, whatever becomes of the servers."""
        for (actor, database), host in list(self._open.items()):
            if removed(view, database, host):
                del self._open[actor, database]

    def on_act(self, act: Act) -> None:
        if not self._open or not act.own:
            return
        for (actor, database), host in list(self._open.items()):
            if actor != act.actor:
                continue
            again = act.what == "kick" and act.database is database and entry_of(act) == host
            if removed(act.view, database, host):
                del self._open[actor, database]
            elif not again:
                del self._open[actor, database]
                self.broken(f"{database}: {act} came before the removal of {host} was committed", database)

    def on_answer(self, act: Act, answer: str | None) -> None:
        if (
            act.what != "kick"
            or not act.own
            or act.database is None
            or not (answer is None or answer.startswith(TAKEN_ON))
        ):
            return
        host = entry_of(act)
        if host is not None:
            self._open[act.actor, act.database] = host

    def on_ending(self, ending: Ending) -> None:
        for (_, database), host in self._open.items():
            if ending.how == "done" and not removed(ending.view, database, host):
                self.broken(f"{database}: called done before the removal of {host} was committed", database)
        if ending.how == "done":
            self._open.clear()
