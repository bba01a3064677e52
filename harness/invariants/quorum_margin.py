"""P1: nothing is done that leaves fewer live members than a majority."""

from __future__ import annotations

from collections.abc import Iterable

from harness import health, rollout_order
from harness.cluster import DATABASES, ClusterView, Database
from harness.forecast import Standing
from harness.invariants.acts import Act
from harness.invariants.base import EndState, Grade, Property
from harness.invariants.kicked import entry_of
from harness.steps import CENTRAL


class QuorumMargin(Property):
    """Judged when a kick, the deletion of a pod, the removal of files or the resumption of a rollout is about to be
    made, on the cluster as it is then, which the operator should have looked at."""

    id = "P1"
    statement = "Before each act that takes a server away, live members of the configuration after it are a majority."
    source = "Raft 4.4; etcd's strict reconfiguration check, which OVSDB lacks; facts: peers 0.1, testing C"
    end_grade = Grade.ORDER

    def on_act(self, act: Act) -> None:
        if self.world.waived or not act.own:
            return
        for database in DATABASES:
            after = _after(act, database)
            if after is not None and after.margin < 0 <= _now(act.view, database).margin:
                live = len(after.live & set(after.members))
                words = f"{live} of {len(after.members)} live, {after.needed} needed"
                self.broken(f"{act.actor}: {act}: leaves {database} with {words}", database)

    def at_end(self, end: EndState) -> Iterable[str]:
        found = []
        for database in DATABASES:
            standing = Standing(health.member_hosts(end.view, database), health.live_hosts(end.view, database))
            if not standing.members or standing.margin < 0:
                live = sum(1 for host in standing.members if host in standing.live)
                found.append(f"{database}: {live} of {len(standing.members)} members live, {standing.needed} needed")
        return found


def _now(view: ClusterView, database: Database) -> Standing:
    live = health.live_hosts(view, database) if view.leader(database) else health.running_hosts(view, database)
    return Standing(health.member_hosts(view, database), live)


def _after(act: Act, database: Database) -> Standing | None:
    """Who is configured and who lives after ``act``; None if it takes nobody away."""
    now = _now(act.view, database)
    if act.what == "kick" and act.database is database:
        entry = entry_of(act)
        if entry is None:
            return None
        hosts = list(now.members)
        hosts.remove(entry)
        return Standing(tuple(hosts), now.live)
    down = _stops(act)
    return Standing(now.members, now.live - down) if down & set(now.members) & now.live else None


def _stops(act: Act) -> frozenset[str]:
    """Hosts whose servers the act stops."""
    view = act.view
    central = [pod for pod in view.pods_of(CENTRAL) if pod.active and pod.address]
    if act.what == "delete_pod":
        return frozenset(pod.address or "" for pod in central if pod.name == act.arguments[0])
    if act.what == "resume" and act.arguments[0] == CENTRAL and (workload := view.workload(CENTRAL)) is not None:
        victim = rollout_order.next_victim(view, workload)
        return frozenset(() if victim is None or victim.address is None else (victim.address,))
    if act.what == "delete_pods" and act.arguments[0] == CENTRAL:
        return frozenset(pod.address or "" for pod in central)
    if act.what == "remove_directory":
        node = view.node(str(act.arguments[0]))
        return frozenset((node.address,)) if node is not None else frozenset()
    return frozenset()
