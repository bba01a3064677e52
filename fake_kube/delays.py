"""How long things take, in seconds: measured values, the first of each row being the usual one.

A row's values are drawn by a named choice, so that a schedule decides them; sources are sections of facts, kubernetes.
"""

from __future__ import annotations

from types import MappingProxyType

from fake_kube.runtime import Choices

DELAYS = MappingProxyType(
    {
        # 3: old ReplicaSet shrinks 70-100 ms after the command; the next kill comes 10-40 ms after Ready
        "deployment sees spec": (0.08, 0.07, 0.1),
        "deployment sees pods": (0.01,),
        "replicaset sees change": (0.01, 0.02),
        # 8: 15 ms after the returned node's pod is Ready; three deletes within 0.5 s
        "daemonset sees change": (0.015, 0.08),
        # 3, 4: bound in less than a second; after a failure the scheduler's back-off of up to 6 s
        "scheduler binds": (0.1, 0.5),
        "scheduler retries after label": (0.12,),
        "scheduler retries after removal": (0.1, 1.0, 2.5, 4.0, 6.0),
        # 3: container up 0.5-2 s after it was bound
        "container starts": (1.0, 0.5, 2.0),
        # 3: dead 0.2-1.3 s after the delete, object gone after 8.3 s (median), 13 s (90 %), 23-65 s (8 of 105)
        "process dies": (0.5, 0.2, 0.9, 1.3),
        "object goes": (
            *(8.3, 2.8, 3.6, 4.5, 5.4, 6.2, 7.0, 7.8, 8.9, 9.8, 10.7, 11.6, 12.4, 13.0),
            *(15.0, 23.0, 65.0),
        ),
        # 2: share of a probe's period until the first probe
        "first probe": (0.5, 0.03, 0.2, 0.35, 0.65, 0.8, 0.97),
        # 2: new container 0.4 s after a liveness kill; first self-made exit restarted after 1 s; later ones when the
        # kubelet looks again, every 10-15 s
        "restart after liveness": (0.4,),
        "restart after exit": (1.0,),
        "kubelet looks again": (7.0, 0.5, 3.0, 10.0, 14.9),
        # 1: admission 6 s after a kubelet restart, the refused pod is Failed 3 s later
        "kubelet restarts": (6.0,),
        "refused pod fails": (3.0,),
        # 10: NotReady 31-39 s after the last heartbeat could have come; back: kubelet at 12 s, Ready at 21.5 s
        "node declared lost": (37.0, 31.0, 39.1),
        "kubelet boots": (12.0,),
        "node ready after boot": (9.5,),
        "terminating object goes after boot": (10.5,),
        "node ready after freeze": (1.0,),
        # 10 [K]: a pod that does not tolerate the unreachable taint
        "eviction": (300.0,),
        # [K] pod garbage collection of a deleted node: 40 s quarantine, then the next 20 s round
        "orphan collected": (50.0, 40.0, 60.0),
    }
)


def draw(choices: Choices, name: str) -> float:
    """A value of the row called ``name``; rows with one value take no choice."""
    row = DELAYS[name]
    return row[0] if len(row) == 1 else row[choices.choose(f"kube: {name}", len(row))]
