"""The premises of the arguments by which mutants are called equivalent (:mod:`harness.gate.equivalence`)."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from functools import cache
from itertools import product

import pytest
from support_views import central_pod, healthy

from harness import rollout_order
from harness.cluster import ClusterView, Versions
from harness.errors import OvnswapError
from harness.gate import situations
from harness.gate.equivalence import equivalent
from harness.gate.situations import Ground
from harness.gate.subject import ours
from harness.plan import Plan
from harness.procedures.wanted import make
from harness.quorum import majority
from harness.runner import Progress, Runner
from harness.search import mutants
from harness.search.opened import opened
from harness.steps import CENTRAL, Label, Remove, RollNextPod, ScaleIn, SetEnv, Step, Unlabel

VERBS = ("remove", "add", "replace")


@cache
def ground(verb: str) -> Ground:
    return situations.grounds(ours(f"guarded:{verb}")[0])[0]


@cache
def looks(verb: str) -> tuple[tuple[str, Step, ClusterView], ...]:
    """(started or done, step, the cluster then) of the undisturbed run."""
    with closing(opened(ground(verb).case)) as lab:
        plan = make(ground(verb).case.wanted, lab.view(), lab.files)
        found: list[tuple[str, Step, ClusterView]] = []

        def watch(progress: Progress) -> None:
            found.append((progress.kind, progress.step, lab.view()))

        Runner(lab, plan, watch=watch).run()
        return tuple(found)


def key(plan: Plan, kind: type[Step], nth: int = 0) -> str:
    found = [name for name, step in zip(mutants.keys(plan), plan.steps, strict=True) if type(step) is kind]
    return found[nth]


def reason(plan: Plan, mutation: str) -> str:
    return equivalent(plan, mutation, 3)


# -- twice --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", VERBS)
def test_what_was_just_done_is_satisfied_and_so_skipped_the_second_time(verb: str) -> None:
    done = [(step, view) for kind, step, view in looks(verb) if kind == "done"]
    able = [(step, view) for step, view in done if type(step).satisfied is not Step.satisfied]
    assert len(able) > 8
    assert [step.title for step, view in able if not step.satisfied(view)] == []


# -- later --------------------------------------------------------------------------------------------------------


def test_labels_of_two_nodes_may_be_set_in_either_order_but_not_those_of_one() -> None:
    plan = ground("replace").plan
    first = key(plan, Label)
    assert "neither writes" in reason(plan, f"later {first}")
    at = mutants.keys(plan).index(first)
    same = replace(plan, steps=(*plan.steps[: at + 1], Unlabel(plan.steps[at].node, "x"), *plan.steps[at + 2 :]))  # type: ignore[attr-defined]
    assert reason(same, f"later {first}") == ""


def test_a_label_and_what_chooses_nodes_by_labels_may_not_change_places() -> None:
    plan = ground("add").plan
    assert reason(plan, f"later {key(plan, Label)}") == ""


# -- a check that nothing can fail ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kubernetes", [(1, 20), (1, 22), (1, 27)])
def test_a_pod_without_a_node_goes_before_any_other(kubernetes: tuple[int, int]) -> None:
    for ready, cost, since in product((True, False), ("-5", "0", "1000"), (None, 1.0, 900.0)):
        cluster = healthy(3)
        cluster.versions = Versions(kubernetes=kubernetes)
        for pod in list(cluster.pods):
            cluster.put_pod(pod.name, ready=ready, ready_since=since, annotations={rollout_order.DELETION_COST: cost})
        env = dict(cluster.pods[0].env)
        cluster.pods.append(central_pod("homeless", None, None, env, None))
        view = cluster.view()
        workload = view.workload(CENTRAL)
        assert workload is not None
        homeless = next(pod for pod in view.pods if pod.name == "homeless")
        others = [pod for pod in view.pods_of(CENTRAL) if pod.name != "homeless"]
        assert all(rollout_order.rank(view, homeless) < rollout_order.rank(view, pod) for pod in others)


def test_when_a_replacement_scales_in_a_pod_has_no_node_and_it_would_go() -> None:
    views = [view for kind, step, view in looks("replace") if kind == "started" and isinstance(step, ScaleIn)]
    assert len(views) == 1
    workload = views[0].workload(CENTRAL)
    assert workload is not None
    assert [pod.node for pod in rollout_order.scale_in_victims(views[0], workload)] == [None]


def test_the_check_of_scaling_in_is_only_called_needless_where_the_leavers_pod_went_last() -> None:
    plan = ground("replace").plan
    mutation = f"unchecked {key(plan, ScaleIn)}"
    assert "goes before any other" in reason(plan, mutation)
    at = mutants.keys(plan).index(key(plan, ScaleIn))
    kept = replace(plan, steps=tuple(step for step in plan.steps if not isinstance(step, Unlabel)))
    between = replace(plan, steps=(*plan.steps[:at], Label("x", "y", "z"), *plan.steps[at:]))
    last = max(n for n, step in enumerate(plan.steps[:at]) if isinstance(step, RollNextPod))
    other = replace(plan.steps[last], leaver="")  # type: ignore[type-var]
    not_last = replace(plan, steps=(*plan.steps[:last], other, *plan.steps[last + 1 :]))
    for changed in (kept, between, not_last):
        assert reason(changed, mutation) == ""
    removal = ground("remove").plan
    assert reason(removal, f"unchecked {key(removal, ScaleIn)}") == ""


def test_a_replacement_of_a_dead_node_does_not_scale_in() -> None:
    dead = next(one for one in situations.grounds(ours("guarded:replace")[0]) if one.name == situations.DEAD)
    assert not any(isinstance(step, ScaleIn) for step in dead.plan.steps)


# -- others ---------------------------------------------------------------------------------------------------------


def test_a_workload_that_is_not_there_can_not_be_changed() -> None:
    with closing(opened(ground("add").case)) as lab, pytest.raises((OvnswapError, KeyError, ValueError)):
        lab.set_env("Deployment", "nobody", "OVN_DB_IPS", "172.18.0.3")


def test_addresses_that_were_set_before_are_still_set_when_they_are_set_again() -> None:
    steps = [step for step in ground("add").plan.steps if isinstance(step, SetEnv) and step.kind == "Deployment"]
    again = [step for n, step in enumerate(steps) if step in steps[:n]]
    assert again
    views = [view for kind, step, view in looks("add") if kind in ("started", "skipped") and step == again[0]]
    workload = views[-1].workload(again[0].workload)
    assert workload is not None
    assert workload.env[again[0].variable] == again[0].value


def test_both_survivors_of_three_are_the_majority_that_commits_a_removal() -> None:
    assert majority(2) == 2
    plan = ground("remove").plan
    assert "both survivors" in equivalent(plan, f"leader-only {key(plan, Remove)}", 3)
    assert equivalent(plan, f"leader-only {key(plan, Remove)}", 4) == ""
