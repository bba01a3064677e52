"""Probes, restarts, back-off and kubelet restarts (facts: kubernetes 1, 2)."""

from __future__ import annotations

import pytest
from kube_support import LABEL, Lab, Seeded, VirtualClock, Zeros

from fake_kube.objects import DeploymentSpec, Phase, ProbeSpec, Selector, State
from fake_kube.timers import Timers, WorkQueue


def central(**fields: object) -> Lab:
    lab = Lab()
    lab.central(**fields)  # type: ignore[arg-type]
    return lab


def plain(**fields: object) -> DeploymentSpec:
    """One replica, placed anywhere."""
    spec = {"name": "ovn-central", "app": "ovn-central", "replicas": 1, "env": {"NODE_IPS": "old"}, **fields}
    return DeploymentSpec(**spec)  # type: ignore[arg-type]


# -- probes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
def test_kicked_pod_is_not_ready_after_30_to_45_and_killed_after_60_to_75_seconds(seed: int) -> None:
    lab = Lab(choices=Seeded(seed))
    lab.central()
    lab.clock.run(40)
    pod = lab.on("C")
    kicked = lab.clock.now()
    lab.runtime.sick.add("C")
    lab.clock.wait(lambda: not pod.ready)
    assert 30 <= lab.clock.now() - kicked <= 45
    lab.clock.wait(lambda: pod.name not in lab.runtime.running)
    dead = lab.clock.now()
    assert 60 <= dead - kicked <= 75 + 1.3
    assert (pod.state, pod.reason, pod.last_exit) == (State.TERMINATED, "Error", 143)
    assert lab.clock.wait(lambda: pod.running) == pytest.approx(0.4)
    assert pod.restarts == 1


def test_readiness_with_period_5_flaps_within_10_to_15_seconds() -> None:
    lab = central(readiness=ProbeSpec(5, 3))
    pod = lab.on("B")
    lab.runtime.sick.add("B")
    assert 10 <= lab.clock.wait(lambda: not pod.ready) <= 15
    lab.runtime.sick.clear()
    assert lab.clock.wait(lambda: pod.ready) <= 5
    assert pod.restarts == 0


def test_two_failures_are_forgiven_and_do_not_add_up_over_a_success() -> None:
    lab = central()
    pod = lab.on("B")
    for _ in range(4):
        lab.runtime.sick.add("B")
        lab.clock.run(29)
        lab.runtime.sick.clear()
        lab.clock.run(16)
    assert pod.ready
    assert pod.restarts == 0


def test_probe_without_an_answer_fails_after_its_timeout() -> None:
    lab = central(readiness=ProbeSpec(15, 1, timeout=45), liveness=None)
    pod = lab.on("B")
    lab.runtime.mute = True
    assert 45 <= lab.clock.wait(lambda: not pod.ready) <= 60


@pytest.mark.parametrize("choice", range(7))
def test_first_probe_comes_at_a_random_moment_of_its_period_in_1_20(choice: int) -> None:
    lab = Lab(choices=Zeros(first_probe=choice))
    lab.central()
    pod = lab.on("A")
    (start,) = lab.runtime.times("start", pod.name)
    share = (0.5, 0.03, 0.2, 0.35, 0.65, 0.8, 0.97)[choice]
    assert pod.ready_since == pytest.approx(start + 15 * share)


def test_first_probe_comes_after_a_second_since_1_21() -> None:
    lab = Lab((1, 21))
    lab.central()
    pod = lab.on("A")
    (start,) = lab.runtime.times("start", pod.name)
    assert pod.ready_since == pytest.approx(start + 1)


def test_liveness_waits_for_its_initial_delay_and_a_container_without_probes_is_ready_at_once() -> None:
    lab = Lab()
    lab.runtime.sick.add("A")
    lab.central(1, readiness=None, selector=Selector((("kubernetes.io/hostname", ("A",)),)))
    pod = lab.on("A")
    lab.clock.wait(lambda: pod.restarts == 1)
    started, killed = lab.runtime.times("start", pod.name)[0], lab.runtime.times("kill", pod.name)[0]
    assert 30 + 4 * 15 <= killed - started <= 30 + 5 * 15 + 1.3


# -- CrashLoopBackOff ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_container_that_ends_at_once_is_restarted_ever_later(seed: int) -> None:
    lab = Lab(choices=Seeded(seed))
    lab.runtime.ends = lambda pod: (0.1, 0)
    spec_start = lab.clock.now()
    lab.cluster.create_deployment(plain())
    lab.clock.run_until(spec_start + 1400)
    (pod,) = lab.pods()
    ends = lab.runtime.times("exit", pod.name)
    gaps = [start - end for start, end in zip(lab.runtime.times("start", pod.name)[1:], ends, strict=False)]
    assert gaps[0] == pytest.approx(1)
    for gap, wait in zip(gaps[1:], (10, 20, 40, 80, 160, 300, 300, 300), strict=False):
        assert wait <= gap <= wait + 15
    assert 8 <= pod.restarts <= 9
    assert (pod.phase, pod.ready, pod.last_exit) == (Phase.RUNNING, False, 0)


