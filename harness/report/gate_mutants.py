"""The power of the gate, for people and as data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from harness.gate.mutation import ENOUGH, EQUIVALENT, LINT, LIVES, MONITOR, RUN, Fate, Score
from harness.plan import API_VERSION
from harness.report.wording import clean


def mutants_lines(scores: Sequence[Score]) -> list[str]:
    return [line for score in scores for line in (*_score(score), "")][:-1]


def _score(score: Score) -> Iterator[str]:
    tried = len(score.fates)
    partial = f", {tried} of them were tried" if tried < score.there_are else ""
    yield f"mutants:    {score.there_are} of {score.label}{partial}"
    yield f"killed:     {score.count(LINT)} by lint, {score.count(RUN)} by runs, {score.count(MONITOR)} by the monitor"
    for how, fates in _by(score):
        yield f"  {len(fates):>3} {how}: {_examples(fates)}"
    yield f"equivalent: {score.count(EQUIVALENT)}"
    for reason, count in Counter(fate.by for fate in score.fates if fate.how == EQUIVALENT).most_common():
        yield f"  {count:>3} {reason}"
    yield f"live:       {score.count(LIVES)}"
    yield from (f"      {clean(fate.mutation)}, in {fate.runs} runs" for fate in score.fates if fate.how == LIVES)
    real = tried - score.count(EQUIVALENT)
    killed = score.count(LINT, RUN, MONITOR)
    yield f"score:      {score.percent:.1f} %: {killed} of {real} that are not equivalent (asked for: {ENOUGH:.0f} %)"


def _by(score: Score) -> list[tuple[str, list[Fate]]]:
    """What kills, the most frequent first: a rule, an invariant, a kind of end."""
    found: dict[str, list[Fate]] = {}
    for fate in score.fates:
        if fate.killed:
            name = fate.by if fate.how == LINT else fate.by.split(":")[0]
            found.setdefault(f"{fate.how}: {name}", []).append(fate)
    return sorted(found.items(), key=lambda one: (-len(one[1]), one[0]))


def _examples(fates: Sequence[Fate]) -> str:
    most = max(fate.runs for fate in fates)
    runs = f" (at most {most} runs)" if most else ""
    return f"{clean(fates[0].mutation)}{runs}"


def mutants_data(scores: Sequence[Score]) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": "MutationScore",
        "asked": ENOUGH,
        "subjects": [
            {
                "subject": score.label,
                "mutants": score.there_are,
                "tried": len(score.fates),
                "percent": round(score.percent, 2),
                "counts": {how: score.count(how) for how in (LINT, RUN, MONITOR, EQUIVALENT, LIVES)},
                "fates": [
                    {"mutation": fate.mutation, "how": fate.how, "by": fate.by, "runs": fate.runs}
                    for fate in score.fates
                ],
            }
            for score in scores
        ],
    }
