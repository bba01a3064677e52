"""Plans and steps as data: printed, saved, read back, forecast."""

from __future__ import annotations

import json
import typing
from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_views import healthy, names_of

from harness.cluster import Database
from harness.errors import BadInput
from harness.plan import API_VERSION, Plan, load
from harness.preflight import Check
from harness.procedures import documented, guarded
from harness.steps import Backup, Label, Remove, Scale, SetEnv, ShowStatus, Step, from_dict
from harness.steps.base import REGISTRY

A, B, C, D = names_of(4)

SHIPPED = sorted((cls for cls in REGISTRY.values() if cls.__module__.startswith("harness.")), key=lambda c: c.__name__)

VALUES: dict[object, st.SearchStrategy[object]] = {
    str: st.text(max_size=20),
    int: st.integers(0, 99),
    float: st.integers(0, 9999).map(float),
    bool: st.booleans(),
    Database: st.sampled_from(Database),
    tuple[str, ...]: st.lists(st.text(max_size=12), max_size=5).map(tuple),
}


def any_step() -> st.SearchStrategy[Step]:
    def of(cls: type[Step]) -> st.SearchStrategy[Step]:
        hints = typing.get_type_hints(cls)
        return st.builds(cls, **{field.name: VALUES[hints[field.name]] for field in fields(cls)})

    return st.sampled_from(SHIPPED).flatmap(of)


@given(any_step())
def test_a_step_survives_json(step: Step) -> None:
    again = from_dict(json.loads(json.dumps(step.as_dict())))
    assert again == step
    assert type(again) is type(step)


def test_every_shipped_step_can_be_read_back_and_has_a_deadline() -> None:
    assert len(SHIPPED) >= 20
    assert all(cls.deadline > 0 for cls in SHIPPED)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"step": "Explode"}, "unknown step 'Explode'"),
        ({}, "unknown step None"),
        ({"step": ["Scale"]}, "unknown step"),
        ({"step": "Scale", "workload": "ovn-central"}, "takes"),
        ({"step": "ListPods", "extra": 1}, "takes"),
        ({"step": "ShowStatus", "database": "northbound"}, "northbound"),
    ],
)
def test_steps_that_are_none_are_refused_by_name(data: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        from_dict(data)
    assert words in str(caught.value)


@given(st.lists(any_step(), min_size=1, max_size=6))
def test_a_plan_survives_being_saved(steps: list[Step]) -> None:
    plan = replace(guarded.remove(healthy(3).view(), C), steps=tuple(steps))
    again = load(json.dumps(plan.as_dict()), "plan.json")
    assert again == plan
    assert again.digest == plan.digest


@given(st.lists(any_step(), min_size=1, max_size=5), st.lists(any_step(), min_size=1, max_size=5))
def test_plans_have_the_same_digest_exactly_if_they_do_the_same(one: list[Step], two: list[Step]) -> None:
    first, second = (Plan("guarded", "remove", None, None, tuple(steps)) for steps in (one, two))
    assert (first.digest == second.digest) == (one == two)


def test_the_digest_does_not_hang_on_the_process() -> None:
    plan = Plan("guarded", "remove", None, None, (Label(C, "kube-ovn/role", "master"), Backup(Database.NB)))
    assert plan.digest == Plan("guarded", "remove", None, None, plan.steps, order="other words").digest
    assert plan.digest == "07cc9cbe7b9070f7"


def saved(**changes: object) -> str:
    return json.dumps({**documented.remove(healthy(3).view(), C).as_dict(), **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "null",
        "{}",
        '{"apiVersion": "ovnswap/v1"}',
        saved(apiVersion="ovnswap/v2"),
        saved(kind="Journal"),
        saved(old={"node": C}),
        saved(steps=[{"step": "Explode"}]),
        saved(steps="ListPods"),
        saved(checks=[{"id": "X"}]),
    ],
)
def test_what_is_no_plan_is_bad_input_that_names_the_file(text: str) -> None:
    with pytest.raises(BadInput) as caught:
        load(text, "plan.json")
    assert "plan.json" in caught.value.seen
    assert "\n" not in str(caught.value)


def test_a_plan_whose_steps_were_changed_by_hand_is_refused() -> None:
    data = guarded.remove(healthy(3).view(), C).as_dict()
    data["steps"] = [step for step in data["steps"] if step["step"] != "AwaitInOrder"]
    with pytest.raises(BadInput) as caught:
        load(json.dumps(data), "plan.json")
    assert "digest" in caught.value.seen


def test_saved_plans_say_their_version() -> None:
    assert json.loads(saved())["apiVersion"] == API_VERSION


def test_refusals_are_the_refused_checks_only() -> None:
    checks = tuple(Check("X", verdict, "seen") for verdict in ("ok", "warn", "refused"))
    plan = Plan("guarded", "remove", None, None, (), checks=checks)
    assert [check.verdict for check in plan.refusals] == ["refused"]


# -- tolerance after each step -----------------------------------------------------------------------------------


def test_forecast_follows_both_databases_step_by_step() -> None:
    view = healthy(3).view()
    steps = (ShowStatus(Database.NB), Remove(Database.NB, "172.18.0.5"), Remove(Database.SB, "172.18.0.5"))
    rows = Plan("guarded", "remove", None, None, steps).forecast(view)
    assert [(row.after["nb"], row.after["sb"]) for row in rows] == [(1, 1), (0, 1), (0, 0)]


def test_forecast_shows_the_worst_instant_within_a_step() -> None:
    steps = (SetEnv("Deployment", "ovn-central", "NODE_IPS", ("172.18.0.3", "172.18.0.4"), restarts_members=True),)
    (row,) = Plan("documented", "remove", None, None, steps).forecast(healthy(2).view())
    assert (row.during["nb"], row.after["nb"]) == (-1, 0)


def test_forecast_of_a_cluster_that_does_not_answer_has_no_quorum_and_does_not_fail() -> None:
    cluster = healthy(3)
    for name in (A, B, C):
        cluster.kill(name)
    rows = Plan("guarded", "remove", None, None, (Scale("ovn-central", 2),)).forecast(cluster.view())
    assert rows[0].after == {"nb": -1, "sb": -1}


def test_removing_the_last_member_leaves_no_quorum() -> None:
    rows = Plan("guarded", "remove", None, None, (Remove(Database.NB, "172.18.0.3"),)).forecast(healthy(1).view())
    assert rows[0].after["nb"] == -1
