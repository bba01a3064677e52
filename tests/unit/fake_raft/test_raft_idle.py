"""What is skipped of a quiet cluster leaves what handling it would have left, to the last field."""

from __future__ import annotations

import random

import pytest
from raft_support import Cluster, Seeded

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Process, Profile
from fake_raft.state import State

TIMES = (
    "now",
    "election_base",
    "election_min",
    "election_at",
    "ping_at",
    "wake",
    "term",
    "role",
    "leader",
    "beats_key",
)


def inside(process: Process) -> list[object]:
    """All that a server has in mind and that time or heartbeats change."""
    s: State = process._state
    peers = [(p.sid, p.last_msg, p.replied, p.next_index, p.match_index) for p in s.peers.values()]
    ends = [(number, end.heard_us, end.tail_us) for number, end in process.ends.items()]
    return [process.alive, *(getattr(s, name) for name in TIMES), peers, ends]


def lived(profile: Profile, seed: int, *, skips: bool) -> tuple[list[object], int]:
    """What was in everybody's mind at many moments of a mostly quiet life, and how many events were handled."""
    script = random.Random(seed)
    cluster = Cluster(profile, Seeded(seed), timer=script.choice((700, 1000, 3000, 5000)))
    cluster.network.skips_idle = skips
    cluster.form(script.choice((2, 3, 5)))
    seen: list[object] = []
    for step in range(60):
        cluster.befall(step, script)
        cluster.run(script.choice((0.0004, 0.3, 1.0, 7.0)) * script.random())
        seen.append([cluster.clock.now, cluster.network.messages, *map(inside, cluster.at.values())])
    return seen, sum(process.events for process in cluster.at.values())


@pytest.mark.parametrize("profile", [OVS_3_1, OVS_3_5, OVS_NEWEST], ids=lambda profile: profile.name)
@pytest.mark.parametrize("seed", range(8))
def test_skipping_leaves_what_handling_leaves(profile: Profile, seed: int) -> None:
    skipped, few = lived(profile, seed, skips=True)
    handled, many = lived(profile, seed, skips=False)
    assert skipped == handled
    assert few < many


@pytest.mark.parametrize("timer", [1000, 5000])
def test_of_a_quiet_cluster_nothing_is_handled(timer: int) -> None:
    """Neither heartbeats, nor the answers, nor their counting by the leader at the end of each election timeout."""
    cluster = Cluster(OVS_3_1, Seeded(1), timer=timer).form(3)
    cluster.run(20)
    before = [process.events for process in cluster.at.values()]
    beats = sum(process.skipped for process in cluster.at.values())
    cluster.run(60)
    assert [process.events for process in cluster.at.values()] == before
    assert sum(process.skipped for process in cluster.at.values()) - beats > 60_000 / (timer / 3) * 4
