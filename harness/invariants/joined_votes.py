"""P7: who has joined votes, and has what the others have."""

from __future__ import annotations

from harness import health
from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.acts import Act, Ending
from harness.invariants.base import Grade, Property
from harness.invariants.world import AFTERMATH


class JoinedVotes(Property):
    """Judged when the procedure calls itself done, and, where the newcomer is in already, before somebody is kicked:
    "cluster member" in a status alone is no proof (facts: ovsdb-raft 9.10)."""

    id = "P7"
    statement = (
        "When a join counts as done, the newcomer is a caught-up voter of nb and of sb, as leader and itself say."
    )
    source = "kube-ovn #6907 (joining for 7 days, probes green); facts: ovsdb-raft 3.2, testing C"
    grade = Grade.ORDER

    def begin(self) -> None:
        self._others: float | None = None

    def on_act(self, act: Act) -> None:
        if not act.own:
            self._others = act.at
        comes = self.world.comes
        if act.what != "kick" or not act.own or not comes or act.database is None:
            return
        if _present(act.view, act.database, comes) and not health.is_voter(act.view, act.database, comes):
            self.broken(f"{act.database}: a kick before the newcomer at {comes} votes", act.database)

    def on_ending(self, ending: Ending) -> None:
        if ending.how != "done" or not ending.comes or self.world.disturbed_lately or self._meddled(ending.at):
            return  # what that does to a newcomer that was a voter: P8 asks again at the end
        for database in DATABASES:
            if not health.is_voter(ending.view, database, ending.comes):
                self.broken(f"{database}: called done, and {ending.comes} is no caught-up voter", database)

    def _meddled(self, at: float) -> bool:
        """Whether somebody else has just changed something: a leadership that is moved leaves nobody to be asked."""
        return self._others is not None and at - self._others < AFTERMATH


def _present(view: ClusterView, database: Database, host: str) -> bool:
    """Whether a server at ``host`` is configured, or is about to be."""
    pair = view.leader(database)
    if pair is None:
        return False
    addresses = [server.address for server in pair[1].servers] + [server.address for server in pair[1].adding]
    return host in map(host_of, addresses)
