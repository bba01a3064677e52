"""How fast fake_raft is: ``python bench/raft_events.py [SECONDS [DIRECTORY]]``.

An event is what one server has to react to: a message, a timer, a completed fsync, a client's command, a connection
that comes or goes. A command counts once, however often it is tried; a timer that was cancelled does not count.
``each`` counts events when every one is handled, ``skipping`` also those of idle heartbeats that are skipped (as they
are unless somebody asks for each, see fake_raft/idle.py); ``simulated`` is with skipping. CPU time of one core, the
best of five measurements of SECONDS (default 0.1). simpy, for comparison, does bare timer events and nothing else.
DIRECTORY holds a fake_raft compiled by bench/compile.py.
"""

from __future__ import annotations

import gc
import random
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
if len(sys.argv) > 2:
    sys.path.insert(0, sys.argv[2])

import fake_raft.server
from fake_raft import OVS_3_1, OVS_NEWEST, Disk, Network, Process, Profile, VirtualClock

SECOND = 1_000_000
SIZES = (3, 5, 7)
REPEATS = 5


class Chance:
    """Every choice at random, from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(self, name: str, n: int) -> int:
        return int(self._random.random() * n)


class Cluster:
    """``size`` servers, formed; ``events`` counts what all of them have handled or skipped."""

    def __init__(self, profile: Profile, size: int, seed: int, *, skips: bool) -> None:
        self.chance = Chance(seed)
        self.clock = VirtualClock()
        self.network = Network(self.clock, self.chance)
        self.network.skips_idle = skips
        self.profile = profile
        self.made = 0
        self.past = 0
        self.at: dict[int, Process] = {}
        for number in range(1, size + 1):
            self.add(number)
            self.run(2)

    @property
    def events(self) -> int:
        return self.past + sum(process.events + process.skipped for process in self.at.values())

    def run(self, seconds: float) -> None:
        self.clock.run_until(self.clock.now + round(seconds * SECOND))

    def add(self, number: int) -> None:
        self.made += 1
        sid = f"{self.made * 2654435761 % 2**32:08x}-0000-4000-8000-{self.made:012x}"
        address = f"tcp:10.0.0.{number}:6643"
        others = tuple(f"tcp:10.0.0.{other}:6643" for other in self.at if other != number)
        if others:
            disk = Disk.join_cluster("OVN_Northbound", address, others, sid)
        else:
            disk = Disk.create_cluster("OVN_Northbound", address, sid, "c" * 8)
        self.start(number, disk)

    def start(self, number: int, disk: Disk) -> None:
        process = Process(
            self.clock, self.network, self.chance, self.profile, disk, f"tcp:10.0.0.{number}:6643", name=f"s{number}"
        )
        process.start()
        self.bury(number)
        self.at[number] = process

    def bury(self, number: int) -> None:
        """Forget a dead process, but not what it did."""
        dead = self.at.pop(number, None)
        if dead is not None:
            self.past += dead.events + dead.skipped

    def compact(self) -> None:
        """Keep files short: what is measured is not how fast Python reads lists."""
        for process in self.at.values():
            if process.alive:
                process.compact()

    def leader(self) -> int | None:
        return next((number for number, process in self.at.items() if process.is_leader), None)


def idle(cluster: Cluster) -> None:
    """Heartbeats only."""
    cluster.run(60)


def elections(cluster: Cluster) -> None:
    """Kill the leader, wait for the next, bring it back."""
    number = cluster.leader()
    if number is not None:
        cluster.at[number].kill()
        cluster.run(3)
        cluster.start(number, cluster.at[number].disk)
    cluster.run(3)
    cluster.compact()


def replication(cluster: Cluster) -> None:
    """Writes through every server, one after the other."""
    number = cluster.leader()
    for n in range(50):
        if number is not None:
            cluster.at[number].execute(f"row {n}", lambda committed: None)
        cluster.run(0.02)
    cluster.compact()


def membership(cluster: Cluster) -> None:
    """Kick the last server, wipe it, let it join again."""
    leader, last = cluster.leader(), max(cluster.at)
    if leader is not None and leader != last:
        cluster.at[leader].kick(cluster.at[last].disk.sid)
        cluster.run(0.5)
        cluster.at[last].kill()
        cluster.bury(last)
        cluster.add(last)
    elif leader is not None:
        cluster.at[leader].transfer_leadership()
    cluster.run(1)
    cluster.compact()


def measure(
    work: Callable[[Cluster], None], profile: Profile, size: int, cpu: float, *, skips: bool
) -> tuple[float, float]:
    """(events a second, simulated seconds a second)."""
    cluster = Cluster(profile, size, seed=1, skips=skips)
    work(cluster)
    best = (0.0, 0.0)
    for _ in range(REPEATS):
        gc.collect()
        events, began, start = cluster.events, cluster.clock.now, time.process_time()
        while (spent := time.process_time() - start) < cpu:
            work(cluster)
        best = max(best, ((cluster.events - events) / spent, (cluster.clock.now - began) / SECOND / spent))
    return best


def row(work: Callable[[Cluster], None], profile: Profile, cpu: float) -> None:
    """One line for each size, then what an event costs among many servers, compared with few."""
    each = {}
    for size in SIZES:
        each[size], _ = measure(work, profile, size, cpu, skips=False)
        skipping, speed = measure(work, profile, size, cpu, skips=True)
        print(
            f"{work.__name__:<12} {profile.name:<8} {size:>7} {each[size]:>10,.0f} {skipping:>10,.0f} {speed:>14,.0f}"
        )
    few, many = SIZES[0], SIZES[-1]
    print(f"{'':<12} an event among {many} servers costs {each[few] / each[many]:.2f} of one among {few}")


def bare_clock(cpu: float) -> float:
    """Events a second of fake_raft's clock alone: six timers that start anew."""

    def beat(period: int) -> None:
        clock.post(clock.now + period, beat, period)

    clock = VirtualClock()
    for number in range(6):
        beat(1000 + 100 * number)
    return best_rate(cpu, lambda: clock.run_until(clock.now + SECOND), lambda: clock.events)


