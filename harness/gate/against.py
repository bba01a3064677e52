"""A procedure compared with the one that it replaces."""

from __future__ import annotations

from harness.gate.verdict import Figures, Gated

SURVIVED_LESS = 1.0
"""Points of percent of all runs that may end badly instead of well."""
STALL_MORE = 12.0
"""Cluster seconds: one election at its longest (twice T of 5 s, and 2 s; facts: ovsdb-raft 1)."""
AT_ZERO_MORE = 60.0
"""Cluster seconds at tolerance 0 that may be added: about one pod's restart with its probes (facts: kubernetes 5)."""
WITHOUT_MORE = 0.0
"""Cluster seconds without a majority that may be added: none."""


def compared(new: Gated, old: Gated) -> Gated:
    """``new`` with what is worse in it than in ``old``. Only shapes that both were tried on are compared."""
    new.base, new.base_figures = old.subject.label, old.figures
    new.worse = tuple(_worse(new.figures, old.figures))
    return new


def _worse(new: Figures, old: Figures) -> list[str]:
    found = []
    if new.survived < old.survived - SURVIVED_LESS:
        found.append(f"survives {new.survived:.1f} % of the runs, {old.survived:.1f} % before")
    kinds = (
        ("writes stop for", new.stall, old.stall, STALL_MORE),
        ("tolerates nothing for", new.at_zero, old.at_zero, AT_ZERO_MORE),
        ("has no majority for", new.without, old.without, WITHOUT_MORE),
    )
    for words, mine, theirs, more in kinds:
        both = [shape for shape in mine if shape in theirs]
        grown = max(both, key=lambda shape: mine[shape] - theirs[shape], default=None)
        if grown is not None and mine[grown] > theirs[grown] + more:
            found.append(f"{words} {mine[grown]:.0f} s, {theirs[grown]:.0f} s before ({grown})")
    return found
