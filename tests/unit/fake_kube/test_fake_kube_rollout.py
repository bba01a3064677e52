"""Rollouts by set env, wrong orders, pause and undo (facts: kubernetes 3, 4, 5, 9)."""

from __future__ import annotations

import pytest
from kube_support import LABEL, Lab, Zeros

from fake_kube.objects import KubeError, Phase


def central(order: str = "ABC", replicas: int = 3) -> Lab:
    lab = Lab()
    lab.central(replicas)
    lab.order_ready(order[-replicas:] if replicas < 3 else order)
    return lab


def unlabel(lab: Lab, node: str) -> None:
    lab.cluster.label_node(node, LABEL[0], None)


# -- 3: the ordinary rollout -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["ABC", "BCA", "CAB"])
def test_rollout_goes_from_the_most_recently_ready_to_the_longest_ready(order: str) -> None:
    lab = central(order)
    lab.set_ips("new")
    lab.wait_rolled()
    assert lab.deleted_nodes() == order[::-1]
    assert lab.nodes_of("new") == "ABC"


def test_never_more_than_one_pod_is_missing() -> None:
    lab = central()
    lab.set_ips("new")
    while not lab.cluster.rollout_status("deploy", "ovn-central")[0]:
        lab.clock.step()
        assert sum(pod.ready for pod in lab.active()) >= 2


def test_new_object_is_there_at_once_and_pending_until_the_old_object_is_gone() -> None:
    lab = central("CBA")
    old = lab.on("A")
    lab.set_ips("new")
    deleted = lab.clock.wait(lambda: old.terminating)
    assert 0.07 <= deleted <= 0.15
    assert lab.clock.wait(lambda: lab.nodes_of("new") == "-") <= 0.2
    (new,) = [pod for pod in lab.active() if pod.env["NODE_IPS"] == "new"]
    died = lab.clock.wait(lambda: old.name not in lab.runtime.running)
    assert 0.1 <= died <= 1.3
    assert (old.last_exit, old.reason) == (143, "Error")
    assert old.name in lab.cluster.pods
    assert new.phase is Phase.PENDING
    gone = lab.clock.wait(lambda: old.name not in lab.cluster.pods)
    assert 1.5 <= gone <= 15
    assert new.node is None
    assert lab.clock.wait(lambda: new.node == "A") <= 6
    assert 0.5 <= lab.clock.wait(lambda: new.running) <= 2
    assert 0.4 <= lab.clock.wait(lambda: new.ready) <= 15


def test_object_may_stay_for_a_minute_though_its_process_is_dead() -> None:
    lab = Lab(choices=Zeros(object_goes=16))
    lab.central()
    lab.set_ips("new")
    lab.clock.run(60)
    assert lab.nodes_of("new") == "-"
    assert len(lab.runtime.running) == 2
    lab.clock.run(15)
    assert lab.nodes_of("new") != "-"


def test_next_kill_comes_at_the_instant_of_ready() -> None:
    lab = central("CBA")
    lab.set_ips("new")
    lab.clock.wait(lambda: lab.nodes_of("new") == "A" and lab.on("A").ready)
    assert lab.clock.wait(lambda: any(pod.terminating for pod in lab.pods())) <= 0.04


def test_readiness_is_all_a_rollout_waits_for() -> None:
    """Ready by probe phase alone: two members of a two-member cluster go within half a minute of each other."""
    lab = central("BA", 2)
    lab.set_ips("new")
    lab.wait_rolled()
    first, second = (event.at for event in lab.cluster.events if event.kind == "Deleting")
    assert second - first < 30


def test_rollout_status_lines() -> None:
    lab = central()
    lab.set_ips("new")
    seen: list[str] = []
    done = False
    while not done:
        done, line = lab.cluster.rollout_status("deployment", "ovn-central")
        if line not in seen:
            seen.append(line)
        if not done:
            lab.clock.step()
    waiting = 'Waiting for deployment "ovn-central" rollout to finish: '
    assert seen == [
        "Waiting for deployment spec update to be observed...",
        f"{waiting}0 out of 3 new replicas have been updated...",
        f"{waiting}1 out of 3 new replicas have been updated...",
        f"{waiting}2 out of 3 new replicas have been updated...",
        f"{waiting}2 of 3 updated replicas are available...",
        'deployment "ovn-central" successfully rolled out',
    ]


