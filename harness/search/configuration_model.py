"""Raft's membership changes without messages: what servers hold, and everything that may happen next.

**Terms in order.** A server never does anything in a lower term than before, and what it does in one depends on nothing
that anybody did in a higher one. So every run can be put in the order of its terms, each server doing the same and
ending with the same log, and only such runs are looked at: one term at a time, with the leader of that term acting. Two
leaders that work side by side for ever show as one acting after the other. This is what makes the search small.

**No messages.** A leader hands entries to a server in one act, which is a request, its arrival and its answer; who is
not handed any is cut off, slow or down. Who stays away because it crashed and comes back with its disk intact behaves
as one that was cut off, so crashes add nothing but where a rule looks at who is alive.

**Commit index.** A server is taken to know that its entries are committed if they are: its leader might have told it.
To know less only forbids changes, but where :attr:`Rules.in_force` says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, permutations, product
from typing import NamedTuple, TypeAlias

from harness.search.configuration_logs import CHANGE, NOTHING, WRITE, Logs, all_renamings


class Property(StrEnum):
    """What is judged; the values are the ids of facts, testing C."""

    ONE_LEADER = "S1"
    """At most one leader a term."""
    COMPLETENESS = "S5"
    """Every later leader's log has the committed entries."""
    STATE_MACHINE = "S6"
    """No two different entries are committed at one index."""
    QUORUM_KEPT = "P1"
    """No change of the configuration takes away a live majority."""


SAFETY = (Property.ONE_LEADER, Property.COMPLETENESS, Property.STATE_MACHINE)


@dataclass(frozen=True, slots=True)
class Rules:
    """How servers behave. The defaults are OVSDB's (facts: ovsdb-raft 2, 3.1, 10)."""

    own_term_gate: bool = False
    """S11: a leader changes the configuration only once it has committed an entry of its own term. OVSDB does not."""
    strict: bool = False
    """A change is refused if the new configuration has no live majority, as etcd does. OVSDB does not."""
    single_change: bool = True
    """A leader whose log has a configuration that is not committed starts no other."""
    change_size: int = 1
    """How many servers one change may add or remove together."""
    in_force: str = "append"
    """When a configuration counts: from its "append", or from its "commit", which others learn late or never."""
    own_term_commit: bool = True
    """A leader counts copies for entries of its own term only; those before them are committed along."""
    log_check: bool = True
    """A vote is given only to a candidate whose log is at least as up to date."""
    longer_wins: bool = False
    """Of two logs the longer one counts as the more up to date, whatever its last term is."""
    counts_joiners: bool = False
    """A server that is catching up, and in no configuration yet, counts among those who have an entry."""
    answers_early: bool = False
    """A server answers before an entry is on its disk: with its power, what it was handed last may go, though it counts
    as a copy. Otherwise a server that loses what it has not answered for is one that was never handed it."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How far the search goes. ``members`` are in the first configuration, ``spares`` can be added; ``terms`` elections
    are held; a log has at most ``changes`` configurations, ``writes`` writes and ``entries`` entries, one of each term
    that has a leader included (the first snapshot not counted); ``crashes`` servers stop for good."""

    members: int = 4
    spares: int = 0
    terms: int = 3
    changes: int = 2
    writes: int = 0
    entries: int = 6
    crashes: int = 0

    def __post_init__(self) -> None:
        if self.members < 1 or min(self.spares, self.terms, self.changes, self.writes, self.entries, self.crashes) < 0:
            raise ValueError(f"bounds below what there is: {self}")

    @property
    def servers(self) -> int:
        return self.members + self.spares


State: TypeAlias = tuple[int, ...]
"""The longest log committed, the leader of this term (-1: none), who could have voted for it and how many votes it
needed, who was handed entries in this term, who has crashed; then each server's log."""

COMMITTED, LEADER, VOTERS, NEED, HANDED, DOWN, FIRST_LOG = range(7)


class Kind(StrEnum):
    ELECT = "elect"
    RIVAL = "elect a second leader"
    WRITE = "write"
    CHANGE = "change"
    HAND = "hand over"
    LOSE = "lose power"
    COMMIT = "commit"
    CRASH = "crash"


