"""Cases of machines that are lost and come back, and of what a kubelet remembers (facts: kubernetes 1, 2, 8, 10).

They are played on D, the node without etcd: Kubernetes itself loses nothing by it.
"""

from __future__ import annotations

from kube_cases import SLACK, case, made, most_missing
from kube_world import Shape, World, active, on, ready, values, whole

NOTICED = (25.0, 45.0)
"""Seconds from a machine's end until its node is NotReady: 31 to 39 were measured."""


def lose(world: World, node: str) -> float:
    """Power off; returns the seconds until the API server says so."""
    began = world.now()
    world.power(node, False)
    world.wait(lambda: not world.node_ready(node), f"{node} to be NotReady")
    return world.now() - began


def find(world: World, node: str) -> None:
    world.power(node, True)
    world.wait(lambda: world.node_ready(node), f"{node} to be Ready again")


@case
def a_dead_nodes_pod_is_not_replaced_and_its_deletion_does_not_end(world: World) -> dict[str, object]:
    """It tolerates every taint. Deleted, it stays as it is until its machine is back, and nobody gets its node."""
    made(world, Shape(labelled="ABD"))
    late = lose(world, "D")
    world.wait(lambda: not on(world, "D").ready, "its pod to be NotReady")
    world.sleep(8.0)
    left_alone = (world.deletions(), ready(world), world.rollout()[0])
    name = on(world, "D").name
    world.delete(name)
    world.wait(lambda: any(not pod.node for pod in active(world)), "a replacement without a node")
    world.sleep(15.0)
    old = next(pod for pod in world.pods() if pod.name == name)
    deleted = (old.terminating, [pod.node for pod in active(world) if not pod.ready], ready(world))
    world.scale(2)
    world.wait(lambda: len(active(world)) == 2 and world.rollout()[0], "the replacement to be taken back")
    scaled = (ready(world), any(pod.name == name for pod in world.pods()))
    find(world, "D")
    world.wait(lambda: all(pod.name != name for pod in world.pods()), "the old object to be gone")
    world.scale(3)
    world.wait(lambda: ready(world) == "ABD", "a new pod on D")
    return {
        "noticed": NOTICED[0] <= late <= NOTICED[1] + SLACK,
        "left alone": left_alone,
        "deleted": deleted,
        "scaled": scaled,
        "restarts": on(world, "D").restarts,
    }


@case
def a_dead_nodes_pod_starts_again_with_its_machine(world: World) -> dict[str, object]:
    """Nobody deleted it, and the label is there: the same pod, one restart more."""
    made(world, Shape(labelled="ABD"))
    name = on(world, "D").name
    lose(world, "D")
    world.wait(lambda: not on(world, "D").ready, "its pod to be NotReady")
    find(world, "D")
    world.wait(lambda: on(world, "D").ready and on(world, "D").restarts, "its pod to be Ready again")
    return {"same": on(world, "D").name == name, "restarts": on(world, "D").restarts, "deleted": world.deletions()}


@case
def a_daemonset_rollout_waits_for_a_dead_node(world: World) -> dict[str, object]:
    """The dead node's pod is taken first, and counts as the one that may be missing until the machine is back."""
    made(world, Shape("DaemonSet", labelled="ABD"))
    lose(world, "D")
    world.wait(lambda: not on(world, "D").ready, "its pod to be NotReady")
    world.set_value("new")
    world.wait(world.deletions, "a pod to be deleted")
    world.sleep(15.0)
    stuck = (world.deletions(), {node: value for node, value in values(world).items() if node != "D"})
    find(world, "D")
    world.wait(lambda: whole(world) and set(values(world).values()) == {"new"}, "the rollout to end", 400.0)
    return {"stuck": stuck, "order": world.deletions()[0], "deleted": "".join(sorted(world.deletions()))}


@case
def a_rollout_replaces_a_dead_nodes_pod_first_and_stops(world: World) -> dict[str, object]:
    """As any pod that is not Ready; its replacement has nowhere to go, and the living keep the old template."""
    made(world, Shape(labelled="ABD"))
    lose(world, "D")
    world.wait(lambda: not on(world, "D").ready, "its pod to be NotReady")
    world.set_value("new")
    world.wait(lambda: any(pod.value == "new" for pod in active(world)), "a replacement")
    world.sleep(10.0)
    stuck = (world.deletions(), values(world), world.rollout()[0])
    find(world, "D")
    missing = most_missing(world)
    return {"stuck": stuck, "deleted": world.deletions()[0], "missing": missing, "values": values(world)}


@case
def a_kubelet_that_restarts_forgets_the_back_off(world: World) -> dict[str, object]:
    """After three restarts the next one would come 40 seconds after the end, at the earliest."""
    world.create(Shape(replicas=1, ends=1.0, labelled="D"))
    world.wait(lambda: active(world) and active(world)[0].restarts >= 3, "three restarts")
    world.wait(lambda: not active(world)[0].running, "the container to end")
    world.sleep(2.0)
    before = active(world)[0].restarts
    began = world.now()
    world.restart_kubelet("D")
    world.wait(lambda: active(world)[0].restarts > before, "the next restart")
    return {"before": before, "at once": world.now() - began <= 25.0, "pod": world.deletions()}
