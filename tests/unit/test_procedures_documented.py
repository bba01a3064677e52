"""The documentation's page: its commands, byte for byte, in its order, for any node."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from support_executor import World
from support_golden import check, commands, render
from support_views import Cluster, healthy, names_of, page_cluster, page_cluster_without_node2
from support_worlds import run

from harness.cluster import ClusterView, Database
from harness.errors import BadInput
from harness.plan import Plan
from harness.procedures import documented
from harness.runner import Runner
from harness.steps import Kick, Scale, SetEnv

A, B, C, D, E = names_of(5)
NODE2 = "kube-ovn-control-plane2"
PAGE = Path(__file__).parents[3] / "shared" / "seed" / "replace-ovn-central-node.en.md"


def typed(plan: Plan, view: ClusterView) -> tuple[str, ...]:
    return tuple(line for step in plan.steps for line in step.commands(view))


def of_page(heading: str) -> tuple[str, ...]:
    """The commands of one half of the page, without prompts; one of its lines has a blank at the end."""
    half = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1]
    half = re.split(r"\n## ", half)[0]
    found = []
    for block in re.findall(r"```bash\n(.*?)```", half, re.DOTALL):
        lines = (line.removeprefix("# ").rstrip() for line in block.splitlines())
        found += [line for line in lines if line.startswith(("kubectl ", "rm "))]
    return tuple(found)


HALVES = [
    ("ovn-central Nodes Offline", "page/remove.txt", page_cluster, documented.remove),
    ("ovn-central Online", "page/add.txt", page_cluster_without_node2, documented.add),
]


@pytest.mark.parametrize(("heading", "transcript", "make", "procedure"), HALVES, ids=["remove", "add"])
def test_the_pages_commands_byte_for_byte(
    heading: str, transcript: str, make: Callable[[], Cluster], procedure: Callable[[ClusterView, str], Plan]
) -> None:
    view = make().view()
    assert typed(procedure(view, NODE2), view) == commands(transcript)


@pytest.mark.skipif(not PAGE.exists(), reason=f"the page's source is not at {PAGE}: put a copy there to compare")
@pytest.mark.parametrize(("heading", "transcript"), [half[:2] for half in HALVES], ids=["remove", "add"])
def test_the_transcripts_are_the_pages_own(heading: str, transcript: str) -> None:
    found = of_page(heading)
    assert len(found) > 10
    assert commands(transcript) == found


@pytest.mark.parametrize(("members", "name"), [(3, A), (3, B), (5, E)])
def test_any_node_is_found_by_its_address(members: int, name: str) -> None:
    cluster = healthy(members)
    view = cluster.view()
    plan = documented.remove(view, name)
    sids = [step.server(view) for step in plan.steps if isinstance(step, Kick)]
    own = [cluster.raft[db].at(cluster.address(name))[0].sid4 for db in Database]
    assert sids == own
    env = next(step for step in plan.steps if isinstance(step, SetEnv))
    assert cluster.address(name) not in env.addresses
    assert len(env.addresses) == members - 1
    assert Scale("ovn-central", members - 1) in plan.steps


def test_the_order_of_node_ips_is_kept_and_a_newcomer_comes_last() -> None:
    cluster = healthy(3, 1).set_env("ovn-central", "NODE_IPS", "172.18.0.5,172.18.0.3,172.18.0.4")
    removal = next(s for s in documented.remove(cluster.view(), A).steps if isinstance(s, SetEnv))
    addition = next(s for s in documented.add(cluster.view(), D).steps if isinstance(s, SetEnv))
    assert removal.addresses == ("172.18.0.5", "172.18.0.4")
    assert addition.addresses == ("172.18.0.5", "172.18.0.3", "172.18.0.4", "172.18.0.6")


@pytest.mark.parametrize(
    ("procedure", "name", "words"),
    [
        (documented.remove, "nowhere", "there is no node nowhere"),
        (documented.remove, D, "is no ovn-central member"),
        (documented.add, C, "is in NODE_IPS already"),
        (documented.add, "Node_A", "is no node name"),
        (documented.remove, "", "is no node name"),
        (documented.remove, "-rf", "is no node name"),
        (documented.remove, "a b; rm -rf /", "is no node name"),
        (documented.remove, "n\n", "is no node name"),
    ],
)
def test_bad_input_is_one_clear_line(procedure: Callable[[ClusterView, str], Plan], name: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        procedure(healthy(3, 1).view(), name)
    assert words in caught.value.seen
    assert caught.value.todo
    assert "\n" not in str(caught.value)


def test_without_the_deployment_nothing_can_be_planned() -> None:
    cluster = healthy(3)
    del cluster.workloads["ovn-central"]
    with pytest.raises(BadInput):
        documented.remove(cluster.view(), C)


def test_the_page_checks_nothing() -> None:
    # With another member down the page goes on as ever; that is what the guarded procedure is for.
    plan = documented.remove(healthy(3).kill(B).view(), C)
    assert plan.refusals == ()
    assert plan.checks == ()


def test_a_patient_reader_removes_and_adds_but_writes_stop_while_two_members_restart() -> None:
    world = World(healthy(3))
    plan = documented.remove(world.view(), C)
    kicked = [s.address for s in plan.steps if isinstance(s, Kick)]
    Runner(world, plan).run()
    assert kicked == ["172.18.0.5"] * 2
    assert [len(raft.servers) for raft in world.cluster.raft.values()] == [2, 2]
    assert world.leaderless, "the rollout restarts both members of a two-member cluster"


def test_a_reader_in_a_hurry_loses_a_healthy_pod() -> None:
    # Scaled down before Kubernetes has noticed the kick: the most recently Ready pod goes, not the kicked one's.
    cluster = healthy(3)
    cluster.put_pod(cluster.pod_on(B).name, ready_since=900.0)
    world = World(cluster)
    gone: list[str] = []

    def look() -> None:
        gone.extend(p.node or "" for p in world.cluster.central() if p.terminating)

    for second in range(1, 4):
        world.at(second, look)
    plan = documented.remove(world.view(), C)
    up_to_scale = plan.steps[: plan.steps.index(Scale("ovn-central", 2)) + 1]
    Runner(world, replace(plan, steps=up_to_scale)).run()
    world.sleep(5)
    assert set(gone) == {B}
    assert world.leaderless


def test_adding_makes_three_again() -> None:
    world, _ = run(healthy(2, 1), lambda view: documented.add(view, C))
    assert [len(raft.servers) for raft in world.cluster.raft.values()] == [3, 3]
    assert {p.node for p in world.cluster.central()} == {A, B, C}


@pytest.mark.parametrize(
    ("name", "intent", "cluster", "procedure", "target"),
    [
        ("remove-3", "three nodes, the page", healthy(3), documented.remove, C),
        ("remove-3-dead", "three nodes, the leaver is dead, the page", healthy(3).kill(C), documented.remove, C),
        ("remove-5", "five nodes, the page", healthy(5), documented.remove, C),
        ("add-3", "a third node comes in, the page", healthy(2, 1), documented.add, C),
        ("add-5", "a fifth node comes in, the page", healthy(4, 1), documented.add, E),
    ],
)
def test_golden_plan(
    name: str, intent: str, cluster: Cluster, procedure: Callable[[ClusterView, str], Plan], target: str
) -> None:
    view = cluster.view()
    text = render(procedure(view, target), view)
    check(f"plans/documented-{name}.txt", f"{intent}: each command, tolerance of nb and sb after it", text)


def test_a_replacement_is_the_pages_removal_and_then_its_addition() -> None:
    """The page has none: what it would have an operator type, first for the one node, then for the other."""
    cluster = healthy(3, 1)
    plan = documented.replace(cluster.view(), A, D)
    assert (plan.procedure, plan.verb, plan.old, plan.new) == ("documented", "replace", plan.old, plan.new)
    removal = documented.remove(cluster.view(), A)
    assert plan.steps[: len(removal.steps)] == removal.steps
    world, _ = run(healthy(3, 1), lambda view: documented.remove(view, A))
    addition = documented.add(world.view(), D)
    assert plan.steps[len(removal.steps) :] == addition.steps, "what the page says once the old node is out"


@pytest.mark.parametrize(
    ("old", "new", "words"), [(A, A, "replace itself"), (D, A, "no ovn-central"), (A, B, "already")]
)
def test_a_replacement_is_refused_as_its_halves_are(old: str, new: str, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        documented.replace(healthy(3, 1).view(), old, new)
    assert words in caught.value.seen