class Move(NamedTuple):
    """What one server does. ``other`` is who is handed entries, ``number`` a term, or how many entries a log has then,
    the snapshot included; ``members`` the configuration that the server counts by, ``mask`` who would vote, or the
    configuration before a change."""

    kind: Kind
    server: int
    other: int = -1
    number: int = 0
    members: int = 0
    mask: int = 0


class Next(NamedTuple):
    """A move, the state after it, and the property that it breaks, if any."""

    move: Move
    state: State
    broken: Property | None = None


def majority(mask: int) -> int:
    return mask.bit_count() // 2 + 1


class Model:
    """The states and moves under ``rules`` within ``bounds``. Without :attr:`Property.ONE_LEADER` among ``judged``,
    second leaders of a term are left out, and what only they need is not remembered."""

    def __init__(self, rules: Rules, bounds: Bounds, judged: tuple[Property, ...] = SAFETY) -> None:
        self.rules, self.bounds, self.judged = rules, bounds, judged
        self.servers = range(bounds.servers)
        self.logs = Logs(bounds.servers)
        self._rivals = Property.ONE_LEADER in judged
        self._renamings = all_renamings(self.logs)

    def first(self) -> State:
        """A cluster in order: every member has the same log; spares have it too, and nobody counts them."""
        log = self.logs.root((1 << self.bounds.members) - 1)
        return (log, -1, 0, 0, 0, 0, *(log for _ in self.servers))

    def after(self, state: State) -> list[Next]:
        """Everything that may happen next, always in the same order."""
        found: list[Next] = []
        leader, down = state[LEADER], state[DOWN]
        if leader >= 0 and not down >> leader & 1:
            self._lead(state, leader, found)
        if leader >= 0 and self.rules.answers_early:
            self._lose_power(state, leader, found)
        self._elections(state, found)
        if leader >= 0 and self._rivals:
            self._second_leaders(state, leader, found)
        if down.bit_count() < self.bounds.crashes:
            for server in self.servers:
                if not down >> server & 1:
                    after = (*state[:DOWN], down | 1 << server, *state[FIRST_LOG:])
                    found.append(Next(Move(Kind.CRASH, server), after))
        return found

    # -- elections --------------------------------------------------------------------------------------------------

    def _in_force(self, log: int, committed: int, *, candidate: bool = False) -> tuple[int, ...]:
        """The configurations by which the owner of ``log`` may count."""
        configurations = self.logs.configurations[log]
        if self.rules.in_force == "append":
            return (configurations[-1],)
        known = configurations[: max(1, self.logs.common(log, committed))]
        return tuple(dict.fromkeys(known)) if candidate else (known[-1],)

    def _candidacies(self, state: State) -> list[tuple[int, int, int]]:
        """(candidate, its configuration, who of it would vote for it), if that can be a majority."""
        logs, down, found = self.logs, state[DOWN], []
        held = state[FIRST_LOG:]
        terms = [0 if self.rules.longer_wins else logs.terms[log][-1] for log in held]
        dates = [(term, len(logs.path[log])) for term, log in zip(terms, held, strict=True)]
        for server in self.servers:
            if down >> server & 1:
                continue
            willing = 0
            for voter in self.servers:
                if not down >> voter & 1 and (not self.rules.log_check or dates[voter] <= dates[server]):
                    willing |= 1 << voter
            for members in self._in_force(held[server], state[COMMITTED], candidate=True):
                if members >> server & 1 and (willing & members).bit_count() >= majority(members):
                    found.append((server, members, willing & members))
        return found

    def _elections(self, state: State, found: list[Next]) -> None:
        """The next term: a leader, with its first entry."""
        logs, committed, leader = self.logs, state[COMMITTED], state[LEADER]
        term = logs.terms[state[FIRST_LOG + leader]][-1] + 1 if leader >= 0 else 1
        if term > self.bounds.terms:
            return
        for server, members, voters in self._candidacies(state):
            log = state[FIRST_LOG + server]
            if len(logs.path[log]) > self.bounds.entries:
                continue
            complete = logs.common(log, committed) == len(logs.path[committed])
            held = list(state[FIRST_LOG:])
            held[server] = logs.append(log, term, NOTHING)
            poll = (voters, majority(members)) if self._rivals else (0, 0)
            broken = Property.COMPLETENESS if not complete and Property.COMPLETENESS in self.judged else None
            after = (committed, server, *poll, 0, state[DOWN], *held)
            found.append(Next(Move(Kind.ELECT, server, number=term, members=members, mask=voters), after, broken))

    def _second_leaders(self, state: State, leader: int, found: list[Next]) -> None:
        """Another candidate of this term, with votes of servers that the first can do without."""
        term = self.logs.terms[state[FIRST_LOG + leader]][-1]
        for server, members, voters in self._candidacies(state):
            if server == leader or state[HANDED] >> server & 1:
                continue
            first, second = state[VOTERS] & ~(1 << server), voters & ~(1 << leader)
            missing = max(0, state[NEED] - (first & ~second).bit_count())
            missing += max(0, majority(members) - (second & ~first).bit_count())
            if missing <= (first & second).bit_count():
                move = Move(Kind.RIVAL, server, number=term, members=members, mask=voters)
                found.append(Next(move, state, Property.ONE_LEADER))

    # -- what a leader does -------------------------------------------------------------------------------------------

    def _lead(self, state: State, leader: int, found: list[Next]) -> None:
        logs, log = self.logs, state[FIRST_LOG + leader]
        path = logs.path[log]
        known = logs.common(log, state[COMMITTED])
        (members,) = self._in_force(log, state[COMMITTED])
        if not members >> leader & 1 and logs.last_change[log] < known:
            return  # Its own removal is committed: it has left.
        if len(path) <= self.bounds.entries:
            if logs.writes[log] < self.bounds.writes:
                after = with_log(state, leader, logs.append(log, logs.terms[log][-1], WRITE))
                found.append(Next(Move(Kind.WRITE, leader), after))
            if logs.changes[log] < self.bounds.changes and self._may_change(log, known):
                self._changes(state, leader, found)
        self._hand_over(state, leader, members, found)
        self._commit(state, leader, members, known, found)

    def _may_change(self, log: int, known: int) -> bool:
        if self.rules.single_change and self.logs.last_change[log] >= known:
            return False
        terms = self.logs.terms[log]
        return not self.rules.own_term_gate or (known > 0 and terms[known - 1] == terms[-1])

    def _changes(self, state: State, leader: int, found: list[Next]) -> None:
        """Add or remove: a server that is added has caught up before."""
        logs, log, down = self.logs, state[FIRST_LOG + leader], state[DOWN]
        old = logs.configurations[log][-1]
        for size in range(1, self.rules.change_size + 1):
            for changed in combinations(self.servers, size):
                new = old ^ sum(1 << server for server in changed)
                added = new & ~old
                alive = (new & ~down).bit_count() >= majority(new)
                if not new or added & down or (self.rules.strict and not alive):
                    continue
                held = list(state[FIRST_LOG:])
                for server in changed:
                    if added >> server & 1:
                        held[server] = log
                held[leader] = logs.append(log, logs.terms[log][-1], CHANGE, new)
                handed = (state[HANDED] | added) if self._rivals else 0
                after = (*state[:HANDED], handed, down, *held)
                was_alive = (old & ~down).bit_count() >= majority(old)
                lost = was_alive and not alive and Property.QUORUM_KEPT in self.judged
                broken = Property.QUORUM_KEPT if lost else None
                found.append(Next(Move(Kind.CHANGE, leader, members=new, mask=old), after, broken))

    def _hand_over(self, state: State, leader: int, members: int, found: list[Next]) -> None:
        """Entries up to any of the leader's, all of them first; the receiver drops what contradicts them."""
        logs, log = self.logs, state[FIRST_LOG + leader]
        path, reach = logs.path[log], members | logs.configurations[log][-1] | self.joiners(log)
        for server in self.servers:
            if server == leader or not (reach & ~state[DOWN]) >> server & 1:
                continue
            common = logs.common(state[FIRST_LOG + server], log)
            for length in range(len(path), common, -1):
                after = with_log(state, server, path[length - 1])
                if self._rivals:
                    after = (*after[:HANDED], after[HANDED] | 1 << server, *after[DOWN:])
                found.append(Next(Move(Kind.HAND, leader, server, length), after))

    def _commit(self, state: State, leader: int, members: int, known: int, found: list[Next]) -> None:
        """The highest entry that enough have, as the leader counts."""
        logs, log = self.logs, state[FIRST_LOG + leader]
        path, terms, committed = logs.path[log], logs.terms[log], state[COMMITTED]
        counted = members | self.joiners(log)
        has = [logs.common(state[FIRST_LOG + s], log) for s in self.servers if counted >> s & 1]
        length = sorted(has, reverse=True)[majority(members) - 1]
        if length <= known or (self.rules.own_term_commit and terms[length - 1] != terms[-1]):
            return
        move = Move(Kind.COMMIT, leader, number=length, members=members)
        if known < len(logs.path[committed]):
            broken = Property.STATE_MACHINE if Property.STATE_MACHINE in self.judged else None
            found.append(Next(move, state, broken))
        else:
            found.append(Next(move, (path[length - 1], *state[LEADER:])))

    def joiners(self, log: int) -> int:
        """Who may be catching up with the leader whose log this is, where that matters: whoever was in none of its
        configurations."""
        if not self.rules.counts_joiners:
            return 0
        joiners = (1 << self.bounds.servers) - 1
        for members in self.logs.configurations[log]:
            joiners &= ~members
        return joiners

    def _lose_power(self, state: State, leader: int, found: list[Next]) -> None:
        """Whoever was handed an entry of this term loses the last one, and comes back."""
        logs, term = self.logs, self.logs.terms[state[FIRST_LOG + leader]][-1]
        for server in self.servers:
            path = logs.path[state[FIRST_LOG + server]]
            if server != leader and logs.terms[path[-1]][-1] == term and not state[DOWN] >> server & 1:
                found.append(Next(Move(Kind.LOSE, server), with_log(state, server, path[-2])))

    # -- names ----------------------------------------------------------------------------------------------------

    def canonical(self, state: State) -> State:
        """The same state with servers renamed: equal for states that differ in names only."""
        logs = self.logs
        held = state[FIRST_LOG:]
        rows = [logs.seen_by[log] for log in held]
        base = logs.seen_by[state[COMMITTED]]
        leader, voters, handed, down = state[LEADER], state[VOTERS], state[HANDED], state[DOWN]
        columns = [[row[s] for row in rows] for s in self.servers]
        looks = [
            (
                rows[s][s],
                base[s],
                (s == leader) | (voters >> s & 1) << 1 | (handed >> s & 1) << 2 | (down >> s & 1) << 3,
                *sorted(columns[s]),
            )
            for s in self.servers
        ]
        order = sorted(self.servers, key=looks.__getitem__)
        groups: list[list[int]] = []
        for server in order:
            if groups and looks[groups[-1][0]] == looks[server]:
                groups[-1].append(server)
            else:
                groups.append([server])
        if len(groups) == len(order):
            return self._renamed(state, tuple(order))
        # Servers with one log that everybody sees alike can change places without a trace.
        choices = [
            [tuple(group)]
            if all(held[s] == held[group[0]] and columns[s] == columns[group[0]] for s in group)
            else list(permutations(group))
            for group in groups
        ]
        return min(self._renamed(state, tuple(s for part in parts for s in part)) for parts in product(*choices))

    def _renamed(self, state: State, order: tuple[int, ...]) -> State:
        renaming = self._renamings[order]
        log, mask = renaming.log, renaming.mask
        return (
            log(state[COMMITTED]),
            renaming.server[state[LEADER]],
            mask[state[VOTERS]],
            state[NEED],
            mask[state[HANDED]],
            mask[state[DOWN]],
            *[log(state[FIRST_LOG + server]) for server in order],
        )


def with_log(state: State, server: int, log: int) -> State:
    place = FIRST_LOG + server
    return (*state[:place], log, *state[place + 1 :])
