"""Guarded steps: what they refuse, what they wait for, what they send."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from support_executor import World
from support_views import DIRECTORY, Cluster, central_pod, healthy, names_of, server_id

from harness import rollout_order
from harness.cluster import Database, Pod
from harness.errors import Refused, StepFailed
from harness.executor import Reply, WaitTimeout
from harness.forecast import Forecast
from harness.plan import Plan
from harness.runner import run
from harness.steps import (
    AwaitClients,
    AwaitInOrder,
    AwaitNotReady,
    AwaitPodOn,
    Backup,
    ClearFiles,
    ConfirmAddresses,
    ConfirmEnd,
    KeepPodForLast,
    KeepTogether,
    MakeRoom,
    PauseRollout,
    Remove,
    RestartOutdated,
    ResumeRollout,
    RollNextPod,
    ScaleIn,
    SetMinReadySeconds,
    Step,
)
from harness.steps.leadership import hand_over

A, B, C, D, E = names_of(5)
NB, SB = Database.NB, Database.SB
AFTER = ("172.18.0.3", "172.18.0.4")
COST = {rollout_order.DELETION_COST: str(rollout_order.KEEP_COST)}


def seen(step: Step, cluster: Cluster) -> str:
    problem = step.blocked(cluster.view())
    return problem.seen if problem is not None else ""


def plan(*steps: Step) -> Plan:
    return Plan("guarded", "remove", None, None, steps)


# -- Remove ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        (lambda c: c.uncommitted(NB, 2), "2 entries not committed"),
        (lambda c: c.change_pending(NB, B), "membership change pending"),
        (lambda c: c.two_leaders(NB, B), "more than one server calls itself leader"),
        (lambda c: c.leaderless(NB), "nb has no leader"),
        (lambda c: c.kill(B), "172.18.0.4 does not answer"),
        (lambda c: c.ghost(NB, C), "2 servers configured at 172.18.0.5"),
        (lambda c: c.ghost(NB, B), "2 servers configured at 172.18.0.4"),
        (lambda c: c.lagging(NB, B, 99), "99 entries behind"),
    ],
)
def test_no_change_is_asked_of_a_cluster_that_is_not_in_order(bend: Callable[[Cluster], Cluster], words: str) -> None:
    assert words in seen(Remove(NB, "172.18.0.5"), bend(healthy(3)))


def test_followers_that_still_name_a_leader_that_is_gone_are_not_enough() -> None:
    # The leader's process has just died: both followers believe in it for one election timeout.
    cluster = healthy(3)
    status = {name: cluster.view().report(NB, name) for name in (B, C)}
    cluster.leaderless(NB)
    for name, report in status.items():
        assert report is not None
        assert report.status is not None
        cluster.tell(NB, name, leader=report.status.leader, role="follower")
    assert seen(Remove(NB, "172.18.0.5"), cluster) == "nb has no leader"


def test_each_database_is_judged_for_itself() -> None:
    assert seen(Remove(SB, "172.18.0.5"), healthy(3).uncommitted(NB, 2)) == ""


def test_a_dead_server_may_go_while_the_rest_is_in_order() -> None:
    assert seen(Remove(NB, "172.18.0.5"), healthy(3).kill(C)) == ""


def test_the_last_member_is_never_removed() -> None:
    assert "0 members" in seen(Remove(NB, "172.18.0.3"), healthy(1))


def test_it_kicks_by_full_id_through_the_leader_whatever_the_labels_say() -> None:
    world = World(healthy(3), still=True)
    world.cluster.lead(NB, B)
    Remove(NB, "172.18.0.5").act(world, world.view())
    assert world.mutations == [("kick", NB, B, server_id(NB, 2))]


def test_a_dead_servers_full_id_is_read_from_the_leaders_file() -> None:
    world = World(healthy(3).kill(C), still=True)
    Remove(SB, "172.18.0.5").act(world, world.view())
    assert world.mutations == [("kick", SB, A, server_id(SB, 2))]


def test_without_a_file_the_address_will_do() -> None:
    world = World(healthy(3).kill(C), still=True)
    world.configuration = lambda database, node: {}  # type: ignore[method-assign]
    Remove(NB, "172.18.0.5").act(world, world.view())
    assert world.mutations[0][3] == "tcp:[172.18.0.5]:6643"


@pytest.mark.parametrize("other", [(NB, 1), (SB, 0)])
def test_another_server_with_the_same_first_digits_is_not_kicked(other: tuple[Database, int]) -> None:
    # The same digits in the other database, or at another address.
    database, index = other
    cluster = healthy(3)
    cluster.raft[database].servers[index].sid = "d64b" + cluster.raft[database].servers[index].sid[4:]
    cluster.kill(C)
    world = World(cluster, still=True)
    Remove(NB, "172.18.0.5").act(world, world.view())
    assert world.mutations[0][3] == server_id(NB, 2)


def test_ipv6() -> None:
    world = World(healthy(3, address=lambda i: f"fd00::{i + 3:x}"), still=True)
    step = Remove(NB, "fd00::5")
    assert seen(step, world.cluster) == ""
    result = run(world, plan(step))
    assert world.mutations == [("kick", NB, A, server_id(NB, 2))]
    assert result.kicks == 1


@pytest.mark.parametrize(("text", "fails"), [("unknown server", False), ("failed to send removal request", True)])
def test_an_answer_that_means_no_change_is_told_from_one_that_may(text: str, fails: bool) -> None:
    world = World(healthy(3), still=True)
    world.kick = lambda database, via, server: Reply(2, text)  # type: ignore[method-assign]
    step = Remove(NB, "172.18.0.5")
    if fails:
        with pytest.raises(StepFailed):
            step.act(world, world.view())
    else:
        step.act(world, world.view())
        assert step.pending(world.view()) is not None, "the answer proves nothing: survivors are asked"


def test_the_commands_name_the_leaders_pod_and_the_full_id() -> None:
    cluster = healthy(3).lead(NB, B)
    kick, look = Remove(NB, "172.18.0.5").commands(cluster.view())
    pod, control = cluster.pod_on(B).name, "/var/run/ovn/ovnnb_db.ctl"
    run_in = f"kubectl exec -n kube-system {pod} -c ovn-central -- ovn-appctl -t {control}"
    assert kick == f"{run_in} cluster/kick OVN_Northbound {server_id(NB, 2)}"
    assert look.startswith(f"{run_in} cluster/status OVN_Northbound")


def test_stopping_between_nb_and_sb_is_not_safe() -> None:
    assert not Remove(NB, "x").safe_point
    assert Remove(SB, "x").safe_point


# -- backups and looks -------------------------------------------------------------------------------------------


def test_backup_asks_the_leader_and_a_failure_stops_the_run() -> None:
    world = World(healthy(3).lead(SB, C), still=True)
    Backup(SB).act(world, world.view())
    assert world.mutations == [("backup", SB, C)]
    world.backup = lambda database, via: Reply(1, "no space left")  # type: ignore[method-assign]
    with pytest.raises(StepFailed):
        Backup(SB).act(world, world.view())
    assert seen(Backup(SB), healthy(3).leaderless(SB)) != ""


def test_await_in_order_lets_the_named_hosts_be() -> None:
    dead = healthy(3).kill(C).view()
    assert AwaitInOrder().pending(dead) is not None
    assert AwaitInOrder(("172.18.0.5",)).pending(dead) is None


def test_await_not_ready() -> None:
    cluster = healthy(3)
    step = AwaitNotReady(C)
    assert step.pending(cluster.view()) == f"pod {cluster.pod_on(C).name} is still Ready"
    assert step.pending(cluster.crash(C).view()) is None
    assert AwaitNotReady(D).satisfied(healthy(3, 1).view())


def test_await_pod_on_wants_a_pod_and_the_rest_in_order() -> None:
    cluster = healthy(3, 1)
    step = AwaitPodOn(D)
    assert step.pending(cluster.view()) == f"no ovn-central pod on {D} yet"
    cluster.pods.append(central_pod("looping", D, "172.18.0.6", {"NODE_IPS": ",".join(AFTER)}, None))
    assert step.pending(cluster.view()) is None
    assert step.pending(cluster.kill(B).view()) is not None


# -- files -------------------------------------------------------------------------------------------------------

CLEAR = ClearFiles(C, "172.18.0.5", DIRECTORY)


def gone(cluster: Cluster, *, pod: bool = False) -> Cluster:
    """C is out of both databases, and its pod too unless ``pod``."""
    name = cluster.pod_on(C).name
    if not pod:
        cluster.pods = [p for p in cluster.pods if p.name != name]
    for raft in cluster.raft.values():
        raft.remove("172.18.0.5")
        raft.elect()
    return cluster


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        (healthy(3), "may still be a member of nb and sb"),
        (healthy(3).half_removed(C), "may still be a member of sb"),
        (gone(healthy(3)).leaderless(NB), "may still be a member of nb"),
        (gone(healthy(3), pod=True), "is still on"),
    ],
)
def test_files_of_a_member_or_under_a_running_server_are_not_touched(cluster: Cluster, words: str) -> None:
    assert words in seen(CLEAR, cluster)


def test_files_are_removed_once_the_node_is_out_and_headers_count() -> None:
    world = World(gone(healthy(3)), still=True)
    world.disks[C] = ["ovnsb_db.hdr"]
    assert seen(CLEAR, world.cluster) == ""
    CLEAR.act(world, world.view())
    assert world.disks[C] == []
    CLEAR.act(world, world.view())
    assert len(world.mutations) == 1, "nothing there: nothing to remove"


def test_a_failed_pod_object_does_not_keep_files_from_being_cleared() -> None:
    cluster = gone(healthy(3))
    env = {"NODE_IPS": "172.18.0.3,172.18.0.4,172.18.0.5"}
    cluster.pods.append(replace(central_pod("failed", C, "172.18.0.5", env, None), phase="Failed"))
    assert seen(CLEAR, cluster) == ""


def test_a_looping_pod_whose_address_is_not_listed_writes_no_files() -> None:
    cluster = gone(healthy(3), pod=True)
    cluster.put_pod(cluster.pod_on(C).name, env={"NODE_IPS": "172.18.0.3, 172.18.0.4"}, ready=False)
    assert seen(CLEAR, cluster) == ""
    cluster.put_pod(cluster.pod_on(C).name, env={"NODE_IPS": "172.18.0.3, 172.18.0.5"})
    assert "is still on" in seen(CLEAR, cluster), "blanks in a list do not hide an address"


def test_a_node_that_is_down_is_left_alone_and_the_operator_told() -> None:
    world = World(gone(healthy(3)).put_node(C, ready=False), still=True)
    reply = CLEAR.act(world, world.view())
    assert reply is not None
    assert "before it is labelled again" in reply.text
    assert world.mutations == []


def test_files_that_stay_are_a_failure() -> None:
    world = World(gone(healthy(3)), still=True)
    world.disks[C] = ["ovnnb_db.db"]
    world.remove_directory = lambda node: Reply(0, "")  # type: ignore[method-assign]
    with pytest.raises(StepFailed):
        CLEAR.act(world, world.view())


# -- brakes and scaling ------------------------------------------------------------------------------------------


def test_brakes() -> None:
    world = World(healthy(3), still=True)
    run(world, plan(SetMinReadySeconds("ovn-central", 30), PauseRollout("ovn-central")))
    central = world.cluster.workloads["ovn-central"]
    assert (central.min_ready_seconds, central.paused) == (30, True)
    view = world.view()
    line = SetMinReadySeconds("ovn-central", 30).commands(view)[0]
    assert line == """kubectl patch deployment -n kube-system ovn-central -p '{"spec":{"minReadySeconds":30}}'"""
    assert SetMinReadySeconds("ovn-central", 30).satisfied(view)
    assert PauseRollout("ovn-central").satisfied(view)
    assert not ResumeRollout("ovn-central").satisfied(view)


def test_resume_waits_until_no_old_pod_is_left() -> None:
    cluster = healthy(3).rollout_halfway(AFTER, (A, B))
    assert cluster.pod_on(C).name in seen(ResumeRollout("ovn-central"), cluster)
    assert seen(ResumeRollout("ovn-central"), healthy(3).rollout_halfway(AFTER, (A, B, C))) == ""


def test_scaling_in_takes_the_pending_or_the_dead_pod_and_never_a_live_member() -> None:
    scale = ScaleIn("ovn-central", 2)
    assert "scaling would delete" in seen(scale, healthy(3)), "all are Ready: the most recent one would go"
    assert seen(scale, healthy(3).crash(C)) == ""
    assert seen(ScaleIn("ovn-central", 3), healthy(3)) == ""
    homeless = healthy(2).put_workload("ovn-central", replicas=3)
    env = {"NODE_IPS": ",".join(AFTER)}
    homeless.pods.append(central_pod("pending", None, None, env, None))
    assert seen(scale, homeless) == ""


def rolled_too_early() -> Cluster:
    """The leaver C is out of raft; its pod went before A's and B's, and D came in: the new pod has no node."""
    addresses = (*AFTER, "172.18.0.6")
    cluster = healthy(4).rollout_halfway(addresses, (D,))
    cluster = gone(cluster).label(C, None)
    cluster.pods = [pod for pod in cluster.pods if pod.node != C or pod.app != "ovn-central"]
    env = {**cluster.pod_on(A).env, "NODE_IPS": ",".join(addresses)}
    cluster.pods.append(central_pod("pending", None, None, env, None))
    return cluster.put_pod("pending", template=",".join(addresses))


def test_a_pod_without_a_node_gets_the_node_of_an_old_one() -> None:
    step = MakeRoom("ovn-central", 3, "172.18.0.5")
    assert seen(step, rolled_too_early()) == ""
    assert "does not answer" in seen(step, rolled_too_early().crash(B)), "everybody else must be in order"
    two = rolled_too_early()
    for raft in two.raft.values():
        raft.remove("172.18.0.6")
    assert "servers live, 2 needed" in seen(step, two).replace("are needed", "needed"), "of two nobody can be spared"
    assert step.pending(rolled_too_early().view()) == "ovn-central is not scaled yet"
    scaled = rolled_too_early().put_workload("ovn-central", replicas=3)
    assert step.pending(scaled.view()) == "there are 4 pods"
    whole = healthy(3).put_workload("ovn-central", replicas=3)
    assert step.pending(whole.view()) is None


def test_in_the_middle_of_a_rollout_the_bigger_replica_set_shrinks() -> None:
    # Two new healthy pods, one old dead one: scaling to two would delete a healthy member.
    cluster = healthy(3).rollout_halfway(AFTER, (A, B)).kill(C)
    assert "scaling would delete" in seen(ScaleIn("ovn-central", 2), cluster)
    assert seen(ScaleIn("ovn-central", 2), healthy(3).rollout_halfway(AFTER, (A,)).kill(C)) == ""


# -- which pod goes last -----------------------------------------------------------------------------------------


def test_on_1_20_older_pods_are_restarted_until_the_leaver_is_the_oldest() -> None:
    world = World(healthy(3))
    step = KeepPodForLast(C)
    assert not step.satisfied(world.view())
    commands = [re.split(" -c |  #", line)[0] for line in step.commands(world.view())]
    expected = []
    for pod in (world.cluster.pod_on(name).name for name in (A, B)):
        expected += [f"kubectl {verb} -n kube-system {pod}" for verb in ("exec", "exec", "delete pod")]
        expected.append("kubectl rollout status deployment/ovn-central -n kube-system")
        expected.append("kubectl ko nb status; kubectl ko sb status")
    assert commands == expected, "each hands over before it is deleted, and is awaited before the next one goes"
    run(world, plan(step))
    assert [m[0] for m in world.mutations].count("delete_pod") == 2
    assert step.satisfied(world.view())
    assert not world.leaderless
    changed = world.cluster.set_env("ovn-central", "NODE_IPS", ",".join(AFTER)).view()
    workload = changed.workload("ovn-central")
    assert workload is not None
    assert rollout_order.goes_last(changed, workload, C)


def test_the_oldest_pod_needs_no_restart_of_others() -> None:
    assert KeepPodForLast(A).satisfied(healthy(3).view())


def test_on_1_22_a_cost_is_set_and_nothing_restarted() -> None:
    world = World(healthy(3).kubernetes(1, 22), still=True)
    step = KeepPodForLast(C)
    run(world, plan(step))
    assert world.mutations == [("annotate_pod", world.cluster.pod_on(C).name, *COST.popitem())]
    assert step.satisfied(world.view())


def test_no_pod_is_restarted_by_hand_while_anything_is_out_of_order() -> None:
    assert "does not answer" in seen(KeepPodForLast(C), healthy(3).kill(B))


# -- one pod at a time -------------------------------------------------------------------------------------------


def rolling(cluster: Cluster, addresses: tuple[str, ...] = ("172.18.0.4", "172.18.0.5")) -> Cluster:
    """NODE_IPS lacks A, whose pod is the longest Ready; the brakes are on, nothing is rolled yet."""
    return cluster.rollout_halfway(addresses, ())


def test_exactly_one_pod_is_replaced_and_the_rollout_held_again() -> None:
    world = World(rolling(healthy(3)))
    run(world, plan(RollNextPod(1, 3, last=A)))
    world.sleep(120)
    view = world.view()
    workload = view.workload("ovn-central")
    assert workload is not None
    assert workload.paused
    assert len(rollout_order.outdated(view, workload)) == 2
    assert not world.leaderless


def test_the_victims_leaderships_are_moved_away_first() -> None:
    cluster = rolling(healthy(3)).lead(NB, C).lead(SB, C)
    world = World(cluster)
    run(world, plan(RollNextPod(1, 3, last=A)))
    assert [m for m in world.mutations if m[0] == "move_leadership"] == [
        ("move_leadership", NB, C),
        ("move_leadership", SB, C),
    ]
    assert [m[0] for m in world.mutations].index("resume") == 2


def test_handing_over_two_databases_takes_no_longer_than_the_elections() -> None:
    world = World(healthy(3))
    hand_over(world, A)
    assert world.now() == 0, "each database is awaited for itself"
    assert {raft.leader for raft in world.cluster.raft.values()} == {B}


def test_a_leader_that_stays_costs_time_but_no_failure() -> None:
    world = World(healthy(3), still=True)
    world.move_leadership = lambda database, via: Reply(0, "")  # type: ignore[method-assign]
    hand_over(world, A, patience=5.0)
    assert world.now() == 5.0


def test_a_leadership_that_comes_back_is_given_away_by_the_other_of_the_pair() -> None:
    """The victim's database goes to the newcomer, from there back to the victim, and so on, unless the leaver moves."""
    world = World(healthy(4).lead(NB, C).lead(SB, A))
    goes_to = {A: D, D: A, C: B}

    def move(database: Database, via: str) -> Reply:
        world.cluster.lead(database, goes_to[via])
        return Reply(0, "")

    world.move_leadership = move  # type: ignore[method-assign]
    hand_over(world, A, ("172.18.0.5", "172.18.0.6"))
    assert {raft.leader for raft in world.cluster.raft.values()} == {B, D}


