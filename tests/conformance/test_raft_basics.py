"""The same operations on real ovsdb-servers and on fake_raft end in the same answers, texts, orders and configurations.

Each scenario writes down what can be compared, the real world first. Case names are those of facts ovsdb-raft 7.1.
Where chance decides between endings, the real one must be among those of the fake.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from installed_roots import Installation
from raft_worlds import FakeWorld, RealWorld, Seeded, World

from harness.cluster import MemberStatus

pytestmark = pytest.mark.usefixtures("real_ovsdb")

Notes = dict[str, object]
PATIENCE = 20.0
"""Seconds, real or virtual, for what has to come."""


OTHER_RUNS = 20
"""Runs of the fake among which the real one must be if it is not the usual one."""


def status(world: World, number: int) -> MemberStatus:
    found = world.status(number)
    assert found is not None, f"s{number} has dropped its database"
    return found


def member(world: World, number: int) -> bool:
    found = world.status(number)
    return found is not None and found.is_member and found.has_leader


def entries(world: World, number: int) -> list[tuple[str, str]]:
    """The configuration in the order in which it is printed."""
    return [(entry.sid4, entry.address) for entry in status(world, number).servers]


def form(world: World, size: int) -> None:
    world.create(1)
    for number in range(2, size + 1):
        world.join(number, 1)
        assert world.until(
            lambda n=number: member(world, n) and len(status(world, 1).servers) == n,  # type: ignore[misc]
            PATIENCE,
        )
    everywhere = range(1, size + 1)
    assert world.until(lambda: all(status(world, n).uncommitted == 0 for n in everywhere), PATIENCE)
    assert world.until(lambda: all(len(status(world, n).servers) == size for n in everywhere), PATIENCE)


def gone(world: World, number: int) -> bool:
    return world.until(lambda: world.status(number) is None, PATIENCE)


def anonymous(world: World, answer: tuple[int, str]) -> tuple[int, str]:
    """Without the cluster's random id."""
    return answer[0], re.sub(r"cluster [0-9a-f]{4}", "cluster CID", answer[1])


def refusal(text: str) -> str:
    """What a server says of a file that it does not open: no prefixes, no record numbers."""
    text = text.replace("\n", " ")
    for known in (r"indicates server has left the cluster.*?new server\)", "server does not belong to cluster"):
        found = re.search(known, text)
        if found:
            return found.group(0)
    return text


def forming(world: World) -> Notes:
    """Three servers: order, logs, terms, and what each one says of the others."""
    form(world, 3)
    notes: Notes = {"order": entries(world, 1), "sets": [sorted(entries(world, n)) for n in (1, 2, 3)]}
    leader = status(world, 1)
    assert leader.is_leader
    for number in (1, 2, 3):
        s = status(world, number)
        notes[f"s{number}"] = (
            *(s.status, s.role, s.term, s.leader, s.vote, s.log_start, s.log_end, s.uncommitted, s.unapplied),
            *(s.election_timer, s.election_reason, s.disconnections, s.election_won_ms is None),
            sorted((c.nickname, c.outgoing, c.connected) for c in s.connections),
        )
    notes["indexes"] = [(e.next_index, e.match_index) for e in leader.servers]
    return notes


def k1(world: World) -> Notes:
    """Kick a follower through the leader and through a follower; its file is refused; a wiped one joins."""
    form(world, 3)
    notes: Notes = {"kick": world.ask(1, "cluster/kick", world.sid(3))}
    notes["gone"] = gone(world, 3)
    notes["then"] = [world.ask(3, "cluster/kick", world.sid(1)), world.ask(3, "cluster/leave")]
    notes["unknown"] = world.ask(3, "cluster/status")
    notes["again"] = world.ask(1, "cluster/kick", world.sid(3))
    notes["left"] = [sorted(entries(world, n)) for n in (1, 2)]
    world.kill(3)
    notes["restart"] = refusal(world.start(3))
    world.join(3, 1, 2)
    notes["back"] = world.until(lambda: member(world, 3) and len(status(world, 1).servers) == 3, PATIENCE)
    world.until(lambda: member(world, 2), PATIENCE)
    notes["by follower"] = world.ask(2, "cluster/kick", world.address(3))
    notes["gone again"] = gone(world, 3)
    notes["term"] = status(world, 1).term
    return notes


