"""Properties of a cluster, one file each: id, statement, source, check."""

from harness.invariants.address_agreement import ADDRESS_AGREEMENT
from harness.invariants.base import EndState, Invariant, Violation
from harness.invariants.election_safety import ElectionSafety
from harness.invariants.no_lost_write import NO_LOST_WRITE
from harness.invariants.one_cluster_id import ONE_CLUSTER_ID
from harness.invariants.one_leader import ONE_LEADER
from harness.invariants.quorum_margin import QUORUM_MARGIN
from harness.invariants.retired_clean import RETIRED_CLEAN
from harness.invariants.same_members import SAME_MEMBERS

END_STATE = (
    ONE_CLUSTER_ID,
    SAME_MEMBERS,
    ONE_LEADER,
    QUORUM_MARGIN,
    NO_LOST_WRITE,
    ADDRESS_AGREEMENT,
    RETIRED_CLEAN,
)
"""The oracle of a finished procedure (facts: kube-ovn 10, i to vii)."""

SAFETY = (ONE_CLUSTER_ID, NO_LOST_WRITE)
"""What must hold however a run ended."""


def violations(end: EndState, invariants: tuple[Invariant, ...] = END_STATE) -> list[Violation]:
    """Every violation of ``invariants`` in ``end``."""
    return [Violation(invariant.id, text) for invariant in invariants for text in invariant.check(end)]


__all__ = [
    "ADDRESS_AGREEMENT",
    "END_STATE",
    "NO_LOST_WRITE",
    "ONE_CLUSTER_ID",
    "ONE_LEADER",
    "QUORUM_MARGIN",
    "RETIRED_CLEAN",
    "SAFETY",
    "SAME_MEMBERS",
    "ElectionSafety",
    "EndState",
    "Invariant",
    "Violation",
    "violations",
]