@pytest.mark.parametrize("reason", ["timeout", "ctrl-c", "api"])
def test_the_brake_is_on_again_however_the_step_ends(reason: str) -> None:
    world = World(rolling(healthy(3)), still=True)
    if reason == "ctrl-c":
        world.at(3.0, interrupt)
    if reason == "api":
        world.at(3.0, fail)
    with pytest.raises((WaitTimeout, KeyboardInterrupt, StepFailed)):
        RollNextPod(1, 3, last=A).act(world, world.view())
    assert [m[0] for m in world.mutations][-2:] == ["resume", "pause"]
    assert world.cluster.workloads["ovn-central"].paused


def interrupt() -> None:
    raise KeyboardInterrupt


def fail() -> None:
    raise StepFailed("the API is gone")


def test_a_pause_that_came_before_the_new_pod_object_is_made_good() -> None:
    cluster = rolling(healthy(3)).kubernetes(1, 22)
    victim = cluster.pod_on(C)
    cluster.pods.remove(victim)
    for raft in cluster.raft.values():
        raft.servers[2].running = False
    world = World(cluster)
    step = RollNextPod(1, 3, last=A)
    assert step.rolled(world.view())
    assert not step.satisfied(world.view())
    assert seen(step, cluster) == ""
    run(world, plan(step))
    assert "resume" in [m[0] for m in world.mutations]
    assert cluster.workloads["ovn-central"].paused
    assert not world.leaderless


