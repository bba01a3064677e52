"""What may go wrong in a rehearsal: to a node, or to the operator's hands. Each is data; who does it is elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from harness.errors import BadInput
from harness.faults import FaultKind


class Hands(Enum):
    """What happens to the operator, or by another's hand, rather than to a node.

    DIES ends the run at once (it is started again from what is really there); PAUSES lets ten minutes pass; LOST_ANSWER
    loses the answer of the next change, which took effect; STALE shows an old view for some looks; RESET is automation
    that puts NODE_IPS back to what it was before the plan (a chart's upgrade).
    """

    DIES = "dies"
    PAUSES = "pauses"
    LOST_ANSWER = "lost-answer"
    STALE = "stale"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Trouble:
    """``faults`` are (cluster seconds after it begins, what is done to the node); ``hands`` is for the operator's."""

    name: str
    words: str
    faults: tuple[tuple[float, FaultKind], ...] = ()
    hands: Hands | None = None

    @property
    def lasts(self) -> float:
        """Cluster seconds from its beginning to its last part."""
        return max((after for after, _ in self.faults), default=0.0)


_ALL = (
    Trouble("crash", "the servers are killed; the kubelet restarts them", ((0.0, FaultKind.CRASH),)),
    Trouble("restart", "the power goes for a minute", ((0.0, FaultKind.NODE_DOWN), (60.0, FaultKind.NODE_UP))),
    Trouble("node-loss", "the power goes for good", ((0.0, FaultKind.NODE_DOWN),)),
    Trouble("partition", "cut off for 45 s", ((0.0, FaultKind.PARTITION), (45.0, FaultKind.HEAL))),
    Trouble("one-way", "what it sends is lost for 45 s", ((0.0, FaultKind.ONE_WAY), (45.0, FaultKind.HEAL))),
    Trouble("pause", "the servers are stopped for 30 s", ((0.0, FaultKind.PAUSE), (30.0, FaultKind.RESUME))),
    Trouble("wipe", "the files are removed and the servers killed", ((0.0, FaultKind.WIPE), (0.0, FaultKind.CRASH))),
    Trouble("operator-dies", "the run ends at once and is started again", hands=Hands.DIES),
    Trouble("operator-pauses", "nobody types for ten minutes", hands=Hands.PAUSES),
    Trouble("lost-answer", "the answer of the next change is lost, its effect is not", hands=Hands.LOST_ANSWER),
    Trouble("stale-view", "the next looks show what was", hands=Hands.STALE),
    Trouble("reset", "automation puts NODE_IPS back", hands=Hands.RESET),
)

TROUBLES = {trouble.name: trouble for trouble in _ALL}


def named(name: str) -> Trouble:
    """Raises :class:`BadInput` for a name that is not in :data:`TROUBLES`."""
    if name not in TROUBLES:
        raise BadInput(f"there is no fault {name!r}", todo=f"choose from {', '.join(TROUBLES)}")
    return TROUBLES[name]