def test_rollout_status_returns_within_20_ms_of_the_last_ready() -> None:
    lab = central()
    lab.set_ips("new")
    lab.clock.wait(lambda: lab.nodes_of("new") == "ABC" and all(pod.ready for pod in lab.active()))
    assert lab.wait_rolled() <= 0.02


def test_not_ready_pod_is_replaced_first_and_stops_the_rollout_if_it_stays_so() -> None:
    lab = central("BCA")
    lab.runtime.sick.add("B")
    lab.clock.wait(lambda: not lab.on("B").ready)
    lab.set_ips("new")
    lab.clock.run(300)
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("B", "AC")
    done, line = lab.cluster.rollout_status("deploy", "ovn-central")
    assert not done
    assert "1 out of 3 new replicas have been updated..." in line
    lab.runtime.sick.clear()
    lab.wait_rolled()
    assert lab.deleted_nodes().startswith("B")
    assert lab.nodes_of("new") == "ABC"


def test_pod_that_turns_unhealthy_at_the_same_moment_goes_second() -> None:
    lab = central("BAC")
    lab.runtime.sick.add("A")
    lab.set_ips("new")
    lab.clock.run(200)
    assert lab.deleted_nodes()[:2] == "CA"
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("AC", "B")


def test_progress_deadline_fails_rollout_status() -> None:
    lab = central("BCA")
    lab.runtime.sick.add("B")
    lab.set_ips("new")
    lab.clock.run(900)
    with pytest.raises(KubeError, match='error: deployment "ovn-central" exceeded its progress deadline'):
        lab.cluster.rollout_status("deploy", "ovn-central")


def test_pod_lost_after_a_complete_rollout_meets_no_deadline() -> None:
    lab = central()
    lab.runtime.sick.add("B")
    lab.clock.run(1000)
    done, line = lab.cluster.rollout_status("deploy", "ovn-central")
    assert not done
    assert line.endswith("2 of 3 updated replicas are available...")


# -- 0.6: an earlier value finds its old ReplicaSet ------------------------------------------------------------------


def test_earlier_value_reuses_the_old_replicaset() -> None:
    lab = central()
    first = dict(lab.cluster.replicasets)
    lab.set_ips("new")
    lab.wait_rolled()
    lab.set_ips("old")
    lab.wait_rolled()
    (name,) = first
    assert len(lab.cluster.replicasets) == 2
    assert lab.cluster.replicasets[name].replicas == 3
    assert {pod.owner for pod in lab.active()} == {name}
    assert lab.cluster.replicasets[name].revision == 3


@pytest.mark.parametrize("reused", [False, True])
def test_extra_pod_in_mid_rollout_goes_to_the_replicaset_created_later(reused: bool) -> None:
    """With sizes 1 and 1; if the wanted template's ReplicaSet is the older one, the OLD template gets the pod."""
    lab = central("BA", 2)
    before, wanted = "old", "new"
    if reused:
        lab.set_ips("new")
        lab.wait_rolled()
        before, wanted = "new", "old"
    lab.set_ips(wanted)
    lab.clock.wait(lambda: len(lab.nodes_of(before)) == 1 == len(lab.nodes_of(wanted)))
    lab.cluster.scale("ovn-central", 3)
    lab.clock.run(0.5)
    assert len(lab.nodes_of(before if reused else wanted)) == 2


def test_of_equal_replicasets_the_older_one_shrinks() -> None:
    lab = central("BA", 2)
    lab.set_ips("new")
    lab.clock.wait(lambda: len(lab.nodes_of("old")) == 1 == len(lab.nodes_of("new")))
    lab.cluster.pause("ovn-central")
    lab.cluster.scale("ovn-central", 1)
    lab.clock.run(0.5)
    assert (lab.nodes_of("old"), len(lab.nodes_of("new"))) == ("", 1)


