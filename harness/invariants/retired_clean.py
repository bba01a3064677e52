"""Oracle (vii): a retired node keeps neither files nor a pod."""

from __future__ import annotations

from harness.invariants.base import EndState, Invariant


def check(end: EndState) -> list[str]:
    found = []
    for name in end.retired:
        node, pod = end.view.node(name), end.view.central_pod(name)
        reachable = node is not None and node.ready
        if pod is not None and reachable and pod.phase == "Running":
            found.append(f"pod {pod.name} is still on the retired node {name}")
        files = end.files.get(name)
        if reachable and files is not None and files.databases:
            found.append(f"{', '.join(files.databases)} left on the retired node {name}")
    return found


RETIRED_CLEAN = Invariant(
    "P5",
    "A retired node that can be reached has no database files, no saved raft header and no ovn-central pod.",
    "facts: kube-ovn 10, oracle (vii); testing C",
    check,
)
