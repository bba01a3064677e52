"""What the proof of membership changes finds, done by servers: every action of a story, in order, on the modelled raft.

Messages that the story does not have are lost: who is not handed entries is cut off, who does not vote is not asked.
"""

from __future__ import annotations

from functools import cache

import pytest
from raft_support import Cluster, Seeded, address, sid

from fake_raft import OVS_3_1, OVS_3_5, OVS_NEWEST, Profile
from fake_raft.messages import (
    AddServer,
    AddServerReply,
    AppendReply,
    AppendRequest,
    Hello,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    VoteReply,
    VoteRequest,
)
from harness.search.configuration_model import Bounds, Kind, Property
from harness.search.configuration_story import Action
from harness.search.configurations import OVSDB, Violation, explore

each_release = pytest.mark.parametrize("profile", [OVS_3_1, OVS_3_5, OVS_NEWEST], ids=lambda p: p.name)
NUMBER = {address(number): number for number in range(1, 8)}
ENTRIES = (AppendRequest, AppendReply, InstallSnapshot, InstallSnapshotReply, AddServer, AddServerReply)
TIMER = 5000


class Stage:
    """A cluster on which only that happens which a story says; ``wires`` are the pairs that may talk of entries."""

    def __init__(self, profile: Profile, members: int, seed: int) -> None:
        self.cluster = Cluster(profile, Seeded(seed, ("election jitter",)), timer=TIMER).form(members)
        self.wires: set[frozenset[int]] = set()
        self.poll: tuple[int, frozenset[int]] = (0, frozenset())
        self.cluster.network.drop = self._lost

    def _lost(self, source: str, target: str, message: Message) -> bool:
        pair = NUMBER[source], NUMBER[target]
        candidate, voters = self.poll
        if isinstance(message, VoteRequest):
            # Those of the voters too: they tell the candidate of higher terms.
            return candidate not in pair or not {*pair} <= voters
        if isinstance(message, VoteReply):
            return pair[1] != candidate or pair[0] not in voters
        if isinstance(message, ENTRIES):
            return frozenset(pair) not in self.wires
        return not isinstance(message, Hello)

    def act(self, action: Action) -> bool:
        """Whether it came about: elections are a matter of time-outs."""
        acts = {Kind.ELECT: self.elect, Kind.CHANGE: self.change, Kind.HAND: self.hand, Kind.COMMIT: self.commit}
        return acts[action.kind](action)

    def elect(self, action: Action) -> bool:
        number, voters = action.server + 1, frozenset(server + 1 for server in action.servers)
        self.wires = {wire for wire in self.wires if not wire & voters}
        if not self.cluster.until(lambda: not voters & {*self.cluster.leaders()}, 20):
            return False
        self.poll = number, voters
        elected = self.cluster.until(lambda: number in self.cluster.leaders(), 120)
        self.poll = 0, frozenset()
        return elected

    def change(self, action: Action) -> bool:
        leader, (other,) = action.server + 1, action.servers
        self.wires = {wire for wire in self.wires if leader not in wire}
        if other not in action.members:
            return self.cluster.at[leader].kick(sid(other + 1)).text == "started removal"
        wire = frozenset((leader, other + 1))
        self.wires.add(wire)
        self.cluster.join(other + 1, leader)
        added = self.cluster.until(lambda: other + 1 in self.cluster.members(leader), 10)
        self.wires.remove(wire)
        return added

    def hand(self, action: Action) -> bool:
        leader, server = action.server + 1, action.servers[0] + 1
        self.wires.add(frozenset((leader, server)))
        return self.cluster.until(
            lambda: self.cluster.status(server).log_end == self.cluster.status(leader).log_end, 10
        )

    def commit(self, action: Action) -> bool:
        leader = action.server + 1
        committed = self.cluster.until(lambda: self.cluster.status(leader).uncommitted == 0, 10)
        self.cluster.run(0.1)
        return committed and self.cluster.members(leader) == [member + 1 for member in action.members]


@cache
def story(members: int, spares: int, changes: int) -> Violation:
    """How two leaders come to commit side by side."""
    found = explore(OVSDB, Bounds(members, spares, changes=changes), (Property.STATE_MACHINE,))
    assert isinstance(found, Violation)
    return found


@each_release
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("members", "spares", "changes"), [(4, 0, 2), (3, 1, 3)], ids=["4", "3+1"])
def test_servers_do_what_the_shortest_story_says(
    profile: Profile, members: int, spares: int, changes: int, seed: int
) -> None:
    """Two leaders acknowledge writes at one time; when all is healed, no server has what both have acknowledged."""
    found = story(members, spares, changes)
    stage = Stage(profile, members, seed)
    cluster = stage.cluster
    ungated = 0
    for action in found.actions:
        if action.kind is Kind.CHANGE:
            ungated += cluster.status(action.server + 1).uncommitted > 0
        assert stage.act(action), action.text
    assert ungated, "with nothing uncommitted before each change, this does not happen"
    first, second = sorted({action.server + 1 for action in found.actions if action.kind is Kind.COMMIT})
    assert sorted(cluster.leaders()) == [first, second]
    assert cluster.wrote(first, "ACKED_BY_ONE", 1)
    assert cluster.wrote(second, "ACKED_BY_OTHER", 1)
    cluster.network.drop = None
    cluster.run(60)
    written = [{entry.data for entry in process.disk.log().values()} for process in cluster.at.values()]
    assert any("ACKED_BY_ONE" in rows or "ACKED_BY_OTHER" in rows for rows in written)
    assert not any({"ACKED_BY_ONE", "ACKED_BY_OTHER"} <= rows for rows in written)