def test_growth_is_shared_by_size_and_rounded() -> None:
    """3 old and 2 new pods, two more of each wanted: 5 becomes 9 as 5.4 and 3.6, that is 5 and 4."""
    lab = Lab(nodes="ABCDEFGHI")
    lab.central(5)
    lab.set_ips("new")
    lab.clock.wait(lambda: len(lab.nodes_of("new")) == 2)
    lab.cluster.pause("ovn-central")
    lab.clock.run(60)
    lab.cluster.scale("ovn-central", 9)
    lab.clock.run(0.5)
    assert (len(lab.nodes_of("old")), len(lab.nodes_of("new"))) == (5, 4)


# -- 4: wrong orders -------------------------------------------------------------------------------------------------


def test_env_before_scale_with_the_leaver_longest_ready_ends_with_its_pod_pending() -> None:
    lab = central("CAB")
    unlabel(lab, "C")
    lab.set_ips("new")
    lab.clock.run(200)
    assert lab.deleted_nodes() == "BAC"
    assert lab.nodes_of("new") == "-AB"
    assert lab.cluster.rollout_status("deploy", "ovn-central")[1].endswith("2 of 3 updated replicas are available...")
    lab.cluster.scale("ovn-central", 2)
    assert lab.wait_rolled() < 1
    assert lab.deleted_nodes() == "BAC-"
    assert not any(pod.terminating for pod in lab.pods())


def deadlock() -> Lab:
    """Env before scale, the leaver most recently Ready: its replacement is Pending, A and B keep the old template."""
    lab = central("ABC")
    unlabel(lab, "C")
    lab.set_ips("new")
    lab.clock.run(200)
    assert lab.deleted_nodes() == "C"
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("-", "AB")
    return lab


def test_scaling_in_the_deadlock_deletes_a_healthy_member() -> None:
    lab = deadlock()
    lab.cluster.scale("ovn-central", 2)
    lab.clock.run(0.5)
    assert lab.deleted_nodes() == "CB"
    lab.wait_rolled()
    assert lab.deleted_nodes() == "CBA"
    assert lab.nodes_of("new") == "AB"


def test_undo_in_the_deadlock_touches_only_the_pending_pod() -> None:
    lab = deadlock()
    lab.cluster.undo("ovn-central")
    lab.clock.run(60)
    assert lab.deleted_nodes() == "C-"
    assert lab.nodes_of("old") == "-AB"


def test_deadlock_without_unlabelling_loops_on_the_leavers_node() -> None:
    lab = central("ABC")
    lab.runtime.ends = lambda pod: (0.1, 0) if pod.node == "C" and pod.env["NODE_IPS"] == "new" else None
    lab.set_ips("new")
    lab.clock.run(200)
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("C", "AB")
    assert lab.on("C").restarts >= 3
    assert not lab.on("C").ready


def test_env_before_scale_online_sends_a_replacement_to_the_free_node_at_once() -> None:
    lab = Lab()
    unlabel(lab, "C")
    lab.central(2)
    lab.order_ready("BA")
    lab.cluster.label_node("C", *LABEL)
    lab.set_ips("new")
    lab.clock.wait(lambda: lab.nodes_of("new") == "C")
    assert lab.clock.now() - next(e.at for e in lab.cluster.events if e.kind == "SetEnv") < 1
    assert any(pod.terminating and pod.node == "A" for pod in lab.pods())
    lab.wait_rolled()
    assert lab.nodes_of("new") == "AC"
    lab.cluster.scale("ovn-central", 3)
    lab.wait_rolled()
    assert lab.nodes_of("new") == "ABC"


