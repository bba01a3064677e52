"""P9: all the places that list ovn-central's addresses list the same ones."""

from __future__ import annotations

from harness.addresses import split_list
from harness.invariants.base import EndState, Invariant
from harness.steps import CENTRAL


def check(end: EndState) -> list[str]:
    found = []
    wanted = ",".join(sorted(end.expected))
    for workload in end.view.workloads:
        variable = "NODE_IPS" if workload.name == CENTRAL else "OVN_DB_IPS"
        listed = sorted(split_list(workload.env.get(variable, "")))
        if variable in workload.env and listed != sorted(end.expected):
            found.append(f"{workload.ref} has {variable} {','.join(listed)}, wanted {wanted}")
    labelled = sorted(node.address for node in end.view.labelled())
    if labelled != sorted(end.expected):
        found.append(f"the label is on {','.join(labelled)}, wanted {wanted}")
    pods = [p for p in end.view.pods_of(CENTRAL) if not p.terminating and p.phase in ("Running", "Pending")]
    ready = sorted(pod.address or "" for pod in pods if pod.ready)
    if ready != sorted(end.expected):
        found.append(f"Ready ovn-central pods are at {','.join(ready)}, wanted {wanted}")
    return found


ADDRESS_AGREEMENT = Invariant(
    "P9",
    "NODE_IPS, OVN_DB_IPS of every workload, labelled nodes and Ready ovn-central pods are the expected addresses.",
    "facts: kube-ovn 10, oracle (vi); testing C",
    check,
)