def test_a_rollout_that_was_left_running_is_only_paused_if_the_pod_is_done() -> None:
    cluster = healthy(3).rollout_halfway(AFTER, (C,)).put_workload("ovn-central", paused=False)
    world = World(cluster, still=True)
    step = RollNextPod(1, 3, last=A)
    assert not step.satisfied(world.view())
    run(world, plan(step))
    assert world.mutations == [("pause", "ovn-central")]


@pytest.mark.parametrize(
    ("bend", "words"),
    [
        (lambda c: c.kill(C), "does not answer"),
        (lambda c: c.uncommitted(SB, 1), "not committed"),
        (lambda c: c.lagging(NB, B, 50), "50 entries behind"),
        (lambda c: c.ghost(SB, B), "2 servers configured"),
    ],
)
def test_no_pod_is_let_go_while_the_cluster_is_not_in_order(bend: Callable[[Cluster], Cluster], words: str) -> None:
    assert words in seen(RollNextPod(1, 3, last=A), bend(rolling(healthy(3))))


def test_the_leavers_pod_may_not_go_before_the_others() -> None:
    assert f"the pod on {C} would be deleted before the others" in seen(RollNextPod(1, 3, last=C), rolling(healthy(3)))
    assert seen(RollNextPod(1, 3, last=A), rolling(healthy(3))) == ""
    paid = rolling(healthy(3).kubernetes(1, 22))
    paid.put_pod(paid.pod_on(C).name, annotations={rollout_order.DELETION_COST: "1000"})
    assert seen(RollNextPod(1, 3, last=C), paid) == ""


