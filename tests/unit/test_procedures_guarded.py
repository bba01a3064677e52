"""Our procedures: what they refuse, the order they choose, and that a run killed anywhere can be finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
from support_executor import World
from support_golden import check, render
from support_views import Cluster, central_pod, healthy, names_of
from support_worlds import Planner, end_of, finish, run, run_killed

from harness.cluster import DATABASES, Database
from harness.errors import BadInput, NothingToDo, StepFailed
from harness.forecast import Forecast
from harness.plan import Plan
from harness.procedures import guarded
from harness.procedures.guarded import Options
from harness.runner import Runner
from harness.steps import ClearFiles, MakeRoom, Remove, RestartOutdated, RollNextPod, ScaleIn, SetEnv, Step

A, B, C, D, E = names_of(5)
NB, SB = Database.NB, Database.SB
STALL = Options(accept_stall=True)


def planner(verb: str, *names: str, options: Options = Options()) -> Planner:  # noqa: B008
    procedure: Callable[..., Plan] = getattr(guarded, verb)
    return lambda view: procedure(view, *names, options)


def refusals(plan: Plan) -> set[str]:
    return {check.id for check in plan.refusals}


def place(plan: Plan, *wanted: type[Step]) -> list[int]:
    """Numbers of the steps of these classes, in order of the plan."""
    return [number for number, step in enumerate(plan.steps) if isinstance(step, wanted)]


def node_ips(plan: Plan) -> tuple[str, ...]:
    return next(step.addresses for step in plan.steps if isinstance(step, SetEnv))


# -- bad input ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (planner("remove", "nowhere"), "there is no node nowhere"),
        (planner("remove", D), "is no ovn-central member"),
        (planner("remove", "Node A"), "is no node name"),
        (planner("add", "../etc"), "is no node name"),
        (planner("replace", C, C), "can't replace itself"),
        (planner("replace", D, A), "is no ovn-central member"),
        (planner("replace", C, "nowhere"), "there is no node nowhere"),
    ],
)
def test_bad_input(make: Planner, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        make(healthy(3, 1).view())
    assert words in caught.value.seen
    assert caught.value.todo


# -- refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bend", "expected"),
    [
        (lambda c: c.kill(B), {"Q-STRICT", "ALIVE", "PODS"}),
        (lambda c: c.leaderless(NB), {"LEADER"}),
        (lambda c: c.two_leaders(SB, B), {"LEADER"}),
        (lambda c: c.uncommitted(SB, 1), {"LEADER"}),
        (lambda c: c.change_pending(NB, B), {"LEADER"}),
        (lambda c: c.ghost(NB, A), {"GHOST", "ALIVE"}),
        (lambda c: c.ghost(SB, D), {"ALIVE", "HALFWAY"}),
        (lambda c: c.lagging(NB, B, 200), {"ALIVE"}),
    ],
)
def test_a_cluster_out_of_order_is_refused_before_anything(
    bend: Callable[[Cluster], Cluster], expected: set[str]
) -> None:
    plan = guarded.remove(bend(healthy(3, 1)).view(), C)
    assert expected <= refusals(plan)


@pytest.mark.parametrize("verb", ["remove", "add", "replace"])
def test_nothing_is_done_beside_another_dead_member(verb: str) -> None:
    names = {"remove": (C,), "add": (D,), "replace": (C, D)}[verb]
    assert "ALIVE" in refusals(planner(verb, *names)(healthy(3, 1).kill(B).view()))


def test_five_nodes_may_lose_a_live_one_only_when_all_five_live() -> None:
    assert refusals(guarded.remove(healthy(5).view(), C)) == set()
    assert refusals(guarded.remove(healthy(5).kill(D).view(), D)) == set()
    assert "ALIVE" in refusals(guarded.remove(healthy(5).kill(D).view(), C))


def test_two_dead_of_three_can_not_be_helped_by_a_kick() -> None:
    assert {"Q-STRICT", "LEADER"} <= refusals(guarded.remove(healthy(3).kill(B).kill(C).view(), C))


def test_removing_a_dead_one_of_three_restarts_a_cluster_of_two_and_needs_consent() -> None:
    view = healthy(3).kill(C).view()
    assert refusals(guarded.remove(view, C)) == {"Q-ROLL"}
    assert refusals(guarded.remove(view, C, STALL)) == set()


def test_a_ghost_on_a_spare_keeps_it_out_and_can_be_removed_by_the_spares_name() -> None:
    cluster = healthy(3, 1).ghost(NB, D)
    assert "MEMBER" in refusals(guarded.add(cluster.view(), D))
    assert "MEMBER" in refusals(guarded.replace(cluster.view(), C, D))
    plan = guarded.remove(cluster.view(), D)
    assert refusals(plan) == set()
    world, _ = run(cluster, planner("remove", D))
    assert [len(raft.servers) for raft in world.cluster.raft.values()] == [3, 3]
    assert not world.leaderless
    assert not any(m[0] == "delete_pod" for m in world.mutations)


def test_releases_that_delete_databases_refuse_only_orders_that_kick_first() -> None:
    bad = "v1.16.1"
    assert "VERSION" in refusals(guarded.remove(healthy(5).kill(C).kube_ovn(bad).view(), C))
    assert refusals(guarded.remove(healthy(5).kube_ovn(bad).view(), C)) == set()
    assert refusals(guarded.replace(healthy(3, 1).kube_ovn(bad).view(), C, D)) == set()


def test_a_second_change_is_refused_while_the_first_is_half_way() -> None:
    addresses = tuple(f"172.18.0.{i}" for i in (3, 4, 5, 6))
    cluster = healthy(5, 1).rollout_halfway(addresses, (A, B))
    assert "HALFWAY" in refusals(guarded.remove(cluster.view(), D))
    assert "HALFWAY" in refusals(guarded.add(cluster.view(), names_of(6)[5]))
    assert "HALFWAY" not in refusals(guarded.remove(cluster.view(), E))


def test_a_bystander_is_not_taken_for_the_node_that_is_half_way() -> None:
    cluster = healthy(3, 1).rollout_halfway(("172.18.0.3", "172.18.0.4"), (A,))
    with pytest.raises(BadInput):
        guarded.remove(cluster.view(), D)
    assert refusals(guarded.remove(cluster.view(), C)) == set()


# -- order -------------------------------------------------------------------------------------------------------


def test_a_living_node_is_kicked_when_all_restarts_are_over() -> None:
    plan = guarded.remove(healthy(3).view(), C)
    assert max(place(plan, RollNextPod)) < min(place(plan, Remove))
    assert max(place(plan, Remove)) < place(plan, ScaleIn)[0]


def test_a_dead_node_is_kicked_first() -> None:
    for plan in (
        guarded.remove(healthy(5).kill(C).view(), C),
        guarded.replace(healthy(3, 1).kill(C).view(), C, D),
    ):
        assert max(place(plan, Remove)) < min(place(plan, RollNextPod, ScaleIn, SetEnv))


def test_a_living_node_is_replaced_by_adding_first() -> None:
    plan = guarded.replace(healthy(3, 1).view(), C, D)
    first = plan.steps[place(plan, RollNextPod)[0]]
    assert isinstance(first, RollNextPod)
    assert first.newcomer == "172.18.0.6"
    assert max(place(plan, RollNextPod)) < min(place(plan, Remove))


@pytest.mark.parametrize("cluster", [healthy(3, 1), healthy(3, 1).kill(C), healthy(5, 1), healthy(5, 1).kill(C)])
def test_nb_and_sb_are_always_both_left(cluster: Cluster) -> None:
    view = cluster.view()
    spare = view.nodes[-1].name
    for plan in (guarded.remove(view, C, STALL), guarded.replace(view, C, spare)):
        kicked = [(s.database, s.address) for s in plan.steps if isinstance(s, Remove)]
        assert kicked == [(NB, "172.18.0.5"), (SB, "172.18.0.5")]
        numbers = place(plan, Remove)
        assert numbers[1] == numbers[0] + 1, "nothing comes between nb and sb"


def test_files_go_after_both_removals_and_before_the_last_thing_that_names_the_leaver() -> None:
    for cluster in (healthy(3, 1), healthy(3, 1).kill(C)):
        for plan in (guarded.remove(cluster.view(), C, STALL), guarded.replace(cluster.view(), C, D)):
            clear = [n for n in place(plan, ClearFiles) if plan.steps[n].node == C]  # type: ignore[attr-defined]
            clients = [n for n in place(plan, SetEnv) if plan.steps[n].variable == "OVN_DB_IPS"]  # type: ignore[attr-defined]
            assert max(place(plan, Remove)) < clear[0] < max(clients)


def test_a_leaver_that_is_first_in_node_ips_leaves_an_old_member_first() -> None:
    view = healthy(3, 1).view()
    assert node_ips(guarded.remove(view, A)) == ("172.18.0.4", "172.18.0.5")
    assert node_ips(guarded.replace(view, A, D)) == ("172.18.0.4", "172.18.0.5", "172.18.0.6")
    assert refusals(guarded.replace(view, A, D)) == set()


def test_a_newcomer_never_comes_first_even_where_somebody_listed_it_so() -> None:
    cluster = healthy(3, 1).set_env("ovn-central", "NODE_IPS", "172.18.0.6,172.18.0.3,172.18.0.4,172.18.0.5")
    plan = guarded.add(cluster.view(), D)
    assert node_ips(plan)[-1] == "172.18.0.6"
    assert "FIRST" not in refusals(plan)
    # With A gone the stale address would move up to the front.
    cluster.set_env("ovn-central", "NODE_IPS", "172.18.0.3,172.18.0.6,172.18.0.4,172.18.0.5")
    assert {"FIRST", "HALFWAY"} <= refusals(guarded.remove(cluster.view(), A))


def test_replacing_the_only_member_is_refused() -> None:
    assert {"FIRST", "Q-ROLL"} <= refusals(guarded.replace(healthy(1, 1).view(), A, B))


def test_every_workload_with_the_addresses_is_updated_the_page_forgets_two() -> None:
    plan = guarded.remove(healthy(3, extra_workloads=True).view(), C)
    updated = [s.workload for s in plan.steps if isinstance(s, SetEnv)]
    assert updated == ["ovn-central", "ovs-ovn", "kube-ovn-controller", "ovn-ic-controller", "ovs-ovn-dpdk"]


def test_a_spare_is_cleared_before_it_is_labelled_and_a_member_that_is_in_already_is_not() -> None:
    plan = guarded.add(healthy(3, 1).view(), D)
    titles = [step.title for step in plan.steps]
    assert titles.index(f"clear the files on {D}") < titles.index(f"label {D}")
    again = guarded.add(healthy(4).set_env("ovs-ovn", "OVN_DB_IPS", "172.18.0.3").view(), D)
    assert f"clear the files on {D}" not in [step.title for step in again.steps]


def test_three_that_become_two_are_told() -> None:
    assert "tolerate no failure" in guarded.remove(healthy(3).view(), C).notes[0]
    assert guarded.remove(healthy(5).view(), C).notes == ()


# -- tolerance ---------------------------------------------------------------------------------------------------

ORDERLY = {
    "remove-3": (lambda: healthy(3, 1), planner("remove", C), "three nodes, a living one leaves"),
    "remove-3-first": (lambda: healthy(3, 1), planner("remove", A), "three nodes, the first in NODE_IPS leaves"),
    "remove-5": (lambda: healthy(5), planner("remove", C), "five nodes, a living one leaves"),
    "remove-5-dead": (lambda: healthy(5).kill(C), planner("remove", C), "five nodes, a dead one leaves"),
    "add-3": (lambda: healthy(2, 1), planner("add", C), "a third node comes in"),
    "add-5": (lambda: healthy(4, 1), planner("add", E), "a fifth node comes in"),
    "replace-3": (lambda: healthy(3, 1), planner("replace", C, D), "three nodes, a living one is replaced"),
    "replace-3-leader": (lambda: healthy(3, 1), planner("replace", A, D), "three nodes, the leader is replaced"),
    "replace-3-dead": (lambda: healthy(3, 1).kill(C), planner("replace", C, D), "three nodes, a dead one is replaced"),
    "replace-5": (lambda: healthy(5, 1), planner("replace", C, names_of(6)[5]), "five nodes, a living one is replaced"),
    "replace-5-dead": (
        lambda: healthy(5, 1).kill(C),
        planner("replace", C, names_of(6)[5]),
        "five nodes, a dead one is replaced",
    ),
}
"""Everything that the guarded procedure does without asking for consent: name, cluster, plan, intent."""


@pytest.mark.parametrize("name", ORDERLY)
def test_no_plan_forecasts_the_loss_of_quorum(name: str) -> None:
    make, plan_of, _ = ORDERLY[name]
    view = make().view()
    plan = plan_of(view)
    assert refusals(plan) == set()
    rows = plan.forecast(view)
    assert min(min(*row.during.values(), *row.after.values()) for row in rows) >= 0
    assert all(row.after[str(db)] == rows[-1].after["nb"] for row in rows[-1:] for db in DATABASES)


@pytest.mark.parametrize("minor", [20, 22])
@pytest.mark.parametrize("name", ORDERLY)
def test_the_forecast_of_the_end_is_what_comes_out_and_quorum_is_never_lost(name: str, minor: int) -> None:
    make, plan_of, _ = ORDERLY[name]
    cluster = make().kubernetes(1, minor)
    before = cluster.view()
    rows = plan_of(before).forecast(before)
    world, result = run(cluster, plan_of)
    assert world.leaderless == []
    assert world.out_of_reach == []
    assert result.kicks == (0 if name.startswith("add") else 2)
    after = Forecast.of(world.view())
    assert (after.nb.margin, after.sb.margin) == (rows[-1].after["nb"], rows[-1].after["sb"])


@pytest.mark.parametrize("name", [n for n in ORDERLY if n.startswith("add")])
def test_run_again_it_changes_nothing_but_what_was_left(name: str) -> None:
    make, plan_of, _ = ORDERLY[name]
    world, _ = run(make(), plan_of)
    with pytest.raises(BadInput, match="is an ovn-central member already"):
        plan_of(world.view())
    world.set_env("DaemonSet", "ovs-ovn", "OVN_DB_IPS", "172.18.0.3")
    mutations = len(world.mutations)
    finish(world, plan_of)
    made = {m[0] for m in world.mutations[mutations:]}
    assert made <= {"backup", "patch_rollout", "pause", "resume", "set_env", "delete_pod"}, "no member restarts"


@pytest.mark.parametrize("name", [n for n in ORDERLY if n.startswith("add")])
def test_pods_with_the_old_addresses_are_something_left_to_do(name: str) -> None:
    """A run was killed when the workload had its new addresses and no pod had been restarted (seen on kind)."""
    make, plan_of, _ = ORDERLY[name]
    world, _ = run(make(), plan_of)
    view = world.view()
    pods = tuple(
        replace(pod, env={**pod.env, "OVN_DB_IPS": "172.18.0.3"}) if pod.app == "ovs" else pod for pod in view.pods
    )
    assert pods != view.pods
    assert any(isinstance(step, RestartOutdated) for step in plan_of(replace(view, pods=pods)).steps)


def test_a_finished_removal_leaves_nothing_to_remove() -> None:
    world, _ = run(healthy(3), planner("remove", C))
    with pytest.raises(BadInput):
        guarded.remove(world.view(), C)


@pytest.mark.parametrize("name", ORDERLY)
def test_golden_plan(name: str) -> None:
    make, plan_of, intent = ORDERLY[name]
    view = make().view()
    check(f"plans/guarded-{name}.txt", f"{intent}: commands, tolerance of nb and sb", render(plan_of(view), view))


@pytest.mark.parametrize(
    ("name", "make", "intent"),
    [
        ("remove-3-dead", lambda: healthy(3).kill(C), "three nodes, a dead one leaves, and a stall is accepted"),
        ("remove-3-1.22", lambda: healthy(3).kubernetes(1, 22), "three nodes, Kubernetes with deletion cost"),
    ],
)
def test_golden_plan_of_a_special_case(name: str, make: Callable[[], Cluster], intent: str) -> None:
    view = make().view()
    text = render(guarded.remove(view, C, STALL), view)
    check(f"plans/guarded-{name}.txt", f"{intent}: commands, tolerance of nb and sb", text)


def test_ipv6_from_end_to_end() -> None:
    cluster = healthy(3, 1, address=lambda i: f"fd00:10:16::{i + 3:x}")
    world, result = run(cluster, planner("replace", C, D))
    assert result.kicks == 2
    assert cluster.workloads["ovn-central"].env["NODE_IPS"] == "fd00:10:16::3,fd00:10:16::4,fd00:10:16::6"
    assert world.leaderless == []
    assert end_of(world).members == (("fd00:10:16::3", "fd00:10:16::4", "fd00:10:16::6"),) * 2


def test_a_member_that_lost_its_label_but_runs_can_be_removed_or_labelled_again() -> None:
    world, _ = run(healthy(3).label(C, None), planner("remove", C))
    assert world.leaderless == []
    assert end_of(world).labelled == (A, B)
    again, result = run(healthy(3).label(C, None), planner("add", C))
    assert end_of(again).labelled == (A, B, C)
    assert result.kicks == 0
    assert not any(m[0] in ("remove_directory", "delete_pod", "kick") for m in again.mutations)


# -- killed anywhere, finished by a new plan ---------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    make: Callable[[], Cluster]
    planner: Planner
    stalls: bool = False


CASES = {
    **{name: Case(make, plan_of) for name, (make, plan_of, _) in ORDERLY.items() if "5" not in name},
    "remove-5": Case(lambda: healthy(5), planner("remove", C)),
    "remove-5-dead": Case(lambda: healthy(5).kill(C), planner("remove", C)),
    "remove-3-dead": Case(lambda: healthy(3).kill(C), planner("remove", C, options=STALL), stalls=True),
}


KILLED = [(name, 20, 2.0) for name in CASES] + [(name, 22, 100.0) for name in CASES if "5" not in name]


@pytest.mark.parametrize(("name", "minor", "later"), KILLED)
def test_a_run_killed_after_any_mutation_is_finished_by_a_new_plan(name: str, minor: int, later: float) -> None:
    # Also between letting the rollout go and holding it again: it then runs on unwatched until somebody comes.
    case = CASES[name]
    whole, _ = run(case.make().kubernetes(1, minor), case.planner)
    wanted = end_of(whole)
    for mutations in range(1, len(whole.mutations)):
        world = run_killed(case.make().kubernetes(1, minor), case.planner, mutations)
        last = world.mutations[-1]
        world.sleep(later)
        finish(world, case.planner)
        assert end_of(world) == wanted, f"killed after {last}"
        assert case.stalls or world.leaderless == [], f"killed after {last}"
        assert world.out_of_reach == [], f"killed after {last}: led from where no writer looks"


@pytest.mark.parametrize(("name", "leaver"), [("remove-5", C), ("replace-3", C)])
def test_a_leaver_that_dies_half_way_is_finished_as_a_dead_one(name: str, leaver: str) -> None:
    case = CASES[name]
    whole, _ = run(case.make(), case.planner)
    wanted = end_of(whole, without=(leaver,))
    for mutations in range(1, len(whole.mutations)):
        world = run_killed(case.make(), case.planner, mutations)
        last = world.mutations[-1]
        if any(pod.node == leaver for pod in world.cluster.central()):
            world.cluster.kill(leaver)
        else:
            world.cluster.put_node(leaver, ready=False)
        world.sleep(20.0)
        healed = len(world.leaderless)
        finish(world, case.planner)
        assert end_of(world, without=(leaver,)) == wanted, f"killed after {last}"
        assert len(world.leaderless) == healed, f"killed after {last}: the new plan lost the majority"


def test_a_dead_leavers_pod_goes_before_scaling_where_scaling_would_take_a_healthy_one() -> None:
    addresses = ("172.18.0.3", "172.18.0.4", "172.18.0.6", "172.18.0.7")
    cluster = healthy(5).rollout_halfway(addresses, (A, B, D)).kill(C)
    plan = guarded.remove(cluster.view(), C)
    assert place(plan, RollNextPod)[0] < place(plan, ScaleIn)[0]
    world, _ = run(cluster, planner("remove", C))
    assert world.leaderless == []
    assert cluster.workloads["ovn-central"].replicas == 4


def half_replaced() -> Cluster:
    """C is out of everything but the clients' addresses are new too; D is listed and labelled, and no member."""
    listed = ("172.18.0.3", "172.18.0.4", "172.18.0.6")
    cluster = healthy(4)
    for raft in cluster.raft.values():
        raft.remove("172.18.0.5")
        raft.remove("172.18.0.6")
    cluster.label(C, None)
    cluster.pods = [pod for pod in cluster.pods if pod.node != C or pod.app != "ovn-central"]
    for name, workload in cluster.workloads.items():
        variable = "NODE_IPS" if name == "ovn-central" else "OVN_DB_IPS"
        cluster.set_env(name, variable, ",".join(listed))
        for pod in [pod for pod in cluster.pods if pod.app == workload.app]:
            cluster.put_pod(pod.name, env={**pod.env, variable: ",".join(listed)})
    return cluster.put_workload("ovn-central", replicas=3)


