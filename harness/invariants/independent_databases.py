"""S19: what is true of nb has been seen in nb, and of sb in sb."""

from __future__ import annotations

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.acts import Ending
from harness.invariants.base import Grade, Property


class IndependentDatabases(Property):
    """Judged when a procedure calls itself done, at that moment: two clusters, two kicks, two joins."""

    id = "S19"
    statement = "When a procedure calls itself done, the change is made in nb and in sb, each as its own servers say."
    source = "Kube-OVN documentation, Replace ovn-central Node (two databases, two kicks); facts: testing C"
    grade = Grade.ORDER

    def on_ending(self, ending: Ending) -> None:
        if ending.how != "done":
            return
        done = {database: _made(ending.view, database, ending) for database in DATABASES}
        if done[Database.NB] != done[Database.SB]:
            behind = next(database for database in DATABASES if not done[database])
            hosts = ",".join(health.member_hosts(ending.view, behind)) or "nobody"
            other = next(database for database in DATABASES if done[database])
            self.broken(f"done is true of {other} and not of {behind}, whose members are {hosts}", behind)


def _made(view: ClusterView, database: Database, ending: Ending) -> bool:
    hosts = health.member_hosts(view, database)
    return (not ending.leaves or ending.leaves not in hosts) and (not ending.comes or ending.comes in hosts)
