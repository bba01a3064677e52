"""What fake_kube claims of Kubernetes, as cases that are played on it and on a real cluster (facts: kubernetes).

A case returns what was observed, as plain values; they have to be the same in both worlds. Where Kubernetes leaves
something to chance, or to the machine's speed, a case says only whether it was within what is claimed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from kube_world import Shape, World, active, on, order_ready, ready, values, whole

Case = Callable[[World], dict[str, object]]

CASES: dict[str, Case] = {}
SLACK = 6.0
"""Seconds that a busy machine may be late."""


def case(function: Case) -> Case:
    CASES[function.__name__] = function
    return function


def made(world: World, shape: Shape = Shape(), pods: int = 3) -> None:  # noqa: B008
    world.create(shape)
    world.wait(lambda: len(active(world)) == pods and whole(world), "the workload to be Ready")
    world.forget()


# -- which pod a scale-down deletes (facts 2) -------------------------------------------------------------------------
@case
def scale_down_takes_the_most_recently_ready(world: World) -> dict[str, object]:
    made(world)
    order_ready(world, "CAB")
    world.scale(2)
    world.wait(lambda: len(active(world)) == 2, "a pod to go")
    first = world.deletions()
    world.scale(1)
    world.wait(lambda: len(active(world)) == 1, "another pod to go")
    return {"first": first, "then": world.deletions(), "left": ready(world)}


@case
def scale_down_takes_the_pod_that_is_not_ready(world: World) -> dict[str, object]:
    made(world)
    order_ready(world, "ABC")
    world.sicken("A", True)
    world.wait(lambda: not on(world, "A").ready, "A to be NotReady")
    world.scale(2)
    world.wait(lambda: len(active(world)) == 2, "a pod to go")
    return {"deleted": world.deletions(), "left": ready(world)}


@case
def scale_down_takes_the_pod_that_has_no_node(world: World) -> dict[str, object]:
    made(world)
    world.scale(4)
    world.wait(lambda: len(active(world)) == 4, "a fourth pod")
    pending = [pod.node for pod in active(world) if not pod.ready]
    world.forget()
    world.scale(3)
    world.wait(lambda: len(active(world)) == 3, "a pod to go")
    return {"pending": pending, "deleted": world.deletions(), "left": ready(world)}


@case
def a_pod_that_flapped_is_the_youngest(world: World) -> dict[str, object]:
    """NotReady and Ready again, without a restart, moves a pod to the front."""
    made(world)
    order_ready(world, "ABC")
    order_ready(world, "A")
    restarts = on(world, "A").restarts
    world.scale(2)
    world.wait(lambda: len(active(world)) == 2, "a pod to go")
    return {"restarts": restarts, "deleted": world.deletions()}


# -- rollouts (facts 3, 4) --------------------------------------------------------------------------------------------
def most_missing(world: World) -> int:
    """Watch a rollout to its end: how many of three were not Ready at the same time."""
    worst = 0

    def over() -> bool:
        nonlocal worst
        worst = max(worst, 3 - len(ready(world)))
        return whole(world) and set(values(world).values()) == {"new"}

    world.wait(over, "the rollout to end", 400.0)
    return worst


@case
def a_rollout_takes_one_after_the_other_the_most_recently_ready_first(world: World) -> dict[str, object]:
    made(world)
    order_ready(world, "BCA")
    world.set_value("new")
    missing = most_missing(world)
    return {"deleted": world.deletions(), "missing": missing, "values": values(world), "said": world.rollout()[0]}


@case
def a_rollout_takes_the_pod_that_is_not_ready_first_and_waits_for_it(world: World) -> dict[str, object]:
    made(world)
    order_ready(world, "BCA")
    world.sicken("B", True)
    world.wait(lambda: not on(world, "B").ready, "B to be NotReady")
    world.set_value("new")
    world.wait(lambda: on_new(world, "B"), "B's pod to be replaced")
    world.sleep(8.0)
    stuck = (world.deletions(), ready(world), world.rollout()[0])
    world.sicken("B", False)
    missing = most_missing(world)
    return {"stuck": stuck, "deleted": world.deletions(), "missing": missing}


def on_new(world: World, node: str) -> bool:
    return any(pod.node == node and pod.value == "new" for pod in active(world))


@case
def the_replacement_waits_for_its_node(world: World) -> dict[str, object]:
    """The new object is there before the old one is gone, and has no node until then."""
    made(world)
    order_ready(world, "ABC")
    world.set_value("new")

    def both() -> bool:
        return any(pod.terminating for pod in world.pods()) and any(pod.value == "new" for pod in active(world))

    world.wait(both, "the old object and the new one")
    new = next(pod for pod in active(world) if pod.value == "new")
    most_missing(world)
    return {"bound": new.node, "ready": new.ready}


def stuck_rollout(world: World) -> None:
    """The youngest pod's node has lost its label: that pod goes first, and its replacement has nowhere to go."""
    made(world)
    order_ready(world, "ABC")
    world.label("C", False)
    world.set_value("new")
    world.wait(lambda: any(pod.value == "new" and not pod.node for pod in active(world)), "a pod without a node")