def test_a_replacement_whose_leaver_is_out_and_newcomer_not_in_is_not_done() -> None:
    """Automation has kicked the newcomer: the same command must not say that there is nothing to do."""
    plan = guarded.replace(half_replaced().view(), C, D)
    assert (plan.verb, plan.old is not None, plan.new is not None) == ("replace", True, True)
    assert "is out already" in plan.order
    assert [step.node for step in plan.steps if isinstance(step, ClearFiles)][-1] == C
    kicked = half_replaced()
    kicked.put_pod(kicked.pod_on(D).name, ready=False, ready_since=None, restarts=3)
    assert "LEFT" in refusals(guarded.replace(kicked.view(), C, D))


def test_a_replacement_that_is_done_is_done() -> None:
    world, _ = run(healthy(3, 1), planner("replace", C, D))
    with pytest.raises(NothingToDo, match="is no ovn-central member"):
        guarded.replace(world.view(), C, D)


def test_where_nobody_answers_a_removal_is_not_taken_for_done() -> None:
    """The leaver is in no list any more; whether it is a member, nobody says."""
    world, _ = run(healthy(3), planner("remove", C))
    with pytest.raises(NothingToDo):
        guarded.remove(world.view(), C)
    silent = world.cluster.crash(A).crash(B)
    assert guarded.remove(silent.view(), C).refusals


