"""Numbers in an order of no pattern, without a list of them: a permutation of millions that needs no memory.

A Feistel network of four rounds over the next power of four; what lies beyond the range is sent through once more
(cycle walking: Black and Rogaway, CT-RSA 2002).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

ROUNDS = 4


def shuffled(count: int) -> Iterator[int]:
    """Each number below ``count`` once; always the same order."""
    half = max(1, ((count - 1).bit_length() + 1) // 2)
    for number in range(count):
        value = _sent(number, half)
        while value >= count:
            value = _sent(value, half)
        yield value


def _sent(value: int, half: int) -> int:
    left, right = value >> half, value & ((1 << half) - 1)
    for turn in range(ROUNDS):
        mixed = hashlib.blake2b(b"%d %d" % (turn, right), digest_size=8).digest()
        left, right = right, left ^ (int.from_bytes(mixed, "big") & ((1 << half) - 1))
    return left << half | right
