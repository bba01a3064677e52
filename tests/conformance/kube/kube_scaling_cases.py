"""Cases of rollouts that are taken back, scaled while under way, or allowed a surge (facts: kubernetes 4, 5, 7)."""

from __future__ import annotations

from kube_cases import SLACK, case, made, most_missing, stuck_rollout
from kube_world import Shape, World, active, on, order_ready, ready, values, whole


@case
def an_undo_takes_back_what_is_stuck_and_leaves_the_rest(world: World) -> dict[str, object]:
    stuck_rollout(world)
    world.forget()
    refused = world.undo()
    world.wait(lambda: set(values(world).values()) == {"old"} and len(active(world)) == 3, "the old template")
    world.sleep(5.0)
    undone = (world.deletions(), values(world), world.replicasets())
    world.label("C", True)
    world.wait(lambda: whole(world) and ready(world) == "ABC", "the pod to get its node back")
    return {"refused": refused, "undone": undone, "ready": ready(world)}


@case
def an_undo_is_refused_while_paused_and_without_a_history(world: World) -> dict[str, object]:
    made(world, Shape(replicas=1, labelled="D"), 1)
    told = [world.undo()]
    world.pause(True)
    told.append(world.undo())
    world.pause(False)
    world.set_value("new")
    world.wait(lambda: whole(world) and values(world) == {"D": "new"}, "the rollout to end")
    world.pause(True)
    told.append(world.undo())
    return {"told": told, "values": values(world)}


@case
def an_earlier_value_takes_its_replicaset_up_again(world: World) -> dict[str, object]:
    made(world, Shape(replicas=1, labelled="D"), 1)
    seen = []
    for value in ("new", "old"):
        world.set_value(value)
        wanted = {"D": value}
        world.wait(lambda wanted=wanted: whole(world) and values(world) == wanted, "the rollout to end")
        seen.append(world.replicasets())
    return {"replicasets": seen}


def halt(world: World, value: str) -> tuple[tuple[str, int], ...]:
    """Set it, and pause once one pod of three has it."""
    world.pause(True)
    world.set_value(value)
    world.pause(False)
    world.forget()
    world.wait(world.deletions, "the first pod to go")
    world.pause(True)
    world.wait(lambda: len(ready(world)) == 3 and value in values(world).values(), "its replacement")
    return world.replicasets()


def down_and_up(world: World) -> list[object]:
    """To two, and back to three."""
    seen: list[object] = []
    for replicas in (2, 3):
        world.scale(replicas)
        world.wait(lambda replicas=replicas: len(ready(world)) == len(active(world)) == replicas, f"{replicas} pods")
        seen.append(world.replicasets())
    return seen


@case
def scaling_a_halted_rollout_shrinks_the_bigger_and_feeds_the_newer_replicaset(world: World) -> dict[str, object]:
    """The newer by its creation, not by its template: a ReplicaSet that was taken up again is the older one."""
    made(world)
    found = {"halted": halt(world, "new"), "scaled": down_and_up(world)}
    world.pause(False)
    most_missing(world)
    world.sleep(2.0)
    found |= {"back": halt(world, "old"), "scaled back": down_and_up(world)}
    world.pause(False)
    world.wait(lambda: whole(world) and set(values(world).values()) == {"old"}, "the rollout to end", 400.0)
    return found | {"end": world.replicasets()}


@case
def scaling_a_stuck_rollout_deletes_a_healthy_pod(world: World) -> dict[str, object]:
    """Not paused: the ReplicaSet with two pods shrinks, not the one whose pod has no node."""
    stuck_rollout(world)
    world.sleep(3.0)
    sizes = world.replicasets()
    world.forget()
    world.scale(2)
    world.wait(world.deletions, "a pod to go")
    first = world.deletions()
    world.wait(lambda: whole(world) and set(values(world).values()) == {"new"}, "the rollout to end", 400.0)
    return {"sizes": sizes, "first": first, "deleted": world.deletions(), "values": values(world)}


@case
def a_label_that_comes_after_scaling_binds_at_once(world: World) -> dict[str, object]:
    made(world, Shape(replicas=2, labelled="AB"), 2)
    world.scale(3)
    world.wait(lambda: len(active(world)) == 3, "a third pod")
    world.sleep(5.0)
    pending = (ready(world), [pod.node for pod in active(world) if not pod.ready])
    began = world.now()
    world.label("C", True)
    world.wait(lambda: any(pod.node == "C" for pod in active(world)), "it to be bound")
    bound = world.now() - began
    world.wait(lambda: ready(world) == "ABC", "it to be Ready")
    return {"pending": pending, "at once": bound <= SLACK, "deleted": world.deletions(), "values": values(world)}


@case
def a_surge_makes_the_new_pod_on_the_free_node_first(world: World) -> dict[str, object]:
    """And, halted there, scaling makes a pod of the old template, which goes when the surge is taken back."""
    made(world, Shape(replicas=2, labelled="AB"), 2)
    order_ready(world, "AB")
    world.label("C", True)
    world.brake(15)
    world.sleep(17.0)
    world.surge(1, 0)
    world.sleep(2.0)
    quiet = world.deletions()
    world.set_value("new")
    world.wait(lambda: ready(world) == "ABC", "a third pod")
    surged = (world.deletions(), values(world))
    world.pause(True)
    world.sleep(16.0)
    held = (world.deletions(), values(world), world.replicasets())
    world.scale(3)
    world.wait(lambda: len(active(world)) == 4, "a fourth pod")
    fourth = ([pod.value for pod in active(world) if not pod.node], world.replicasets())
    world.surge(0, 1)
    world.wait(lambda: len(active(world)) == 3, "it to go")
    world.sleep(2.0)
    taken_back = (world.deletions(), world.replicasets())
    world.forget()
    world.pause(False)
    missing = most_missing(world)
    return {
        "quiet": quiet,
        "surged": surged,
        "held": held,
        "fourth": fourth,
        "taken back": taken_back,
        "deleted": world.deletions(),
        "missing": missing,
        "kept": on(world, "C").value,
    }
