"""Plays a case on a real world and on the model, and says whether they agree with each other and with the fact."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain

from language import Outcome, View
from play import play
from worlds.fake import FakeWorld, Invented, Seeded
from worlds.protocol import Names
from worlds.real import RealWorld

from fake_raft import by_version

from .case import ALL, FAMILIES, Case

SLOWNESS = (0.02, 0.1, 0.5, 1.5)
"""Seconds that pass at most between two operations of a slow run."""

FEW = 6
"""Runs of the model that must show nothing wrong, however little chance decides."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with one world, or between them; "" where nothing is."""

    case: str
    family: str
    fake: str
    real: str
    agree: str

    @property
    def well(self) -> bool:
        return not (self.fake or self.real or self.agree)


def family_of(version: str) -> str:
    """The family whose replies a release gives; releases between two are no member of either."""
    name = by_version(version).name
    assert name in FAMILIES, f"the catalogue knows nothing of {version}"
    return name


def tapes(case: Case, release: str, names: Names | None = None) -> Iterator[Outcome]:
    """The usual run, then others: half of them with a network and disks that don't vary."""
    whose = names or Invented()
    yield play(FakeWorld(whose, release), case.script)
    for seed in range(case.tapes - 1):
        yield play(FakeWorld(whose, release, Seeded(seed, calm=seed % 2 == 1)), case.script)


def slow_tapes(case: Case, release: str, names: Names) -> Iterator[Outcome]:
    """Runs in which time passes between the operations, as on a machine that is busy elsewhere."""
    for seed in range(case.tapes):
        chance = random.Random(seed)
        world = FakeWorld(names, release, Seeded(seed, calm=seed % 2 == 1))
        most = SLOWNESS[seed % len(SLOWNESS)]
        yield play(world, case.script, lambda w=world, c=chance, m=most: w.run(c.uniform(0.0, m)))  # type: ignore[misc]


def complaint(case: Case, outcome: Outcome, family: str) -> str:
    """The first reply that the fact does not allow."""
    for place, allowed in case.allowed(family).items():
        if outcome.replies[place] not in allowed:
            return f"{case.script[place]} replied {outcome.replies[place]!r}, not {' or '.join(map(repr, allowed))}"
    return ""


@cache
def fake_complaint(case: Case, release: str) -> str:
    """What the model shows that it should not, or does not show that it should: in ``FEW`` runs, or more until
    everything has been seen, as many as the case has tapes."""
    family = family_of(release)
    missing = {(place, reply) for place, replies in case.allowed(family).items() for reply in replies}
    for count, outcome in enumerate(tapes(case, release), start=1):
        wrong = complaint(case, outcome, family)
        if wrong:
            return wrong
        missing -= {(place, reply) for place, reply in missing if outcome.replies[place] == reply}
        if count >= FEW and not missing:
            return ""
    return "; ".join(f"{case.script[place]} never replied {reply!r}" for place, reply in sorted(missing))


def comparable(case: Case, outcome: Outcome) -> tuple[object, ...]:
    """What must be the same on both worlds."""
    replies = tuple("" if place in case.unseen else reply for place, reply in enumerate(outcome.replies))
    return (replies, tuple((name, at_end(case, view)) for name, view in outcome.servers))


def at_end(case: Case, view: View) -> View:
    """What is compared of the last look at a server."""
    if case.end == ALL:
        return view
    configuration = tuple(member.partition(" ")[0] for member in view.members)
    return View(view.process, members=configuration, rows=view.rows)


def difference(case: Case, real: Outcome, release: str, names: Names) -> str:
    """Why no run of the model is like the real one, not even a slow one: against the usual one; "" if there is one."""
    wanted = comparable(case, real)
    usual: Outcome | None = None
    for outcome in chain(tapes(case, release, names), slow_tapes(case, release, names)):
        usual = usual or outcome
        if comparable(case, outcome) == wanted:
            return ""
    assert usual is not None
    lines = [
        f"{operation}: real {mine!r}, fake {theirs!r}"
        for place, (operation, mine, theirs) in enumerate(zip(case.script, real.replies, usual.replies, strict=True))
        if mine != theirs and place not in case.unseen
    ]
    views = {name: at_end(case, view) for name, view in usual.servers}
    mine = {name: at_end(case, view) for name, view in real.servers}
    lines += [f"{name}: real {view}, fake {views.get(name)}" for name, view in mine.items() if views.get(name) != view]
    return f"not among {case.tapes} runs of the model; the usual one differs in: " + "; ".join(lines)


def compare(case: Case, world: RealWorld, version: str) -> Verdict:
    """One case on one installation."""
    outcome = play(world, case.script)
    real = complaint(case, outcome, family_of(version))
    return Verdict(
        case.name,
        family_of(version),
        fake_complaint(case, version),
        real,
        difference(case, outcome, version, world),
    )
