"""A write whose way is skipped leaves what one that goes the long way leaves, to the last record."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from raft_support import Cluster
from test_raft_idle import inside

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Process, Profile
from fake_raft.journal import Journal


class Zeros:
    """All choices are 0. ``taken`` counts them."""

    def __init__(self) -> None:
        self.taken = 0

    def choose(self, name: str, n: int) -> int:
        self.taken += 1
        return 0


class Foreseen(Zeros):
    def happy(self, names: Sequence[str]) -> bool:
        self.taken += len(names)
        return True


def written(process: Process) -> list[object]:
    """What is in memory and in the file."""
    s, disk = process._state, process.disk
    memory = (s.log.end, s.commit, s.applied, s.applied_eid, s.log_synced, list(s.rows), s.ticket, s.beats, s.beat)
    return [*inside(process), memory, s.beat_reply, list(disk.records), disk.synced, process.rows(), process.index]


def lived(profile: Profile, seed: int, choices: Zeros) -> tuple[list[object], int]:
    """What was there at many moments of a life with writes, kills and starts, and how many events were handled."""
    script = random.Random(seed)
    cluster = Cluster(profile, choices, timer=script.choice((1000, 3000)))
    cluster.form(script.choice((2, 3, 5)))
    journal: Journal = []
    seen: list[object] = []

    def write(number: int) -> None:
        leader = next((p for p in cluster.at.values() if p.is_leader), None)
        cluster.clock.call_later(script.randrange(700_000, 1_400_000), write, number + 1)
        if leader is not None:
            answered = lambda done: seen.append((number, done, cluster.clock.now))  # noqa: E731
            leader.execute(f"m{number}", answered, last=True)

    for process in cluster.at.values():
        process.journal = journal
    cluster.clock.call_later(100_000, write, 1)
    for step in range(50):
        cluster.befall(step, script)
        cluster.run(3.0 * script.random())
        seen.append([cluster.clock.now, choices.taken, cluster.network.messages, *map(written, cluster.at.values())])
    seen.append([(at, process.name, what) for at, process, what in journal])
    return seen, sum(process.events for process in cluster.at.values())


@pytest.mark.parametrize("profile", [OVS_3_1, OVS_3_5, OVS_NEWEST], ids=lambda profile: profile.name)
@pytest.mark.parametrize("seed", range(4))
def test_a_skipped_way_leaves_what_the_long_one_leaves(profile: Profile, seed: int) -> None:
    skipped, few = lived(profile, seed, Foreseen())
    handled, many = lived(profile, seed, Zeros())
    assert skipped == handled
    assert few < many / 2
