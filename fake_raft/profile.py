"""OVS releases as values: which of raft's rules a server follows (facts: ovsdb-raft 8, 11)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class PreVote(Enum):
    """No pre-vote; the first one, which leaders and earlier voters grant to anybody; the present one."""

    NONE = "none"
    EARLY = "early"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Profile:
    """One family of releases, as switches.

    ``pre_vote``: see :class:`PreVote`. ``join_by_commit``: a joiner becomes a member by seeing its own addition
    committed or by being elected, additions are dropped with leadership, leadership goes to the most up-to-date
    server, and a joiner's connections are probed after ten minutes only. ``patient_leave``: a leaving leader hands
    over before it asks, a leaver campaigns, and a second request does not get "already gone" before the removal is
    committed (without it: premature success). ``drops_disruptive``: a vote request that would disturb a live leader is
    dropped instead of answered, and pre-votes don't count in the real election. ``resets_strangers``: a connection
    that carries a wrong cluster or server id is closed.
    """

    name: str
    pre_vote: PreVote
    join_by_commit: bool
    patient_leave: bool
    drops_disruptive: bool
    resets_strangers: bool


OVS_3_1 = Profile("3.1", PreVote.NONE, False, False, False, False)
OVS_3_5 = Profile("3.5", PreVote.EARLY, True, False, False, False)
OVS_NEWEST = Profile("newest", PreVote.FULL, True, True, True, True)

NEVER = 1 << 30
"""A patch level that a branch never reached."""

JOIN_FIX = {(2, 17): 10, (3, 0): 7, (3, 1): 5, (3, 2): 3, (3, 3): 1}
LEAVE_FIX = {(3, 3): 5, (3, 4): 3, (3, 5): 1}
DISRUPTION_FIX = {(3, 3): 8, (3, 4): 5, (3, 5): 3, (3, 6): 2}
PRE_VOTE_FIX = {(3, 3): 9, (3, 4): 6, (3, 5): 4, (3, 6): 3, (3, 7): 1}


def by_version(version: str) -> Profile:
    """The profile of a release such as ``3.1`` (that is 3.1.0), ``3.5.2`` or ``newest``, the development branch.

    Each fix is known with its first release per branch (facts: ovsdb-raft 8). Raises ValueError for anything that is
    no release from 2.17 on.
    """
    if version == "newest":
        return OVS_NEWEST
    parts = version.split(".")
    if len(parts) < 2 or not all(part.isdigit() for part in parts):
        raise ValueError(f"not an OVS release: {version!r} (like 3.1 or 3.5.0, or newest)")
    branch = (int(parts[0]), int(parts[1]))
    patch = int(parts[2]) if len(parts) > 2 else 0
    if branch < (2, 17):
        raise ValueError(f"no profile for OVS {version}: 2.17 or later is modelled")

    def has(fix: dict[tuple[int, int], int]) -> bool:
        return patch >= fix.get(branch, 0 if branch > max(fix) else NEVER)

    early = PreVote.NONE if branch < (3, 3) else PreVote.EARLY
    disruption = has(DISRUPTION_FIX)
    switches = (
        PreVote.FULL if has(PRE_VOTE_FIX) else early,
        has(JOIN_FIX),
        has(LEAVE_FIX),
        disruption,
        disruption,
    )
    for known in (OVS_3_1, OVS_3_5, OVS_NEWEST):
        if switches == (
            known.pre_vote,
            known.join_by_commit,
            known.patient_leave,
            known.drops_disruptive,
            known.resets_strangers,
        ):
            return known
    return Profile(version, *switches)