def test_scale_before_env_online_replaces_the_looping_newcomer_first() -> None:
    lab = Lab()
    unlabel(lab, "C")
    lab.central(2)
    lab.order_ready("BA")
    lab.runtime.ends = lambda pod: (0.1, 0) if pod.node == "C" and pod.env["NODE_IPS"] == "old" else None
    lab.cluster.label_node("C", *LABEL)
    lab.cluster.scale("ovn-central", 3)
    lab.clock.run(25)
    assert 1 <= lab.on("C").restarts <= 2
    lab.set_ips("new")
    lab.clock.wait(lambda: "C" in lab.nodes_of("new") and lab.on("C").ready)
    assert lab.deleted_nodes() == "C"
    lab.wait_rolled()
    assert lab.deleted_nodes() == "CAB"


def test_label_after_scale_binds_the_pending_pod_at_once() -> None:
    lab = Lab()
    unlabel(lab, "C")
    lab.central(2)
    lab.cluster.scale("ovn-central", 3)
    lab.clock.run(60)
    assert lab.nodes_of("old") == "-AB"
    lab.cluster.label_node("C", *LABEL)
    assert lab.clock.wait(lambda: lab.nodes_of("old") == "ABC") == pytest.approx(0.12)


def test_kick_unlabel_scale_set_env_in_one_go_kills_a_healthy_pod_first() -> None:
    """Everything within half a second: the kicked pod is still Ready (facts: kubernetes 0.3)."""
    lab = central("BCA")
    lab.runtime.sick.add("C")
    unlabel(lab, "C")
    lab.cluster.scale("ovn-central", 2)
    lab.clock.run(0.25)
    lab.set_ips("new")
    lab.wait_rolled()
    assert lab.deleted_nodes() == "ACB"
    assert lab.nodes_of("new") == "AB"


# -- 5: pause, resume, undo ------------------------------------------------------------------------------------------


def test_paused_before_a_change_makes_no_replicaset_and_old_pods_come_back_old() -> None:
    lab = central()
    lab.cluster.pause("ovn-central")
    lab.set_ips("new")
    lab.clock.run(30)
    assert len(lab.cluster.replicasets) == 1
    lab.cluster.delete_pod(lab.on("B").name)
    lab.clock.run(60)
    assert lab.nodes_of("old") == "ABC"
    assert lab.cluster.rollout_status("deploy", "ovn-central")[1].endswith(
        "0 out of 3 new replicas have been updated..."
    )
    lab.cluster.scale("ovn-central", 2)
    lab.clock.run(60)
    lab.cluster.scale("ovn-central", 3)
    lab.clock.run(60)
    assert lab.nodes_of("old") == "ABC"


def test_paused_in_the_middle_stops_after_the_pod_already_deleted() -> None:
    lab = central("CBA")
    lab.cluster.pause("ovn-central")
    lab.set_ips("new")
    lab.clock.run(5)
    lab.cluster.resume("ovn-central")
    lab.clock.run(1.1)
    lab.cluster.pause("ovn-central")
    lab.clock.run(500)
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("A", "BC")
    assert all(pod.ready for pod in lab.active())
    lab.cluster.delete_pod(lab.on("B").name)
    lab.clock.run(60)
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("A", "BC")
    lab.cluster.scale("ovn-central", 2)
    lab.clock.run(60)
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("A", "C")
    lab.cluster.scale("ovn-central", 3)
    lab.clock.run(60)
    assert (lab.nodes_of("new"), lab.nodes_of("old")) == ("AB", "C")


def test_undo_while_paused_is_refused_with_kubectls_text() -> None:
    """It looks for a history first: seen on a real cluster."""
    lab = central()
    lab.cluster.pause("ovn-central")
    with pytest.raises(KubeError, match='no rollout history found for deployment "ovn-central"'):
        lab.cluster.undo("ovn-central")
    lab.cluster.resume("ovn-central")
    lab.set_ips("new")
    lab.clock.wait(lambda: len(lab.cluster.replicasets) == 2)
    lab.cluster.pause("ovn-central")
    with pytest.raises(KubeError, match=r"rollback a paused deployment; .* rollout resume deployment/ovn-central'"):
        lab.cluster.undo("ovn-central")


