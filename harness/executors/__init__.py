"""Clusters on which a procedure runs; one module for each backend.

Backends are imported when they are asked for, so that ``sim`` needs nothing but this package.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import BadInput
from harness.executor import LabExecutor
from harness.search.tape import Tape
from harness.spec import ClusterSpec

if TYPE_CHECKING:
    from harness.executors.kubernetes import KubernetesExecutor

LAB_BACKENDS = ("sim", "ovsdb", "kind")
"""Backends that make their own clusters."""
CLUSTER_BACKENDS = ("kube",)
"""Backends that work on a cluster that is there already."""
UNBUILT_BACKENDS: tuple[str, ...] = ()
"""Backends of the design that nobody has built yet."""


def unavailable(backend: str) -> str | None:
    """Why ``backend`` can't run here, with the line that installs what is missing; None if it can."""
    if backend == "sim":
        return None
    if backend == "ovsdb":
        from harness.executors.ovsdb import missing

        return missing()
    if backend == "kube":
        found = importlib.util.find_spec("kubernetes") is not None
        return None if found else "the package kubernetes is not installed: pip install 'ovnswap[kube]'"
    if backend == "kind":
        if importlib.util.find_spec("kubernetes") is None:
            return "the package kubernetes is not installed: pip install 'ovnswap[kind]'"
        from harness.executors import kind

        return kind.missing()
    known = LAB_BACKENDS + CLUSTER_BACKENDS + UNBUILT_BACKENDS
    raise BadInput(f"unknown backend {backend!r}", todo=f"choose from {', '.join(known)}")


def load(backend: str) -> None:
    """Import what ``backend`` needs, so that :func:`create` does not have to."""
    modules = {"ovsdb": "ovsdb", "sim": "simulated", "kube": "kubernetes", "kind": "kind"}
    if backend in modules:
        importlib.import_module(f"harness.executors.{modules[backend]}")


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
    if backend == "kind":
        from harness.executors.kind import KindExecutor

        return KindExecutor(spec, keep=keep)
    from harness.executors.simulated import SimulatedExecutor

    return SimulatedExecutor(spec, tape=tape or Tape())


def connect(
    kubeconfig: Path | None,
    context: str | None,
    allowed: str | None,
    *,
    namespace: str | None = None,
    backups: Path | None = None,
    may_create_pods: bool = False,
) -> KubernetesExecutor:
    """The cluster of a kubeconfig's ``context`` whose identity is ``allowed`` (the UID of its namespace kube-system).

    ``backups`` is where copies of databases go; ``may_create_pods`` lets it look into nodes by short-lived pods. Raises
    :class:`BadInput` if the cluster is not named twice, Refused if it is none that can be worked on.
    """
    reason = unavailable("kube")
    if reason is not None:
        raise BadInput(f"backend kube can't run here: {reason}")
    from harness.executors import kubernetes

    return kubernetes.connect(
        kubeconfig, context, allowed, namespace=namespace, backups=backups, may_create_pods=may_create_pods
    )
