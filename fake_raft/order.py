"""The order in which a server walks over servers: that of OVS's hash map keyed by sid, neither sorted nor insertion.

The hash of a uuid is its first 32 bits. A map begins with one bucket and has four from two entries on, then eight and
so on; a new entry comes first in its bucket, and making more buckets turns each of them round (lib/hmap.c, lib/uuid.h).
What is not modelled: a map that grew does not shrink, so order within a bucket can differ after removals.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache


def bucket_order(sids: Iterable[str]) -> tuple[str, ...]:
    """``sids`` (oldest first) in the order of their hash map."""
    return ordered(tuple(sids))


@lru_cache(maxsize=1024)
def ordered(sids: tuple[str, ...]) -> tuple[str, ...]:
    """:func:`bucket_order`, remembered: every member of a configuration asks for the same."""
    buckets: list[list[str]] = [[]]
    for count, sid in enumerate(sids, start=1):
        buckets[first_word(sid) & (len(buckets) - 1)].insert(0, sid)
        if count // 2 > len(buckets) - 1:
            known = [item for bucket in buckets for item in bucket]
            buckets = [[] for _ in range(max(4, 2 * len(buckets)))]
            for item in known:
                buckets[first_word(item) & (len(buckets) - 1)].insert(0, item)
    return tuple([sid for bucket in buckets for sid in bucket])


@lru_cache(maxsize=1024)
def first_word(sid: str) -> int:
    """The first 32 bits of a uuid; an id that is none counts its characters, so that order stays defined."""
    try:
        return int(sid[:8], 16)
    except ValueError:
        return sum(sid.encode())