def test_a_cost_does_not_help_a_leaver_that_is_not_ready() -> None:
    # Its server is fine, its pod is not Ready: it goes first, whatever it costs.
    cluster = rolling(healthy(3).kubernetes(1, 22))
    cost = {rollout_order.DELETION_COST: "1000"}
    cluster.put_pod(cluster.pod_on(C).name, annotations=cost, ready=False, ready_since=None)
    assert "would be deleted before the others" in seen(RollNextPod(1, 3, last=C), cluster)


def test_a_member_whose_absence_costs_the_majority_is_not_restarted() -> None:
    cluster = rolling(healthy(2), ("172.18.0.4", "172.18.0.3"))
    assert "of 2 servers live, 2 are needed" in seen(RollNextPod(1, 2), cluster)
    assert seen(RollNextPod(1, 2, accept_stall=True), cluster) == ""


def test_ghosts_count_against_a_restart_even_if_a_stall_is_accepted_elsewhere() -> None:
    cluster = rolling(healthy(3)).ghost(NB, B)
    step = RollNextPod(1, 3, last=A)
    problem = step._costs_quorum(cluster.view(), cluster.workloads["ovn-central"])
    assert problem is not None, "four configured, three live: without one of them two are not enough"
    assert problem.fatal


NEW = ("172.18.0.3", "172.18.0.4", "172.18.0.5", "172.18.0.6")


