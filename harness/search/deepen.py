"""Search by depth: single faults first, and a second one at the moments that a single fault has brought about.

A fault makes servers elect another leader. That election is a moment at which a second fault may fall, and none that
the undisturbed run has. Runs that have shown new abstract states are followed up first, the newest ones most; nothing
is known of what may go wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.search import campaign, trial
from harness.search.case import Case, Hit, Position
from harness.search.coverage import Coverage
from harness.search.explore import LAG, Budget, within
from harness.search.places import single_faults, spread, survey
from harness.search.trial import Summary
from harness.search.troubles import Trouble

FOLLOWED = 2
"""Second faults that are tried for each first one."""


def deepen(
    base: Case,
    budget: Budget,
    troubles: Sequence[Trouble],
    *,
    jobs: int = 1,
    coverage: Coverage | None = None,
) -> Iterator[Summary]:
    """Single faults of ``base`` and what follows from them, each case once, until all is tried or ``budget`` is spent.

    The same search makes the same cases in any number of processes.
    """
    singles = spread(list(single_faults(base, survey(base), troubles)))
    source = Deepener(singles, troubles, coverage if coverage is not None else Coverage())
    for summary in within(campaign.each(trial.run, source.cases(), jobs, max(1, LAG // jobs)), budget):
        source.learn(summary)
        yield summary


@dataclass(slots=True)
class _Followed:
    """A run that showed ``new`` states, and the cases that follow it up; ``given`` were tried."""

    new: int
    cases: list[Case]
    given: int = 0

    @property
    def worth(self) -> float:
        return self.new / (1 + self.given)


class Deepener:
    """Makes cases from singles and from what their runs have shown."""

    def __init__(self, singles: Sequence[Case], troubles: Sequence[Trouble], coverage: Coverage) -> None:
        self.coverage = coverage
        self._singles = iter(singles)
        self._nodes = sorted({hit.node for case in singles for hit in case.hits if hit.node})
        self._troubles = [trouble for trouble in troubles if trouble.hands is None]
        self._heard: list[Summary] = []
        self._followed: list[_Followed] = []

    def learn(self, summary: Summary) -> None:
        """What has come of the next case, in their order."""
        self._heard.append(summary)

    def cases(self) -> Iterator[Case]:
        learned = number = 0
        while True:
            for summary in self._heard[learned : max(0, number - LAG)]:
                learned += 1
                self._follow(summary)
            case = self._next(number)
            if case is None:
                if learned >= number:
                    return
                case = self._catch_up(learned)
                if case is None:
                    return
                learned = len(self._heard)
            yield case
            number += 1

    def _catch_up(self, learned: int) -> Case | None:
        """Nothing is left that may be made of old runs: hear the latest ones too."""
        for summary in self._heard[learned:]:
            self._follow(summary)
        return self._next(1)

    def _next(self, number: int) -> Case | None:
        """A single fault every third time, else the most promising second one; whatever there is if one is lacking."""
        single = number % (FOLLOWED + 1) == 0
        return (self._single() or self._second()) if single else (self._second() or self._single())

    def _single(self) -> Case | None:
        return next(self._singles, None)

    def _second(self) -> Case | None:
        best = max(self._followed, key=lambda f: f.worth, default=None)
        if best is None:
            return None
        best.given += 1
        case = best.cases.pop()
        if not best.cases:
            self._followed.remove(best)
        return case

    def _follow(self, summary: Summary) -> None:
        new = self.coverage.add(summary)
        if new and len(summary.case.hits) == 1 and summary.elections:
            self._followed.append(_Followed(new, spread(list(self._seconds(summary)))))

    def _seconds(self, summary: Summary) -> Iterator[Case]:
        """Another fault at each election that came after the first."""
        first = summary.case.hits[0]
        for step in sorted({first.step, *(step for step in summary.elections if step > first.step)}):
            for trouble in self._troubles:
                for node in self._nodes:
                    second = Hit(step, Position.ELECTED, trouble.name, node)
                    yield replace(summary.case, hits=(first, second))
