"""Whether some run of the model is like a real one: the usual run, or one that is found by other choices.

A tape that agrees for a while is kept up to about there, and goes on otherwise: so races that are decided one after
the other are found one after the other.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from language import Outcome, Script
from play import Player
from worlds.fake import FakeWorld
from worlds.protocol import Names

PAUSES = (0.01, 0.0, 0.001, 0.004, 0.05, 0.2)
"""Seconds that pass between two operations in a run of the model: in the real world some always do."""

TAPES = 150
"""Runs of the model before a difference is called one."""


class Tape:
    """Choices that were made before, then new ones: bold (any), calm (network and disks as usual), or the usual."""

    def __init__(self, given: Sequence[int], seed: int, mood: str) -> None:
        self.given = given
        self.made: list[int] = []
        self._random = random.Random(seed)
        self._mood = mood

    def choose(self, name: str, n: int) -> int:
        at = len(self.made)
        if at < len(self.given):
            choice = self.given[at] % n
        elif self._mood == "usual" or (self._mood == "calm" and name.partition(": ")[0] in ("delay", "fsync")):
            choice = 0
        else:
            choice = self._random.randrange(n)
        self.made.append(choice)
        return choice


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
    """One run of the model: how many operations agree, where in the tape each began, and what came instead."""

    agreed: int
    marks: list[int]
    made: list[int]
    instead: str


def attempt(names: Names, release: str, script: Script, real: Outcome, tape: Tape) -> Attempt:
    """Stops at the first reply that is another."""
    world = FakeWorld(names, release, tape)
    player = Player(world)
    marks = []
    for place, operation in enumerate(script):
        marks.append(len(tape.made))
        world.run(PAUSES[tape.choose("pause", len(PAUSES))])
        reply = player.do(operation)
        if reply != real.replies[place]:
            return Attempt(place, marks, tape.made, repr(reply))
    views = player.views()
    marks.append(len(tape.made))
    if views == real.servers:
        return Attempt(len(script) + 1, marks, tape.made, "")
    other = [f"{name} {view}" for (name, view), (_, seen) in zip(views, real.servers, strict=True) if view != seen]
    return Attempt(len(script), marks, tape.made, "; ".join(other))


def difference(names: Names, release: str, script: Script, real: Outcome, tapes: int = TAPES) -> Difference | None:
    """None if a run of the model is like the real one."""
    chance = random.Random(len(script))
    best = attempt(names, release, script, real, Tape((), 0, "usual"))
    instead = {best.instead: None}
    for seed in range(tapes):
        if best.agreed > len(script):
            return None
        back = min(len(best.marks) - 1, int(chance.expovariate(0.4)))
        given = best.made[: best.marks[-1 - back]] if seed % 4 else ()
        tape = Tape(given, seed, "calm" if seed % 3 else "bold")
        found = attempt(names, release, script, real, tape)
        if found.agreed > best.agreed:
            best, instead = found, {found.instead: None}
        elif found.agreed == best.agreed:
            instead[found.instead] = None
    if best.agreed > len(script):
        return None
    mine = repr(real.replies[best.agreed]) if best.agreed < len(script) else str(real.servers)
    return Difference(best.agreed, mine, tuple(instead)[:6], tapes + 1)
