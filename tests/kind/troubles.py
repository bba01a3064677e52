"""What is done to the kind cluster while a step of a run is under way; each ends by itself after a while."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable

from harness.cluster import Database
from harness.executors.kind import KindExecutor
from harness.executors.kube.api import Failure
from harness.faults import Fault, FaultKind, FaultPlan, TimedFault
from scenarios import support

Trouble = Callable[[KindExecutor], None]


def _leader(lab: KindExecutor) -> str:
    return support.leader(lab, Database.NB)


def delete_the_leaders_pod(lab: KindExecutor) -> None:
    pod = lab.view().central_pod(_leader(lab))
    if pod is not None:
        try:
            lab.api.request("core", "delete_namespaced_pod", pod.name, lab.installation.namespace)
        except Failure as failure:
            if failure.status != 404:  # the rollout was faster
                raise


def kill_the_leaders_servers(lab: KindExecutor) -> None:
    lab.inject(Fault(FaultKind.CRASH, (_leader(lab),)))


def _for_a_while(lab: KindExecutor, begin: FaultKind, end: FaultKind, seconds: float) -> None:
    node = _leader(lab)
    lab.inject(Fault(begin, (node,)))
    healed = Fault(end, () if end is FaultKind.HEAL else (node,))
    lab.arm(FaultPlan((TimedFault(seconds, healed),)))


def pause_the_leaders_node(lab: KindExecutor) -> None:
    """Its API server, etcd and kubelet stand still too: requests and execs get no answer, and are not refused."""
    _for_a_while(lab, FaultKind.PAUSE, FaultKind.RESUME, 25.0)


def stop_the_leaders_node(lab: KindExecutor) -> None:
    """A control plane without power, and its member with it."""
    _for_a_while(lab, FaultKind.NODE_DOWN, FaultKind.NODE_UP, 30.0)


def cut_the_leader_off(lab: KindExecutor) -> None:
    _for_a_while(lab, FaultKind.PARTITION, FaultKind.HEAL, 30.0)


def silence_the_leader(lab: KindExecutor) -> None:
    _for_a_while(lab, FaultKind.ONE_WAY, FaultKind.HEAL, 30.0)


def make_the_leaders_links_lossy(lab: KindExecutor) -> None:
    _for_a_while(lab, FaultKind.LOSS, FaultKind.HEAL, 30.0)


def part_the_leader_and_a_follower(lab: KindExecutor) -> None:
    """Both still reach the third."""
    leader = _leader(lab)
    other = next(pod.node for pod in lab.view().pods_of("ovn-central") if pod.node not in (leader, None))
    lab.inject(Fault(FaultKind.BRIDGE, (leader, str(other))))
    lab.arm(FaultPlan((TimedFault(30.0, Fault(FaultKind.HEAL)),)))


def let_the_leaders_servers_stand_still(lab: KindExecutor) -> None:
    """Commands in its container get no answer in time, a kick among them."""
    node = _leader(lab)
    script = "p=$(pidof ovsdb-server); kill -STOP $p; sleep 25; kill -CONT $p"
    command = ["docker", "exec", node, "sh", "-c", script]
    threading.Thread(target=subprocess.run, args=(command,), kwargs={"check": False}, daemon=True).start()


def wipe_a_node(lab: KindExecutor, node: str) -> bool:
    """The content of the database directory, under the running server."""
    return lab.inject(Fault(FaultKind.WIPE, (node,)))


TROUBLES: dict[str, Trouble] = {
    "the leader's pod deleted": delete_the_leaders_pod,
    "the leader's servers killed": kill_the_leaders_servers,
    "the leader's node paused": pause_the_leaders_node,
    "the leader cut off": cut_the_leader_off,
    "the leader's servers stopped": let_the_leaders_servers_stand_still,
    "the leader silenced": silence_the_leader,
    "the leader's links lossy": make_the_leaders_links_lossy,
    "the leader and a follower parted": part_the_leader_and_a_follower,
    "the leader's node without power": stop_the_leaders_node,
}
