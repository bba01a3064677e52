"""Plays a case on a real world and on the model, and says whether they agree with each other and with the fact."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from language import Outcome
from play import play
from worlds.fake import FakeWorld, Invented, Seeded
from worlds.protocol import Names
from worlds.real import RealWorld

from fake_raft import by_version

from .case import FAMILIES, Case


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong with one world, or between them; "" where nothing is."""

    case: str
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


def complaint(case: Case, outcome: Outcome, family: str) -> str:
    """The first reply that the fact does not allow."""
    for place, allowed in case.allowed(family).items():
        if outcome.replies[place] not in allowed:
            return f"{case.script[place]} replied {outcome.replies[place]!r}, not {' or '.join(map(repr, allowed))}"
    return ""


@cache
def fake_complaint(case: Case, release: str) -> str:
    """What the model shows that it should not, or should and does not, in as many runs as the case has tapes."""
    family = family_of(release)
    reached: dict[int, set[str]] = {place: set() for place in case.allowed(family)}
    for outcome in tapes(case, release):
        wrong = complaint(case, outcome, family)
        if wrong:
            return wrong
        for place, seen in reached.items():
            seen.add(outcome.replies[place])
    for place, seen in reached.items():
        missing = [reply for reply in case.allowed(family)[place] if reply not in seen]
        if missing:
            return f"{case.script[place]} never replied {missing[0]!r}"
    return ""


def comparable(case: Case, outcome: Outcome) -> tuple[object, ...]:
    """What must be the same on both worlds."""
    replies = tuple("" if place in case.unseen else reply for place, reply in enumerate(outcome.replies))
    return (replies, outcome.servers if case.compares_end else ())


def difference(case: Case, real: Outcome, release: str, names: Names) -> str:
    """Why no run of the model is like the real one: against the usual one; "" if there is one."""
    wanted = comparable(case, real)
    usual: Outcome | None = None
    for outcome in tapes(case, release, names):
        usual = usual or outcome
        if comparable(case, outcome) == wanted:
            return ""
    assert usual is not None
    lines = [
        f"{operation}: real {mine!r}, fake {theirs!r}"
        for place, (operation, mine, theirs) in enumerate(zip(case.script, real.replies, usual.replies, strict=True))
        if mine != theirs and place not in case.unseen
    ]
    if case.compares_end:
        views = dict(usual.servers)
        lines += [
            f"{name}: real {view}, fake {views.get(name)}" for name, view in real.servers if views.get(name) != view
        ]
    return f"not among {case.tapes} runs of the model; the usual one differs in: " + "; ".join(lines)


def compare(case: Case, world: RealWorld, version: str) -> Verdict:
    """One case on one installation."""
    outcome = play(world, case.script)
    real = complaint(case, outcome, family_of(version))
    return Verdict(case.name, fake_complaint(case, version), real, difference(case, outcome, version, world))
