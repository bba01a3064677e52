"""P7: who has joined votes, and has what the others have.

A newcomer that has been seen to vote may be unsettled again in the instant in which the run ends, and that is not the
procedure's doing: by a fault, or by somebody else who leaves nobody to be asked (a leadership that is moved, a leader
that is restarted) or who restarts the newcomer itself. One that nobody has ever seen vote is excused by nothing.
"""

from __future__ import annotations

from harness import health
from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.acts import Act, Ending
from harness.invariants.base import Grade, Property
from harness.invariants.world import AFTERMATH

CENTRAL = "ovn-central"
LEADING = ("move_leadership", "kick")
"""What leaves one database without a leader for some seconds."""
RESTARTING = ("delete_pod", "delete_pods", "set_env", "scale", "resume")
"""What restarts servers of both."""


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
        self._voted: set[Database] = set()
        self._others: dict[Database, float] = {}

    def on_look(self, view: ClusterView) -> None:
        if self.world.comes:
            for database in DATABASES:
                if database not in self._voted and health.is_voter(view, database, self.world.comes):
                    self._voted.add(database)

    def on_act(self, act: Act) -> None:
        self.on_look(act.view)
        if not act.own:
            about = DATABASES if act.what in RESTARTING else (act.database,) if act.what in LEADING else ()
            self._others.update({database: act.at for database in about if database is not None})
        comes = self.world.comes
        if act.what != "kick" or not act.own or not comes or act.database is None:
            return
        if _present(act.view, act.database, comes) and not health.is_voter(act.view, act.database, comes):
            self.broken(f"{act.database}: a kick before the newcomer at {comes} votes", act.database)

    def on_ending(self, ending: Ending) -> None:
        if ending.how != "done" or not ending.comes:
            return
        for database in DATABASES:
            if health.is_voter(ending.view, database, ending.comes) or self._unsettled(ending, database):
                continue
            self.broken(f"{database}: called done, and {ending.comes} is no caught-up voter", database)

    def _unsettled(self, ending: Ending, database: Database) -> bool:
        """Whether it was a voter, and is none at this instant because of a fault or of somebody else: P8 asks again at
        the end."""
        if database not in self._voted:
            return False
        if self.world.disturbed_lately:
            return True
        last = self._others.get(database)
        if last is None or ending.at - last >= AFTERMATH:
            return False
        pods = [pod for pod in ending.view.pods_of(CENTRAL) if pod.address == ending.comes and pod.active]
        return ending.view.leader(database) is None or not any(pod.ready for pod in pods)


def _present(view: ClusterView, database: Database, host: str) -> bool:
    """Whether a server at ``host`` is configured, or is about to be."""
    pair = view.leader(database)
    if pair is None:
        return False
    addresses = [server.address for server in pair[1].servers] + [server.address for server in pair[1].adding]
    return host in map(host_of, addresses)
