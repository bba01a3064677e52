"""The tape: the list of choices that makes a simulated run repeatable.

Every choice is drawn by name. 0 always means "nothing bad happens", so a tape of zeros (or an empty one) is the happy
schedule and a shorter or smaller tape is a simpler run. A tape records what it gave, so any run can be replayed from
``tape.taken`` whatever it was drawn from.
"""

from __future__ import annotations

import random
from collections.abc import Sequence


class Tape:
    """Choices from a list first, then from a seeded generator, else 0."""

    __slots__ = ("_given", "_random", "seed", "taken")

    def __init__(self, given: Sequence[int] = (), *, seed: int | None = None) -> None:
        """``given`` is used up first; with ``seed`` further choices are pseudo-random, without they are 0."""
        self._given = given
        self._random = None if seed is None else random.Random(seed)
        self.seed = seed
        self.taken: list[int] = []

    def choose(self, name: str, n: int) -> int:
        """A choice in ``range(n)`` for the decision called ``name``; a value on the tape beyond ``n`` wraps.

        Raises ValueError if ``n`` is not positive.
        """
        if n <= 0:
            raise ValueError(f"choice {name!r} among {n} possibilities")
        index = len(self.taken)
        if index < len(self._given):
            value = self._given[index] % n
        elif self._random is not None:
            value = int(self._random.random() * n)
        else:
            value = 0
        self.taken.append(value)
        return value
