"""A leaver's pod that was rolled before its turn: its replacement has no node, and the rollout waits for it for ever.

Kubernetes deletes first what is not Ready, and the pod of a server that was kicked is not. The guarded procedure makes
room by scaling in: one outdated pod goes, and the homeless one takes its node (``MakeRoom``).
"""

from __future__ import annotations

from harness.cluster import DATABASES, ClusterView, Database
from harness.executor import LabExecutor
from harness.plan import Plan
from harness.procedures import guarded
from harness.procedures.guarded import BRAKE
from harness.runner import Runner, RunResult
from harness.steps import MakeRoom, Remove, SetEnv, SetMinReadySeconds, Step, Unlabel
from harness.steps.base import CENTRAL
from scenarios import support


def typed(executor: LabExecutor, *steps: Step) -> RunResult:
    return Runner(executor, Plan("by hand", "remove", None, None, steps)).run()


def pods(view: ClusterView) -> dict[str, str | None]:
    """Names of ovn-central's active pods, with their nodes."""
    return {pod.name: pod.node for pod in view.pods_of(CENTRAL) if pod.active}


def rolled_too_early(executor: LabExecutor, leaver: str) -> str:
    """Take ``leaver`` out of raft, and let a rollout begin: its pod goes first. Returns the pod that has no node."""
    node = executor.view().node(leaver)
    assert node is not None
    typed(executor, *(Remove(database, node.address) for database in DATABASES), Unlabel(leaver, "kube-ovn/role"))

    def unready() -> bool:
        pod = executor.view().central_pod(leaver)
        return pod is not None and not pod.ready

    executor.wait(unready, support.FORMS_WITHIN, "the kubelet to notice that its servers are out")
    rest = tuple(one.address for one in executor.view().labelled())
    typed(executor, SetMinReadySeconds(CENTRAL, BRAKE), SetEnv("Deployment", CENTRAL, "NODE_IPS", rest))

    def homeless() -> str | None:
        return next((name for name, on in pods(executor.view()).items() if on is None), None)

    return executor.wait(homeless, support.FORMS_WITHIN, "its pod to be replaced by one without a node")


def test_a_pod_without_a_node_gets_that_of_an_outdated_one(ovn: support.Maker) -> None:
    executor = support.cluster(ovn, 4)
    leaver = support.labelled(executor)[-1]
    waiting = rolled_too_early(executor, leaver)
    before = pods(executor.view())
    executor.sleep(2 * BRAKE)
    assert pods(executor.view()) == before, "the rollout waits"

    plan = guarded.remove(executor.view(), leaver)
    (step,) = (step for step in plan.steps if isinstance(step, MakeRoom))
    client = executor.client()
    client.start()
    executor.wait(lambda: client.history().acknowledged(Database.NB), support.FORMS_WITHIN, "the first write")
    assert [one.outcome for one in typed(executor, step).outcomes] == ["done"]

    after = pods(executor.view())
    assert len(after) == 3
    assert after[waiting] is not None, "it has a node"
    assert after.keys() < before.keys(), "one outdated pod is gone, and nothing came but what had no node"
    assert leaver not in after.values()
    assert [one.outcome for one in typed(executor, step).outcomes] == ["skipped"], "typed again it changes nothing"
    assert pods(executor.view()) == after
    history = client.stop()
    assert len(history.acknowledged(Database.NB)) > 3
    assert history.longest_stall(Database.NB) <= executor.timing.election, "two of three went on all along"
