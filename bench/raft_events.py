"""How fast fake_raft is: ``python bench/raft_events.py [SECONDS]`` (wall seconds for each figure, default 1).

An event is one call of a server's ``handle``: a message, a timer, a completed fsync, a connection that comes or goes.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fake_raft import OVS_3_1, OVS_NEWEST, Disk, Network, Process, Profile, VirtualClock

SECOND = 1_000_000


class Chance:
    """Every choice at random, from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def choose(self, name: str, n: int) -> int:
        return int(self._random.random() * n)


class Cluster:
    """``size`` servers, formed; ``events`` counts what all of them have handled."""

    def __init__(self, profile: Profile, size: int, seed: int) -> None:
        self.chance = Chance(seed)
        self.clock = VirtualClock()
        self.network = Network(self.clock, self.chance)
        self.profile = profile
        self.made = 0
        self.all: list[Process] = []
        self.at: dict[int, Process] = {}
        for number in range(1, size + 1):
            self.add(number)
            self.run(2)

    @property
    def events(self) -> int:
        return sum(process.events for process in self.all)

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
        self.all.append(process)
        self.at[number] = process

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
        cluster.at.pop(last).kill()
        cluster.add(last)
    elif leader is not None:
        cluster.at[leader].transfer_leadership()
    cluster.run(1)
    cluster.compact()


def measure(work: Callable[[Cluster], None], profile: Profile, size: int, wall: float) -> tuple[float, float]:
    """(events a second, simulated seconds a second)."""
    cluster = Cluster(profile, size, seed=1)
    events, began, start = cluster.events, cluster.clock.now, time.perf_counter()
    while (spent := time.perf_counter() - start) < wall:
        work(cluster)
    return (cluster.events - events) / spent, (cluster.clock.now - began) / SECOND / spent


def main() -> None:
    wall = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    print(f"{'work':<12} {'release':<8} {'servers':>7} {'events/s':>10} {'simulated s/s':>14}")
    for work in (idle, elections, replication, membership):
        for profile in (OVS_3_1, OVS_NEWEST):
            for size in (3, 5, 7):
                events, speed = measure(work, profile, size, wall)
                print(f"{work.__name__:<12} {profile.name:<8} {size:>7} {events:>10,.0f} {speed:>14,.0f}")


if __name__ == "__main__":
    main()