def test_neither_of_two_nodes_in_is_no_replacement_that_is_done() -> None:
    with pytest.raises(BadInput, match="is no ovn-central member") as caught:
        guarded.replace(healthy(2, 2).view(), C, D)
    assert not isinstance(caught.value, NothingToDo)


def test_a_leavers_pod_that_was_rolled_too_early_makes_room_by_scaling() -> None:
    """A replacement: the leaver's pod went as the second one, and its replacement has no node."""
    listed = ("172.18.0.3", "172.18.0.4", "172.18.0.6")
    cluster = healthy(4).rollout_halfway(listed, (D,))
    cluster.label(C, None)
    for raft in cluster.raft.values():
        raft.at("172.18.0.5")[0].running = False
        raft.elect()
    env = {**cluster.pod_on(A).env, "NODE_IPS": ",".join(listed)}
    cluster.pods = [pod for pod in cluster.pods if pod.node != C or pod.app != "ovn-central"]
    cluster.pods.append(central_pod("pending", None, None, env, None))
    cluster.put_pod("pending", template=",".join(listed))
    plan = guarded.replace(cluster.view(), C, D)
    assert max(place(plan, Remove)) < place(plan, MakeRoom)[0]
    world, _ = run(cluster, planner("replace", C, D))
    assert world.leaderless == []
    assert world.cluster.workloads["ovn-central"].replicas == 3
    assert all(pod.env["NODE_IPS"] == ",".join(listed) for pod in world.cluster.central())


