"""The tape: the list of choices that makes a simulated run repeatable.

Every choice is drawn by name. 0 always means "nothing bad happens", so a tape of zeros (or an empty one) is the happy
schedule and a shorter or smaller tape is a simpler run. A tape records what it gave, so any run can be replayed from
``tape.taken`` whatever it was drawn from. A name says what is chosen and, after ": ", for whom, so that a tape can be
read, and one choice changed without moving the others.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from harness.errors import BadInput

VERSION = 1
"""Rises when choices get other names, another order or another meaning: what was recorded before can't be replayed."""
LENGTH = 8000
"""About as many choices as a swap of three members takes; change points of a prioritised schedule fall within."""
JITTER = 0.25
"""The share of a prioritised choice that stays chance: elections in which all have one priority for ever never end."""

_HEAD = re.compile(r"tape/(\d+)")
_SOURCE = re.compile(r"happy|random (?P<seed>\d+)|pct(?P<depth>[1-9]\d?) (?P<of>\d+)")
_TURN = re.compile(r"turn (?P<at>\d+) (?P<seed>\d+)")
_EDIT = re.compile(r"(?P<name>[^;#=]+)#(?P<nth>\d+)=(?P<value>\d+)")


@dataclass(frozen=True, slots=True, order=True)
class Edit:
    """The ``nth`` choice (from 1) called ``name`` is ``value``, whatever would have been drawn."""

    name: str
    nth: int
    value: int

    def __str__(self) -> str:
        return f"{self.name}#{self.nth}={self.value}"


@dataclass(frozen=True, slots=True)
class Turn:
    """After ``at`` choices another seed draws the rest, evenly: the same way up to a point, another one from there."""

    at: int
    seed: int

    def __str__(self) -> str:
        return f"turn {self.at} {self.seed}"


@dataclass(frozen=True, slots=True)
class Source:
    """Where choices come from. ``seed`` None: all are 0. ``depth`` 0: each is drawn evenly. ``depth`` d: each name has
    a priority, and d-1 names lose theirs on the way (PCT: Burckhardt and others, ASPLOS 2010, for delays instead of
    threads). ``turns`` are followed in their order, and ``edits`` change single choices of all that."""

    seed: int | None = None
    depth: int = 0
    edits: tuple[Edit, ...] = ()
    turns: tuple[Turn, ...] = ()

    def __str__(self) -> str:
        """One line that :func:`parse` reads back."""
        drawn = f"pct{self.depth} {self.seed}" if self.depth else f"random {self.seed}"
        base = "happy" if self.seed is None else drawn
        return "; ".join([f"tape/{VERSION}", base, *map(str, self.turns), *map(str, self.edits)])


def parse(text: str) -> Source:
    """Read a tape's text: ``tape/1; happy|random SEED|pctDEPTH SEED; turn AT SEED; NAME#NTH=VALUE; ...``, turns and
    choices as many as there are, on one line or several.

    Raises :class:`BadInput` for a tape of another version, and for what is none.
    """
    head, *parts = [part.strip() for part in re.split(r"[;\n]", text) if part.strip()] or [""]
    version = _HEAD.fullmatch(head)
    if version is None:
        raise BadInput(f"{head[:40]!r} is no tape", todo=f'a tape begins with "tape/{VERSION};"')
    if int(version[1]) != VERSION:
        raise BadInput(
            f"the tape is of version {version[1]}; this ovnswap reads version {VERSION}",
            why="choices had other names or another order, so it would be another run",
            todo="replay it with the ovnswap that recorded it, or search again with this one",
        )
    source = _SOURCE.fullmatch(parts[0]) if parts else None
    if source is None:
        raise BadInput(f"tape: {parts[0] if parts else ''!r} is no source", todo="happy, random SEED or pctDEPTH SEED")
    turns = [Turn(int(found["at"]), int(found["seed"])) for part in parts[1:] if (found := _TURN.fullmatch(part))]
    edits = tuple(_edit(part) for part in parts[1:] if not _TURN.fullmatch(part))
    seed = source["seed"] or source["of"]
    return Source(int(seed) if seed else None, int(source["depth"] or 0), edits, tuple(turns))


def _edit(text: str) -> Edit:
    match = _EDIT.fullmatch(text)
    if match is None or int(match["nth"]) == 0:
        raise BadInput(f"tape: {text!r} is no choice", todo="NAME#NTH=VALUE, NTH from 1")
    return Edit(match["name"].strip(), int(match["nth"]), int(match["value"]))


