"""Which property ovsdb-tool's check-cluster means: its words (ovsdb/ovsdb-tool.c, do_check_cluster) by their ids."""

from __future__ import annotations

import re

WORDS = (
    (r"voted for both", "S2"),
    (r"has two (leaders|different leaders)|both .* leader|leader for term .* but", "S1"),
    (r"truncates? log|while (server is )?leader", "S4"),
    (r"regress", "S9"),
    (r"has log entries only up to index", "S5"),
    (r"log mismatch|different|do(es)? not match", "S3"),
    (r"cluster ID|two different clusters", "S15"),
    (r"duplicate server ID", "S14"),
)


def meant(text: str) -> str:
    """The id of the property that a complaint is about; M1 for words that are not known."""
    return next((identity for pattern, identity in WORDS if re.search(pattern, text, re.IGNORECASE)), "M1")
