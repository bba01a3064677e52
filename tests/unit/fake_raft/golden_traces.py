"""Recorded runs of fake_raft: a script of random operations for each seed, and the hash of everything it led to.

Whatever makes the model faster must leave these hashes as they are. A mended rule changes some: then record anew with
``PYTHONPATH=.:tests/unit/fake_raft python tests/unit/fake_raft/golden_traces.py`` and say so in the commit.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path

from raft_support import Cluster, host, sid

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Process, StartRefused
from fake_raft.disk import Record

GOLDEN = Path(__file__).with_name("golden_traces.json")
SEEDS = range(54)
PROFILES = (OVS_3_1, OVS_3_5, OVS_NEWEST)


class Notes:
    """A hash of lines, each with the time in microseconds; ``count`` says how many."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.count = 0
        self.now: Callable[[], int] = lambda: 0

    def add(self, *what: object) -> None:
        self.count += 1
        self.digest.update(f"{self.now()} {what}\n".encode())

    def hash(self) -> str:
        return self.digest.hexdigest()[:24]


class NotedChance:
    """Chance from a seed; every choice is noted. ``often`` is how often something else than 0 is chosen."""

    def __init__(self, seed: int, notes: Notes, often: float) -> None:
        self._random = random.Random(seed)
        self._notes = notes
        self._often = often

    def choose(self, name: str, n: int) -> int:
        value = self._random.randrange(n) if self._random.random() < self._often else 0
        self._notes.add("choice", name.partition(": ")[0], n, value)  # what, not for whom
        return value