def joining(cluster: Cluster) -> Cluster:
    """D is labelled and has a looping pod of the old template."""
    env = dict(cluster.central()[0].env)
    cluster.pods.append(central_pod("looping", D, "172.18.0.6", env, None))
    return rolling(cluster.label(D).put_workload("ovn-central", replicas=4), NEW)


def test_a_newcomers_pod_goes_first() -> None:
    world = World(joining(healthy(3, 1)))
    run(world, plan(RollNextPod(1, 4, newcomer="172.18.0.6")))
    assert [len(raft.servers) for raft in world.cluster.raft.values()] == [4, 4]
    assert all(world.cluster.pod_on(name).env["NODE_IPS"] != ",".join(NEW) for name in (A, B, C))


def test_it_is_not_let_go_while_a_live_members_pod_would_be_taken_instead() -> None:
    cluster = joining(healthy(3, 1))
    cluster.put_pod("looping", ready=True, ready_since=1.0)
    assert "would be replaced before the newcomer's" in seen(RollNextPod(1, 4, newcomer="172.18.0.6"), cluster)


def test_a_newcomer_must_vote_in_both_databases_and_have_caught_up() -> None:
    cluster = healthy(4).rollout_halfway(NEW, (D,))
    step = RollNextPod(1, 4, newcomer="172.18.0.6")
    assert step.satisfied(cluster.view())
    cluster.tell(SB, D, status="joining cluster")
    assert step.pending(cluster.view()) == "172.18.0.6 is not a caught-up voter in sb"
    cluster.overrides.clear()
    assert step.pending(cluster.lagging(NB, D, 100).view()) == "172.18.0.6 is not a caught-up voter in nb"


