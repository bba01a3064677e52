"""What the modelled families of releases do differently, as scenarios whose notes differ (facts: ovsdb-raft 8, 11).

A scenario runs on a real or a modelled world and writes down what it sees. ``DIFFERENCES`` says what each family may
show: one ending, or several where chance decides.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from raft_worlds import World
from test_raft_basics import PATIENCE, Notes, entries, form, member, status

from harness.cluster import MemberStatus

Scenario = Callable[[World], Notes]

LONG = 60.0
"""Seconds for what several lost elections may delay."""


def out(world: World, number: int) -> bool:
    return status(world, number).status.startswith("disconnected")


def leader_of(world: World, numbers: tuple[int, ...]) -> MemberStatus | None:
    """The one that all of them follow, if they do."""
    found = [world.status(n) for n in numbers]
    if any(s is None or not s.has_leader for s in found):
        return None
    leaders = [s for s in found if s is not None and s.is_leader]
    one = len(leaders) == 1 and all(s is not None and s.term == leaders[0].term for s in found)
    return leaders[0] if one else None


def settled(world: World, *numbers: int) -> MemberStatus:
    """The leader that all of them follow, once there is one."""
    found: list[MemberStatus] = []

    def agreed() -> bool:
        leader = leader_of(world, numbers)
        found.extend([leader] if leader else [])
        return bool(found)

    assert world.until(agreed, LONG), "no leader that all know"
    return found[0]


def zombie(world: World) -> Notes:
    """A server that was removed while it was dead returns: how far its term moves in some four timeouts."""
    form(world, 3)
    world.kill(3)
    world.ask(1, "cluster/kick", world.sid(3))
    assert world.until(lambda: not status(world, 1).uncommitted and len(status(world, 2).servers) == 2, PATIENCE)
    world.start(3)
    assert world.until(lambda: out(world, 3), PATIENCE)
    world.run(5)
    notes: Notes = {"term grew by": min(status(world, 3).term - 1, 2)}
    notes["leader"] = (status(world, 1).role, status(world, 1).term)
    return notes


def isolated_follower(world: World) -> Notes:
    """A follower is cut off for some timeouts and comes back: its term, and whether the healthy leader survives it."""
    form(world, 3)
    world.isolate(3)
    assert world.until(lambda: out(world, 3), PATIENCE)
    world.run(4)
    notes: Notes = {"term grew by": min(status(world, 3).term - 1, 2)}
    notes["meanwhile"] = (status(world, 1).role, status(world, 1).term, status(world, 2).term)
    world.rejoin(3)
    assert world.until(lambda: member(world, 3) or not status(world, 1).is_leader, PATIENCE)
    notes["leader kept"] = settled(world, 1, 2, 3).term == 1
    return notes


def isolated_leader(world: World) -> Notes:
    """The leader is cut off: the others elect one, it gives up, and comes back."""
    form(world, 3)
    world.isolate(1)
    assert world.until(lambda: out(world, 1), PATIENCE)
    world.run(4)
    new = settled(world, 2, 3)
    notes: Notes = {"others": new.term >= 2, "it waits in term 1": status(world, 1).term == 1}
    world.rejoin(1)
    assert world.until(lambda: member(world, 1) or any(status(world, n).term > new.term for n in (2, 3)), PATIENCE)
    notes["new leader kept"] = settled(world, 1, 2, 3).term == new.term
    return notes


def alone(world: World) -> Notes:
    """Both followers of three die and one returns: how terms move while it waits, and in the election."""
    form(world, 3)
    world.kill(2)
    world.kill(3)
    assert world.until(lambda: out(world, 1), PATIENCE)
    world.run(4)
    waiting = status(world, 1).term
    world.start(2)
    leader = settled(world, 1, 2)
    return {"waiting": min(waiting - 1, 2), "election took one term": leader.term == waiting + 1}


def behind(world: World) -> Notes:
    """A leader dies; of the other two one is behind, though not in term. Does its campaign cost a term?"""
    form(world, 3)
    world.kill(1)
    settled(world, 2, 3)
    old = 2 if status(world, 2).is_leader else 3
    heir = 5 - old
    world.start(1)
    term = settled(world, 1, 2, 3).term
    world.kill(1)
    notes: Notes = {"written": world.write(old, "x", 5)}
    assert world.until(lambda: world.rows(heir) == ["x"], PATIENCE)
    world.kill(old)
    world.start(1)
    leader = settled(world, 1, heir)
    notes["leader"] = status(world, heir).is_leader
    notes["election took one term"] = leader.term == term + 1
    return notes


def follower_leaves(world: World) -> Notes:
    """One of three is dead and a follower leaves, which can't be committed; then the dead one returns."""
    form(world, 3)
    world.kill(3)
    world.ask(2, "cluster/leave")
    notes: Notes = {"left at once": world.until(lambda: world.status(2) is None, 5)}
    assert world.until(lambda: out(world, 1), PATIENCE)
    world.start(3)
    notes["left"] = world.until(lambda: world.status(2) is None, LONG)
    settled(world, 1, 3)
    notes["end"] = world.until(lambda: len(entries(world, 1)) == len(entries(world, 3)) == 2, PATIENCE)
    return notes