def test_undo_after_resume_leaves_pods_that_are_still_old() -> None:
    lab = central("CBA")
    lab.set_ips("new")
    lab.clock.wait(lambda: lab.nodes_of("new") == "A")
    lab.cluster.pause("ovn-central")
    lab.clock.run(60)
    lab.cluster.resume("ovn-central")
    lab.cluster.undo("ovn-central")
    lab.wait_rolled()
    assert lab.deleted_nodes() == "AA"
    assert lab.nodes_of("old") == "ABC"


def test_a_long_pause_does_not_count_for_the_progress_deadline() -> None:
    lab = central()
    lab.cluster.pause("ovn-central")
    lab.set_ips("new")
    lab.clock.run(2000)
    assert not lab.cluster.rollout_status("deploy", "ovn-central")[0]
    lab.cluster.resume("ovn-central")
    lab.wait_rolled()


def test_resuming_a_stuck_rollout_starts_its_deadline_anew() -> None:
    lab = central("BCA")
    lab.runtime.sick.add("B")
    lab.set_ips("new")
    lab.clock.run(300)
    lab.cluster.pause("ovn-central")
    lab.clock.run(2000)
    lab.cluster.resume("ovn-central")
    lab.clock.run(500)
    assert not lab.cluster.rollout_status("deploy", "ovn-central")[0]
    lab.clock.run(200)
    with pytest.raises(KubeError, match="exceeded its progress deadline"):
        lab.cluster.rollout_status("deploy", "ovn-central")


def test_undo_without_history_and_double_pause_are_refused() -> None:
    lab = central()
    with pytest.raises(KubeError, match='no rollout history found for deployment "ovn-central"'):
        lab.cluster.undo("ovn-central")
    with pytest.raises(KubeError, match="is not paused"):
        lab.cluster.resume("ovn-central")
    lab.cluster.pause("ovn-central")
    with pytest.raises(KubeError, match="is already paused"):
        lab.cluster.pause("ovn-central")


def test_min_ready_seconds_is_a_brake_but_does_not_stop_the_first_kill() -> None:
    lab = central("CBA")
    lab.clock.run(100)
    lab.cluster.patch_deployment("ovn-central", min_ready_seconds=30)
    lab.clock.run(5)
    assert lab.deleted_nodes() == ""
    assert len(lab.cluster.replicasets) == 1
    lab.set_ips("new")
    lab.clock.run(0.3)
    assert lab.deleted_nodes() == "A"
    lab.clock.wait(lambda: lab.nodes_of("new") == "A" and lab.on("A").ready)
    assert lab.clock.wait(lambda: lab.deleted_nodes() == "AB") == pytest.approx(30.05, abs=0.03)
    lab.wait_rolled()
    last = max(pod.ready_since or 0 for pod in lab.active())
    assert lab.clock.now() - last >= 30


def test_raising_min_ready_seconds_makes_young_pods_unavailable_at_once() -> None:
    lab = central("CBA")
    lab.cluster.patch_deployment("ovn-central", min_ready_seconds=599)
    lab.clock.run(1)
    assert lab.cluster.status("deploy", "ovn-central").available == 0
    assert lab.cluster.status("deploy", "ovn-central").ready == 3
    lab.set_ips("new")
    lab.clock.run(200)
    assert lab.deleted_nodes() == "A"


# -- 9: maxUnavailable 100 % -----------------------------------------------------------------------------------------


def test_all_pods_are_replaced_at_once_with_100_percent_unavailable() -> None:
    lab = Lab()
    lab.central(max_surge="0%", max_unavailable="100%")
    start = lab.clock.now()
    lab.set_ips("new")
    lab.clock.run(0.2)
    assert lab.deleted_nodes() == "ABC"
    assert lab.nodes_of("new") == "---"
    assert lab.cluster.rollout_status("deploy", "ovn-central")[1].endswith("0 of 3 updated replicas are available...")
    lab.clock.run(1.3)
    assert not lab.runtime.running
    lab.wait_rolled()
    assert 12 <= lab.clock.now() - start <= 42
