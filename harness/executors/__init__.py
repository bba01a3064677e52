"""Clusters on which a procedure runs; one module for each backend.

Backends are imported when they are asked for, so that ``sim`` needs nothing but this package.
"""

from __future__ import annotations

import importlib
import shutil

from harness.errors import BadInput
from harness.executor import LabExecutor
from harness.search.tape import Tape
from harness.spec import ClusterSpec

LAB_BACKENDS = ("sim", "ovsdb")
"""Backends that make their own clusters."""
UNBUILT_BACKENDS = ("kind", "kube")
"""Backends of the design that nobody has built yet."""


def unavailable(backend: str) -> str | None:
    """Why ``backend`` can't run here, with the line that installs what is missing; None if it can."""
    if backend == "sim":
        return None
    if backend == "ovsdb":
        from harness.executors.ovsdb import missing

        return missing()
    if backend in UNBUILT_BACKENDS:
        return (
            "not built yet" if backend == "kube" or shutil.which("docker") else "docker not found; not built yet either"
        )
    raise BadInput(f"unknown backend {backend!r}", todo=f"choose from {', '.join(LAB_BACKENDS + UNBUILT_BACKENDS)}")


def load(backend: str) -> None:
    """Import what ``backend`` needs, so that :func:`create` does not have to."""
    if backend in LAB_BACKENDS:
        importlib.import_module("harness.executors.ovsdb" if backend == "ovsdb" else "harness.executors.simulated")


def create(backend: str, spec: ClusterSpec, *, tape: Tape | None = None, keep: bool = False) -> LabExecutor:
    """A new cluster by ``spec``: formed, settled, every member a caught-up voter. The caller closes it.

    ``tape`` decides a simulation's choices (default: the happy schedule); ``keep`` leaves files and processes behind
    when it is closed. Raises :class:`BadInput` for an unknown backend or one that can't run here.
    """
    reason = unavailable(backend)
    if reason is not None:
        raise BadInput(f"backend {backend} can't run here: {reason}")
    if backend == "ovsdb":
        from harness.executors.ovsdb import OvsdbExecutor

        return OvsdbExecutor(spec, keep=keep)
    from harness.executors.simulated import SimulatedExecutor

    return SimulatedExecutor(spec, tape=tape or Tape())
