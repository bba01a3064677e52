"""Certificates and violations as text."""

from __future__ import annotations

from dataclasses import fields

from harness.search.configuration_model import Bounds, Property, Rules
from harness.search.configurations import Certificate, Violation

STATEMENTS = {
    Property.ONE_LEADER: "at most one leader a term",
    Property.COMPLETENESS: "every later leader has what was committed",
    Property.STATE_MACHINE: "no two different entries are committed at one index",
    Property.QUORUM_KEPT: "no change takes away a live majority",
}


def rendered(found: Certificate | Violation) -> str:
    """A few lines: rules, bounds, verdict; for a violation, its actions one a line."""
    head = f"{rules_in_words(found.rules)}; {bounds_in_words(found.bounds)}"
    spent = f"{found.states:,} distinct states, {found.cpu_seconds:.1f} s of CPU"
    if isinstance(found, Violation):
        actions = [f"  {number}. {action.text}" for number, action in enumerate(found.actions, 1)]
        broken = f"violated in {len(actions)} actions: {found.broken}, {STATEMENTS[found.broken]} ({spent})"
        return "\n".join([head, broken, *actions])
    judged = ", ".join(found.judged)
    if not found.complete:
        return f"{head}\nnot proved: {judged} hold so far, {found.left:,} states are left ({spent})"
    size = f"{found.transitions:,} transitions, depth {found.depth}"
    return f"{head}\nproved: {judged}, none left ({spent}, {size}, digest {found.digest})"


def rules_in_words(rules: Rules) -> str:
    """What differs from ovsdb-server's rules."""
    plain = Rules()
    words = [
        f"{field.name.replace('_', ' ')}: {getattr(rules, field.name)}"
        for field in fields(rules)
        if getattr(rules, field.name) != getattr(plain, field.name)
    ]
    return f"OVSDB's rules but {', '.join(words)}" if words else "OVSDB's rules"


def bounds_in_words(bounds: Bounds) -> str:
    spares = f" and {bounds.spares} to add" if bounds.spares else ""
    crashes = f", {bounds.crashes} crashed" if bounds.crashes else ""
    return (
        f"{bounds.members} members{spares}, {bounds.terms} terms, {bounds.changes} changes and {bounds.writes} writes "
        f"in {bounds.entries} entries of a log{crashes}"
    )
