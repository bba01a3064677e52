"""The fault vocabulary and fault plans."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class FaultKind(Enum):
    """What can be done to a cluster. Each executor declares which it can do.

    CRASH kills the servers of a node's ovn-central pod (the kubelet restarts it); NODE_DOWN takes the node's power,
    NODE_UP gives it back; PARTITION cuts ``nodes`` off from all others (both databases); ONE_WAY drops only what
    ``nodes`` send; HEAL ends every partition; PAUSE stops the server processes (SIGSTOP), RESUME lets them go on;
    WIPE removes the database directory's content under the running server.
    """

    CRASH = "crash"
    NODE_DOWN = "node-down"
    NODE_UP = "node-up"
    PARTITION = "partition"
    ONE_WAY = "one-way"
    HEAL = "heal"
    PAUSE = "pause"
    RESUME = "resume"
    WIPE = "wipe"


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
