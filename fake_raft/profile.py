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
    """One family of releases.

    ``pre_vote``: see :class:`PreVote`. ``join_by_commit``: a joiner becomes a member by seeing its own addition
    committed or by being elected, additions are dropped with leadership, and leadership goes to the most up-to-date
    server. ``patient_leave``: a leaver hands leadership over first, campaigns while it leaves, and is not told
    "already gone" before the removal is committed. ``drops_disruptive``: a vote request that would disturb a live
    leader is dropped, not answered. ``resets_strangers``: a connection that carries a wrong cluster or server id is
    closed.
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


def by_version(version: str) -> Profile:
    """The profile of a release such as ``3.1`` or ``3.5.0``; ``newest`` is the development branch.

    Fix sets are known per branch (facts: ovsdb-raft 8); releases between two profiles get the nearest older one.
    Raises ValueError for anything that is no release from 2.17 on.
    """
    if version == "newest":
        return OVS_NEWEST
    parts = version.split(".")
    if len(parts) < 2 or not all(part.isdigit() for part in parts):
        raise ValueError(f"not an OVS release: {version!r} (like 3.1 or 3.5.0, or newest)")
    minor = (int(parts[0]), int(parts[1]))
    patch = int(parts[2]) if len(parts) > 2 else 0
    if minor < (2, 17):
        raise ValueError(f"no profile for OVS {version}: 2.17 or later is modelled")
    if minor < (3, 3):
        return OVS_3_1
    complete = {(3, 3): 9, (3, 4): 6, (3, 5): 4, (3, 6): 3, (3, 7): 1}
    return OVS_NEWEST if patch >= complete.get(minor, 0) else OVS_3_5
