"""What careless hands do, on every backend: each hazard really happens, and the guarded procedure refuses it."""

from __future__ import annotations

import dataclasses

import pytest

from harness import health, rollout_order
from harness.cluster import DATABASES, Database, Pod
from harness.errors import Refused
from harness.executor import LabExecutor
from harness.faults import Fault, FaultKind
from harness.invariants import EndState, OneClusterId, violations
from harness.plan import Plan, Target
from harness.procedures import documented, guarded
from harness.runner import Pace, Runner
from harness.steps import CENTRAL, Kick, Label, Scale, SetEnv, Step
from scenarios import support


def next_deleted(executor: LabExecutor) -> Pod:
    """The pod that a rollout, or a scale-down, would take first."""
    view = executor.view()
    workload = view.workload(CENTRAL)
    assert workload is not None
    changed = dataclasses.replace(workload, env={**workload.env, "NODE_IPS": "others"})
    victim = rollout_order.next_victim(view, changed)
    assert victim is not None
    return victim


def plan_of(verb: str, target: Target, *steps: Step) -> Plan:
    """Steps somebody typed, in their order."""
    return Plan("typed by hand", verb, None, target, steps)


def careless_add(executor: LabExecutor, name: str) -> Plan:
    """Label, scale, then NODE_IPS with the newcomer's address in front: the page does not say where it belongs."""
    view = executor.view()
    node, central = view.node(name), view.workload(CENTRAL)
    assert node is not None
    assert central is not None
    addresses = (node.address, *central.env["NODE_IPS"].split(","))
    return plan_of(
        "add",
        Target(node.name, node.address),
        Label(node.name, *view.label),
        Scale(CENTRAL, len(addresses)),
        SetEnv("Deployment", CENTRAL, "NODE_IPS", addresses),
    )


def one_of_two_lost(ovn: support.Maker) -> tuple[LabExecutor, str]:
    """Two members, one of them without power, and a spare."""
    executor = support.cluster(ovn, 2, spares=1)
    _, second, spare = (node.name for node in executor.view().nodes)
    assert executor.inject(Fault(FaultKind.NODE_DOWN, (second,)))
    executor.wait(
        lambda: all(executor.view().leader(db) is None for db in DATABASES), 120.0, "the lone member to step down"
    )
    executor.wait(lambda: not ready(executor, second), 120.0, f"{second} to be NotReady")
    return executor, spare


def ready(executor: LabExecutor, name: str) -> bool:
    node = executor.view().node(name)
    return node is not None and node.ready


def test_a_newcomer_first_in_node_ips_founds_a_second_cluster(ovn: support.Maker) -> None:
    """With no leader in sight the first address of NODE_IPS creates a cluster of its own: split brain."""
    executor, spare = one_of_two_lost(ovn)
    _, second, _ = (node.name for node in executor.view().nodes)
    before = executor.status(Database.NB, executor.view().nodes[0].name).status
    assert before is not None
    Runner(executor, careless_add(executor, spare)).run()

    def bootstrapped() -> bool:
        founder = executor.status(Database.NB, spare).status
        return founder is not None and founder.is_leader

    executor.wait(bootstrapped, 300.0, "the newcomer to lead a cluster of its own")
    founder = executor.status(Database.NB, spare).status
    assert founder is not None
    assert founder.cluster_id != before.cluster_id
    assert executor.inject(Fault(FaultKind.NODE_UP, (second,)))
    view = executor.view()
    split = violations(EndState(view, frozenset()), (OneClusterId,))
    assert any(violation.text.startswith("nb has 2 cluster ids") for violation in split), split


def test_the_guarded_add_refuses_without_a_leader(ovn: support.Maker) -> None:
    executor, spare = one_of_two_lost(ovn)
    with pytest.raises(Refused, match="nb has no leader"):
        Runner(executor, guarded.add(executor.view(), spare)).run()
    assert executor.view().central_pod(spare) is None, "nothing was changed"


def test_node_ips_before_scale_founds_a_second_cluster_too(ovn: support.Maker) -> None:
    """No fault at all: two healthy members, the newcomer labelled and first, NODE_IPS set before the scale.

    The rollout deletes the nb leader's pod, its replacement goes to the free node at once and sees no leader.
    """
    executor = support.cluster(ovn, 2, spares=1)
    victim = next_deleted(executor).node
    for node in executor.view().labelled():
        if node.name != victim:
            support.move_away(executor, Database.NB, node.name)
    assert support.leader(executor, Database.NB) == victim
    spare = executor.view().nodes[-1].name
    plan = careless_add(executor, spare)
    label, scale, env = plan.steps
    Runner(executor, dataclasses.replace(plan, steps=(label, env, scale)), pace=Pace(between=20.0)).run()

    def split() -> bool:
        return bool(violations(EndState(executor.view(), frozenset()), (OneClusterId,)))

    executor.wait(split, 300.0, "two cluster ids in one database")


