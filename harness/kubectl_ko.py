"""What the ``kubectl ko`` plugin does for ``nb|sb status`` and ``kick`` (facts: kube-ovn 4).

It looks for the pods labelled as leader of nb, of sb and of northd, needs all three to be 1/1 Running whatever it was
asked, tries ten times a second apart, takes the first of several, and runs ovn-appctl in the pod it found.
"""

from __future__ import annotations

from harness.cluster import ClusterView, Database, Pod
from harness.executor import Executor, Reply, WaitTimeout

LEADER_LABELS = ("nb", "sb", "northd")
TRIES = 10


def leader_label(what: str) -> str:
    """The label that the leader checker keeps on ovn-central's pods."""
    return f"ovn-{what}-leader"


def _first(view: ClusterView, what: str) -> Pod | None:
    pods = sorted(view.pods_of("ovn-central"), key=lambda pod: pod.name)
    labelled = (pod for pod in pods if pod.labels.get(leader_label(what)) == "true")
    # kubectl prints Terminating in place of Running for a pod that is being deleted.
    return next((pod for pod in labelled if pod.ready and pod.phase == "Running" and not pod.terminating), None)


def labelled_pod(view: ClusterView, database: Database) -> Pod | None:
    """The pod that the plugin would run in; None while any of the three leaders is not labelled."""
    if any(_first(view, what) is None for what in LEADER_LABELS):
        return None
    return _first(view, database.value)


def _find(executor: Executor, database: Database) -> Pod | Reply:
    def look() -> Pod | None:
        return labelled_pod(executor.view(), database)

    try:
        return executor.wait(look, TRIES, f"pods labelled as leader of nb, sb and northd (for {database})")
    except WaitTimeout:
        view = executor.view()
        missing = next((what for what in LEADER_LABELS if _first(view, what) is None), database.value)
        return Reply(1, f"{missing} leader not exists")


def status(executor: Executor, database: Database) -> Reply:
    """``kubectl ko nb|sb status``."""
    pod = _find(executor, database)
    if isinstance(pod, Reply):
        return pod
    assert pod.node is not None, "a Running pod is bound"
    reply = executor.status_text(database, pod.node)
    return Reply(reply.code, f"{reply.text.rstrip()}\nstatus: ok") if reply.ok else reply


def kick(executor: Executor, database: Database, server: str) -> Reply:
    """``kubectl ko nb|sb kick ID``."""
    pod = _find(executor, database)
    if isinstance(pod, Reply):
        return pod
    assert pod.node is not None, "a Running pod is bound"
    return executor.kick(database, pod.node, server)