@case
def without_the_label_the_youngest_pod_stops_the_rollout(world: World) -> dict[str, object]:
    """Its replacement has nowhere to go; scaling down then deletes a healthy pod of the old template."""
    stuck_rollout(world)
    world.sleep(5.0)
    stuck = (world.deletions(), values(world), world.rollout()[0])
    world.forget()
    world.scale(2)
    world.wait(world.deletions, "a pod to go")
    return {"stuck": stuck, "scaled": world.deletions()}


@case
def without_the_label_the_oldest_pod_goes_last(world: World) -> dict[str, object]:
    """The guarded order: the others roll, its replacement stays Pending, and scaling down removes just that."""
    made(world)
    order_ready(world, "CAB")
    world.label("C", False)
    world.set_value("new")
    world.wait(lambda: len(world.deletions()) == 3 and len(ready(world)) == 2, "two new pods and no third")
    world.wait(lambda: not any(pod.terminating for pod in world.pods()), "the old pods to be gone")
    rolled = (world.deletions(), values(world))
    world.forget()
    world.scale(2)
    world.wait(lambda: len(active(world)) == 2 and world.rollout()[0], "the rollout to be over")
    return {"rolled": rolled, "scaled": world.deletions(), "left": ready(world)}


@case
def a_replacement_goes_to_a_free_node_at_once(world: World) -> dict[str, object]:
    """NODE_IPS before scale: two pods, three labelled nodes."""
    made(world, Shape(replicas=2, labelled="AB"), 2)
    order_ready(world, "AB")
    world.label("C", True)
    world.set_value("new")
    world.wait(lambda: whole(world) and set(values(world).values()) == {"new"}, "the rollout to end", 400.0)
    return {"deleted": world.deletions(), "free node taken": "C" in ready(world)}


@case
def all_at_once_with_everything_unavailable(world: World) -> dict[str, object]:
    """kube-ovn-controller's strategy."""
    made(world, Shape(unavailable="100%"))
    world.set_value("new")
    missing = most_missing(world)
    return {"deleted": "".join(sorted(world.deletions())), "missing": missing}


# -- pause, resume, minReadySeconds (facts 5) -------------------------------------------------------------------------
@case
def a_paused_rollout_changes_nothing_and_deleted_pods_come_back_old(world: World) -> dict[str, object]:
    made(world)
    world.pause(True)
    world.set_value("new")
    world.sleep(4.0)
    still = (world.deletions(), values(world))
    world.delete(on(world, "B").name)
    world.wait(lambda: len(ready(world)) == 3 and "B" in world.deletions(), "the pod to come back")
    return {"still": still, "values": values(world), "said": world.rollout()[0]}


