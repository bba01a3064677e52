"""What the runner's and the procedures' tests share: running a plan in the stub world, killing it, comparing ends."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from support_executor import World, hosts
from support_views import Cluster

from harness.cluster import DATABASES, ClusterView
from harness.plan import Plan
from harness.runner import Runner, RunResult

Planner = Callable[[ClusterView], Plan]


class Killed(BaseException):
    """The operator's machine lost its power: nothing of the program runs on."""


@dataclass(frozen=True)
class End:
    """What a finished procedure leaves behind, without names and times that differ from run to run."""

    members: tuple[tuple[str, ...], ...]
    deployment: tuple[object, ...]
    pods: tuple[tuple[str, str], ...]
    labelled: tuple[str, ...]
    disks: tuple[tuple[str, tuple[str, ...]], ...]
    clients: tuple[tuple[str, str], ...]
    client_pods: tuple[tuple[str, str], ...]


def end_of(world: World, *, without: tuple[str, ...] = ()) -> End:
    """``without`` names nodes whose files and client pods nobody can reach."""
    cluster = world.cluster
    central = cluster.workloads["ovn-central"]
    brakes = (central.env["NODE_IPS"], central.replicas, central.paused, central.min_ready_seconds)
    clients = [w for w in cluster.workloads.values() if "OVN_DB_IPS" in w.env]
    pods = [p for p in cluster.pods if "OVN_DB_IPS" in p.env and p.node not in without]
    return End(
        tuple(tuple(hosts(cluster, database)) for database in DATABASES),
        brakes,
        tuple(sorted((str(p.node), p.env["NODE_IPS"]) for p in cluster.central() if p.active)),
        tuple(node.name for node in cluster.view().labelled()),
        tuple((n, tuple(sorted(names or ()))) for n, names in sorted(world.disks.items()) if n not in without),
        tuple((w.name, w.env["OVN_DB_IPS"]) for w in clients),
        tuple(sorted((str(p.node), p.env["OVN_DB_IPS"]) for p in pods if p.app == "ovs")),
    )


def run(cluster: Cluster, planner: Planner) -> tuple[World, RunResult]:
    world = World(cluster)
    return world, Runner(world, planner(world.view())).run()


def run_killed(cluster: Cluster, planner: Planner, mutations: int) -> World:
    """Run until the ``mutations``-th mutation has been sent, and stop dead there."""
    world = World(cluster)

    def power_cut(_mutation: tuple[object, ...]) -> None:
        if len(world.mutations) >= mutations:
            raise Killed

    world.after = power_cut
    with contextlib.suppress(Killed):
        Runner(world, planner(world.view())).run()
    world.after = lambda mutation: None
    return world


def finish(world: World, planner: Planner, *, patience: float = 60.0) -> RunResult:
    """What an operator does next: the same command again; if it is refused, once more a little later."""
    plan = planner(world.view())
    if plan.refusals:
        world.sleep(patience)
        plan = planner(world.view())
    return Runner(world, plan).run()