def k2(world: World) -> Notes:
    """Of two servers the follower kicks the leader: no transfer, one timeout, then alone."""
    form(world, 2)
    notes: Notes = {"kick": world.ask(2, "cluster/kick", world.sid(1))}
    notes["gone"] = gone(world, 1)
    notes["not yet"] = status(world, 2).role
    notes["leads"] = world.until(lambda: status(world, 2).is_leader, PATIENCE)
    s = status(world, 2)
    notes["end"] = (s.term, s.election_reason, entries(world, 2), s.log_end)
    return notes


def k3(world: World) -> Notes:
    """A dead server is kicked and returns as a zombie, until it leaves."""
    form(world, 3)
    world.write(1, "x", 5)
    world.until(lambda: world.rows(3) == ["x"], PATIENCE)
    world.kill(3)
    notes: Notes = {"kick": world.ask(1, "cluster/kick", world.sid(3)[:8])}
    world.until(lambda: not status(world, 1).uncommitted and len(status(world, 2).servers) == 2, PATIENCE)
    world.start(3)
    notes["zombie"] = world.until(lambda: status(world, 3).status.startswith("disconnected"), PATIENCE)
    notes["its view"] = (status(world, 3).role, sorted(entries(world, 3)))
    world.run(4)
    notes["term grew by"] = min(status(world, 3).term - status(world, 1).term, 2)
    notes["kick"] = world.ask(3, "cluster/kick", world.sid(1))
    notes["stale rows"] = world.rows(3)
    notes["healthy"] = (status(world, 1).role, status(world, 1).term, status(world, 2).leader == world.sid(1)[:4])
    notes["leave"] = world.ask(3, "cluster/leave")
    notes["gone"] = gone(world, 3)
    return notes


def k4(world: World) -> Notes:
    """With one of three dead the other follower is kicked: everything stops."""
    form(world, 3)
    world.kill(3)
    notes: Notes = {"kick": world.ask(1, "cluster/kick", world.sid(2))}
    s = status(world, 1)
    notes["stalled"] = (s.removing, s.uncommitted, sorted(entries(world, 1)), s.role)
    notes["again"] = world.ask(1, "cluster/kick", world.sid(2))
    notes["queue"] = anonymous(world, world.ask(1, "cluster/kick", world.sid(3)))
    notes["its phase"] = sorted((e.sid4, e.phase or "") for e in status(world, 1).servers)
    notes["once more"] = anonymous(world, world.ask(1, "cluster/kick", world.sid(3)))
    notes["out"] = world.until(lambda: all(status(world, n).status.startswith("disc") for n in (1, 2)), PATIENCE)
    notes["phase stays"] = sorted((e.sid4, e.phase or "") for e in status(world, 1).servers)
    notes["kick"] = world.ask(1, "cluster/kick", world.sid(3))
    return notes


def k5(world: World) -> Notes:
    """The only server leaves, by any name."""
    form(world, 1)
    notes: Notes = {"kick": world.ask(1, "cluster/kick", "zzzz")}
    world.run(0.2)
    s = status(world, 1)
    notes["leaving"] = (s.status, s.role, s.leader, s.term)
    notes["twice"] = world.ask(1, "cluster/leave")
    notes["write"] = world.write(1, "x", 4)
    notes["read"] = world.rows(1)
    world.kill(1)
    world.start(1)
    notes["restarted"] = world.until(lambda: status(world, 1).is_leader, PATIENCE)
    notes["led between"] = status(world, 1).term > 2
    return notes


def k6(world: World) -> Notes:
    """The dead one of two is kicked at once."""
    form(world, 2)
    world.kill(2)
    notes: Notes = {"kick": world.ask(1, "cluster/kick", world.sid(2))}
    notes["done"] = world.until(lambda: len(status(world, 1).servers) == 1 and not status(world, 1).uncommitted, 5)
    world.run(2.5)
    s = status(world, 1)
    notes["end"] = (s.role, s.term, s.status, s.log_end)
    return notes


def k6_late(world: World) -> Notes:
    """The dead one of two is kicked when its leader has given up; what else is impossible then."""
    form(world, 2)
    world.kill(2)
    notes: Notes = {"out": world.until(lambda: status(world, 1).status.startswith("disconnected"), PATIENCE)}
    notes["kick"] = world.ask(1, "cluster/kick", world.sid(2))
    notes["timer"] = world.ask(1, "cluster/change-election-timer", "1500")
    world.join(3, 1)
    notes["knows"] = world.until(lambda: len(status(world, 3).remotes) == 2, PATIENCE)
    s = status(world, 3)
    notes["joiner"] = (s.status, sorted(s.remotes), s.term, s.log_end, s.leader, s.vote)
    notes["joiner asked"] = [world.ask(3, "cluster/leave"), world.ask(3, "cluster/kick", world.sid(1))]
    notes["rows"] = world.rows(3)
    return notes


