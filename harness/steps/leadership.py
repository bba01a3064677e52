"""Who leads, before a member's process ends: a leader that hands over first saves its clients an election."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import cycle
from typing import ClassVar

from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database
from harness.executor import Executor, Reply, WaitTimeout
from harness.steps.base import CENTRAL, Step

PATIENCE = 20.0
"""Cluster seconds that a hand-over may take. OVSDB offers it to one fixed server, so some wishes can not be met."""


def leader_hosts(view: ClusterView) -> dict[Database, str]:
    """The host of each database's leader; a database without one is left out."""
    pairs = ((database, view.leader(database)) for database in DATABASES)
    return {database: host_of(pair[1].address) for database, pair in pairs if pair is not None}


def too_far_apart(hosts: Collection[str], apart: tuple[str, ...]) -> bool:
    """Whether the two of ``apart`` lead one database each: no pod's NODE_IPS lists both, so no northd reaches both
    leaders, and nothing gets from nb to sb."""
    return len(apart) == 2 and set(hosts) == set(apart)


def hand_over(executor: Executor, node: str | None, apart: tuple[str, ...] = (), patience: float = PATIENCE) -> None:
    """Let the server on ``node`` lead nothing before its process dies, nor those of ``apart`` one database each.

    Best effort: a leader that stays costs one election timeout and no safety, so no failure is raised.
    """
    giving_way = cycle(apart)  # in turn: who is asked twice may be given the same leadership back twice

    def settled() -> bool:
        view = executor.view()
        leaders = leader_hosts(view)
        leaving = {n.address for n in view.nodes if n.name == node}
        asked = leaving | ({next(giving_way)} if too_far_apart(leaders.values(), apart) else set())
        for database, host in leaders.items():
            if host in asked and (pair := view.leader(database)) is not None:
                executor.move_leadership(database, pair[0])
        after = leader_hosts(executor.view())
        led = len(after) == len(DATABASES)
        return led and leaving.isdisjoint(after.values()) and not too_far_apart(after.values(), apart)

    if node is None:
        return
    try:
        executor.wait(settled, patience, f"leadership to leave {node}")
    except WaitTimeout:
        return


def hand_over_line(view: ClusterView, pod: str, database: Database) -> str:
    """What an operator types for it: it looks first, so that it can be typed whoever leads."""
    control = f"ovn-appctl -t {database.control}"
    asked = f'{control} cluster/status {database.schema} | grep -q "^Role: leader"'
    told = f"{control} cluster/failure-test transfer-leadership"
    return f"kubectl exec -n {view.namespace} {pod} -c {CENTRAL} -- sh -c 'if {asked}; then {told}; fi'"


@dataclass(frozen=True)
class KeepTogether(Step):
    """See to it that the leaver and the newcomer do not lead one database each.

    No pod's NODE_IPS lists both of them while one replaces the other, so no northd would reach both leaders and nothing
    would get from nb to sb. The newcomer gives its leadership away.
    """

    leaver: str
    newcomer: str
    deadline: ClassVar[float] = 120.0

    @property
    def title(self) -> str:
        return "keep both leaders within one pod's NODE_IPS"

    def commands(self, view: ClusterView) -> tuple[str, ...]:
        pod = next((pod for pod in view.pods_of(CENTRAL) if pod.address == self.newcomer), None)
        return tuple(hand_over_line(view, pod.name if pod else "<NEW POD>", database) for database in DATABASES)

    def satisfied(self, view: ClusterView) -> bool:
        return self.pending(view) is None

    def act(self, executor: Executor, view: ClusterView) -> Reply | None:
        for database in DATABASES:
            pair = executor.view().leader(database)
            if pair is not None and host_of(pair[1].address) == self.newcomer:
                executor.move_leadership(database, pair[0])
        return None

    def pending(self, view: ClusterView) -> str | None:
        leaders = leader_hosts(view)
        missing = [str(database) for database in DATABASES if database not in leaders]
        if missing:
            return f"{missing[0]} has no leader"
        if too_far_apart(leaders.values(), (self.leaver, self.newcomer)):
            return f"{self.leaver} leads one database and {self.newcomer} the other"
        return None