def bare_simpy(cpu: float) -> float | None:
    """The same six timers in simpy; None if it is not installed."""
    try:
        import simpy
    except ImportError:
        return None
    done = 0

    def beat(period: float) -> Iterator[object]:
        nonlocal done
        while True:
            yield environment.timeout(period)
            done += 1

    environment = simpy.Environment()
    for number in range(6):
        environment.process(beat(1 + number / 10))
    return best_rate(cpu, lambda: environment.run(until=environment.now + 1000), lambda: done)


def best_rate(cpu: float, work: Callable[[], object], count: Callable[[], int]) -> float:
    best = 0.0
    for _ in range(REPEATS):
        before, start = count(), time.process_time()
        while (spent := time.process_time() - start) < cpu:
            work()
        best = max(best, (count() - before) / spent)
    return best


def main() -> None:
    cpu = float(sys.argv[1]) if len(sys.argv) > 1 else 0.1
    how = "compiled" if str(fake_raft.server.__file__).endswith(".so") else "plain Python"
    print(f"fake_raft, {how}; per second of CPU")
    print(f"{'work':<12} {'release':<8} {'servers':>7} {'each':>10} {'skipping':>10} {'simulated s':>14}")
    for work in (idle, elections, replication, membership):
        for profile in (OVS_3_1, OVS_NEWEST):
            row(work, profile, cpu)
    print(f"{'bare timers':<29} {bare_clock(cpu):>10,.0f}  (fake_raft's clock alone)")
    simpy = bare_simpy(cpu)
    told = f"{simpy:>10,.0f}  (simpy)" if simpy is not None else "simpy is not installed: pip install simpy"
    print(f"{'bare timers':<29} {told}")


if __name__ == "__main__":
    main()
