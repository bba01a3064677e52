"""Whether some run of the model is like a real one: the usual run, or one that is found by other choices.

A tape that agrees for a while is kept up to about there, and goes on otherwise: so races that are decided one after
the other are found one after the other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from language import Outcome, Script, Views
from play import Player
from worlds.fake import FakeWorld
from worlds.protocol import Names

PAUSES = (0.01, 0.0, 0.001, 0.002, 0.003, 0.004, 0.006, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
"""Seconds that pass between two operations in a run of the model: in the real world some always do, and on a busy
machine the start of a process takes seconds."""

SHORT = PAUSES[:4]

TAPES = 1000
"""Runs of the model before a difference is called one."""

RARELY = 0.15
"""How often the mood "rare" makes another choice than the usual one."""


class Tape:
    """Choices that were made before, then new ones: bold (any), calm (network and disks as usual), prompt (calm, with
    the shortest pauses), rare (the usual one most often), or the usual."""

    def __init__(self, given: Sequence[int], seed: int, mood: str) -> None:
        self.given = given
        self.made: list[int] = []
        self._random = random.Random(seed)
        self._mood = mood

    def choose(self, name: str, n: int) -> int:
        at = len(self.made)
        if at < len(self.given):
            choice = self.given[at] % n
        elif self._usual(name):
            choice = 0
        elif self._mood == "prompt" and name == "pause":
            choice = self._random.randrange(len(SHORT))
        else:
            choice = self._random.randrange(n)
        self.made.append(choice)
        return choice

    def _usual(self, name: str) -> bool:
        if self._mood == "rare":
            return self._random.random() > RARELY
        return self._mood == "usual" or name.partition(": ")[0] in AS_USUAL.get(self._mood, ())


AS_USUAL = {"calm": ("delay", "fsync"), "prompt": ("delay", "fsync")}
MOODS = ("bold", "calm", "prompt", "calm", "prompt", "rare")


@dataclass(frozen=True, slots=True)
class Difference:
    """The operation up to which a run of the model agrees best (the number of operations: all but the end), and both
    sides there."""

    place: int
    real: str
    fake: tuple[str, ...]
    tapes: int

    def __str__(self) -> str:
        return f"operation {self.place}: real {self.real}, fake {' | '.join(self.fake)} ({self.tapes} runs)"


@dataclass(slots=True)
class Attempt:
    """One run of the model: how many operations agree (and, where views differ, how many servers' views do), where in
    the tape each operation began, what came instead, and of what."""

    agreed: tuple[int, int]
    marks: list[int]
    made: list[int]
    instead: str
    real: str


def attempt(names: Names, release: str, script: Script, real: Outcome, tape: Tape) -> Attempt:
    """Stops at the first reply, or the first view of settled servers, that is another."""
    world = FakeWorld(names, release, tape)
    player = Player(world)
    marks: list[int] = []
    settled = dict(real.settled)
    for place, operation in enumerate(script):
        marks.append(len(tape.made))
        world.run(PAUSES[tape.choose("pause", len(PAUSES))])
        reply, theirs = player.do(operation), real.replies[place]
        if reply != theirs:
            return Attempt((place, 0), marks, tape.made, repr(reply), repr(theirs))
        if place in settled and player.settled is not None and player.settled != settled[place]:
            return differing(place, player.settled, settled[place], marks, tape)
    views = player.views()
    marks.append(len(tape.made))
    if views != real.servers:
        return differing(len(script), views, real.servers, marks, tape)
    return Attempt((len(script) + 1, 0), marks, tape.made, "", "")


def differing(place: int, views: Views, real: Views, marks: list[int], tape: Tape) -> Attempt:
    return Attempt((place, alike(views, real)), marks, tape.made, other(views, real), other(real, views))


def alike(views: Views, real: Views) -> int:
    return sum(mine == theirs for mine, theirs in zip(views, real, strict=True))


def other(views: Views, real: Views) -> str:
    """Those of ``views`` that the real ones are not."""
    return "; ".join(f"{name} {view}" for (name, view), (_, seen) in zip(views, real, strict=True) if view != seen)


def difference(names: Names, release: str, script: Script, real: Outcome, tapes: int = TAPES) -> Difference | None:
    """None if a run of the model is like the real one."""
    chance = random.Random(len(script))
    end = (len(script) + 1, 0)
    best = attempt(names, release, script, real, Tape((), 0, "usual"))
    instead = {best.instead: None}
    for seed in range(tapes):
        if best.agreed == end:
            return None
        found = attempt(names, release, script, real, Tape(prefix(best, chance), seed, MOODS[seed % len(MOODS)]))
        if found.agreed > best.agreed:
            best, instead = found, {found.instead: None}
        elif found.agreed == best.agreed:
            best = found  # as good, and somewhere else: another place to go on from
            instead[found.instead] = None
    if best.agreed == end:
        return None
    return Difference(best.agreed[0], best.real, tuple(instead)[:6], tapes + 1)


def prefix(best: Attempt, chance: random.Random) -> Sequence[int]:
    """How much of the best tape is kept: up to an operation shortly before the one that differs, or to some choice
    between; sometimes up to any, or nothing, as what differs may have been decided long before."""
    way = chance.random()
    if way < 0.1:
        return ()
    back = chance.randrange(len(best.marks)) if way < 0.3 else min(len(best.marks) - 1, int(chance.expovariate(0.4)))
    mark = best.marks[-1 - back]
    return best.made[: mark if chance.random() < 0.5 else chance.randint(mark, len(best.made))]
