"""What every test run of this checkout shares: ovnswap's pytest plugin and the Hypothesis profiles.

``ovn-dev`` (the default) explores anew on each run and remembers what failed; ``ovn-pr`` runs the same examples every
time, for gates. Neither has a deadline: simulated time is what scenarios are about, and machines are shared.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

import harness.pytest_plugin

SHARED = settings(
    deadline=None,
    print_blob=True,
    # A test's cluster factory is function-scoped; each example makes and closes its own cluster.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.register_profile("ovn-dev", parent=SHARED, max_examples=10)
settings.register_profile("ovn-pr", parent=SHARED, max_examples=60, derandomize=True)
settings.load_profile("ovn-dev")


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Load the plugin from the checkout where the package is not installed (else its entry point has done so)."""
    if not pluginmanager.is_registered(harness.pytest_plugin):
        pluginmanager.register(harness.pytest_plugin, "ovnswap")
