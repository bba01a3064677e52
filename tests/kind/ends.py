"""How a run may end on the kind cluster: the oracle that scenarios have, for a run that another process did."""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView, Database
from harness.executors.kind import KindExecutor
from harness.invariants import END_STATE, violations
from harness.plan import Plan
from harness.steps import CENTRAL
from harness.workload import History
from scenarios import support


class Client:
    """The lab's client, from the moment it has seen a row arrive in sb."""

    def __init__(self, lab: KindExecutor) -> None:
        self._client = lab.client()
        self._client.start()
        lab.wait(
            lambda: self._client.history().acknowledged(Database.SB), support.NORTHD_WITHIN, "a row of northd's in sb"
        )

    def history(self) -> History:
        return self._client.history()

    def stop(self) -> History:
        return self._client.stop()


def assert_ended(lab: KindExecutor, plan: Plan, history: History) -> None:
    """Nothing is violated, and nothing that the procedure needed on its way was left behind."""
    support.in_order(lab)
    end = support.look(lab, plan, history)
    found = violations(end, END_STATE)
    assert not found, "\n".join(f"{violation.invariant}: {violation.text}" for violation in found)
    assert len(history.acknowledged(Database.NB)) > 10, "the client wrote too little to judge anything"
    assert left_behind(end.view) == []


def left_behind(view: ClusterView) -> list[str]:
    """Brakes that were not let go."""
    central = view.workload(CENTRAL)
    assert central is not None
    found = [f"{CENTRAL} is paused"] if central.paused else []
    found += [f"minReadySeconds is {central.min_ready_seconds}"] if central.min_ready_seconds else []
    return found


def summary(view: ClusterView) -> dict[str, object]:
    """What two runs have to agree on to have ended in the same state."""
    central = view.workload(CENTRAL)
    assert central is not None
    return {
        "labelled": sorted(node.name for node in view.labelled()),
        "replicas": central.replicas,
        "ready": central.ready,
        "paused": central.paused,
        "minReadySeconds": central.min_ready_seconds,
        "addresses": {
            f"{w.name} {key}": w.env[key] for w in view.workloads for key in ("NODE_IPS", "OVN_DB_IPS") if key in w.env
        },
        "members": {
            database.value: sorted({entry.address for _, s in view.statuses(database) for entry in s.servers})
            for database in DATABASES
        },
        "pods": sorted((pod.app, pod.node or "", pod.ready) for pod in view.pods if not pod.terminating),
    }
