"""What a search has found, in an operator's words. Servers are s1, s2, ... as in ``cluster/status``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from harness.search.configuration_model import FIRST_LOG, Kind, Model, Move, Next, State, majority


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that happens. ``members`` is the configuration that the server counts by (after a change: the new one),
    ``servers`` who else takes part: voters, the one that is handed entries, the one added or removed, who has an
    entry that is committed. ``length`` is how long the log in question is then, in entries after the snapshot."""

    kind: Kind
    server: int
    term: int
    members: tuple[int, ...]
    servers: tuple[int, ...] = ()
    length: int = 0

    def fits(self, move: Move) -> bool:
        """Whether ``move`` of the model is this."""
        if (move.kind, move.server) != (self.kind, self.server):
            return False
        if self.kind is Kind.HAND:
            return (move.other, move.number - 1) == (self.servers[0], self.length)
        if self.kind is Kind.CHANGE:
            return bits(move.members) == self.members
        if self.kind in (Kind.ELECT, Kind.RIVAL):
            return bits(move.members) == self.members and {*self.servers} <= {*bits(move.mask)}
        return self.kind is not Kind.COMMIT or move.number - 1 == self.length

    @property
    def text(self) -> str:
        who, others = name(self.server), names(self.servers)
        if self.kind is Kind.ELECT:
            return f"{who} is elected leader of term {self.term} by {others} (its configuration: {names(self.members)})"
        if self.kind is Kind.RIVAL:
            return f"{who} too is elected leader of term {self.term}, by {others} (of {names(self.members)})"
        if self.kind is Kind.WRITE:
            return f"{who} takes a client's write as entry {self.length}"
        if self.kind is Kind.CHANGE:
            verbs = [f"{'add' if s in self.members else 'remove'} {name(s)}" for s in self.servers]
            return f"{who} starts to {' and '.join(verbs)}: entry {self.length}, configuration {names(self.members)}"
        if self.kind is Kind.HAND:
            return f"{who} hands {others} its log up to entry {self.length}"
        if self.kind is Kind.COMMIT:
            return f"{who} commits up to entry {self.length}: {others} of {names(self.members)} have it"
        if self.kind is Kind.LOSE:
            return f"{who} loses its power before its last entry is on disk, and comes back with {self.length}"
        return f"{who} stops for good"


def name(server: int) -> str:
    return f"s{server + 1}"


def names(servers: Sequence[int]) -> str:
    return " ".join(name(server) for server in servers)


def told(model: Model, steps: list[Next]) -> tuple[Action, ...]:
    """The steps as actions. If two lead one term, they are given voters that are not the same."""
    state, election = model.first(), -1
    actions: list[Action] = []
    for position, step in enumerate(steps):
        if step.move.kind is Kind.RIVAL:
            first, second = _apart(steps[election].move, step.move)
            actions[election] = _election(steps[election].move, first)
            actions.append(_election(step.move, second))
        elif step.move.kind is Kind.ELECT:
            election = position
            actions.append(_election(step.move, next(_majorities(step.move))))
        else:
            actions.append(_action(model, state, step))
        state = step.state
    return tuple(actions)


def _election(move: Move, voters: tuple[int, ...]) -> Action:
    return Action(move.kind, move.server, move.number, bits(move.members), voters)


def _majorities(move: Move) -> Iterator[tuple[int, ...]]:
    """Every smallest majority that would vote for a candidate, itself included."""
    others = [server for server in bits(move.mask) if server != move.server]
    for chosen in combinations(others, majority(move.members) - 1):
        yield move.server, *chosen


def _apart(first: Move, second: Move) -> tuple[tuple[int, ...], tuple[int, ...]]:
    pairs = product(_majorities(first), _majorities(second))
    return next((a, b) for a, b in pairs if not any(server in b for server in a))


def _action(model: Model, state: State, step: Next) -> Action:
    move, logs = step.move, model.logs
    log = step.state[FIRST_LOG + move.server]
    term, length, members = logs.terms[log][-1], len(logs.path[log]) - 1, logs.configurations[log][-1]
    servers: tuple[int, ...] = ()
    if move.kind is Kind.CHANGE:
        servers = bits(move.members ^ move.mask)
    elif move.kind is Kind.HAND:
        servers, length = (move.other,), move.number - 1
    elif move.kind is Kind.COMMIT:
        members, length = move.members, move.number - 1
        counted = bits(members | model.joiners(state[FIRST_LOG + move.server]))
        servers = tuple(s for s in counted if logs.common(state[FIRST_LOG + s], log) >= move.number)
    return Action(move.kind, move.server, term, bits(members), servers, length)


def bits(mask: int) -> tuple[int, ...]:
    return tuple(server for server in range(mask.bit_length()) if mask >> server & 1)
