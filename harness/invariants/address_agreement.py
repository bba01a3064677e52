"""P9: all the places that list ovn-central's addresses list the same ones, and so do the pods that run."""

from __future__ import annotations

from collections.abc import Iterable

from harness.addresses import split_list
from harness.cluster import ClusterView, Workload
from harness.invariants.base import EndState, Grade, Property
from harness.steps import CENTRAL


class AddressAgreement(Property):
    """What a workload lists is what its next pods will get; a pod that was not restarted still has what was listed when
    it was made. Pods of nodes that can't be reached can't be restarted, and don't count."""

    id = "P9"
    statement = (
        "NODE_IPS and OVN_DB_IPS of every workload and of its running pods, labelled nodes and Ready ovn-central "
    )
    statement += "pods are the expected addresses."
    source = "kube-ovn #6721, #6815; facts: kube-ovn 10, oracle (vi); testing C"
    grade = Grade.ORDER

    def at_end(self, end: EndState) -> Iterable[str]:
        found = []
        expected = sorted(end.expected)
        wanted = ",".join(expected)
        for workload in end.view.workloads:
            variable = _variable(workload)
            listed = sorted(split_list(workload.env.get(variable, "")))
            if variable in workload.env and listed != expected:
                found.append(f"{workload.ref} has {variable} {','.join(listed)}, wanted {wanted}")
            elif old := _old_pods(end.view, workload, expected):
                found.append(f"{len(old)} pods of {workload.ref} still run with other {variable}, first {old[0]}")
        labelled = sorted(node.address for node in end.view.labelled())
        if labelled != expected:
            found.append(f"the label is on {','.join(labelled)}, wanted {wanted}")
        pods = [p for p in end.view.pods_of(CENTRAL) if not p.terminating and p.phase in ("Running", "Pending")]
        ready = sorted(pod.address or "" for pod in pods if pod.ready)
        if ready != expected:
            found.append(f"Ready ovn-central pods are at {','.join(ready)}, wanted {wanted}")
        return found


def _variable(workload: Workload) -> str:
    return "NODE_IPS" if workload.name == CENTRAL else "OVN_DB_IPS"


def _old_pods(view: ClusterView, workload: Workload, expected: list[str]) -> list[str]:
    """Names of pods that run with other addresses."""
    variable = _variable(workload)
    found = []
    for pod in view.pods_of(workload.app):
        node = view.node(pod.node or "")
        if variable not in pod.env or not pod.active or node is None or not node.ready:
            continue
        if sorted(split_list(pod.env[variable])) != expected:
            found.append(pod.name)
    return found
