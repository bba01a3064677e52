"""The fault vocabulary and fault plans."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FaultKind(Enum):
    """What can be done to a cluster. Each executor declares which it can do.

    **Servers.** CRASH kills the servers of a node's ovn-central pod, STOP asks them to end (SIGTERM): the kubelet
    restarts them. PAUSE stops the server processes (SIGSTOP), RESUME lets them go on. SLOW_START makes every start of
    the node's ovn-central container take :data:`STARTS_LATE` longer. SAYS_READY makes the readiness probe of a
    container that runs succeed, SAYS_UNREADY makes it fail, whatever is true.

    **Machines and disks.** NODE_DOWN takes the node's power, NODE_UP gives it back. WIPE removes the database
    directory's content under the running server. KEEP_COPY copies the directory aside; STALE_DISK kills the servers and
    puts that copy back. FORGET makes a disk that acknowledges syncs without storing anything: a later NODE_DOWN takes
    all that was written since. DISK_FULL lets nothing more be written, SLOW_DISK makes every sync :data:`SYNCS_LATE`
    longer. MEND ends all that is slow, full, forgetful or untrue of the nodes.

    **Network.** PARTITION cuts ``nodes`` off from all others (both databases); ONE_WAY drops only what ``nodes`` send;
    NB_CUT and SB_CUT drop only the raft connections of one database. BRIDGE takes two nodes, which don't reach each
    other any more while all others reach both. DELAY, LOSS and REORDER make raft connections of ``nodes`` late, lossy,
    or late by different times, so that connections overtake each other (never what one connection carries: TCP keeps
    its order). HEAL ends all of these, everywhere.
    """

    CRASH = "crash"
    STOP = "stop"
    NODE_DOWN = "node-down"
    NODE_UP = "node-up"
    PARTITION = "partition"
    ONE_WAY = "one-way"
    NB_CUT = "nb-only"
    SB_CUT = "sb-only"
    BRIDGE = "bridge"
    DELAY = "delay"
    LOSS = "loss"
    REORDER = "reorder"
    HEAL = "heal"
    PAUSE = "pause"
    RESUME = "resume"
    WIPE = "wipe"
    KEEP_COPY = "keep-copy"
    STALE_DISK = "stale-disk"
    FORGET = "forget"
    DISK_FULL = "disk-full"
    SLOW_DISK = "slow-disk"
    SLOW_START = "slow-start"
    SAYS_READY = "says-ready"
    SAYS_UNREADY = "says-unready"
    MEND = "mend"


NETWORK = frozenset(
    {
        FaultKind.PARTITION,
        FaultKind.ONE_WAY,
        FaultKind.NB_CUT,
        FaultKind.SB_CUT,
        FaultKind.BRIDGE,
        FaultKind.DELAY,
        FaultKind.LOSS,
        FaultKind.REORDER,
        FaultKind.HEAL,
    }
)
"""Faults that need a network between the nodes that can be hurt."""

LATENT = frozenset(
    {
        FaultKind.DELAY,
        FaultKind.LOSS,
        FaultKind.REORDER,
        FaultKind.FORGET,
        FaultKind.DISK_FULL,
        FaultKind.SLOW_DISK,
        FaultKind.SLOW_START,
        FaultKind.SAYS_READY,
        FaultKind.SAYS_UNREADY,
    }
)
"""Faults that change nothing by themselves, but what happens afterwards: ``LabExecutor.felt`` says whether they did."""

STARTS_LATE = 120.0
"""Cluster seconds that a start takes longer: an image that is pulled."""

SYNCS_LATE = 1.0
"""Cluster seconds that a sync of a slow disk takes longer."""

LINKS_LATE = 1.0
"""Cluster seconds by which each packet is late."""

OVERTAKES = (0.0, 0.7, 1.4)
"""Cluster seconds by which a node's connections are late, in turn."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault on ``nodes`` (names; empty for HEAL)."""

    kind: FaultKind
    nodes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.kind.value} {','.join(self.nodes)}".strip()


@dataclass(frozen=True, slots=True)
class TimedFault:
    """A fault that happens ``after`` cluster seconds from the moment the plan is armed."""

    after: float
    fault: Fault


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Faults in order of time."""

    faults: tuple[TimedFault, ...] = ()