class Tape:
    """Choices from a list first, then from a source."""

    __slots__ = ("_counts", "_draw", "_edits", "_given", "_turns", "names", "seed", "taken")

    def __init__(
        self,
        given: Sequence[int] = (),
        *,
        seed: int | None = None,
        depth: int = 0,
        edits: Iterable[Edit] = (),
        turns: Iterable[Turn] = (),
        length: int = LENGTH,
    ) -> None:
        """``given`` is used up first; then as :class:`Source` says. ``length`` is how many choices are expected."""
        self._given = given
        self._draw: Callable[[str, int], int] = _zero
        if seed is not None:
            chance = random.Random(seed)
            self._draw = _Priorities(chance, depth, length).draw if depth else _Even(chance).draw
        self._edits = {(edit.name, edit.nth): edit.value for edit in edits}
        self._turns = sorted(turns, key=lambda turn: turn.at, reverse=True)
        self._counts: Counter[str] = Counter()
        self.seed = seed
        self.taken: list[int] = []
        self.names: list[str] = []

    @classmethod
    def of(cls, source: Source) -> Tape:
        return cls(seed=source.seed, depth=source.depth, edits=source.edits, turns=source.turns)

    def choose(self, name: str, n: int) -> int:
        """A choice in ``range(n)`` for the decision called ``name``; a value on the tape beyond ``n`` wraps.

        Raises ValueError if ``n`` is not positive.
        """
        if n <= 0:
            raise ValueError(f"choice {name!r} among {n} possibilities")
        taken = self.taken
        if self._turns and len(taken) >= self._turns[-1].at:
            self._draw = _Even(random.Random(self._turns.pop().seed)).draw
        value = self._given[len(taken)] % n if len(taken) < len(self._given) else self._draw(name, n)
        if self._edits:
            self._counts[name] += 1
            given = self._edits.pop((name, self._counts[name]), None)
            value = value if given is None else given % n
        taken.append(value)
        self.names.append(name)
        return value

    def happy(self, names: Sequence[str]) -> bool:
        """Whether the next choices are all 0 if they are called ``names``, in whatever order; then they are taken."""
        if self._draw is not _zero or self._edits or self._turns or len(self.taken) < len(self._given):
            return False
        self.taken.extend(bytes(len(names)))
        self.names.extend(names)
        return True

    def wander(self, seed: int) -> None:
        """From now on ``seed`` draws evenly."""
        self._draw = _Even(random.Random(seed)).draw

    @property
    def unused(self) -> tuple[str, ...]:
        """Edits whose choice has not come up: they do not fit this run, or it has not got there."""
        return tuple(f"{name}#{nth}" for name, nth in self._edits)

    def deviations(self) -> tuple[Edit, ...]:
        """Every choice so far that is not 0: with these edits the happy schedule is this run."""
        counts: Counter[str] = Counter()
        found = []
        for name, value in zip(self.names, self.taken, strict=True):
            counts[name] += 1
            if value:
                found.append(Edit(name, counts[name], value))
        return tuple(found)


def _zero(name: str, n: int) -> int:
    return 0


class _Even:
    """Each possibility is as likely as the others."""

    __slots__ = ("_random",)

    def __init__(self, chance: random.Random) -> None:
        self._random = chance.random

    def draw(self, name: str, n: int) -> int:
        return int(self._random() * n)


class _Priorities:
    """Some are slow all along, some fast; at a change point whoever chooses next is the slowest from then on."""

    __slots__ = ("_at", "_chance", "_points", "_slowness")

    def __init__(self, chance: random.Random, depth: int, length: int) -> None:
        self._chance = chance
        self._points = sorted((int(chance.random() * length) for _ in range(depth - 1)), reverse=True)
        self._slowness: dict[str, float] = {}
        self._at = 0

    def draw(self, name: str, n: int) -> int:
        slowness = self._slowness.get(name)
        if slowness is None:
            slowness = self._slowness[name] = self._chance.random()
        if self._points and self._at >= self._points[-1]:
            self._points.pop()
            slowness = self._slowness[name] = 1.0
        self._at += 1
        return min(int((slowness * (1 - JITTER) + self._chance.random() * JITTER) * n), n - 1)