class Run:
    """One seed's script. ``watched`` looks at every message, which also keeps the model from skipping any."""

    def __init__(self, seed: int, *, watched: bool) -> None:
        self.random = random.Random(1000 + seed)
        self.notes = Notes()
        self.messages = Notes()
        calm = seed % 3 == 0  # a third of all runs has no faults; sizes and releases mix with that
        chance = NotedChance(seed, self.notes, 0.05 if calm else 0.6)
        self.cluster = Cluster(PROFILES[seed // 18 % 3], chance, timer=(1000, 1000, 3000, 700)[seed % 4])
        self.notes.now = self.messages.now = lambda: self.cluster.clock.now
        if watched:
            self.cluster.network.drop = self.saw
        self.size = (3, 3, 5, 1, 4, 7)[seed // 3 % 6]
        self.steps = 40 if calm else 60
        self.faults = not calm

    def saw(self, source: str, target: str, message: object) -> bool:
        self.messages.add(source, target, message)
        return False

    def play(self) -> Run:
        c, r = self.cluster, self.random
        c.create(1)
        c.run(r.random())
        for number in range(2, self.size + 1):
            c.join(number)
            c.run(r.random() * 4)
        operations = (*QUIET, *FAULTS) if self.faults else QUIET
        for step in range(self.steps):
            operation = r.choice(operations)
            number = r.choice(list(c.at))
            self.notes.add(step, operation.__name__, number)
            operation(self, number)
            self.pause()
        self.look("the end")
        return self

    def pause(self) -> None:
        """Let time pass, and look from inside of it and after it."""
        c, r = self.cluster, self.random
        seconds = r.choice((0.0003, 0.0007, 0.05, 0.5, 2.0, 5.0 if self.faults else 20.0)) * r.random()
        for _ in range(r.randrange(3)):
            c.clock.call_later(round(r.random() * seconds * 1_000_000), self.look, "inside")
        if r.random() < 0.2:
            end = c.clock.now + round(seconds * 1_000_000)
            c.clock.run_while(lambda: c.clock.now < end and not c.at[min(c.at)].is_leader, round(seconds * 1_000_000))
        else:
            c.run(seconds)
        self.look("after")

    def look(self, when: str) -> None:
        """Note everything that anybody can see, at this microsecond."""
        self.notes.add(when, self.cluster.network.messages)
        for number, process in self.cluster.at.items():
            self.notes.add(number, *facts_of(process))


def facts_of(process: Process) -> tuple[object, ...]:
    disk = process.disk
    return (
        *(process.alive, process.paused, process.death, process.error, process.is_leader, process.connected),
        *(process.term, process.rows(), process.answers_reads, process.configuration(), process.probe_ms),
        *(process.status(), disk.header, [plain(record) for record in disk.records], disk.synced),
    )


def plain(record: Record) -> tuple[object, ...]:
    """A record without what it does not say, so that a field more does not change old hashes."""
    return (type(record).__name__, *(field for field in record if field is not None))


# -- what people do --------------------------------------------------------------------------------------------


def write(run: Run, number: int) -> None:
    row = f"row {run.random.randrange(10**6)}"
    run.cluster.at[number].execute(row, lambda committed: run.notes.add("answer", row, committed))


def nothing(_run: Run, _number: int) -> None:
    return


def compact(run: Run, number: int) -> None:
    # A joining server crashes when it is compacted, and a small cluster soon has nobody left.
    if run.cluster.at[number].rows() is not None:
        run.notes.add(run.cluster.at[number].compact())


def transfer(run: Run, number: int) -> None:
    run.notes.add(run.cluster.at[number].transfer_leadership())


def change_timer(run: Run, number: int) -> None:
    run.notes.add(run.cluster.at[number].change_election_timer(run.random.choice((500, 1000, 1700, 2500))))


# -- what befalls them -----------------------------------------------------------------------------------------


def kick(run: Run, number: int) -> None:
    victim = run.random.choice(list(run.cluster.at))
    run.notes.add(run.cluster.at[number].kick(sid(victim, run.cluster.lives[victim])))


def leave(run: Run, number: int) -> None:
    run.notes.add(run.cluster.at[number].leave())


def join(run: Run, _number: int) -> None:
    c = run.cluster
    if len(c.at) < 8:
        number = max(c.at) + 1
        c.join(number, *sorted(run.random.sample(list(c.at), min(2, len(c.at)))))


def join_anew(run: Run, number: int) -> None:
    c = run.cluster
    if len(c.at) > 1:
        c.at[number].kill()
        c.run(0.01)
        c.join(number, *(other for other in c.at if other != number))


def kill(run: Run, number: int) -> None:
    run.cluster.at[number].kill()


def leave_politely(run: Run, number: int) -> None:
    run.cluster.at[number].exit()


def start(run: Run, _number: int) -> None:
    for number, process in list(run.cluster.at.items()):
        if not process.alive:
            try:
                run.cluster.start(number)
            except StartRefused as refused:
                run.notes.add(number, str(refused))


def pause(run: Run, number: int) -> None:
    run.cluster.at[number].pause()


def unpause(run: Run, _number: int) -> None:
    for process in list(run.cluster.at.values()):
        process.unpause()


def power_off(run: Run, number: int) -> None:
    run.cluster.network.host_down(host(number))


def power_on(run: Run, _number: int) -> None:
    for number in list(run.cluster.at):
        run.cluster.network.host_up(host(number))
    start(run, 0)


def cut(run: Run, number: int) -> None:
    other = run.random.choice(list(run.cluster.at))
    run.cluster.network.cut(host(number), host(other))


def isolate(run: Run, number: int) -> None:
    run.cluster.isolate(number)


def heal(run: Run, _number: int) -> None:
    run.cluster.network.heal()


QUIET: tuple[Callable[[Run, int], None], ...] = (nothing, nothing, nothing, write, compact, transfer, change_timer)
FAULTS: tuple[Callable[[Run, int], None], ...] = (
    *(kick, leave, join, join_anew, kill, leave_politely, pause, power_off, cut, isolate),
    *(start, start, start, unpause, unpause, power_on, power_on, heal, heal),
)


def record() -> None:
    """Write :data:`GOLDEN`."""
    golden = {}
    for seed in SEEDS:
        run = Run(seed, watched=True).play()
        golden[str(seed)] = [run.notes.hash(), run.messages.hash()]
        print(seed, run.cluster.profile.name, run.size, run.notes.count, run.messages.count)
    GOLDEN.write_text(json.dumps(golden, indent=0) + "\n")


if __name__ == "__main__":
    record()
