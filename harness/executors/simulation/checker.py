"""What some releases' leader checkers do besides labelling, on simulated machines (facts: kube-ovn 3)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fake_kube.leader_checker import Hooks, Peers
from fake_kube.objects import Pod
from fake_kube.profile import KubeOvnProfile
from harness.addresses import split_list
from harness.cluster import DATABASES, Database
from harness.executors.simulation.central import Container
from harness.executors.simulation.cluster import Machines


def hooks(machines: Machines, profile: KubeOvnProfile) -> Hooks:
    """The checkers of all containers that run on ``machines``."""
    return Hooks(
        ask_peers=partial(_ask_peers, machines),
        destroy=partial(_destroy, machines),
        fatal=partial(_fatal, machines),
        write_header=partial(_write_headers, machines) if profile.writes_header else None,
    )


def _container(machines: Machines, pod: Pod) -> Container | None:
    container = machines.containers.get(pod.name)
    return None if container is None or container.over else container


def _ask_peers(machines: Machines, pod: Pod, db: str, done: Callable[[Peers], None]) -> None:
    """Every other address of the pod's NODE_IPS: does its server say that it leads? One that is out of reach says
    nothing."""
    container = _container(machines, pod)
    if container is None:
        return
    database = Database(db)
    leaders = []
    for address in split_list(pod.env.get("NODE_IPS", "")):
        other = machines.at(address)
        if other is None or other is container.machine or not machines.reachable(container.machine, other):
            continue
        server = other.server(database)
        if server is not None and not server.paused and server.is_leader:
            leaders.append(address)
    own = container.machine.server(database)
    status = own.status() if own is not None and not own.paused else None
    done(Peers(db, tuple(leaders), len(status.servers) if status is not None else None))


def _destroy(machines: Machines, pod: Pod, db: str) -> None:
    container = _container(machines, pod)
    if container is not None:
        container.machine.disks.pop(Database(db), None)
        machines.tell(f"{container.machine.name}: the leader checker deletes {Database(db).file}")


def _fatal(machines: Machines, pod: Pod, reason: str) -> None:
    container = _container(machines, pod)
    if container is not None:
        machines.tell(f"{container.machine.name}: the leader checker ends its pod: {reason}")
        container.crash(0)  # the trap of the start script turns every end into a success (facts: kube-ovn 2)


def _write_headers(machines: Machines, pod: Pod) -> None:
    """Only of a server that has joined: a file that has not knows no cluster id."""
    container = _container(machines, pod)
    if container is None:
        return
    for database in DATABASES:
        server = container.machine.server(database)
        status = server.status() if server is not None and not server.paused else None
        if status is not None and status.cid is not None and database in container.machine.disks:
            container.machine.headers[database] = (status.cid, status.sid)
