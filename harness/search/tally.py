"""Many summaries as one account: what became of each fault, and the shortest story of each way to fail."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.addresses import mentioned
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
    """One way to fail: how often, and the summary with the shortest story. ``excuse`` says why it is laid to the fault,
    "" for what counts against the procedure."""

    verdict: Verdict
    words: str
    shortest: Summary
    count: int = 0
    troubles: Counter[str] = field(default_factory=Counter)
    excuse: str = ""


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
        self._failing: dict[tuple[str, str], Failing] = {}
        self._laid: dict[tuple[str, str], Failing] = {}

    @property
    def bad(self) -> int:
        """Runs that end badly and count against the procedure."""
        return sum(failing.count for failing in self._failing.values())

    @property
    def failing(self) -> list[Failing]:
        """The most frequent first; of equally frequent ones, by their words."""
        return sorted(self._failing.values(), key=_order)

    @property
    def laid(self) -> list[Failing]:
        """In the same order, what is laid to the fault (:mod:`harness.search.control`)."""
        return sorted(self._laid.values(), key=_order)

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
            self._ends(summary, name, kind_of(summary.reasons[0]), "", self._failing)
        elif summary.verdict is Verdict.LAID:
            excuse, first = summary.reasons[:2]
            self._ends(summary, name, kind_of(first), excuse, self._laid)

    @staticmethod
    def _ends(summary: Summary, name: str, words: str, excuse: str, ways: dict[tuple[str, str], Failing]) -> None:
        new = Failing(summary.verdict, words, summary, excuse=excuse)
        failing = ways.setdefault((excuse or summary.verdict.value, words), new)
        failing.count += 1
        failing.troubles[name] += 1
        if len(summary.story) < len(failing.shortest.story):
            failing.shortest = summary


def _order(failing: Failing) -> tuple[int, str, str, str]:
    return -failing.count, failing.verdict.value, failing.words, failing.excuse


def broken_by(summary: Summary) -> list[str]:
    """The ids of the invariants that a bad run broke, each once; its verdict if it broke none, as a stuck run."""
    found = [match[1] for reason in summary.reasons if (match := re.search(r"\b([SPLM]\d+): ", reason))]
    return list(dict.fromkeys(found)) or [summary.verdict.value]


def kind_of(reason: str) -> str:
    """A reason without the names, numbers and ids of one run, so that the same thing has the same words."""
    reason = re.sub(r"\b(nb|sb)\b", "DB", reason)
    reason = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b\d+\.\d+\.\d+\.\d+\b", "X", reason)
    for address in mentioned(reason):  # IPv6: those of IPv4 are gone
        reason = reason.replace(address, "X")
    reason = re.sub(r"(?<=server )[0-9a-f]{4}\b", "X", reason)
    reason = re.sub(r"lacks \d+ acknowledged rows, first \w+", "lacks acknowledged rows", reason)
    reason = re.sub(r"misses \d+ rows that it has read, .*", "misses rows that it has read", reason)
    reason = re.sub(r"is \d+ entries behind", "is behind", reason)
    reason = re.sub(r"in the \d+ s after", "long after", reason)
    return re.sub(r"\b\d+ s: |kube-ovn-control-plane\d*|(?<=pod )\S+", lambda m: "" if "s:" in m[0] else "NODE", reason)