def kicked_leaves(world: World) -> Notes:
    """A follower whose removal is stuck asks to leave: is it told that it is gone already?"""
    form(world, 3)
    world.kill(3)
    notes: Notes = {"kick": world.ask(1, "cluster/kick", world.sid(2)), "leave": world.ask(2, "cluster/leave")}
    notes["told so"] = world.until(lambda: world.status(2) is None, 0.7)
    notes["uncommitted"] = status(world, 1).uncommitted
    return notes


def leader_leaves(world: World) -> Notes:
    """With a timer of 8 s a leader leaves: does it ask anew after a tenth of that, or after all of it?"""
    form(world, 3)
    for milliseconds in (2000, 4000, 8000):
        world.ask(1, "cluster/change-election-timer", str(milliseconds))
        assert world.until(lambda ms=milliseconds: status(world, 2).election_timer == ms, PATIENCE)  # type: ignore[misc]
    notes: Notes = {"leave": world.ask(1, "cluster/leave")}
    notes["moved"] = world.until(lambda: any(status(world, n).is_leader for n in (2, 3)), PATIENCE)
    notes["soon"] = world.until(lambda: world.status(1) is None, 5)
    notes["left"] = world.until(lambda: world.status(1) is None, PATIENCE)
    notes["end"] = (len(entries(world, 2)), status(world, 2).term)
    return notes


def last_leaves(world: World) -> Notes:
    """The only server leaves, which never ends: does it go on in between?"""
    form(world, 1)
    world.ask(1, "cluster/leave")
    notes: Notes = {"writes": world.write(1, "x", 8), "rows": world.rows(1), "status": status(world, 1).status}
    notes["term grew"] = status(world, 1).term > 1
    return notes


def stale_addition(world: World) -> Notes:
    """A joiner hangs, its leader loses office and gets it back: does the joiner get in when it goes on?"""
    form(world, 2)
    world.pause(1)
    world.join(3, 1)
    world.run(0.3)
    world.pause(3)
    world.resume(1)
    adding = world.until(lambda: [a.sid4 for a in status(world, 1).adding] == [world.sid(3)[:4]], PATIENCE)
    notes: Notes = {"adding": adding}
    for old, new in ((1, 2), (2, 1)):
        world.ask(old, "cluster/failure-test", "transfer-leadership")
        assert world.until(lambda n=new: status(world, n).is_leader and not status(world, n).uncommitted, PATIENCE)  # type: ignore[misc]
        notes[f"adding after s{old}"] = len(status(world, 1).adding)
    world.resume(3)
    notes["joined"] = world.until(lambda: member(world, 3) and len(entries(world, 1)) == 3, 8)
    return notes


