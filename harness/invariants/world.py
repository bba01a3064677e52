"""What all properties share in one run: the moment, the chronicle, the procedure, and the faults that have happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.cluster import Database
from harness.invariants.chronicle import Chronicle

AFTERMATH = 180.0
"""Cluster seconds in which the kubelet restarts servers whose probes failed while a trouble had taken the majority."""


def _nobody(_at: float, _words: str) -> None:
    pass


@dataclass(slots=True)
class World:
    """``at`` is the moment of the evidence that is being judged (cluster seconds).

    The procedure: ``leaves`` and ``comes`` are the addresses that it takes out and brings in ("" for none); ``gated``
    says that it promises to wait for an entry of the leader's own term (S11); ``own_term`` asks that of every
    configuration entry, which OVSDB does not keep (facts: testing 0.2). ``waived``: the operator has accepted that the
    majority is lost while a member of a small cluster restarts.

    Faults: ``forgiven`` are hosts that they befall, ``forgetful`` nodes whose disk was wiped, put back or lied about
    what it had stored, so that what their servers forget is the fault's doing, ``put_back`` when a node last got old
    files; ``taken_out`` are the addresses that somebody else has taken out meanwhile, by the whole procedure;
    ``disturbed`` is when the last fault was over (-1 if there was none); ``hits`` says of each fault of the case
    whether it changed anything.

    ``ordered``: raft events of all files come in order of time. ``broken_raft``: databases in which a property of raft
    is known to be broken. ``hear`` gets what a story should tell, with its moment.
    """

    leaves: str = ""
    comes: str = ""
    gated: bool = False
    waived: bool = False
    own_term: bool = False
    forgiven: frozenset[str] = frozenset()
    forgetful: set[str] = field(default_factory=set)
    put_back: dict[str, float] = field(default_factory=dict)
    taken_out: set[str] = field(default_factory=set)
    disturbed: float = -1.0
    hits: list[bool] = field(default_factory=list)
    ordered: bool = False
    at: float = 0.0
    excused_until: float = -1.0
    broken_raft: set[Database] = field(default_factory=set)
    hear: Callable[[float, str], None] = _nobody
    chronicle: Chronicle = field(default_factory=Chronicle)

    @property
    def disturbed_lately(self) -> bool:
        """A fault began or ended so short a time ago that not everything may be in order again."""
        return self.disturbed >= 0 and self.at - self.disturbed < AFTERMATH

    def excuse(self, at: float) -> None:
        """What is lost in the aftermath of ``at`` is not the procedure's doing."""
        self.excused_until = max(self.excused_until, at + AFTERMATH)

    def happened(self, at: float, words: str) -> None:
        """Something bad that a story should tell."""
        self.hear(at, words)
