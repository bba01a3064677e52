"""Many summaries as one account: what became of each fault, and the shortest story of each way to fail."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.search.case import Case
from harness.search.trial import Summary, Verdict

Cell = tuple[int, str]
"""A step's number and the name of a fault."""


def cells(cases: Iterable[Case]) -> frozenset[Cell]:
    """The cells of the step x fault matrix that ``cases`` touch."""
    return frozenset((hit.step, hit.trouble) for case in cases for hit in case.hits)


@dataclass(frozen=True, slots=True)
class Worst:
    """The largest figure of all runs, in cluster seconds, and the case that had it."""

    seconds: float
    case: Case


@dataclass(slots=True)
class Failing:
    """One way to fail: how often, and the summary with the shortest story."""

    verdict: Verdict
    words: str
    shortest: Summary
    count: int = 0
    troubles: Counter[str] = field(default_factory=Counter)


class Tally:
    """Counts summaries as they come."""

    def __init__(self) -> None:
        self.runs = 0
        self.verdicts: Counter[Verdict] = Counter()
        self.by_trouble: dict[str, Counter[Verdict]] = {}
        self.stalls: dict[str, tuple[float, float]] = {}
        self.tried: set[Cell] = set()
        self.by_invariant: Counter[str] = Counter()
        self.worst: dict[str, Worst] = {}
        self._failing: dict[tuple[Verdict, str], Failing] = {}

    @property
    def bad(self) -> int:
        return sum(failing.count for failing in self._failing.values())

    @property
    def failing(self) -> list[Failing]:
        """The most frequent first; of equally frequent ones, by their words."""
        return sorted(self._failing.values(), key=lambda f: (-f.count, f.verdict.value, f.words))

    def add(self, summary: Summary) -> None:
        self.runs += 1
        self.verdicts[summary.verdict] += 1
        name = ", ".join(hit.trouble for hit in summary.case.hits) or "none"
        self.by_trouble.setdefault(name, Counter())[summary.verdict] += 1
        nb, sb = self.stalls.get(name, (0.0, 0.0))
        self.stalls[name] = max(nb, summary.stalls[0]), max(sb, summary.stalls[1])
        self.tried |= cells([summary.case])
        figures = {"stall": max(summary.stalls), "tolerance 0": summary.at_zero, "no quorum": summary.without}
        for figure, seconds in figures.items():
            if figure not in self.worst or seconds > self.worst[figure].seconds:
                self.worst[figure] = Worst(seconds, summary.case)
        if summary.bad:
            self.by_invariant.update(broken_by(summary))
            self._fails(summary, name)

    def _fails(self, summary: Summary, name: str) -> None:
        words = kind_of(summary.reasons[0])
        failing = self._failing.setdefault((summary.verdict, words), Failing(summary.verdict, words, summary))
        failing.count += 1
        failing.troubles[name] += 1
        if len(summary.story) < len(failing.shortest.story):
            failing.shortest = summary


def broken_by(summary: Summary) -> list[str]:
    """The ids of the invariants that a bad run broke, each once; its verdict if it broke none, as a stuck run."""
    found = [match[1] for reason in summary.reasons if (match := re.search(r"\b([SPLM]\d+): ", reason))]
    return list(dict.fromkeys(found)) or [summary.verdict.value]


def kind_of(reason: str) -> str:
    """A reason without the names, numbers and ids of one run, so that the same thing has the same words."""
    reason = re.sub(r"\b(nb|sb)\b", "DB", reason)
    reason = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b\d+\.\d+\.\d+\.\d+\b", "X", reason)
    reason = re.sub(r"(?<=server )[0-9a-f]{4}\b", "X", reason)
    return re.sub(r"\b\d+ s: |kube-ovn-control-plane\d*|(?<=pod )\S+", lambda m: "" if "s:" in m[0] else "NODE", reason)
