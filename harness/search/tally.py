"""Many summaries as one account: what became of each fault, and the shortest story of each way to fail."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from harness.search.trial import Summary, Verdict


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
        self.longest_without: Summary | None = None
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
        if self.longest_without is None or summary.without > self.longest_without.without:
            self.longest_without = summary
        if summary.bad:
            self._fails(summary, name)

    def _fails(self, summary: Summary, name: str) -> None:
        words = kind_of(summary.reasons[0])
        failing = self._failing.setdefault((summary.verdict, words), Failing(summary.verdict, words, summary))
        failing.count += 1
        failing.troubles[name] += 1
        if len(summary.story) < len(failing.shortest.story):
            failing.shortest = summary


def kind_of(reason: str) -> str:
    """A reason without the names, numbers and ids of one run, so that the same thing has the same words."""
    reason = re.sub(r"\b(nb|sb)\b", "DB", reason)
    reason = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b\d+\.\d+\.\d+\.\d+\b", "X", reason)
    reason = re.sub(r"(?<=server )[0-9a-f]{4}\b", "X", reason)
    return re.sub(r"\b\d+ s: |kube-ovn-control-plane\d*|(?<=pod )\S+", lambda m: "" if "s:" in m[0] else "NODE", reason)