def test_the_leavers_replacement_stays_pending_and_that_is_done() -> None:
    cluster = healthy(3).rollout_halfway(AFTER, (A, B))
    step = RollNextPod(3, 3, last=C, leaver="172.18.0.5")
    assert not step.satisfied(cluster.view())
    name = cluster.pod_on(C).name
    for raft in cluster.raft.values():
        raft.servers[2].running = False
    env = {"NODE_IPS": ",".join(AFTER)}
    cluster.pods = [p for p in cluster.pods if p.name != name] + [central_pod("pending", None, None, env, None)]
    assert step.satisfied(cluster.view())


def test_a_replacement_that_landed_on_the_leavers_node_is_not_done() -> None:
    # Somebody labelled the node again: the pod loops there, its address is not listed.
    cluster = healthy(3).rollout_halfway(AFTER, (A, B))
    name = cluster.pod_on(C).name
    for raft in cluster.raft.values():
        raft.servers[2].running = False
    env = {"NODE_IPS": ",".join(AFTER)}
    cluster.pods = [p for p in cluster.pods if p.name != name]
    cluster.pods.append(central_pod("looping", C, "172.18.0.5", env, None))
    step = RollNextPod(3, 3, last=C, leaver="172.18.0.5")
    assert step.pending(cluster.view()) == "pod looping is not Ready"


def test_what_a_roll_costs() -> None:
    three, four = (Forecast.of(healthy(n).view()) for n in (3, 4))
    assert RollNextPod(1, 3).impact(three).during.worst == 0
    assert RollNextPod(3, 3, leaver="172.18.0.5").impact(three).after.worst == 0
    joins = RollNextPod(1, 4, newcomer="172.18.0.6").impact(three)
    assert (joins.during.worst, joins.after.worst) == (0, 1)
    assert RollNextPod(2, 4).impact(four).during.worst == 0
    assert RollNextPod(1, 2).impact(Forecast.of(healthy(2).view())).during.worst == -1


# -- clients -----------------------------------------------------------------------------------------------------


def ovs(cluster: Cluster, strategy: str) -> World:
    cluster.put_workload("ovs-ovn", strategy=strategy)
    cluster.set_env("ovs-ovn", "OVN_DB_IPS", ",".join(AFTER))
    return World(cluster)


def deleted(world: World) -> int:
    return sum(1 for m in world.mutations if m[0] == "delete_pod")


def test_a_rolling_update_is_only_watched() -> None:
    world = ovs(healthy(3), "RollingUpdate")
    run(world, plan(RestartOutdated("ovs-ovn")))
    assert deleted(world) == 0
    assert {p.env["OVN_DB_IPS"] for p in world.cluster.pods if p.app == "ovs"} == {",".join(AFTER)}


