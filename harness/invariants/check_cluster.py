"""Which property ovsdb-tool's check-cluster means: its words (ovsdb/ovsdb-tool.c, do_check_cluster) by their ids.

All its messages are here, also those that are about files rather than about raft (M1), from which nothing follows about
the cluster. It also prints what is no complaint, and then exits with 0: a log that was cut off in order, a server that
left, one that has not joined.
"""

from __future__ import annotations

import re

WORDS = (
    (r"term \d+ has two different leaders", "S1"),
    (r"reports leader .* for term \d+ but record \d+ previously reported", "S1"),
    (r"votes for .* in term \d+ but a previous record for the same term voted for", "S2"),
    (r"log entries with index \d+ differ", "S3"),
    (r"precedes previous entry's term", "S3"),
    (r"truncates log from \d+ to \d+ entries while server is leader", "S4"),
    (r"leader .* for term \d+ has log entries only up to index", "S5"),
    (r"attempts to truncate log .* but commit index is already", "S6"),
    (r"votes for term \d+ but current term is", "S9"),
    (r"regresses commit index", "S9"),
    (r"advances commit index to \d+ but last log index is", "S9"),
    (r"has cluster ID .* but .* has cluster ID", "S15"),
    (r"Duplicate server ID", "S14"),
    (r"skips past expected index", "M1"),
    (r'is named ".*" but .* is named', "M1"),
    (r"all logs are empty", "M1"),
)


def meant(text: str) -> str:
    """The id of the property that a complaint is about; M1 for words that are not known."""
    return next((identity for pattern, identity in WORDS if re.search(pattern, text, re.DOTALL)), "M1")
