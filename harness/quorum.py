"""Majority, tolerance, margin: arithmetic only (Raft, section 5.1)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass


def majority(members: int) -> int:
    """The least number of servers that is more than half of ``members``. Raises ValueError for less than one member."""
    if members < 1:
        raise ValueError(f"a configuration of {members} servers has no majority")
    return members // 2 + 1


def tolerance(members: int) -> int:
    """How many of ``members`` may fail while a majority is left: 3 and 4 tolerate 1, 5 tolerates 2."""
    return members - majority(members)


def margin(live: int, members: int) -> int:
    """Live members minus majority: how many more may fail; negative when quorum is lost already."""
    return live - majority(members)


@dataclass(frozen=True, slots=True)
class Outlook:
    """A configuration (ids of its ``members``) and which of them are ``live``; ids of others are dropped.

    An empty configuration needs one and has none: no leader, margin -1.
    """

    members: frozenset[str]
    live: frozenset[str]

    def __post_init__(self) -> None:
        object.__setattr__(self, "live", self.live & self.members)

    @property
    def majority(self) -> int:
        return majority(len(self.members)) if self.members else 1

    @property
    def tolerance(self) -> int:
        """How many may fail if all are live."""
        return tolerance(len(self.members)) if self.members else 0

    @property
    def margin(self) -> int:
        """How many more may fail now; negative without quorum."""
        return len(self.live) - self.majority

    @property
    def leader_possible(self) -> bool:
        return self.margin >= 0


def after_removal(members: Collection[str], live: Collection[str], leaver: str) -> Outlook:
    """The configuration without ``leaver``, live or dead. Raises ValueError if it is no member."""
    if leaver not in members:
        raise ValueError(f"{leaver} is no member")
    return Outlook(frozenset(members) - {leaver}, frozenset(live))


def after_addition(members: Collection[str], live: Collection[str], newcomer: str) -> Outlook:
    """The configuration with ``newcomer``, which is live: OVSDB adds a server when it has caught up, not before (facts:
    ovsdb-raft 3.1). Raises ValueError if it is a member already."""
    if newcomer in members:
        raise ValueError(f"{newcomer} is a member already")
    return Outlook(frozenset(members) | {newcomer}, frozenset(live) | {newcomer})


def survives(outlook: Outlook) -> bool:
    """Whether the configuration can commit its own coming into force, and anything after it."""
    return outlook.leader_possible


def may_remove(members: Collection[str], live: Collection[str], leaver: str) -> bool:
    """etcd's strict reconfiguration check, which OVSDB lacks (facts: peers 0.1): the new configuration must have a live
    majority. With one of three dead, the dead one may go and a live one may not. Raises ValueError for no member.
    """
    return survives(after_removal(members, live, leaver))


def may_add(members: Collection[str], live: Collection[str], newcomer: str) -> bool:
    """The same for an addition: the old members alone must be a majority of the new configuration.

    The newcomer's own vote is not counted, since its first failure would then be an outage: two live of three may not
    become four. From one to two there is no other way, and it is allowed. Raises ValueError for a member.
    """
    outlook = after_addition(members, live, newcomer)
    if len(members) == 1:
        return survives(outlook)
    return survives(Outlook(outlook.members, outlook.live - {newcomer}))
