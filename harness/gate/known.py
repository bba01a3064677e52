"""The situations of known failures, for the procedure that is gated: the corpus as a stage of the gate.

An entry of :mod:`harness.corpus` rehearses our procedures on a cluster, with faults at places, at a pace. What is taken
is the situation; mistakes that hands made in an entry (mutations, steps as typed) are not, the candidate has its own. A
procedure is asked for no more than the guarded one reaches: only situations in which that one must end well.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from harness import corpus
from harness.cluster import ClusterView, Versions
from harness.corpus import Entry, Try
from harness.errors import BadInput
from harness.gate.shapes import FIRST, FIRST_LEADS, FOLLOWER, NEW, Shape
from harness.gate.subject import Subject
from harness.plan import Plan
from harness.procedures.wanted import Wanted, make
from harness.search import mutants
from harness.search.case import Case, Hit
from harness.search.opened import opened

GOOD = {"done", "refused"}


@dataclass(frozen=True, slots=True)
class Situation:
    """``tries``: the entry's own runs there, the guarded procedure's first. ``name``: the entry's."""

    name: str
    verb: str
    tries: tuple[Try, ...]


def beside() -> Path | None:
    """The corpus of the repository that this is run from; None for an installed package, which has none."""
    found = Path(__file__).parents[2] / "scenarios" / "corpus"
    return found if found.is_dir() else None


def read(directory: Path) -> tuple[Entry, ...]:
    """Raises :class:`BadInput` for a directory that has no corpus, and naming the file in which something is wrong."""
    if not directory.is_dir():
        raise BadInput(f"--corpus {directory} is no directory", todo="name one of known failures, as scenarios/corpus")
    entries = corpus.load(directory)
    if not entries:
        raise BadInput(f"--corpus {directory} has no known failures", todo="name another, as scenarios/corpus")
    return entries


def situations(entries: Sequence[Entry], verb: str) -> list[Situation]:
    """Those for ``verb`` in which the guarded procedure must end well, each once."""
    found: dict[tuple[Case, ...], Situation] = {}
    for entry in entries:
        for replay in entry.replays:
            tries = sorted((one for one in replay.tries if _plain(one)), key=lambda one: one.procedure != "guarded")
            if not tries or tries[0].procedure != "guarded" or not set(tries[0].ends) <= GOOD:
                continue
            case = tries[0].case
            if case.wanted.verb == verb:
                key = tuple(replace(one.case, wanted=tries[0].case.wanted) for one in tries)
                found.setdefault(key, Situation(entry.name, verb, tuple(tries)))
    return list(found.values())


def _plain(one: Try) -> bool:
    return not one.case.mutation and one.case.wanted.given is None


def cases(subject: Subject, known: Sequence[Situation], profiles: Sequence[Versions]) -> Iterator[tuple[Shape, Case]]:
    """The subject in every situation that it fits, each run once. ``profiles``: a release that all have is used."""
    seen: set[Case] = set()
    for situation in known:
        case = situation.tries[0].case
        spec = replace(case.spec, versions=_asked(case.spec.versions, profiles))
        if subject.sizes and spec.members not in subject.sizes:
            continue
        blank = replace(case, wanted=Wanted("guarded", situation.verb, ""), spec=spec, hits=())
        try:
            with closing(opened(blank)) as lab:
                view = lab.view()
                found = _applied(subject, situation, view, blank)
        except BadInput:
            continue
        if found not in seen:
            seen.add(found)
            yield _shape(situation, found, view), found


def _applied(subject: Subject, situation: Situation, view: ClusterView, blank: Case) -> Case:
    """The situation's run with the subject's procedure. Raises :class:`BadInput` if that does not fit there."""
    node = situation.tries[0].case.wanted.node
    if subject.own and subject.node != node:
        raise BadInput(f"it is about {subject.node}, not {node}")
    wanted = subject.bound(view, node)
    plan = make(wanted, view, lambda name: None)
    like = situation.tries[0 if wanted.procedure == "guarded" and wanted.given is None else -1].case
    theirs = make(like.wanted, view, lambda name: None)
    hits = tuple(carried(hit, theirs, plan) for hit in like.hits)
    return replace(blank, wanted=wanted, hits=hits, seed=like.seed, pace=like.pace, moved=like.moved)


def carried(hit: Hit, theirs: Plan, plan: Plan) -> Hit:
    """A fault at a place of their plan, in ``plan``: at the same step if that is there, else as far on the way."""
    steps = mutants.keys(theirs)
    key = steps[hit.step - 1] if hit.step <= len(steps) else ""
    names = mutants.keys(plan)
    if key in names:
        return replace(hit, step=names.index(key) + 1)
    share = (hit.step - 1) / max(1, len(steps) - 1)
    return replace(hit, step=1 + round(min(1.0, share) * (len(names) - 1)))


def _asked(own: Versions, profiles: Sequence[Versions]) -> Versions:
    only = {name: {getattr(row, name) for row in profiles} for name in ("kubernetes", "kube_ovn", "ovs")}
    return replace(own, **{name: next(iter(values)) for name, values in only.items() if len(values) == 1})


def _shape(situation: Situation, case: Case, view: ClusterView) -> Shape:
    first = view.labelled()[0].name == situation.tries[0].case.wanted.node
    part = NEW if situation.verb == "add" else FOLLOWER if not first else FIRST if case.moved else FIRST_LEADS
    return Shape(case.spec.members, part, case.moved, case.spec.versions, situation.name)
