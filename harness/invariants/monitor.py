"""One judge for a run, on every backend: it is fed evidence in order, and says what is broken as soon as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from harness.cluster import ClusterView
from harness.invariants.acts import Act, Ending
from harness.invariants.base import EndState, Grade, Property, Violation
from harness.invariants.check_cluster import meant
from harness.invariants.chronicle import KINDS
from harness.invariants.world import World
from harness.raft_events import RaftEvent

Hook = Callable[..., None]
P = TypeVar("P", bound=Property)


class Monitor:
    """Feeds ``properties``. ``violations`` are those that were broken so far, in order; at the end :meth:`judge` adds
    what the end shows."""

    def __init__(self, properties: Sequence[type[Property]], world: World | None = None) -> None:
        self.world = world if world is not None else World()
        self.violations: list[Violation] = []
        self.properties = tuple(kind(self.world, self._broken) for kind in properties)
        self.world.chronicle.hooks = {kind: self._hooks(f"on_{kind}") for kind in KINDS}
        self._look = self._hooks("on_look")
        self._status = self._hooks("on_status")
        self._act = self._hooks("on_act")
        self._answer = self._hooks("on_answer")
        self._ending = self._hooks("on_ending")

    def _hooks(self, name: str) -> tuple[Hook, ...]:
        """The methods of those properties that take this evidence."""
        takers = (p for p in self.properties if getattr(type(p), name) is not getattr(Property, name))
        return tuple(getattr(p, name) for p in takers)

    def _broken(self, violation: Violation) -> None:
        self.violations.append(violation)
        if violation.invariant.startswith("S") and violation.database is not None:
            self.world.broken_raft.add(violation.database)

    def one(self, kind: type[P]) -> P:
        """The property of that kind. Raises StopIteration if this monitor has none."""
        return next(prop for prop in self.properties if isinstance(prop, kind))

    # -- evidence -----------------------------------------------------------------------------------------------

    def raft(self, events: Iterable[RaftEvent]) -> None:
        """What servers wrote, in order."""
        world, take = self.world, self.world.chronicle.take
        for event in events:
            world.at = event[0]
            take(event)

    def observe(self, view: ClusterView, *, tells_raft: bool = True) -> None:
        """A look. ``tells_raft``: statuses are all that is known of raft."""
        self.world.at = view.at
        for hook in self._look:
            hook(view)
        if tells_raft:
            for hook in self._status:
                hook(view)

    def act(self, act: Act) -> None:
        """Somebody is about to change something."""
        self.world.at = act.at
        for hook in self._act:
            hook(act)

    def answered(self, act: Act, answer: str | None) -> None:
        """The change was made (None: whether it was is not known)."""
        for hook in self._answer:
            hook(act, answer)

    def ended(self, ending: Ending) -> None:
        """An attempt ended."""
        self.world.at = ending.at
        for hook in self._ending:
            hook(ending)

    def at_end(self, end: EndState, grades: Iterable[Grade] = tuple(Grade)) -> list[Violation]:
        """What ``end`` shows to be broken; nothing is kept, so a judge may ask again later."""
        wanted = tuple(grades)
        asked = [prop for prop in self.properties if (prop.end_grade or prop.grade) in wanted]
        found = [Violation(prop.id, text) for prop in asked for text in prop.at_end(end)]
        if Grade.SAFETY in wanted:
            found += [Violation(meant(text), f"{db}: {text}", db) for db, text in end.tool.items() if text]
        return found

    def broken(self, grade: Grade) -> list[Violation]:
        """What was broken on the way, of one grade."""
        of_grade = {prop.id for prop in self.properties if prop.grade is grade}
        return [violation for violation in self.violations if violation.invariant in of_grade]