def test_without_looking_that_scaling_would_have_taken_a_healthy_member() -> None:
    # The same half-done state, scaled as the page does: a member that lives is deleted.
    addresses = ("172.18.0.3", "172.18.0.4")
    world = World(healthy(3).rollout_halfway(addresses, (A, B)).kill(C))
    for database in DATABASES:
        world.cluster.raft[database].remove("172.18.0.5")
    world.scale("ovn-central", 2)
    world.sleep(5)
    assert world.leaderless
    held = World(healthy(3).rollout_halfway(addresses, (A, B)).kill(C))
    steps = (Remove(NB, "172.18.0.5"), Remove(SB, "172.18.0.5"), ScaleIn("ovn-central", 2))
    with pytest.raises(StepFailed):
        Runner(held, Plan("guarded", "remove", None, None, steps)).run()
    assert held.leaderless == []
    assert not any(m[0] == "scale" for m in held.mutations)


def test_a_member_that_dies_during_the_procedure_stops_it_and_keeps_the_brake_on() -> None:
    world = World(healthy(5))
    world.at(40.0, lambda: world.cluster.kill(E))
    with pytest.raises(StepFailed):
        Runner(world, guarded.remove(world.view(), C)).run()
    assert world.leaderless == []
    assert not any(m[0] == "kick" for m in world.mutations)
    central = world.cluster.workloads["ovn-central"]
    assert central.env["NODE_IPS"].count(",") == 3, "it was under way"
    assert central.paused
