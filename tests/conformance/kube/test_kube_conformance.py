"""fake_kube against a real cluster: each case is played in both worlds, and what was observed is the same.

On fake_kube alone the cases run for several seeds in every run, and are compared with what the kind cluster answered
when it was recorded last (``recorded.json``); with ``--ovn-backend kind`` they are played there, and with
``--ovn-report DIR`` the answers are written to ``DIR/recorded.json``.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kube_node_cases  # noqa: F401  (its cases, and the next one's, are among CASES)
import kube_scaling_cases  # noqa: F401
import pytest
from kube_cases import CASES
from kube_fake import FakeWorld

from harness.pytest_plugin import OPTIONS
from harness.spec import ClusterSpec

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "recorded.json").read_text(encoding="utf-8"))
VERSION = (1, 20)
"""Of the cluster that was recorded."""
SEEDS = range(5)
SERIALS = itertools.count()


def plain(value: object) -> Any:
    return json.loads(json.dumps(value))


def fake(name: str, seed: int, version: tuple[int, int] = VERSION) -> Any:
    world = FakeWorld(version, seed)
    try:
        return plain(CASES[name](world))
    finally:
        world.close()


@pytest.mark.parametrize("name", CASES)
def test_the_fake_answers_as_the_real_cluster_did(name: str) -> None:
    assert name in RECORDED["cases"], "it was not recorded yet"
    for seed in SEEDS:
        assert fake(name, seed) == RECORDED["cases"][name], f"seed {seed}"


def test_nothing_else_is_recorded() -> None:
    assert set(RECORDED["cases"]) <= set(CASES)
    assert tuple(RECORDED["kubernetes"]) == VERSION


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    request.getfixturevalue("kind_cluster")
    from harness.executors.kind import KindExecutor

    lab = KindExecutor(ClusterSpec(members=3, spares=1), anew=False)
    try:
        lab.step_aside()
        yield lab
    finally:
        lab.close()


@pytest.mark.ovn(backends=["kind"])
@pytest.mark.parametrize("name", CASES)
def test_the_real_cluster_answers_as_the_fake_does(
    ovn_backend: str, request: pytest.FixtureRequest, name: str, ovn_record: Any
) -> None:
    assert ovn_backend == "kind"
    from kube_kind import KindWorld

    lab = request.getfixturevalue("cluster")
    world = KindWorld(lab, next(SERIALS))
    try:
        seen = plain(CASES[name](world))
    finally:
        world.close()
    ovn_record(seen=seen, seconds=world.now())
    record(request, name, seen, lab.view().versions.kubernetes)
    assert seen == fake(name, 0, lab.view().versions.kubernetes)


def record(request: pytest.FixtureRequest, name: str, seen: Any, version: tuple[int, int]) -> None:
    report = request.config.stash[OPTIONS].report
    if report is None:
        return
    path = report / "recorded.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"cases": {}}
    known["kubernetes"] = list(version)
    known["cases"][name] = seen
    report.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n", encoding="utf-8")
