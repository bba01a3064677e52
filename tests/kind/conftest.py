"""What tests on the kind cluster share. Each runs only where that backend is asked for: ``--ovn-backend kind``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ends import Client
from operators import Operator
from restricted import Users

from harness.executors.kind import KindExecutor
from harness.spec import ClusterSpec

SPEC = ClusterSpec(members=3, spares=1)


@pytest.fixture
def anew(ovn: Callable[[ClusterSpec], KindExecutor]) -> KindExecutor:
    """Three members and a spare, just made; commands from outside may work on it."""
    lab = ovn(SPEC)
    lab.step_aside()
    return lab


@pytest.fixture
def as_it_is(ovn_backend: str, request: pytest.FixtureRequest) -> Iterator[KindExecutor]:
    """The cluster as the last test has left it: for tests that change nothing, or mend what they change."""
    assert ovn_backend == "kind"
    request.getfixturevalue("kind_cluster")
    lab = KindExecutor(SPEC, anew=False)
    try:
        lab.step_aside()
        yield lab
    finally:
        lab.close()


@pytest.fixture
def users(request: pytest.FixtureRequest) -> Iterator[Users]:
    """Makes users of the cluster that the test uses."""
    name = "anew" if "anew" in request.fixturenames else "as_it_is"
    connection = request.getfixturevalue(name).api.connection
    made = Users(Path(connection.source), connection.context)
    try:
        yield made
    finally:
        made.close()


def operator_of(lab: KindExecutor, users: Users, directory: Path) -> Operator:
    """An operator who is bound to exactly the roles of ``ci/rbac.yaml``."""
    kubeconfig = users.bound_to_the_shipped_roles(directory / "kubeconfig")
    return Operator(lab, lab.named(kubeconfig), directory / "state")


@pytest.fixture
def operator(anew: KindExecutor, users: Users, tmp_path: Path) -> Iterator[Operator]:
    made = operator_of(anew, users, tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def onlooker(as_it_is: KindExecutor, users: Users, tmp_path: Path) -> Iterator[Operator]:
    """The same, on the cluster as it is."""
    made = operator_of(as_it_is, users, tmp_path)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def client(anew: KindExecutor) -> Iterator[Client]:
    """A client that writes throughout the test; it has seen a row arrive in sb."""
    writing = Client(anew)
    try:
        yield writing
    finally:
        writing.stop()
