"""The order in which a server walks over servers: that of OVS's hash map keyed by sid, neither sorted nor insertion.

The hash of a uuid is its first 32 bits; a map of one has one bucket, of two to seven four, then eight and so on; within
a bucket the newest comes first (lib/hmap.c, lib/uuid.h).
"""

from __future__ import annotations

from collections.abc import Iterable


def bucket_order(sids: Iterable[str]) -> list[str]:
    """``sids`` (oldest first) in the order of their hash map."""
    known = list(sids)
    if len(known) < 2:
        return known
    buckets = 4
    while len(known) // 2 >= buckets:
        buckets *= 2
    mask = buckets - 1
    known.reverse()
    return sorted(known, key=lambda sid: first_word(sid) & mask)


def first_word(sid: str) -> int:
    """The first 32 bits of a uuid; an id that is none counts its characters, so that order stays defined."""
    try:
        return int(sid[:8], 16)
    except ValueError:
        return sum(sid.encode())
