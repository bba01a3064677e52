"""A failing case made small: fewest faults, then fewest deviations from the happy schedule, then fewest nodes.

Everything tried is a case that runs as any other, so the result replays. It fails in the same way as what it came from:
the same verdict for the same kind of reason, or whatever ``same`` asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeVar

from harness.errors import BadInput
from harness.search import trial
from harness.search.case import Case, Position
from harness.search.tally import kind_of
from harness.search.tape import Edit, Source
from harness.search.trial import Summary

T = TypeVar("T")
Same = Callable[[Summary], bool]

RUNS = 200
"""Runs that one shrinking may take where nothing else is said."""


@dataclass(frozen=True, slots=True)
class Shrunk:
    """``summary`` is of the smallest case found, in ``runs`` runs; ``whole`` if nothing was left to try."""

    summary: Summary
    runs: int
    whole: bool

    @property
    def case(self) -> Case:
        return self.summary.case

    @property
    def deviations(self) -> int:
        """Choices that are not those of the happy schedule; -1 where a seed draws them, which is no list."""
        return -1 if self.case.seed is not None else len(self.case.edits)


def alike(failed: Summary) -> Same:
    """Fails as ``failed`` did."""
    words = kind_of(failed.reasons[0]) if failed.reasons else ""
    return lambda s: s.verdict is failed.verdict and bool(s.reasons) and kind_of(s.reasons[0]) == words


def shrink(failed: Summary, same: Same | None = None, runs: int = RUNS) -> Shrunk:
    """The smallest case that fails as ``failed`` does, as far as ``runs`` runs in the simulator find one."""
    work = _Work(failed, same or alike(failed), runs)
    try:
        work.faults()
        work.earlier()
        work.core()
        work.schedule()
        work.core()
        work.nodes()
    except _Spent:
        return Shrunk(work.best, work.runs, whole=False)
    return Shrunk(work.best, work.runs, whole=True)


class _Spent(Exception):
    """No runs are left."""


class _Work:
    """``best`` is the smallest that still fails."""

    def __init__(self, failed: Summary, same: Same, most: int) -> None:
        self.best = failed
        self.runs = 0
        self._same = same
        self._most = most
        self._edits: tuple[Edit, ...] = ()

    @property
    def _case(self) -> Case:
        return self.best.case

    def _fails(self, case: Case) -> bool:
        """Try it; keep it if it fails in the same way."""
        if self.runs >= self._most:
            raise _Spent
        self.runs += 1
        try:
            summary, edits = trial.traced(case)
        except BadInput:  # the procedure does not fit so small a cluster
            return False
        if not self._same(summary):
            return False
        self.best, self._edits = summary, edits
        return True

    def faults(self) -> None:
        """No fault, else one, else two...: the fewest that fail, the happy schedule first."""
        hits = self._case.hits
        for count in range(len(hits)):
            for some in combinations(hits, count):
                fewer = replace(self._case, hits=some)
                if self._fails(fewer.under(Source())) or (self._drawn and self._fails(fewer)):
                    return

    def earlier(self) -> None:
        """A fault right after a change depends on the instant; right before that step it does not."""
        for number, hit in enumerate(self._case.hits):
            if hit.position is Position.BEFORE and hit.step > 1:
                moved = replace(hit, step=hit.step - 1)
            elif hit.position is Position.DURING:
                moved = replace(hit, position=Position.BEFORE)
            elif hit.position is Position.ELECTED and hit.step > self._case.hits[0].step:
                moved = replace(hit, step=self._case.hits[0].step)
            else:
                continue
            hits = self._case.hits
            self._fails(replace(self._case, hits=(*hits[:number], moved, *hits[number + 1 :])))

    def core(self) -> None:
        """Faults that end by themselves, and everything healed in the end, if that is enough."""
        if self._case.core:
            self._fails(replace(self._case, core=False))

    @property
    def _drawn(self) -> bool:
        return self._case.source != Source()

    def schedule(self) -> None:
        """The happy schedule, else as few other choices as can be: whole kinds of choices go first, then halves."""
        if not self._drawn or self._fails(self._case.under(Source())):
            return
        self._fails(self._case)  # to have its choices
        if not self._fails(self._case.under(Source(edits=self._edits))):
            return
        for kind in dict.fromkeys(kind_of_choice(edit) for edit in self._case.edits):
            self._without([edit for edit in self._case.edits if kind_of_choice(edit) == kind])
        for name in dict.fromkeys(edit.name for edit in self._case.edits):
            self._without([edit for edit in self._case.edits if edit.name == name])
        minimal(self._case.edits, lambda edits: self._fails(self._case.under(Source(edits=tuple(edits)))))
        for edit in self._case.edits:
            self._smaller(edit)

    def _without(self, edits: Sequence[Edit]) -> None:
        rest = tuple(edit for edit in self._case.edits if edit not in edits)
        if len(rest) < len(self._case.edits):
            self._fails(self._case.under(Source(edits=rest)))

    def _smaller(self, edit: Edit) -> None:
        for value in (1, edit.value // 2):
            others = tuple(e for e in self._case.edits if e != edit)
            if 0 < value < edit.value and self._fails(
                self._case.under(Source(edits=(*others, replace(edit, value=value))))
            ):
                return

    def nodes(self) -> None:
        """Without spares that nobody needs, and with fewer members; somebody's cluster is left as it is."""
        if self._case.spec.nodes:
            return
        needed = {self._case.wanted.node, self._case.wanted.spare, *trial.befallen(self._case)}
        while self._case.spec.spares and self._case.spec.node_names()[-1] not in needed:
            if not self._fails(replace(self._case, spec=replace(self._case.spec, spares=self._case.spec.spares - 1))):
                break
        while self._case.spec.members > 1 and not self._case.spec.spares:
            if self._case.spec.node_names()[-1] in needed:
                break
            if not self._fails(replace(self._case, spec=replace(self._case.spec, members=self._case.spec.members - 1))):
                break


def kind_of_choice(edit: Edit) -> str:
    """What is chosen, without for whom."""
    return edit.name.partition(": ")[0]


def minimal(items: Sequence[T], fails: Callable[[Sequence[T]], bool]) -> list[T]:
    """A part of ``items`` that still ``fails`` and of which nothing more can be left out, one at a time (ddmin: Zeller
    and Hildebrandt, IEEE TSE 28(2), 2002). ``items`` are known to fail."""
    kept, parts = list(items), 2
    while len(kept) >= 2:
        for rest in _complements(kept, parts):
            if fails(rest):
                kept, parts = rest, max(parts - 1, 2)
                break
        else:
            if parts >= len(kept):
                break
            parts = min(2 * parts, len(kept))
    return [] if kept and fails([]) else kept


def _complements(items: list[T], parts: int) -> Iterator[list[T]]:
    size = -(-len(items) // parts)
    for first in range(0, len(items), size):
        yield items[:first] + items[first + size :]