def test_kicking_a_live_member_while_another_is_down_loses_the_cluster(ovn: support.Maker) -> None:
    """OVSDB answers ``started removal`` and never commits it: two live servers, no leader."""
    executor = support.cluster(ovn, 3)
    lost = support.target(executor, "dead")
    view = executor.view()
    pair = view.leader(Database.NB)
    assert pair is not None
    victim = next(n for n in view.labelled() if n.name not in (pair[0], lost))
    result = Runner(
        executor, plan_of("remove", Target(victim.name, victim.address), Kick(Database.NB, victim.address))
    ).run()
    assert result.outcomes[0].reply == "started removal", "the server does not protect its cluster"
    executor.wait(lambda: executor.view().leader(Database.NB) is None, 120.0, "nb to lose its leader")
    executor.sleep(executor.timing.election)
    assert executor.view().leader(Database.NB) is None, "and it does not come back by itself"
    assert executor.view().leader(Database.SB) is not None, "sb was not kicked, and is another cluster"


def test_the_guarded_remove_refuses_a_live_member_while_another_is_down(ovn: support.Maker) -> None:
    executor = support.cluster(ovn, 3)
    lost = support.target(executor, "dead")
    view = executor.view()
    victim = next(node.name for node in view.labelled() if node.name != lost)
    plan = guarded.remove(view, victim)
    with pytest.raises(Refused, match=r"Q-STRICT: nb: after removing .*: 2 members, 1 live, 2 needed"):
        Runner(executor, plan).run()
    assert any(lost in check.todo for check in plan.refusals), "the way out names the silent node"
    assert len(health.member_hosts(executor.view(), Database.NB)) == 3, "nothing was changed"


class FirstDeleted:
    """Notes on which node the first terminating ovn-central pod was seen."""

    def __init__(self, executor: LabExecutor) -> None:
        self._executor = executor
        self.node: str | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._executor, name)

    def view(self) -> object:
        view = self._executor.view()
        for pod in view.pods_of(CENTRAL):
            if pod.terminating and self.node is None:
                self.node = pod.node
        return view


def test_the_page_typed_at_once_deletes_a_healthy_pod(ovn: support.Maker) -> None:
    """The kicked pod is still Ready for 30 to 45 seconds, and ``scale`` takes the most recently Ready one."""
    executor = support.cluster(ovn, 3)
    pods = sorted(executor.view().pods_of(CENTRAL), key=lambda pod: pod.name)
    longest = min(reversed(pods), key=lambda pod: pod.ready_since or 0.0)
    if longest.name == next_deleted(executor).name:
        longest = next(pod for pod in pods if pod.name != longest.name)
    assert longest.node is not None
    seen = FirstDeleted(executor)
    plan = documented.remove(executor.view(), longest.node)
    scale = next(i for i, step in enumerate(plan.steps) if isinstance(step, Scale))
    Runner(seen, dataclasses.replace(plan, steps=plan.steps[: scale + 1])).run()  # type: ignore[arg-type]
    executor.wait(lambda: seen.view() and seen.node is not None, 60.0, "a pod to be deleted")
    assert seen.node != longest.node, "the kicked pod was kept and a member deleted"


@pytest.mark.parametrize("verb", ["remove", "replace"])
def test_guarded_with_deletion_cost_and_affinity(ovn: support.Maker, ovn_record, verb: str) -> None:
    """Kubernetes 1.22, chart placement, and the workloads that the page forgets."""
    versions = dataclasses.replace(support.ClusterSpec().versions, kubernetes=(1, 22))
    options = {"versions": versions, "placement": "affinity", "extra_workloads": True}
    executor = support.cluster(ovn, 3, spares=1, **options)
    spare = executor.view().nodes[-1].name
    node = support.target(executor, "leads-nb")
    view = executor.view()
    plan = guarded.remove(view, node) if verb == "remove" else guarded.replace(view, node, spare)
    outcome = support.swap(executor, plan)
    ovn_record(stall=outcome.stall(), worst_margin=outcome.worst_margin)
    support.assert_end(outcome)
    assert outcome.worst_margin >= 0
    carriers = {w.name for w in outcome.end.view.workloads if "OVN_DB_IPS" in w.env}
    assert carriers == {"kube-ovn-controller", "ovs-ovn", "ovn-ic-controller", "ovs-ovn-dpdk"}
