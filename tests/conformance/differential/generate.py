"""Random scripts: a cluster is formed, and then whatever people and machines may do to it happens."""

from __future__ import annotations

import random
from collections.abc import Callable

from language import (
    Bridge,
    ChangeTimer,
    Compact,
    Copy,
    Create,
    Exit,
    FailureTest,
    Heal,
    Join,
    Kick,
    Kill,
    Leave,
    OneWay,
    Operation,
    Partition,
    Pause,
    Read,
    Restore,
    RestoreJoinFile,
    Resume,
    Script,
    Start,
    Stop,
    Until,
    Wait,
    Wipe,
    Write,
)

TIMER = 500
"""Election timer (ms): half the usual one, so that twice as many scripts are played in a minute."""

SETTLE = Wait(quiet=2.2, limit=12.0)
END = Wait(quiet=4.2, limit=30.0)
"""Longer than a leader keeps its role without a majority, and than any election that can succeed takes."""

MOST = 5
SETTLES = 0.65
"""How often everything settles before the next operation; the rest are races."""


class Writer:
    """Writes one script; remembers roughly who is there, so that most operations make sense."""

    def __init__(self, seed: int, *, cuts: bool) -> None:
        self.random = random.Random(seed)
        self.cuts = cuts
        self.size = self.random.choice((1, 2, 3, 3, 3, 3, 4, 5))
        self.known = list(range(1, self.size + 1))
        self.up = list(self.known)
        self.paused: list[int] = []
        self.copies: list[int] = []
        self.cut = False
        self.delayed: list[int] = []
        self.rows = 0
        self.steps: list[Operation] = []

    def script(self) -> Script:
        self.steps = [Create(1, TIMER), Until("leads", (1,))]
        for number in range(2, self.size + 1):
            self.steps += [Join(number, (1,)), Until("formed", tuple(range(1, number + 1)))]
        for _ in range(self.random.randint(3, 7)):
            self.random.choices(ACTIONS, WEIGHTS)[0](self)
            if self.random.random() < SETTLES:
                self.steps.append(SETTLE)
        for number in self.paused:
            self.steps.append(Resume(number))
        if self.cut:
            self.steps.append(Heal())
        self.steps.append(END)
        return tuple(self.steps)

    def any(self) -> int:
        """Somebody, most often one who is there."""
        return self.random.choice(self.up if self.up and self.random.random() < 0.85 else self.known)

    def down(self, number: int) -> None:
        for there in (self.up, self.paused):
            if number in there:
                there.remove(number)

    # -- what may happen ----------------------------------------------------------------------------------------------

    def write(self) -> None:
        self.rows += 1
        self.steps.append(Write(self.any(), f"r{self.rows}", 2.0))

    def read(self) -> None:
        self.steps.append(Read(self.any()))

    def kill(self) -> None:
        number = self.any()
        self.down(number)
        self.steps.append(self.random.choice((Kill, Kill, Stop, Exit))(number))

    def start(self) -> None:
        absent = [number for number in self.known if number not in self.up and number not in self.paused]
        if absent:
            number = self.random.choice(absent)
            self.up.append(number)
            self.steps.append(Start(number))

    def pause(self) -> None:
        if self.paused:
            number = self.paused.pop(0)
            self.up.append(number)
            self.steps.append(Resume(number))
        elif len(self.up) > 1:
            number = self.random.choice(self.up)
            self.down(number)
            self.paused.append(number)
            self.steps.append(Pause(number))

    def kick(self) -> None:
        target = self.random.choice(self.known)
        by = self.random.choice(("id", "id", "prefix", "address", "ID", "garbage"))
        life = 0 if self.random.random() < 0.1 else -1
        self.steps.append(Kick(self.any(), target, by, life))

    def leave(self) -> None:
        self.steps.append(Leave(self.any()))

    def join(self) -> None:
        free = [number for number in range(1, MOST + 1) if number not in self.known]
        if free and self.up:
            via = self.random.sample(self.up, min(len(self.up), self.random.choice((1, 1, 2))))
            self.known.append(free[0])
            self.up.append(free[0])
            self.steps.append(Join(free[0], tuple(via)))

    def wipe(self) -> None:
        number = self.any()
        others = [other for other in self.up if other != number]
        self.down(number)
        self.steps.append(Wipe(number))
        if others:
            self.up.append(number)
            self.steps.append(Join(number, (self.random.choice(others),)))

    def create_again(self) -> None:
        """A member makes a cluster of its own, as start scripts do that don't see their file."""
        number = self.any()
        self.down(number)
        self.up.append(number)
        self.steps.append(Create(number, TIMER))

    def copy(self) -> None:
        if not self.copies:
            self.copies.append(self.random.choice(self.known))
            self.steps.append(Copy(self.copies[0]))
            return
        number = self.copies.pop()
        self.back(Restore(number), number)

    def restore_join_file(self) -> None:
        if len(self.known) > 1:
            number = self.random.choice([number for number in self.known if number != 1])
            self.back(RestoreJoinFile(number), number)

    def back(self, restore: Operation, number: int) -> None:
        self.down(number)
        self.up.append(number)
        self.steps += [restore, Start(number)]

    def timer(self) -> None:
        self.steps.append(ChangeTimer(self.any(), self.random.choice((300, 500, 800, 1500))))

    def compact(self) -> None:
        self.steps.append(Compact(self.any()))

    def transfer(self) -> None:
        self.steps.append(FailureTest(self.any(), "transfer-leadership"))

    def delay_election(self) -> None:
        if self.delayed:
            self.steps.append(FailureTest(self.delayed.pop(), "clear"))
        else:
            self.delayed.append(self.any())
            self.steps.append(FailureTest(self.delayed[0], "delay-election"))

    def cut_off(self) -> None:
        """A partition, full, one-way or with a bridge; or the end of it."""
        if not self.cuts or len(self.known) < 2:
            return
        if self.cut:
            self.steps.append(Heal())
        else:
            order = self.random.sample(self.known, len(self.known))
            middle = self.random.randint(1, len(order) - 1)
            left, right = tuple(order[:middle]), tuple(order[middle:])
            kinds: list[Operation] = [Partition((left, right)), OneWay(order[0], order[1])]
            if len(order) > 2:
                kinds.append(Bridge(left[:1], right[:-1] or right))
            self.steps.append(self.random.choice(kinds))
        self.cut = not self.cut


FREQUENCIES: dict[Callable[[Writer], None], int] = {
    Writer.write: 4,
    Writer.read: 1,
    Writer.kill: 5,
    Writer.start: 4,
    Writer.pause: 2,
    Writer.kick: 5,
    Writer.leave: 2,
    Writer.join: 3,
    Writer.wipe: 1,
    Writer.copy: 3,
    Writer.restore_join_file: 1,
    Writer.timer: 1,
    Writer.compact: 2,
    Writer.transfer: 1,
    Writer.create_again: 1,
    Writer.delay_election: 1,
    Writer.cut_off: 4,
}
ACTIONS = tuple(FREQUENCIES)
WEIGHTS = tuple(FREQUENCIES.values())


def generate(seed: int, *, cuts: bool) -> Script:
    """The script of a seed. ``cuts``: with partitions, in every second script."""
    return Writer(seed, cuts=cuts and seed % 2 == 0).script()


def needs_filters(script: Script) -> bool:
    return any(isinstance(operation, Partition | OneWay | Bridge) for operation in script)