def test_state_alternates_between_completed_and_crash_loop() -> None:
    lab = Lab()
    lab.runtime.ends = lambda pod: (2, 0)
    lab.cluster.create_deployment(plain())
    lab.clock.run(0.5)
    (pod,) = lab.pods()
    lab.clock.wait(lambda: pod.restarts == 1)
    lab.clock.wait(lambda: pod.state is State.TERMINATED)
    assert pod.reason == "Completed"
    assert lab.clock.wait(lambda: pod.reason == "CrashLoopBackOff") <= 2
    assert pod.state is State.WAITING


@pytest.mark.parametrize("phase", [1, 2])
def test_failures_before_an_exit_count_in_the_next_life(phase: int) -> None:
    """A script that ends by itself after 65 s: 3 failures in the first life, killed 47-61 s into the second."""
    lab = Lab(choices=Zeros(first_probe=phase))
    lab.runtime.ends = lambda pod: (65, 0)
    lab.runtime.sick.update("ABC")
    lab.cluster.create_deployment(plain(liveness=ProbeSpec(15, 5, 30), readiness=ProbeSpec(15, 3)))
    lab.clock.run(0.5)
    (pod,) = lab.pods()
    lab.clock.wait(lambda: pod.restarts == 2)
    first, second, third = lab.runtime.times("start", pod.name)
    (ended,) = lab.runtime.times("exit", pod.name)
    (killed,) = lab.runtime.times("kill", pod.name)
    assert ended - first == pytest.approx(65)
    assert second - ended == pytest.approx(1)
    assert 47 <= killed - second <= 61
    assert third - killed == pytest.approx(0.4)
    lab.clock.wait(lambda: pod.restarts == 3)
    assert lab.runtime.times("exit", pod.name)[1] - third == pytest.approx(65)


def test_restarts_by_liveness_have_no_backoff() -> None:
    lab = central()
    pod = lab.on("A")
    lab.runtime.sick.add("A")
    lab.clock.wait(lambda: pod.restarts == 6, 900)
    kills, lives = lab.runtime.times("kill", pod.name), lab.runtime.times("start", pod.name)[1:]
    assert [round(start - kill, 3) for start, kill in zip(lives, kills, strict=True)] == [0.4] * 6


def test_ten_minutes_of_running_reset_the_backoff() -> None:
    lab = central()
    pod = lab.on("A")
    for life, gap in ((5, 1), (5, 17), (5, 27), (700, 1), (5, 17)):
        lab.clock.run(life)
        lab.runtime.end(lab.runtime.running[pod.name], 0)
        assert lab.clock.wait(lambda: pod.running) == pytest.approx(gap)


def test_crash_of_the_container_makes_the_pod_not_ready_at_once() -> None:
    lab = central()
    pod = lab.on("A")
    lab.runtime.end(lab.runtime.running[pod.name], 1)
    assert not pod.ready
    assert pod.reason == "Error"
    lab.clock.wait(lambda: pod.ready, 30)
    assert pod.restarts == 1


# -- labels and kubelet restarts (section 1) -------------------------------------------------------------------------


@pytest.mark.parametrize("affinity", [False, True])
def test_removing_the_label_evicts_nothing(affinity: bool) -> None:
    lab = central(selector=Selector(((LABEL[0], (LABEL[1],)),), affinity))
    pod, events = lab.on("C"), len(lab.cluster.events)
    lab.cluster.label_node("C", LABEL[0], None)
    lab.clock.run(510)
    assert pod.ready
    assert lab.cluster.status("deploy", "ovn-central").available == 3
    assert [event.kind for event in lab.cluster.events[events:]] == ["NodeLabel"]
    lab.cluster.delete_pod(pod.name)
    lab.clock.run(100)
    assert lab.nodes_of("old") == "-AB"


def test_kubelet_restart_on_an_unlabelled_node_kills_the_pod() -> None:
    lab = central()
    pod = lab.on("C")
    lab.cluster.label_node("C", LABEL[0], None)
    lab.clock.run(60)
    lab.cluster.restart_kubelet("C")
    start = lab.clock.now()
    lab.clock.wait(lambda: any(event.kind == "NodeAffinity" for event in lab.cluster.events))
    assert lab.clock.now() - start == pytest.approx(6)
    lab.clock.wait(lambda: pod.phase is Phase.FAILED)
    assert lab.clock.now() - start == pytest.approx(9)
    assert pod.pod_reason == "NodeAffinity"
    assert pod.name not in lab.runtime.running
    lab.clock.wait(lambda: lab.nodes_of("old") == "-AB", 0.05)
    lab.clock.run(60)
    assert pod.name in lab.cluster.pods
    assert lab.cluster.status("deploy", "ovn-central").current == 3
    lab.cluster.label_node("C", *LABEL)
    lab.clock.run(1)
    assert lab.nodes_of("old") == "ABC"


