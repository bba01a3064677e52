"""A bounded exhaustive proof of raft's membership changes: a certificate that nothing is left, or the shortest story.

Breadth first over :class:`harness.search.configuration_model.Model`; ``docs/proof.md`` says what that covers.
"""

from __future__ import annotations

import time
from array import array
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import pairwise

from harness.search.configuration_model import SAFETY, Bounds, Model, Next, Property, Rules, State
from harness.search.configuration_story import Action, told

OVSDB = Rules()
"""What ovsdb-server does."""
GATED = Rules(own_term_gate=True)
"""OVSDB's rules, with an operator that changes nothing before the leader has committed an entry of its own term."""

DEFAULT = Bounds()


@dataclass(frozen=True, slots=True)
class Certificate:
    """Everything within ``bounds`` was looked at, and nothing breaks ``judged``, if ``left`` is 0.

    ``states`` differ in more than the names of servers; ``transitions`` were followed; ``depth`` is how many actions
    the farthest state is away; ``left`` states were found and not looked at, because of a limit. ``digest`` is the same
    in every process; ``cpu_seconds`` is not.
    """

    rules: Rules
    bounds: Bounds
    judged: tuple[Property, ...]
    states: int
    transitions: int
    depth: int
    left: int
    digest: str
    cpu_seconds: float = field(compare=False)

    @property
    def complete(self) -> bool:
        """Whether this proves anything."""
        return self.left == 0


@dataclass(frozen=True, slots=True)
class Violation:
    """A shortest list of actions that breaks ``broken``: no other of ``judged`` breaks in fewer."""

    rules: Rules
    bounds: Bounds
    judged: tuple[Property, ...]
    broken: Property
    actions: tuple[Action, ...]
    states: int
    cpu_seconds: float = field(compare=False)


def explore(
    rules: Rules = OVSDB,
    bounds: Bounds = DEFAULT,
    judged: tuple[Property, ...] = SAFETY,
    *,
    limit: int | None = None,
) -> Certificate | Violation:
    """Look at every state within ``bounds``, or at ``limit`` of them; nearest first. Raises ValueError for bounds or
    rules that make no sense."""
    started = time.process_time()
    search = _Search(Model(rules, bounds, judged))
    found = search.run(limit)
    spent = time.process_time() - started
    if found is None:
        return Certificate(
            *(rules, bounds, judged, len(search.states), search.transitions, search.depth),
            *(search.left, search.digest(), spent),
        )
    steps, broken = found
    return Violation(rules, bounds, judged, broken, told(search.model, steps), len(search.states), spent)


def replay(violation: Violation) -> Property | None:
    """Do the actions one by one, knowing nothing of the search: what the last one breaks, None if it breaks nothing.

    Raises ValueError for an action that can't happen, or one that comes after something has broken.
    """
    model = Model(violation.rules, violation.bounds, violation.judged)
    state, broken = model.first(), None
    for position, action in enumerate(violation.actions):
        possible = [step for step in model.after(state) if action.fits(step.move)]
        if broken is not None or len(possible) != 1:
            raise ValueError(f"action {position + 1} can't happen: {action.text}")
        _, state, broken = possible[0]
    return broken


class _Search:
    """``states`` is every state, by its number in the order found; ``parents`` the number of the one it came from."""

    def __init__(self, model: Model) -> None:
        self.model = model
        first = model.canonical(model.first())
        self.states: dict[State, int] = {first: 0}
        self.parents = [0]
        self.transitions = self.depth = self.left = 0

    def run(self, limit: int | None) -> tuple[list[Next], Property] | None:
        """The steps to the first violation; None if there is none."""
        after, canonical, states = self.model.after, self.model.canonical, self.states
        level = list(states)
        while level:
            coming: list[State] = []
            for position, state in enumerate(level):
                if limit is not None and len(states) >= limit:
                    self.left = len(level) - position + len(coming)
                    return None
                number = states[state]
                for step in after(state):
                    self.transitions += 1
                    if step.broken is not None:
                        return self._steps(number, step.broken), step.broken
                    known = canonical(step.state)
                    if known not in states:
                        states[known] = len(states)
                        self.parents.append(number)
                        coming.append(known)
            level = coming
            self.depth += bool(level)
        return None

    def _steps(self, number: int, broken: Property) -> list[Next]:
        """The way to a state, with the servers' names kept from one step to the next, and what breaks it there."""
        numbers = [number]
        while numbers[-1]:
            numbers.append(self.parents[numbers[-1]])
        numbers.reverse()
        state, steps = self.model.first(), []
        for _, target in pairwise(numbers):
            step = next(s for s in self.model.after(state) if self.states[self.model.canonical(s.state)] == target)
            steps.append(step)
            state = step.state
        return [*steps, next(s for s in self.model.after(state) if s.broken == broken)]

    def digest(self) -> str:
        digest = blake2b(digest_size=16)
        for state in self.states:
            digest.update(array("l", state).tobytes())
        return digest.hexdigest()