@case
def a_pause_in_the_middle_stops_after_the_pod_that_is_under_way(world: World) -> dict[str, object]:
    made(world)
    order_ready(world, "ABC")
    world.brake(20)
    world.sleep(22.0)
    world.pause(True)
    world.set_value("new")
    world.pause(False)
    world.wait(world.deletions, "the first pod to go")
    world.pause(True)
    world.wait(lambda: len(ready(world)) == 3 and on_new(world, "C"), "its replacement")
    world.sleep(25.0)
    held = (world.deletions(), values(world))
    world.delete(on(world, "A").name)
    world.wait(lambda: len(ready(world)) == 3 and "A" in world.deletions(), "the deleted pod to come back")
    return {"held": held, "values": values(world)}


@case
def the_brake_holds_the_second_deletion(world: World) -> dict[str, object]:
    """minReadySeconds makes no new pods; the first deletion comes at once, the next one after so many seconds."""
    made(world)
    order_ready(world, "ABC")
    world.brake(15)
    world.sleep(16.0)
    quiet = world.deletions()
    began = world.now()
    world.set_value("new")
    world.wait(world.deletions, "the first deletion")
    first = world.now() - began
    world.wait(lambda: on_new(world, "C") and on(world, "C").ready, "its replacement to be Ready")
    seen = world.now()
    world.wait(lambda: len(world.deletions()) > 1, "the second deletion")
    waited = world.now() - seen
    return {
        "quiet": quiet,
        "order": world.deletions(),
        "first at once": first < SLACK,
        "second held": 13.0 <= waited <= 15.0 + SLACK,
    }


# -- labels, cordons, kubelets (facts 1, 11) --------------------------------------------------------------------------
@case
def removing_the_label_evicts_nothing(world: World) -> dict[str, object]:
    made(world)
    world.label("B", False)
    world.sleep(10.0)
    still = (world.deletions(), ready(world))
    world.delete(on(world, "B").name)
    world.wait(lambda: not any(pod.terminating for pod in world.pods()), "the pod to be gone")
    world.sleep(5.0)
    homeless = (ready(world), [pod.node for pod in active(world) if not pod.ready])
    world.label("B", True)
    world.wait(lambda: len(ready(world)) == 3, "the pod to get its node back")
    return {"still": still, "homeless": homeless}


@case
def a_cordoned_node_gets_its_pod_back(world: World) -> dict[str, object]:
    """It tolerates everything: a drain is a restart."""
    made(world)
    world.cordon("B", True)
    name = on(world, "B").name
    world.delete(name)
    world.wait(lambda: len(ready(world)) == 3 and all(pod.name != name for pod in world.pods()), "a new pod")
    return {"ready": ready(world)}


@case
def a_kubelet_that_restarts_refuses_the_pod_of_an_unlabelled_node(world: World) -> dict[str, object]:
    made(world)
    world.label("D", True)
    world.label("C", False)
    world.sleep(3.0)
    before = world.deletions()
    world.restart_kubelet("C")
    world.wait(lambda: any(pod.failed for pod in world.pods()), "the pod to fail")
    world.wait(lambda: ready(world) == "ABD", "its replacement elsewhere")
    return {"before": before, "failed": [pod.node for pod in world.pods() if pod.failed]}


@case
def a_kubelet_that_restarts_makes_its_pod_the_youngest(world: World) -> dict[str, object]:
    made(world)
    order_ready(world, "ABC")
    name, restarts = on(world, "A").name, on(world, "A").restarts
    world.restart_kubelet("A")
    world.wait(lambda: not on(world, "A").ready, "Ready to be False for a while")
    world.wait(lambda: on(world, "A").ready, "Ready to be True again")
    kept = (on(world, "A").name == name, on(world, "A").restarts == restarts)
    world.forget()
    world.scale(2)
    world.wait(lambda: len(active(world)) == 2, "a pod to go")
    return {"kept": kept, "deleted": world.deletions()}


# -- probes and restarts (facts 2) ------------------------------------------------------------------------------------
@case
def a_probe_that_fails_is_seen_after_three_periods(world: World) -> dict[str, object]:
    made(world, Shape(period=5.0))
    began = world.now()
    world.sicken("B", True)
    world.wait(lambda: not on(world, "B").ready, "NotReady")
    late = world.now() - began
    world.sicken("B", False)
    began = world.now()
    world.wait(lambda: on(world, "B").ready, "Ready")
    back = world.now() - began
    return {"late": 9.5 <= late <= 15.0 + SLACK, "back": back <= 5.0 + SLACK, "restarts": on(world, "B").restarts}


