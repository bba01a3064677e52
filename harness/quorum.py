"""Majority, tolerance, margin: arithmetic only (Raft, section 5.1)."""

from __future__ import annotations


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
