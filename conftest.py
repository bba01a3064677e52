"""What every test run of this checkout shares: ovnswap's pytest plugin and the Hypothesis profiles.

``ovn-dev`` (the default) explores anew on each run and remembers what failed; ``ovn-pr`` runs the same examples every
time, for gates; ``ovn-nightly`` explores for hours. None has a deadline: simulated time is what scenarios are about,
and machines are shared.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

import harness.pytest_plugin
from harness.spec import ClusterSpec

SHARED = settings(
    deadline=None,
    print_blob=True,
    # A test's cluster factory is function-scoped; each example makes and closes its own cluster.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("ovn-dev", parent=SHARED, max_examples=10)
settings.register_profile("ovn-pr", parent=SHARED, max_examples=60, derandomize=True)
settings.register_profile("ovn-nightly", parent=SHARED, max_examples=2000, stateful_step_count=30)
settings.load_profile("ovn-dev")


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Load the plugin from the checkout where the package is not installed (else its entry point has done so)."""
    if not pluginmanager.is_registered(harness.pytest_plugin):
        pluginmanager.register(harness.pytest_plugin, "ovnswap")


# -- the backend kind: one cluster for the whole run, from pytest-kind ------------------------------------------------
# Its own fixture takes no configuration and downloads an old kind (facts: peers B1); this one gives it the lab's
# configuration and node image, and the kind on PATH. Its options go on working, but for --cluster-name: LAB_NAME.


@pytest.fixture(scope="session")
def kind_cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The cluster on which scenarios run, with Kube-OVN's lab in it; removed in the end if this run has made it."""
    from harness.executors import kind

    def option(name: str) -> Any:
        return request.config.getoption(name, None)

    where = kind.directory()
    where.mkdir(parents=True, exist_ok=True)
    with FileLock(where.with_suffix(".lock")):
        kubeconfig = Path(option("kubeconfig") or where / "kubeconfig")
        image = option("kind_image") or kind.lab("prepare").strip() or None
        kind_path, kubectl_path = (
            Path(option(name) or shutil.which(program) or program)
            for name, program in (("kind_bin", "kind"), ("kind_kubectl_bin", "kubectl"))
        )
        is_ours = not (kubeconfig.exists() and kubeconfig.stat().st_size)
        cluster = kind.cluster(kubeconfig, image, kind_path, kubectl_path)
        cluster.create(config_file=where / "kind.yaml")
        kind.lab("ensure")
        try:
            yield cluster
        finally:
            if is_ours and not option("keep_cluster") and not option("ovn_keep"):
                cluster.delete()
                shutil.rmtree(where, ignore_errors=True)


class Fitting:
    """Makes clusters, and skips a scenario whose cluster is of another shape than the one there is."""

    def __init__(self, maker: Any) -> None:
        self._maker = maker

    def __getattr__(self, name: str) -> Any:
        return getattr(self._maker, name)

    def __call__(self, spec: ClusterSpec | None = None, tape: Any = None) -> Any:
        from harness.executors import kind

        reason = kind.unsuitable(spec) if spec is not None else None
        if reason is not None:
            pytest.skip(reason)
        return self._maker(spec, tape)


@pytest.fixture
def ovn(ovn: Any, ovn_backend: str, request: pytest.FixtureRequest) -> Any:
    """The plugin's, on ``kind`` with the session's cluster."""
    if ovn_backend != "kind":
        return ovn
    request.getfixturevalue("kind_cluster")
    return Fitting(ovn)
