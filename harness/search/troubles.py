"""What may go wrong in a rehearsal: to a node, or to the operator's hands. Each is data; who does it is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.errors import BadInput
from harness.faults import FaultKind


class Hands(Enum):
    """What happens to the operator, or by another's hand, rather than to a node.

    DIES ends the run at once (it is started again from what is really there); PAUSES lets ten minutes pass; LOST_ANSWER
    loses the answer of the next change, which took effect; LOST_EXEC that of the next command in a pod or on a node;
    STALE shows an old view for some looks.

    SECOND is another operator who runs the same command meanwhile, OTHER one who takes another member out meanwhile.
    KICKS is automation that kicks who is not in its own list of members, which is the one from before the procedure
    (ovn-kubernetes #1747). RESET is automation that puts NODE_IPS back to what it was before the plan; HELM is a
    chart's upgrade, which puts back replicas and OVN_DB_IPS too, and REINSTALL an install script, which labels nodes
    again as well (facts: kube-ovn 1.2).
    """

    DIES = "dies"
    PAUSES = "pauses"
    LOST_ANSWER = "lost-answer"
    LOST_EXEC = "lost-exec"
    STALE = "stale"
    SECOND = "second"
    OTHER = "other"
    KICKS = "kicks"
    RESET = "reset"
    HELM = "helm"
    REINSTALL = "reinstall"


@dataclass(frozen=True, slots=True)
class Trouble:
    """``faults`` are (cluster seconds after it begins, what is done to the node); ``hands`` is for the operator's.

    With ``prepares`` something is done to every node before the plan begins.
    """

    name: str
    words: str
    faults: tuple[tuple[float, FaultKind], ...] = ()
    hands: Hands | None = None
    prepares: FaultKind | None = None

    @property
    def lasts(self) -> float:
        """Cluster seconds from its beginning to its last part."""
        return max((after for after, _ in self.faults), default=0.0)

    @property
    def kinds(self) -> frozenset[FaultKind]:
        """What an executor must be able to do for it."""
        found = frozenset(kind for _, kind in self.faults)
        return found | {self.prepares} if self.prepares is not None else found


def _lasting(name: str, words: str, kind: FaultKind, seconds: float, end: FaultKind) -> Trouble:
    return Trouble(name, words, ((0.0, kind), (seconds, end)))


_F = FaultKind
_ALL = (
    Trouble("crash", "the servers are killed; the kubelet restarts them", ((0.0, _F.CRASH),)),
    Trouble("stop", "the servers are asked to end; the kubelet restarts them", ((0.0, _F.STOP),)),
    Trouble("restart", "the power goes for a minute", ((0.0, _F.NODE_DOWN), (60.0, _F.NODE_UP))),
    Trouble("node-loss", "the power goes for good", ((0.0, _F.NODE_DOWN),)),
    _lasting("partition", "cut off for 45 s", _F.PARTITION, 45.0, _F.HEAL),
    _lasting("one-way", "what it sends is lost for 45 s", _F.ONE_WAY, 45.0, _F.HEAL),
    _lasting("nb-only", "nb's raft is cut off for 45 s, sb's is not", _F.NB_CUT, 45.0, _F.HEAL),
    _lasting("sb-only", "sb's raft is cut off for 45 s, nb's is not", _F.SB_CUT, 45.0, _F.HEAL),
    _lasting("bridge", "it and one other don't see each other for 45 s, others see both", _F.BRIDGE, 45.0, _F.HEAL),
    _lasting("delay", "its raft connections take a second longer for 45 s", _F.DELAY, 45.0, _F.HEAL),
    _lasting("loss", "its raft connections lose every third packet for 45 s", _F.LOSS, 45.0, _F.HEAL),
    _lasting("reorder", "its raft connections overtake each other for 45 s", _F.REORDER, 45.0, _F.HEAL),
    _lasting("pause", "the servers are stopped for 30 s", _F.PAUSE, 30.0, _F.RESUME),
    _lasting("slow-start", "its pods start two minutes late for ten minutes", _F.SLOW_START, 600.0, _F.MEND),
    Trouble(
        "says-ready",
        "its servers are stopped for 90 s, and its readiness probe succeeds all the same",
        ((0.0, _F.SAYS_READY), (0.0, _F.PAUSE), (90.0, _F.RESUME), (90.0, _F.MEND)),
    ),
    _lasting("says-unready", "its readiness probe fails for 60 s, whatever is true", _F.SAYS_UNREADY, 60.0, _F.MEND),
    Trouble("wipe", "the files are removed and the servers killed", ((0.0, _F.WIPE), (0.0, _F.CRASH))),
    Trouble(
        "stale-disk",
        "the servers are killed and the files put back as they were before the procedure",
        ((0.0, _F.STALE_DISK),),
        prepares=_F.KEEP_COPY,
    ),
    Trouble(
        "lost-fsync",
        "the power goes for a minute, and with it what the disk had acknowledged in the last 20 s",
        ((0.0, _F.FORGET), (20.0, _F.NODE_DOWN), (80.0, _F.NODE_UP), (80.0, _F.MEND)),
    ),
    _lasting("disk-full", "the disk is full for two minutes", _F.DISK_FULL, 120.0, _F.MEND),
    _lasting("slow-disk", "every sync takes a second longer for 60 s", _F.SLOW_DISK, 60.0, _F.MEND),
    Trouble("operator-dies", "the run ends at once and is started again", hands=Hands.DIES),
    Trouble("operator-pauses", "nobody types for ten minutes", hands=Hands.PAUSES),
    Trouble("lost-answer", "the answer of the next change is lost, its effect is not", hands=Hands.LOST_ANSWER),
    Trouble("lost-exec", "the next command in a pod or on a node times out, but takes effect", hands=Hands.LOST_EXEC),
    Trouble("stale-view", "the next looks show what was", hands=Hands.STALE),
    Trouble("second-operator", "somebody else runs the same command meanwhile", hands=Hands.SECOND),
    Trouble("other-operator", "somebody else takes another member out meanwhile", hands=Hands.OTHER),
    Trouble("auto-kick", "automation with an old list kicks who is not in it", hands=Hands.KICKS),
    Trouble("reset", "automation puts NODE_IPS back", hands=Hands.RESET),
    Trouble("helm", "a chart's upgrade puts NODE_IPS, replicas and OVN_DB_IPS back", hands=Hands.HELM),
    Trouble("reinstall", "an install script puts these and the labels back", hands=Hands.REINSTALL),
)

TROUBLES = {trouble.name: trouble for trouble in _ALL}


def named(name: str) -> Trouble:
    """Raises :class:`BadInput` for a name that is not in :data:`TROUBLES`."""
    if name not in TROUBLES:
        raise BadInput(f"there is no fault {name!r}", todo=f"choose from {', '.join(TROUBLES)}")
    return TROUBLES[name]
