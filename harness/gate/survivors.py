"""Mutants that live and are no equivalents by argument: what each of them means for whoever types it.

A *hole* is a mistake that would do harm and is not found. What is harmless is said to be so with the reason; it counts
against the score all the same.
"""

from __future__ import annotations

HOLE = "a hole"

AGAIN = "harmless in a replacement: its second half sets the addresses of ovs-ovn and deletes the pods once more"

REASONS: tuple[tuple[str, str], ...] = (
    ("drop ListPods", "it only prints; the model's operator knows the node's address, a person may take a wrong one"),
    ("later SetEnv(DaemonSet, ovs-ovn", AGAIN),
    ("drop DeletePods(ovs)", AGAIN),
)
"""(beginning of the mutation's text, what it means); the first that fits counts."""


def meaning(mutation: str) -> str:
    """What a mutant that lives means; :data:`HOLE` if nobody has said."""
    return next((words for beginning, words in REASONS if mutation.startswith(beginning)), HOLE)
