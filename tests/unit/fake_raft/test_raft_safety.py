"""Raft's own promises, under crashes, power loss, partitions and any delays, without membership changes."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from raft_support import Cluster, Seeded, host

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Process, Profile
from fake_raft.disk import LeaderRecord

PROFILES = (OVS_3_1, OVS_3_5, OVS_NEWEST)


class Watched:
    """A cluster, and what it must never contradict."""

    def __init__(self, profile: Profile, seed: int, size: int) -> None:
        self.cluster = Cluster(profile, Seeded(seed)).form(size)
        self.size = size
        self.chance = random.Random(seed)
        self.leaders: dict[int, str] = {}
        self.applied: dict[int, str] = {}
        self.down: list[int] = []
        self.written = 0
        for process in self.cluster.at.values():
            process.on_applied.append(self.apply)

    def apply(self, process: Process, index: int, data: str) -> None:
        """State machine safety: one index, one command, on all servers and for ever."""
        assert self.applied.setdefault(index, data) == data

    def look(self) -> None:
        """Election safety: one leader a term, for ever; log matching between all files."""
        for disk in self.cluster.disks.values():
            for record in disk.records:
                if isinstance(record, LeaderRecord):
                    assert self.leaders.setdefault(record.term, record.sid) == record.sid
        logs = [disk.log() for disk in self.cluster.disks.values()]
        for first in logs:
            for second in logs:
                same = [i for i in first if i in second and first[i].term == second[i].term]
                for index in range(min(first, default=0), max(same, default=-1) + 1):
                    if index in first and index in second:
                        assert first[index] == second[index]

    def hurt(self) -> None:
        """One fault, or its end, or a write."""
        cluster, number = self.cluster, self.chance.randint(1, self.size)
        action = self.chance.randrange(8)
        if action <= 1:
            if number not in self.down:
                self.written += 1
                cluster.write(number, f"w{self.written}")
        elif action == 2 and number not in self.down:
            cluster.at[number].kill()
            self.down.append(number)
        elif action == 3 and number not in self.down:
            cluster.network.host_down(host(number))
            self.down.append(number)
        elif action == 4:
            self.restart()
        elif action == 5:
            cluster.isolate(number)
        elif action == 6 and number not in self.down:
            (cluster.at[number].unpause if cluster.at[number].paused else cluster.at[number].pause)()
        else:
            cluster.network.heal()

    def restart(self) -> None:
        if self.down:
            number = self.down.pop(self.chance.randrange(len(self.down)))
            self.cluster.network.host_up(host(number))
            self.cluster.start(number).on_applied.append(self.apply)

    def calm(self) -> None:
        while self.down:
            self.restart()
        self.cluster.network.heal()
        for process in self.cluster.at.values():
            process.unpause()


@pytest.mark.parametrize("profile", PROFILES, ids=lambda p: p.name)
@settings(max_examples=15)
@given(seed=st.integers(0, 10**9), size=st.sampled_from((3, 4, 5)))
def test_no_schedule_breaks_a_fixed_configuration(profile: Profile, seed: int, size: int) -> None:
    watched = Watched(profile, seed, size)
    cluster = watched.cluster
    for _ in range(40):
        watched.hurt()
        cluster.run(watched.chance.choice((0.0, 0.001, 0.01, 0.3, 2.0)))
        watched.look()
    watched.calm()
    assert cluster.until(lambda: len(cluster.leaders()) == 1 and cluster.at[cluster.leader()].connected, 90)
    assert cluster.wrote(cluster.leader(), "last", 30)
    cluster.run(15)
    watched.look()
    served = [set(cluster.rows(n) or ()) for n in range(1, size + 1)]
    assert all(set(cluster.acknowledged) <= rows for rows in served)
    assert len({cluster.rows(n) for n in range(1, size + 1)}) == 1
