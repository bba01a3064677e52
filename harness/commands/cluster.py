"""A cluster of a kubeconfig as the commands use it: opened by name and identity, told about, given back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import executors
from harness.cluster import ClusterView, NodeFiles
from harness.commands.interrupts import undisturbed
from harness.commands.output import say
from harness.errors import BadInput
from harness.signals import held
from harness.steps import CENTRAL

if TYPE_CHECKING:
    from harness.executors.kubernetes import KubernetesExecutor

OPTIONS = ("kube_context", "allow_cluster", "kubeconfig")

LOOKED_INTO = 12
"""Nodes into whose directory a read-only command looks without being asked: each costs a command in a pod there."""


@contextmanager
def opened(
    values: Mapping[str, Any], *, backups: Path | None = None, changes: bool = False
) -> Iterator[KubernetesExecutor]:
    """The cluster that ``values`` name. ``changes``: short-lived pods may be made in it."""
    load()
    executor = executors.connect(
        values["kubeconfig"],
        values["kube_context"],
        values["allow_cluster"],
        namespace=values["namespace"],
        backups=backups,
        may_create_pods=changes,
    )
    try:
        for note in executor.notes:
            say(f"note: {note}")
        yield executor
    finally:
        with undisturbed():
            executor.close()


def load() -> None:
    """Import what the backend needs. Raises :class:`BadInput`, with the line that installs it, if it is not there."""
    reason = executors.unavailable("kube")
    if reason is not None:
        raise BadInput(f"backend kube can't run here: {reason}")
    with held():
        executors.load("kube")


def words(executor: KubernetesExecutor) -> str:
    """Which cluster, for people and for reports."""
    found, connection = executor.installation, executor.api.connection
    release = f"Kube-OVN {found.release}" if found.release else f"Kube-OVN of image {found.image}"
    return f"kube, {connection.context} ({connection.server}, {found.uid}): {release} in {found.namespace}"


def files(executor: KubernetesExecutor, view: ClusterView) -> dict[str, NodeFiles]:
    """What lies on the nodes that ovn-central is or was on, as far as a running pod there can see it."""
    pods = {pod.node for pod in view.pods_of(CENTRAL)}
    key = view.label[0]
    wanted = [node.name for node in view.nodes if node.name in pods or key in node.labels]
    wanted += [node.name for node in view.nodes if node.name not in wanted]
    return {name: executor.files(name) for name in wanted[:LOOKED_INTO]}
