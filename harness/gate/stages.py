"""What a subject is put through, in stages, as lazily made cases: a budget of time is shared among them.

Every stage goes through the shapes in turn, so that a stage that is cut off is a fair sample of all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from harness.cluster import Versions
from harness.corpus import Entry
from harness.errors import BadInput, OvnswapError
from harness.executor import WaitTimeout
from harness.gate.known import cases, situations
from harness.gate.shapes import PROFILES, Shape
from harness.gate.subject import Subject
from harness.search import places, plans, troubles
from harness.search.case import Case

READS = 15.0
"""Cluster seconds in which a careful reader looks at each answer; another one types without a pause."""
NOT_SURVIVED = ("wipe", "stale-disk", "auto-kick", "reset", "helm", "reinstall")
"""Faults that no procedure here survives by itself (docs/rehearsals.md): a gate does not ask for it."""
DEPTH = 3
"""Of every third schedule: how often who comes first changes against all expectation (PCT; harness.search.tape)."""
SEEDS = 40
"""Schedules of each shape: delays and orders as drawn."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A case with the stage and the shape that it belongs to."""

    stage: str
    shape: Shape
    case: Case


@dataclass(frozen=True, slots=True)
class Stage:
    """``share`` of the time budget; ``cases`` makes the cases; ``total`` says how many there are, as far as known."""

    name: str
    share: float
    words: str
    cases: Callable[[], Iterator[Tried]]


def stages(
    subject: Subject,
    chosen: Sequence[Shape],
    entries: Sequence[Entry] = (),
    profiles: Sequence[Versions] = PROFILES,
) -> tuple[Stage, ...]:
    """In their order: what is cheap and says most comes first. ``entries``: the corpus of known failures."""
    known = situations(entries, subject.verb)
    words = "in the situations of known failures" if entries else "in known failures: there is no corpus (--corpus DIR)"

    def corpus() -> Iterator[Tried]:
        return (Tried("corpus", shape, case) for shape, case in cases(subject, known, profiles))

    return (
        Stage("calm", 0.2, "without any fault, typed at once and by a reader", lambda: calm(subject, chosen)),
        Stage("corpus", 0.1, words, corpus),
        Stage("schedules", 0.15, "without any fault, with drawn delays and orders", lambda: schedules(subject, chosen)),
        Stage("faults", 0.4, "with one fault, at every place", lambda: faults(subject, chosen)),
        Stage("pairs", 0.15, "with two faults", lambda: pairs(subject, chosen)),
    )


def calm(subject: Subject, chosen: Sequence[Shape]) -> Iterator[Tried]:
    for shape in chosen:
        for pace in (0.0, READS):
            yield Tried("calm", shape, subject.case(shape, pace=pace))


def schedules(subject: Subject, chosen: Sequence[Shape]) -> Iterator[Tried]:
    for seed in range(1, SEEDS + 1):
        for shape in chosen:
            case = subject.case(shape, seed, READS if seed % 2 else 0.0)
            yield Tried("schedules", shape, replace(case, depth=DEPTH if seed % 3 == 0 else 0))


def wanted_faults() -> list[troubles.Trouble]:
    return [trouble for name, trouble in troubles.TROUBLES.items() if name not in NOT_SURVIVED]


def faults(subject: Subject, chosen: Sequence[Shape]) -> Iterator[Tried]:
    return in_turn(lambda shape: single(subject, shape), chosen)


def single(subject: Subject, shape: Shape) -> list[Tried]:
    """Every single fault on one shape, in an order without a pattern; none if the procedure does not end there even
    undisturbed."""
    case = subject.case(shape)
    found = places.spread(plans.singles(case, _places(case), wanted_faults()))
    return [Tried("faults", shape, one) for one in found]


def pairs(subject: Subject, chosen: Sequence[Shape]) -> Iterator[Tried]:
    """Two faults, as a covering array."""

    def two(shape: Shape) -> Iterator[Tried]:
        case = subject.case(shape)
        surveyed = _places(case)
        if surveyed:
            yield from (Tried("pairs", shape, one) for one in plans.pairs(case, surveyed, wanted_faults()))

    return in_turn(two, chosen)


def _places(case: Case) -> list[places.Place]:
    try:
        return places.survey(case)
    except (OvnswapError, WaitTimeout):
        return []


def in_turn(of: Callable[[Shape], Iterable[Tried]], chosen: Sequence[Shape]) -> Iterator[Tried]:
    """One of each shape, again and again; what a shape has is made when its turn comes."""
    waiting: list[Iterator[Tried]] = []
    for shape in chosen:
        made = iter(of(shape))
        yield from islice(made, 1)
        waiting.append(made)
    while waiting:
        left = []
        for made in waiting:
            one = next(made, None)
            if one is not None:
                yield one
                left.append(made)
        waiting = left


def fits(subject: Subject, chosen: Sequence[Shape]) -> tuple[list[Shape], list[tuple[Shape, str]]]:
    """The shapes on which the procedure can be begun, and the others with the reason."""
    fitting: list[Shape] = []
    others: list[tuple[Shape, str]] = []
    for shape in chosen:
        try:
            plan, _ = subject.plan(shape)
        except BadInput as error:
            others.append((shape, str(error)))
            continue
        if plan.refusals:
            check = plan.refusals[0]
            others.append((shape, f"refused: {check.id}: {check.seen}"))
        else:
            fitting.append(shape)
    return fitting, others
