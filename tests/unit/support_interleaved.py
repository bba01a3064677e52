"""Raft's membership changes again, told apart from the model that is tested: nothing is put in order, nothing renamed.

Every server remembers the highest term it took part in and whether it voted there; any number of leaders act at any
time, in any term; commit indexes are what servers were told. Slow and plain, for small bounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations

Entry = tuple[int, str, frozenset[int]]
"""Term, "nothing" or "configuration", configuration."""


@dataclass(frozen=True)
class Server:
    log: tuple[Entry, ...]
    term: int = 0
    voted: bool = False
    leads: bool = False
    commit: int = 1
    """How many entries it knows to be committed."""
    acked: tuple[tuple[int, int], ...] = ()
    """A leader's: (server, how many entries it has confirmed in this term)."""

    @property
    def members(self) -> frozenset[int]:
        return next(members for _, kind, members in reversed(self.log) if kind == "configuration")

    @property
    def date(self) -> tuple[int, int]:
        return self.log[-1][0], len(self.log)

    def confirmed(self, server: int) -> int:
        return dict(self.acked).get(server, 0)


@dataclass(frozen=True)
class World:
    servers: tuple[Server, ...]
    committed: tuple[Entry, ...]
    broken: frozenset[str] = frozenset()

    def with_server(self, number: int, server: Server) -> World:
        return replace(self, servers=(*self.servers[:number], server, *self.servers[number + 1 :]))


def world(members: int, spares: int = 0) -> World:
    log = ((0, "configuration", frozenset(range(members))),)
    return World(tuple(Server(log) for _ in range(members + spares)), log)


def enough(members: frozenset[int]) -> int:
    return len(members) // 2 + 1


def common(a: tuple[Entry, ...], b: tuple[Entry, ...]) -> int:
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return length


# -- what may happen: None if it may not -----------------------------------------------------------------------------


def elect(now: World, candidate: int, term: int, voters: tuple[int, ...]) -> World | None:
    me = now.servers[candidate]
    if candidate not in me.members or candidate not in voters or not {*voters} <= me.members:
        return None
    if len(voters) < enough(me.members) or me.term >= term:
        return None
    for voter in voters:
        other = now.servers[voter]
        if other.term > term or (other.term == term and other.voted) or other.date > me.date:
            return None
    broken = now.broken
    if any(other.leads and other.term == term for other in now.servers):
        broken |= {"S1"}
    if common(me.log, now.committed) < len(now.committed):
        broken |= {"S5"}
    for voter in voters:
        now = now.with_server(voter, replace(now.servers[voter], term=term, voted=True, leads=False, acked=()))
    log = (*me.log, (term, "nothing", frozenset()))
    leader = replace(now.servers[candidate], log=log, leads=True, acked=((candidate, len(log)),))
    return replace(now.with_server(candidate, leader), broken=broken)


def hand(now: World, leader: int, server: int, length: int) -> World | None:
    """Entries up to ``length``, and what is committed of them: 0 new entries is a heartbeat."""
    me, other = now.servers[leader], now.servers[server]
    if not me.leads or other.term > me.term or server == leader or server not in me.members or length > len(me.log):
        return None
    shared = common(me.log, other.log)
    if length < shared or (other.leads and other.term == me.term):
        return None
    log = other.log if length == shared else me.log[:length]
    voted = other.voted if other.term == me.term else False
    commit = max(other.commit, min(me.commit, length))
    now = now.with_server(server, Server(log, me.term, voted, commit=commit))
    acked = dict(me.acked) | {server: max(me.confirmed(server), length)}
    return now.with_server(leader, replace(me, acked=tuple(sorted(acked.items()))))


def change(now: World, leader: int, members: frozenset[int], *, gate: bool) -> World | None:
    me = now.servers[leader]
    if not me.leads or not members or len(members ^ me.members) != 1:
        return None
    if any(kind == "configuration" for _, kind, _ in me.log[me.commit :]):
        return None
    if (gate and me.log[me.commit - 1][0] != me.term) or leader not in me.members:
        return None
    acked = dict(me.acked)
    for joiner in members - me.members:
        other = now.servers[joiner]
        if other.term > me.term or (other.leads and other.term == me.term):
            return None
        voted = other.voted if other.term == me.term else False
        caught_up = Server(me.log, me.term, voted, commit=max(me.commit, min(other.commit, common(me.log, other.log))))
        now = now.with_server(joiner, caught_up)
        acked[joiner] = len(me.log)
    log = (*me.log, (me.term, "configuration", members))
    acked[leader] = len(log)
    return now.with_server(leader, replace(me, log=log, acked=tuple(sorted(acked.items()))))


def commit(now: World, leader: int) -> World | None:
    me = now.servers[leader]
    if not me.leads:
        return None
    length = sorted((me.confirmed(member) for member in me.members), reverse=True)[enough(me.members) - 1]
    if length <= me.commit or me.log[length - 1][0] != me.term:
        return None
    shared = common(me.log[:length], now.committed)
    broken = now.broken | ({"S6"} if shared < min(length, len(now.committed)) else set())
    committed = me.log[:length] if length > len(now.committed) else now.committed
    return replace(now.with_server(leader, replace(me, commit=length)), committed=committed, broken=broken)


# -- everything --------------------------------------------------------------------------------------------------------


def reachable(members: int, spares: int, terms: int, changes: int, entries: int, *, gate: bool) -> set[World]:
    """Every world within the bounds; nothing is done in one in which something is broken."""
    first = world(members, spares)
    seen, left = {first}, [first]
    while left:
        now = left.pop()
        if now.broken:
            continue
        for after in following(now, terms, changes, entries, gate=gate):
            if after not in seen:
                seen.add(after)
                left.append(after)
    return seen


def following(now: World, terms: int, changes: int, entries: int, *, gate: bool) -> Iterator[World]:
    everybody = range(len(now.servers))
    for number in everybody:
        me = now.servers[number]
        room = len(me.log) <= entries
        found: list[World | None] = []
        if room:
            for voters in combinations(sorted(me.members), enough(me.members)):
                found += [elect(now, number, term, voters) for term in range(me.term + 1, terms + 1)]
        if me.leads:
            for other in everybody:
                found += [hand(now, number, other, length) for length in range(1, len(me.log) + 1)]
            if room and sum(kind == "configuration" for _, kind, _ in me.log) <= changes:
                found += [change(now, number, me.members ^ {other}, gate=gate) for other in everybody]
            found.append(commit(now, number))
        yield from (after for after in found if after is not None)
