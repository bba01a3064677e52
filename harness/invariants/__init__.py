"""Properties of a cluster and of what is done to it, one file each: id, statement, source, and what it listens to."""

from collections.abc import Iterable

from harness.invariants.acts import Act, Ending
from harness.invariants.address_agreement import AddressAgreement
from harness.invariants.base import EndState, Grade, Property, Violation
from harness.invariants.change_size import ChangeSize
from harness.invariants.converged import Converged
from harness.invariants.election_safety import ElectionSafety
from harness.invariants.fault_effect import FaultEffect
from harness.invariants.files_after_removal import FilesAfterRemoval
from harness.invariants.fresh_ids import FreshIds
from harness.invariants.independent_databases import IndependentDatabases
from harness.invariants.join_source import JoinSource
from harness.invariants.joined_votes import JoinedVotes
from harness.invariants.kick_confirmed import KickConfirmed
from harness.invariants.kick_precondition import KickPrecondition
from harness.invariants.landmarks import Landmarks
from harness.invariants.leader_append_only import LeaderAppendOnly
from harness.invariants.leader_completeness import LeaderCompleteness
from harness.invariants.log_matching import LogMatching
from harness.invariants.model_validity import ModelValidity
from harness.invariants.monitor import Monitor
from harness.invariants.monotone import Monotone
from harness.invariants.no_lost_write import NoLostWrite
from harness.invariants.one_bootstrap import OneBootstrap
from harness.invariants.one_change import OneChange
from harness.invariants.one_cluster_id import OneClusterId
from harness.invariants.one_vote import OneVote
from harness.invariants.own_term import OwnTerm
from harness.invariants.phases_end import PhasesEnd
from harness.invariants.quorum_log import QuorumLog
from harness.invariants.quorum_margin import QuorumMargin
from harness.invariants.quorum_overlap import QuorumOverlap
from harness.invariants.reads_advance import ReadsAdvance
from harness.invariants.resumable import Resumable
from harness.invariants.rollout_restored import RolloutRestored
from harness.invariants.same_members import SameMembers
from harness.invariants.serial_actors import SerialActors
from harness.invariants.state_machine_safety import StateMachineSafety
from harness.invariants.terminates import Terminates
from harness.invariants.up_to_date_vote import UpToDateVote
from harness.invariants.world import World
from harness.invariants.worst_margin import WorstMargin

RAFT: tuple[type[Property], ...] = (
    *(ElectionSafety, OneVote, LogMatching, LeaderAppendOnly, LeaderCompleteness, StateMachineSafety, QuorumLog),
    *(UpToDateVote, Monotone, OneChange, OwnTerm, QuorumOverlap, ChangeSize, FreshIds, OneClusterId, OneBootstrap),
    *(NoLostWrite, ReadsAdvance, IndependentDatabases),
)
"""S1 to S19."""

PROCEDURE: tuple[type[Property], ...] = (
    *(QuorumMargin, WorstMargin, KickPrecondition, KickConfirmed, FilesAfterRemoval, JoinSource, JoinedVotes),
    *(SameMembers, AddressAgreement, Resumable, SerialActors, Landmarks, RolloutRestored),
)
"""P1 to P13."""

LIVENESS: tuple[type[Property], ...] = (Converged, Terminates, PhasesEnd)
"""L1 to L3: once nothing disturbs any more."""

META: tuple[type[Property], ...] = (ModelValidity, FaultEffect)
"""M1 and M2: whether a run says anything at all."""

CATALOGUE = (*RAFT, *PROCEDURE, *LIVENESS, *META)
"""Every property, in the order of the ids."""

END_STATE: tuple[type[Property], ...] = (
    *(OneClusterId, SameMembers, Converged, QuorumMargin, NoLostWrite, AddressAgreement, FilesAfterRemoval),
    *(RolloutRestored, PhasesEnd),
)
"""The oracle of a finished procedure, by its end alone (facts: kube-ovn 10, i to vii)."""

SAFETY: tuple[type[Property], ...] = (OneClusterId, NoLostWrite)
"""What must hold however a run ended, by its end alone."""


def violations(end: EndState, properties: Iterable[type[Property]] = END_STATE) -> list[Violation]:
    """What ``end`` alone shows to be broken."""
    return Monitor(tuple(properties)).at_end(end)


__all__ = [
    "CATALOGUE",
    "END_STATE",
    "LIVENESS",
    "META",
    "PROCEDURE",
    "RAFT",
    "SAFETY",
    "Act",
    "ElectionSafety",
    "EndState",
    "Ending",
    "Grade",
    "Monitor",
    "NoLostWrite",
    "OneClusterId",
    "Property",
    "Violation",
    "World",
    "violations",
]