def test_kubelet_restart_on_a_labelled_node_renews_ready_without_a_restart() -> None:
    lab = central()
    lab.order_ready("ACB")
    pod, before = lab.on("A"), lab.on("A").ready_since
    lab.cluster.restart_kubelet("A")
    start = lab.clock.now()
    lab.clock.wait(lambda: not pod.ready)
    lab.clock.wait(lambda: pod.ready)
    assert 6 <= lab.clock.now() - start <= 21
    assert pod.restarts == 0
    assert len(lab.runtime.times("start", pod.name)) == 1
    assert pod.ready_since != before
    lab.cluster.scale("ovn-central", 2)
    lab.clock.run(1)
    assert lab.deleted_nodes() == "A"


def test_kubelet_restart_forgets_the_backoff() -> None:
    lab = central()
    pod = lab.on("A")
    lab.runtime.ends = lambda other: (0.1, 0)
    lab.runtime.end(lab.runtime.running[pod.name], 0)
    lab.clock.wait(lambda: pod.restarts == 5)
    lab.clock.run(3)
    assert pod.reason == "CrashLoopBackOff"
    lab.cluster.restart_kubelet("A")
    assert lab.clock.wait(lambda: pod.restarts == 6) <= 8
    assert lab.clock.wait(lambda: pod.restarts == 7) <= 2


def test_container_that_ends_while_its_kubelet_restarts_is_started_once() -> None:
    lab = central()
    pod = lab.on("A")
    lab.cluster.restart_kubelet("A")
    lab.clock.run(2)
    lab.runtime.end(lab.runtime.running[pod.name], 0)
    lab.clock.run(3.9)
    assert pod.restarts == 0
    lab.clock.run(60)
    assert pod.restarts == 1
    assert pod.ready


def test_container_that_ends_by_itself_while_it_is_being_killed_is_restarted_once() -> None:
    lab = central()
    pod = lab.on("A")
    lab.runtime.sick.add("A")
    lab.clock.wait(lambda: any(event.kind == "Unhealthy" for event in lab.cluster.events))
    lab.clock.run(0.2)
    lab.runtime.sick.clear()
    lab.runtime.end(lab.runtime.running[pod.name], 0)
    lab.clock.run(60)
    assert pod.restarts == 1
    assert lab.runtime.times("kill", pod.name) == []


def test_container_that_ends_by_itself_after_the_delete_is_not_restarted() -> None:
    lab = central()
    pod = lab.on("A")
    lab.cluster.delete_pod(pod.name)
    lab.clock.run(0.1)
    lab.runtime.end(lab.runtime.running[pod.name], 0)
    lab.clock.run(60)
    assert len(lab.runtime.times("start", pod.name)) == 1
    assert pod.name not in lab.cluster.pods


def test_liveness_goes_on_after_a_kubelet_restart_in_the_middle_of_a_kill() -> None:
    lab = central()
    pod = lab.on("A")
    lab.runtime.sick.add("A")
    lab.clock.wait(lambda: any(event.kind == "Unhealthy" for event in lab.cluster.events))
    lab.cluster.restart_kubelet("A")
    assert 60 <= lab.clock.wait(lambda: pod.restarts == 1) <= 100


def test_no_probe_between_a_liveness_failure_and_the_kill() -> None:
    lab = central(liveness=ProbeSpec(0.1, 1, 30))
    lab.runtime.sick.add("A")
    lab.clock.wait(lambda: lab.on("A").restarts == 1)
    assert [event.kind for event in lab.cluster.events].count("Unhealthy") == 1


def test_controllers_queue_keeps_the_soonest_time() -> None:
    clock, ran = VirtualClock(), []
    queue = WorkQueue(clock, Timers(clock), lambda key: ran.append((key, clock.now())))
    queue.add("a", 2)
    queue.add("a", 5)
    queue.add("b", 4)
    queue.add("b", 3)
    clock.run(10)
    assert ran == [("a", 2), ("b", 3)]


def test_pod_deleted_while_its_kubelet_restarts_goes_afterwards() -> None:
    lab = central()
    pod = lab.on("A")
    lab.cluster.restart_kubelet("A")
    lab.clock.run(1)
    lab.cluster.delete_pod(pod.name)
    lab.clock.run(4)
    assert pod.name in lab.runtime.running
    lab.clock.run(20)
    assert pod.name not in lab.cluster.pods
    assert pod.name not in lab.runtime.running