def lagging_heir(world: World) -> Notes:
    """The follower that is first in the leader's own order lags behind, and the leader hands over: to whom?"""
    form(world, 3)
    first = next(sid for sid, _ in entries(world, 1) if sid != world.sid(1)[:4])
    lagging, other = (2, 3) if world.sid(2).startswith(first) else (3, 2)
    world.pause(lagging)
    notes: Notes = {"written": world.write(1, "x", 5)}
    world.ask(1, "cluster/failure-test", "transfer-leadership")
    notes["elected by"] = settled(world, 1, other).election_reason
    world.resume(lagging)
    settled(world, 1, 2, 3)
    return notes


def sent_away(world: World, number: int) -> bool:
    """Whether a server closes connections on which it gets what is not for it, again and again."""
    return world.until(lambda: status(world, number).disconnections >= 4, 8)


def stranger(world: World) -> Notes:
    """A new server at the address of one that is still configured gets the other's messages."""
    form(world, 3)
    world.kill(3)
    world.join(3, 1, 2)
    assert world.until(lambda: member(world, 3) and len(status(world, 1).servers) == 4, PATIENCE)
    return {"sent away": sent_away(world, 3), "entries": len(entries(world, 1)), "term": status(world, 1).term}


def recreated(world: World) -> Notes:
    """A member's file is made anew by create-cluster: two clusters, of which each thinks that it owns the address."""
    form(world, 3)
    world.kill(1)
    world.create(1)
    leader = settled(world, 2, 3)
    notes: Notes = {"sent away": sent_away(world, 1), "alone": (entries(world, 1), status(world, 1).term)}
    notes["others"] = (sorted(entries(world, 2)), settled(world, 2, 3).term == leader.term)
    return notes


@dataclass(frozen=True, slots=True)
class Differs:
    """A scenario, one of its notes, and what that may be in the families 3.1, 3.5 and newest."""

    scenario: Scenario
    note: str
    values: tuple[tuple[object, ...], tuple[object, ...], tuple[object, ...]]


NEITHER: tuple[object, ...] = (True, False)
"""Where chance decides."""

DIFFERENCES = (
    Differs(zombie, "term grew by", ((2,), (1,), (0,))),
    Differs(isolated_follower, "term grew by", ((2,), (0,), (0,))),
    Differs(isolated_follower, "leader kept", ((False,), NEITHER, (True,))),
    Differs(isolated_leader, "it waits in term 1", ((False,), (True,), (True,))),
    Differs(isolated_leader, "new leader kept", ((False,), (True,), (True,))),
    Differs(alone, "waiting", ((2,), (0,), (0,))),
    Differs(alone, "election took one term", (NEITHER, NEITHER, (True,))),
    Differs(behind, "election took one term", (NEITHER, NEITHER, (True,))),
    Differs(follower_leaves, "left at once", ((True,), (True,), (False,))),
    Differs(kicked_leaves, "told so", ((True,), (True,), (False,))),
    Differs(leader_leaves, "soon", ((False,), (False,), (True,))),
    Differs(last_leaves, "writes", ((False,), (False,), (True,))),
    Differs(last_leaves, "term grew", ((False,), (False,), (True,))),
    Differs(stale_addition, "adding after s2", ((1,), (0,), (0,))),
    Differs(stale_addition, "joined", ((False,), (True,), (True,))),
    Differs(lagging_heir, "elected by", (("timeout",), ("leadership_transfer",), ("leadership_transfer",))),
    Differs(stranger, "sent away", ((False,), (False,), (True,))),
    Differs(recreated, "sent away", ((False,), (False,), (True,))),
)

SCENARIOS: tuple[Scenario, ...] = tuple(dict.fromkeys(differs.scenario for differs in DIFFERENCES))