def test_on_delete_is_restarted_one_node_at_a_time() -> None:
    world = ovs(healthy(3), "OnDelete")
    down: list[int] = []

    def count(_mutation: tuple[object, ...]) -> None:
        down.append(sum(1 for p in world.cluster.pods if p.app == "ovs" and not p.ready))

    world.after = count
    run(world, plan(RestartOutdated("ovs-ovn")))
    assert down == [1, 1, 1]
    assert RestartOutdated("ovs-ovn").satisfied(world.view())


def test_a_dead_node_does_not_keep_the_living_from_the_new_addresses() -> None:
    world = ovs(healthy(3).kill(C), "RollingUpdate")
    run(world, plan(RestartOutdated("ovs-ovn")))
    assert {p.node: p.env["OVN_DB_IPS"] for p in world.cluster.pods if p.app == "ovs" and p.node != C} == {
        A: ",".join(AFTER),
        B: ",".join(AFTER),
    }


def test_a_pod_that_comes_back_old_is_not_restarted_for_ever() -> None:
    world = ovs(healthy(3), "OnDelete")
    world.cluster.set_env("ovs-ovn", "ENABLE_SSL", "false")  # the template has what no container shows
    world._daemonset = stubborn(world)  # type: ignore[method-assign]
    with pytest.raises(StepFailed) as caught:
        run(world, plan(RestartOutdated("ovs-ovn")))
    assert "came back with the old addresses" in caught.value.seen
    assert deleted(world) <= 6


def stubborn(world: World) -> Callable[..., None]:
    inner = World._daemonset

    def make(app: str, env: dict[str, str], *, rolling: bool) -> None:
        inner(world, app, {"OVN_DB_IPS": "172.18.0.9"}, rolling=False)

    return make


def test_a_workload_that_is_not_there_has_nothing_to_restart() -> None:
    assert RestartOutdated("ovs-ovn-dpdk").satisfied(healthy(3).view())


def test_clients_are_awaited_on_live_nodes_only() -> None:
    step = AwaitClients("kube-ovn-controller")
    cluster = healthy(3)
    assert step.pending(cluster.view()) is None
    cluster.set_env("kube-ovn-controller", "OVN_DB_IPS", ",".join(AFTER))
    assert step.pending(cluster.view()) == "pod kube-ovn-controller-0 has the old addresses"
    env = {"OVN_DB_IPS": ",".join(AFTER)}
    cluster.put_pod("kube-ovn-controller-0", env=env, ready=False)
    assert step.pending(cluster.view()) == "pod kube-ovn-controller-0 is not Ready"
    cluster.pods.append(Pod("new", "kube-ovn-controller", B, "172.18.0.4", "Running", True, env=env))
    assert step.pending(cluster.put_node(A, ready=False).view()) is None, "the pod of a dead node is awaited for ever"
    cluster.pods.pop()
    assert step.pending(cluster.view()) == "kube-ovn-controller has no pod"


# -- leadership --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("nb", "sb", "apart"), [(A, D, True), (D, A, True), (D, D, False), (A, A, False), (B, D, False), (A, B, False)]
)
def test_leaver_and_newcomer_may_not_lead_one_database_each(nb: str, sb: str, apart: bool) -> None:
    world = World(healthy(4).lead(NB, nb).lead(SB, sb))
    step = KeepTogether("172.18.0.3", "172.18.0.6")
    assert step.satisfied(world.view()) is not apart
    run(world, plan(step))
    assert step.satisfied(world.view())
    moved = [(m[1], m[2]) for m in world.mutations]
    assert moved == ([(NB if nb == D else SB, D)] if apart else []), "the newcomer gives way, once"


def test_without_a_leader_nothing_can_be_said_about_who_leads_what() -> None:
    assert KeepTogether("172.18.0.3", "172.18.0.6").pending(healthy(4).leaderless(SB).view()) == "sb has no leader"


def test_a_rollout_that_a_run_left_unpaused_or_paused_is_gone_on_with() -> None:
    for resumed in (False, True):
        world = World(rolling(healthy(3)))
        if resumed:
            world.resume("ovn-central")
        run(world, plan(RollNextPod(1, 3, last=A)))
        workload = world.view().workload("ovn-central")
        assert workload is not None
        assert workload.paused


def test_a_member_that_its_own_new_pod_would_shut_out_is_not_restarted() -> None:
    """A chart has put NODE_IPS back while a newcomer waits for its turn, say."""
    cluster = rolling(healthy(3), ("172.18.0.9",))
    view = cluster.view()
    workload = view.workload("ovn-central")
    assert workload is not None
    victim = rollout_order.next_victim(view, workload)
    assert victim is not None
    assert victim.address is not None
    assert f"without {victim.address}" in seen(RollNextPod(1, 3), cluster)
    assert seen(RollNextPod(1, 3, leaver=victim.address), cluster) == "", "it is on its way out"


