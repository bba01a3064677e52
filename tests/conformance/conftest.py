"""What the comparisons with real servers share: one test for each installation, and its world."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from installed_roots import HOST, SUITES, Installation, need
from raft_worlds import RealWorld


@pytest.fixture(params=(HOST, *SUITES))
def installation(request: pytest.FixtureRequest) -> Installation:
    """Each of the ovsdb-servers that are compared with; skips those that are not here."""
    return need(request.param)


@pytest.fixture
def real(installation: Installation) -> Iterator[RealWorld]:
    """A world of that installation's processes, which ends with the test."""
    # Paths of sockets may have 108 bytes, which pytest's own directories use up.
    directory = Path(tempfile.mkdtemp(prefix="raft-"))
    try:
        world = RealWorld(directory, installation.prefix)
        try:
            yield world
        finally:
            world.close()
    finally:
        shutil.rmtree(directory)
