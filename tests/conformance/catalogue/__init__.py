"""Every case of facts ovsdb-raft 7.1, those of OVS's own test suite that the model should match (7), what is subtle
(9), and the samples of statuses (1.3), as data."""

from __future__ import annotations

from . import join, kick, overlap, partition, restart, samples, subtle, upstream
from .case import FAMILIES, Case, Said, says, unseen

CASES: tuple[Case, ...] = (
    *kick.CASES,
    *join.CASES,
    *restart.CASES,
    *partition.CASES,
    *overlap.CASES,
    *samples.CASES,
    *subtle.CASES,
    *upstream.CASES,
)

__all__ = ["CASES", "FAMILIES", "Case", "Said", "says", "unseen"]