def test_a_leaver_that_has_just_lost_its_servers_is_not_rolled() -> None:
    """Wiped, it comes back as a new server beside its ghost: without its pod nobody would be the majority of four."""
    step = RollNextPod(3, 3, last=C, leaver="172.18.0.5")
    cluster = healthy(3).rollout_halfway(AFTER, (A, B))
    assert seen(step, cluster) == ""
    assert "does not answer" in seen(step, healthy(3).rollout_halfway(AFTER, (A, B)).crash(C))
    dead = RollNextPod(3, 3, leaver="172.18.0.5")
    assert seen(dead, healthy(3).rollout_halfway(AFTER, (A, B)).crash(C)) == "", "a dead one is what is to go"


def test_a_pod_that_a_kubelet_refused_is_not_rolled() -> None:
    """The leaver's node has lost its label and then its power: to resume would take a second server away."""
    step = RollNextPod(1, 3, last=C)
    cluster = rolling(healthy(3), AFTER).crash(C).label(C, None)
    cluster.put_pod(cluster.pod_on(C).name, phase="Failed")
    assert not step.rolled(cluster.view())
    assert "does not answer" in seen(step, cluster)
    old = healthy(3).pod_on(C)
    cluster = rolling(healthy(3), AFTER)
    cluster.pods.append(replace(old, name="evicted-long-ago", phase="Failed", ready=False))
    cluster.pods.remove(cluster.pod_on(B))
    assert step.rolled(cluster.view()), "one that has failed beside a running one means nothing"


def test_a_failed_pod_on_a_node_with_the_label_does_not_hold_up_a_rollout_that_was_cut_off() -> None:
    """A member's pod has just been deleted and was not made again; beside it lay an old object that had failed."""
    step = RollNextPod(1, 3, last=C)
    cluster = rolling(healthy(3), AFTER).crash(B)
    cluster.put_pod(cluster.pod_on(B).name, phase="Failed")
    assert step.rolled(cluster.view())
    assert seen(step, cluster) == "", "it goes on, and the rollout makes the pod"


def test_addresses_put_back_while_leadership_moves_end_the_step_before_anything_is_resumed() -> None:
    """A chart's upgrade makes the old pods fit again, so that nothing seems left to roll, and removes one of them."""
    world = World(rolling(healthy(3)).lead(NB, C).lead(SB, C))
    real = world.move_leadership

    def move(database: Database, via: str) -> Reply:
        world.cluster.set_env("ovn-central", "NODE_IPS", world.cluster.pod_on(A).env["NODE_IPS"])
        return real(database, via)

    world.move_leadership = move  # type: ignore[method-assign]
    step = RollNextPod(1, 3, last=A)
    assert step.act(world, world.view()) is None
    assert "move_leadership" in [m[0] for m in world.mutations]
    assert "resume" not in [m[0] for m in world.mutations]


def test_the_last_look_sees_what_charts_scripts_and_kickers_put_back() -> None:
    addresses = ("172.18.0.3", "172.18.0.4", "172.18.0.5")
    step = ConfirmEnd(addresses)
    assert step.pending(healthy(3, 1).view()) is None
    changed = {
        "NODE_IPS of": healthy(3, 1).set_env("ovn-central", "NODE_IPS", "172.18.0.3"),
        "OVN_DB_IPS of kube-ovn-controller": healthy(3, 1).set_env("kube-ovn-controller", "OVN_DB_IPS", "172.18.0.3"),
        "replicas, not 3": healthy(3, 1).put_workload("ovn-central", replicas=4),
        f"{D} has the label": healthy(3, 1).label(D),
        "172.18.0.5 is no member of nb": gone(healthy(3, 1)),
    }
    for words, cluster in changed.items():
        assert words in (step.pending(cluster.view()) or ""), words


def test_the_last_look_comes_after_a_while() -> None:
    """What was asked for a moment ago does not show yet: here a kick that is committed five seconds later."""
    world = World(healthy(3, 1), still=True)
    world.at(5.0, lambda: gone(world.cluster))
    with pytest.raises((Refused, StepFailed), match="is no member of"):
        run(world, plan(ConfirmEnd(("172.18.0.3", "172.18.0.4", "172.18.0.5"))))


def test_node_ips_that_somebody_put_back_stop_the_run() -> None:
    cluster = healthy(3).set_env("ovn-central", "NODE_IPS", ",".join(AFTER))
    assert ConfirmAddresses(AFTER).pending(cluster.view()) is None
    world = World(cluster.set_env("ovn-central", "NODE_IPS", "172.18.0.3,172.18.0.4,172.18.0.5"), still=True)
    with pytest.raises((Refused, StepFailed), match="somebody has changed it"):
        run(world, plan(ConfirmAddresses(AFTER)))
