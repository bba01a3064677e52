"""A small cluster of fake servers for tests: s1, s2, ... at 10.0.0.1, 10.0.0.2, ... with memorable ids."""

from __future__ import annotations

import random
from collections.abc import Callable

from fake_raft import Disk, Network, Process, Profile, ServerStatus, VirtualClock

SECOND = 1_000_000
CID = "c1c1c1c1-0000-4000-8000-000000000000"
DATABASE = "OVN_Northbound"


class Zeros:
    """Nothing bad happens."""

    def choose(self, name: str, n: int) -> int:
        return 0


class Seeded:
    """Chance, repeatable. ``only`` limits it to some choices."""

    def __init__(self, seed: int, only: tuple[str, ...] = ()) -> None:
        self._random = random.Random(seed)
        self._only = only

    def choose(self, name: str, n: int) -> int:
        return self._random.randrange(n) if not self._only or name.partition(": ")[0] in self._only else 0


def sid(number: int, life: int = 1) -> str:
    """``1a1a..`` for the first life of s1, ``1b1b..`` for its second."""
    return f"{number:x}{9 + life:x}" * 4 + "-0000-4000-8000-000000000000"


def host(number: int) -> str:
    return f"10.0.0.{number}"


def address(number: int) -> str:
    return f"tcp:{host(number)}:6643"


class Cluster:
    """Servers by number. ``disks`` is what lies in each one's directory."""

    def __init__(self, profile: Profile, choices: object | None = None, timer: int = 1000) -> None:
        self.choices = choices if choices is not None else Zeros()
        self.clock = VirtualClock()
        self.network = Network(self.clock, self.choices)  # type: ignore[arg-type]
        self.profile = profile
        self.timer = timer
        self.disks: dict[int, Disk] = {}
        self.at: dict[int, Process] = {}
        self.lives: dict[int, int] = {}
        self.acknowledged: list[str] = []

    # -- making --------------------------------------------------------------------------------------------------

    def create(self, number: int = 1, cid: str = CID) -> Process:
        self.lives[number] = self.lives.get(number, 0) + 1
        timer = None if self.timer == 1000 else self.timer
        self.disks[number] = Disk.create_cluster(
            DATABASE, address(number), sid(number, self.lives[number]), cid, election_timer_ms=timer, data=("base",)
        )
        return self.start(number)

    def join_file(self, number: int, *via: int, cid: str | None = None, name: str = DATABASE) -> Disk:
        self.lives[number] = self.lives.get(number, 0) + 1
        remotes = tuple(address(other) for other in via or (1,))
        disk = Disk.join_cluster(name, address(number), remotes, sid(number, self.lives[number]), cid)
        self.disks[number] = disk
        return disk

    def join(self, number: int, *via: int, cid: str | None = None) -> Process:
        self.join_file(number, *via, cid=cid)
        return self.start(number)

    def start(self, number: int) -> Process:
        process = Process(
            self.clock,
            self.network,
            self.choices,  # type: ignore[arg-type]
            self.profile,
            self.disks[number],
            address(number),
            name=f"s{number}",
        )
        process.start()
        self.at[number] = process
        return process

    def form(self, size: int) -> Cluster:
        """s1 leads, the others joined one by one; everything is committed everywhere."""
        self.create(1)
        for number in range(2, size + 1):
            self.join(number)
            assert self.until(lambda n=number: self.member(n), 5), f"s{number} did not join"  # type: ignore[misc]
        self.run(2)
        assert [self.status(n).status for n in range(1, size + 1)] == ["cluster member"] * size
        return self

    def befall(self, step: int, script: random.Random) -> None:
        """Of every twenty steps the 8th kills a server, and the 14th starts whoever is down."""
        if step % 20 == 7:
            script.choice(list(self.at.values())).kill()
        if step % 20 == 13:
            for number in [number for number, process in self.at.items() if not process.alive]:
                self.start(number)

    # -- time ------------------------------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        self.clock.run_until(self.clock.now + round(seconds * SECOND))

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        return self.clock.run_while(lambda: not condition(), round(seconds * SECOND))

    # -- looking -----------------------------------------------------------------------------------------------------

    def status(self, number: int) -> ServerStatus:
        status = self.at[number].status()
        assert status is not None, f"s{number}: {self.at[number].error}"
        return status

    def member(self, number: int) -> bool:
        return self.status(number).status == "cluster member"

    def role(self, number: int) -> str:
        return self.status(number).role

    def leaders(self) -> list[int]:
        return [number for number, process in self.at.items() if process.is_leader]

    def leader(self) -> int:
        (number,) = self.leaders()
        return number

    def members(self, number: int) -> list[int]:
        """The servers of the configuration that s``number`` knows, by the last digit of their address."""
        known = self.at[number].configuration().values()
        return sorted(int(a.split(":")[1].rpartition(".")[2]) for a in known)

    def rows(self, number: int) -> tuple[str, ...] | None:
        return self.at[number].rows()

    # -- doing ---------------------------------------------------------------------------------------------------------

    def isolate(self, number: int) -> None:
        for other in range(1, 10):
            if other != number:
                self.split([number], [other])

    def split(self, side: list[int], other: list[int]) -> None:
        for a in side:
            for b in other:
                self.network.cut(host(a), host(b))
                self.network.cut(host(b), host(a))

    def write(self, number: int, data: str) -> list[bool | None]:
        """Through s``number``; the list gets the answer when there is one."""
        answers: list[bool | None] = []

        def done(committed: bool | None) -> None:
            answers.append(committed)
            if committed:
                self.acknowledged.append(data)

        self.at[number].execute(data, done)
        return answers

    def wrote(self, number: int, data: str, seconds: float = 5) -> bool:
        answers = self.write(number, data)
        self.until(lambda: bool(answers), seconds)
        return answers == [True]