def k8(world: World) -> Notes:
    """One of three is dead and a follower leaves: told that it left, and quorum is gone."""
    form(world, 3)
    world.kill(3)
    notes: Notes = {"leave": world.ask(2, "cluster/leave")}
    notes["then"] = status(world, 2).status
    notes["gone"] = world.until(lambda: world.status(2) is None, 5)
    s = status(world, 1)
    notes["uncommitted"] = (s.uncommitted, len(s.servers), s.removing)
    notes["out"] = world.until(lambda: status(world, 1).status.startswith("disconnected"), PATIENCE)
    return notes


def j5(world: World) -> Notes:
    """A new server at the address of one that is still configured."""
    form(world, 3)
    world.kill(3)
    world.join(3, 1, 2)
    notes: Notes = {"joined": world.until(lambda: member(world, 3) and len(status(world, 1).servers) == 4, PATIENCE)}
    notes["order"] = sorted(entries(world, 1))
    notes["by address"] = world.ask(1, "cluster/kick", world.address(3))
    notes["old"] = world.ask(1, "cluster/kick", world.sid(3, 0))
    notes["healed"] = world.until(lambda: all(len(status(world, n).servers) == 3 for n in (1, 2, 3)), PATIENCE)
    notes["end"] = sorted(entries(world, 2))
    return notes


def leaving(world: World) -> Notes:
    """A follower leaves, then the leader: who leads, and how long that takes in rough terms."""
    form(world, 3)
    notes: Notes = {"prefix": world.ask(1, "cluster/kick", world.sid(2).upper())}
    notes["leave"] = world.ask(2, "cluster/leave")
    notes["gone"] = gone(world, 2)
    notes["leader leaves"] = world.ask(1, "cluster/leave")
    s = status(world, 1)
    notes["leader leaving"] = (s.status, s.role)
    notes["leader gone"] = gone(world, 1)
    s = status(world, 3)
    notes["end"] = (s.role, s.term, s.election_reason, entries(world, 3))
    return notes


def administration(world: World) -> Notes:
    """Compaction, transfer, and the election timer."""
    form(world, 3)
    world.write(2, "x", 5)
    world.until(lambda: all(not status(world, n).uncommitted for n in (1, 2, 3)), PATIENCE)
    notes: Notes = {"compact": world.ask(1, "ovsdb-server/compact")}
    s = status(world, 1)
    notes["compacted"] = (s.role, s.term, s.log_start, s.log_end)
    timer = "cluster/change-election-timer"
    notes["timer"] = [world.ask(1, timer, ms) for ms in ("50", "2001", "1000")] + [world.ask(2, timer, "1500")]
    notes["change"] = world.ask(1, timer, "2000")
    notes["changed"] = world.until(lambda: [status(world, n).election_timer for n in (1, 2, 3)] == [2000] * 3, PATIENCE)
    world.kill(2)
    world.start(2)
    notes["kept"] = status(world, 2).election_timer
    world.until(lambda: member(world, 2), PATIENCE)
    world.run(0.5)
    notes["transfer"] = world.ask(1, "cluster/failure-test", "transfer-leadership")
    notes["moved"] = world.until(lambda: any(status(world, n).is_leader for n in (2, 3)), 1)
    leader = next(n for n in (2, 3) if status(world, n).is_leader)
    s = status(world, leader)
    notes["end"] = (leader, s.term, s.election_reason, s.log_end, world.rows(leader))
    return notes


SCENARIOS = (forming, k1, k2, k3, k4, k5, k6, k6_late, k8, j5, leaving, administration)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_real_and_fake_agree(real: RealWorld, installation: Installation, scenario: Callable[[World], Notes]) -> None:
    expected = scenario(real)
    usual = scenario(FakeWorld(real, installation.version))
    if usual != expected:
        others = (scenario(FakeWorld(real, installation.version, Seeded(seed))) for seed in range(OTHER_RUNS))
        assert expected in others, f"not even among {OTHER_RUNS} others; the usual one is {usual}"