@case
def liveness_kills_after_five_periods_and_restarts_at_once(world: World) -> dict[str, object]:
    made(world, Shape(period=3.0, liveness=True))
    began = world.now()
    world.sicken("B", True)
    world.wait(lambda: on(world, "B").restarts == 1, "a restart")
    first = world.now() - began
    code = on(world, "B").exit
    again = world.now()
    world.wait(lambda: on(world, "B").restarts == 2, "another restart")
    second = world.now() - again
    world.sicken("B", False)
    world.wait(lambda: on(world, "B").ready, "Ready")
    return {
        "first": 11.5 <= first <= 15.0 + 2 * SLACK,
        "code": code,
        "no back-off": second <= 15.0 + 2 * SLACK,
        "pod": world.deletions(),
    }


@case
def a_container_that_ends_by_itself_is_restarted_ever_later(world: World) -> dict[str, object]:
    """At once, then after 10, 20 and 40 seconds, and the 0 to 15 that the kubelet takes to look again."""
    world.create(Shape(replicas=1, ends=1.0, labelled="B"))
    world.wait(lambda: len(active(world)) == 1 and active(world)[0].node, "a pod")
    times = []
    for count in range(1, 5):
        world.wait(lambda count=count: active(world)[0].restarts >= count, f"restart {count}")
        times.append(world.now())
    gaps = [after - before for before, after in itertools.pairwise(times)]
    claimed = [10.0, 20.0, 40.0]
    return {
        "code": active(world)[0].exit,
        "gaps": [pause <= gap <= pause + 1.0 + 15.0 + SLACK for pause, gap in zip(claimed, gaps, strict=True)],
    }


@case
def the_liveness_count_outlives_the_container(world: World) -> dict[str, object]:
    """Three or four failures in a life of ten seconds; the next life is killed by its first or second."""
    world.sicken("D", True)
    world.create(Shape(replicas=1, period=3.0, liveness=True, ends=10.0, labelled="D"))
    codes = []
    for count in (1, 2):
        world.wait(lambda count=count: active(world) and active(world)[0].restarts >= count, f"restart {count}")
        codes.append(active(world)[0].exit)
    world.sicken("D", False)
    return {"codes": codes}


# -- DaemonSets (facts 8) ---------------------------------------------------------------------------------------------
@case
def a_daemonset_makes_the_new_pod_when_the_old_one_is_gone(world: World) -> dict[str, object]:
    made(world, Shape("DaemonSet"))
    world.set_value("new")
    worst = crowded = 0

    def over() -> bool:
        nonlocal worst, crowded
        pods = world.pods()
        worst = max(worst, 3 - sum(pod.ready and not pod.terminating for pod in pods))
        nodes = [pod.node for pod in pods if pod.node]
        crowded = max(crowded, len(nodes) - len(set(nodes)))
        return whole(world) and set(values(world).values()) == {"new"}

    world.wait(over, "the rollout to end", 400.0)
    return {"missing": worst, "two on a node": crowded, "deleted": "".join(sorted(world.deletions()))}


@case
def a_daemonset_on_delete_waits_for_hands(world: World) -> dict[str, object]:
    made(world, Shape("DaemonSet", on_delete=True))
    world.set_value("new")
    world.sleep(4.0)
    still = (world.deletions(), values(world))
    for pod in active(world):
        world.delete(pod.name)
    world.wait(lambda: len(ready(world)) == 3 and set(values(world).values()) == {"new"}, "new pods")
    return {"still": still, "deleted": "".join(sorted(world.deletions())), "said": world.rollout()[1]}


@case
def a_daemonset_follows_labels(world: World) -> dict[str, object]:
    """Unlike a Deployment's, its pod goes when its node's label does."""
    made(world, Shape("DaemonSet"))
    world.label("B", False)
    world.wait(lambda: ready(world) == "AC", "the pod to go")
    return {"deleted": world.deletions()}
