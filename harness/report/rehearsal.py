"""What a rehearsal found, for people and as data."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.plan import API_VERSION
from harness.report.wording import clean
from harness.search import troubles
from harness.search.again import Again
from harness.search.case import Case
from harness.search.receipt import again_data, worst_data
from harness.search.tally import Failing, Tally
from harness.search.trial import Summary, Verdict
from harness.spec import ClusterSpec

USUAL = ClusterSpec(members=3, spares=1)
"""The lab of the commands when nothing is said."""
STORIES = 5
"""Ways to fail that are told in full; the others are counted."""
MOST_PAIRS = 5
"""Pairs of faults that are named with a way to fail."""


@dataclass(frozen=True, slots=True)
class Words:
    """How a rehearsal was asked for: ``subject`` (``remove NODE``, or a plan's file), the files of ``--from``,
    ``--node-ips``, and the ``node`` of a runbook. The rest of a command line follows from a case."""

    subject: str
    froms: tuple[str, ...] = ()
    node_ips: str | None = None
    node: str = ""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """``total`` is how many runs there are: fault plans (single faults, or ``pairs`` of them) under ``schedules`` each.
    ``stopped`` says why not all were tried ("" if all were); ``troubles`` are the faults that were chosen; ``again``
    what came of runs that were made once more."""

    case: Case
    digest: str
    where: str
    options: Words
    tally: Tally
    total: int
    places: int
    seconds: float
    stopped: str
    cells: int
    troubles: tuple[str, ...] = ()
    backend: str = "sim"
    schedules: int = 1
    pairs: str = ""
    again: Again = field(default_factory=Again)

    @property
    def complete(self) -> bool:
        return not self.stopped


def subject(case: Case) -> str:
    """The words of the command line: ``replace OLD --with NEW``."""
    wanted = case.wanted
    return f"{wanted.verb} {wanted.node}" + (f" --with {wanted.spare}" if wanted.spare else "")


def replay(case: Case, words: Words, backend: str = "sim", *, once: bool = False) -> str:
    """The line that runs ``case`` again, with its story; without faults all of them, unless it is ``once`` (then its
    tape names the run)."""
    line = ["ovnswap", "rehearse", *words.subject.split(" ")]
    saved = words.subject != subject(case)
    if words.node:
        line += ["--node", words.node]
    if not saved:
        line += ["--procedure", case.wanted.procedure] if case.wanted.procedure != "guarded" else []
        line += ["--accept-stall"] if case.wanted.accept_stall else []
    line += _cluster(case.spec, words, backend)
    line += ["--pace", f"{case.pace:g}"] if case.pace else []
    line += ["--another-leads"] if case.moved else []
    if backend != "sim":
        line += ["--backend", backend]
    else:
        line += _schedule(case, once)
    line += ["--core"] if case.core else []
    for hit in case.hits:
        line += ["--at", str(hit)]
    return shlex.join(line)


def _schedule(case: Case, once: bool) -> list[str]:
    if case.depth or case.edits or case.turns or (once and not case.hits):
        return ["--tape", str(case.source)]
    return ["--seed", str(case.seed)] if case.seed is not None else []


def _cluster(spec: ClusterSpec, words: Words, backend: str) -> list[str]:
    """Options for what differs from the lab that is made when nothing is said. Real servers have their own release."""
    line: list[str] = []
    for name in words.froms:
        line += ["--from", name]
    if words.froms:
        line += ["--node-ips", words.node_ips] if words.node_ips else []
    else:
        line += ["--members", str(spec.members)] if spec.members != USUAL.members else []
        line += ["--spares", str(spec.spares)] if spec.spares != USUAL.spares else []
    kubernetes = ".".join(map(str, spec.versions.kubernetes))
    line += ["--kubernetes", kubernetes] if spec.versions.kubernetes != USUAL.versions.kubernetes else []
    line += ["--kube-ovn", spec.versions.kube_ovn] if spec.versions.kube_ovn != USUAL.versions.kube_ovn else []
    line += ["--ovs", spec.versions.ovs] if backend == "sim" and spec.versions.ovs != USUAL.versions.ovs else []
    return line


def plans_words(total: int, pairs: str, schedules: int) -> str:
    """``3182 single faults``, or what else is tried."""
    kinds = {"": "single faults", "covering": "pairs of faults (a covering array)", "all": "pairs of faults"}
    if schedules == 1:
        return f"{total} {kinds[pairs]}"
    return f"{total} runs ({total // schedules} {kinds[pairs]} under {schedules} schedules each)"


def rehearsal_lines(found: Rehearsal) -> list[str]:
    tally = found.tally
    rate = tally.runs / found.seconds if found.seconds else 0.0
    tried = f"{tally.runs} of {plans_words(found.total, found.pairs, found.schedules)} at {found.places} places"
    counts = ", ".join(f"{tally.verdicts[v]} {v.value}" for v in Verdict if tally.verdicts[v])
    lines = [
        f"rehearsed: {found.case.wanted.procedure} procedure: {subject(found.case)} (plan {found.digest})",
        f"on:        {found.where}",
        f"runs:      {tried}, {found.seconds:.0f} s, {rate:.1f} a second",
    ]
    if found.stopped:
        lines.append(f"partial:   {found.stopped}")
    lines.append(f"ends:      {counts or 'none'}")
    lines += [*_again(found.again), *_figures(found), "", *table(tally)]
    for failing in tally.failing[:STORIES]:
        lines += ["", *_failing(failing, found.options)]
    left = len(tally.failing) - STORIES
    if left > 0:
        lines += ["", f"and {left} more ways to fail: -o json tells all"]
    lines += laid_lines(tally)
    return [*lines, "", verdict_line(found)]


def _again(again: Again) -> Iterator[str]:
    """Whether runs that were made once more, in other processes with other hash seeds, were the same."""
    if not again.chosen:
        return
    cut = f" of {again.chosen} that were chosen" if again.run < again.chosen else ""
    yield f"again:     {again.run} re-run{cut}, {again.alike} alike"
    for one in again.differing[:STORIES]:
        yield f"  not the same again: {' '.join(map(str, one.case.hits)) or 'no fault'}, {one.case.source}"


def _figures(found: Rehearsal) -> Iterator[str]:
    """Coverage, failures by invariant, and the worst figures in cluster seconds, each with its fault."""
    tally = found.tally
    yield f"coverage:  {len(tally.tried)} of {found.cells} cells of step x fault"
    if tally.by_invariant:
        yield "failures:  " + ", ".join(f"{name} {count}" for name, count in sorted(tally.by_invariant.items()))
    for name, worst in tally.worst.items():
        yield f"worst:     {name} {worst.seconds:.0f} s ({', '.join(map(str, worst.case.hits)) or 'no fault'})"


def progress_line(tally: Tally, runs: int, cells: int, seconds: float) -> str:
    """A rehearsal while it goes on, in one line."""
    words = [f"{tally.runs}/{runs} runs, {tally.runs / seconds if seconds else 0:.1f} a second, {tally.bad} bad"]
    if tally.by_invariant:
        words.append(" ".join(f"{name} {count}" for name, count in sorted(tally.by_invariant.items())))
    words.append(f"cells {len(tally.tried)}/{cells}")
    worst = ", ".join(f"{name} {worst.seconds:.0f} s" for name, worst in tally.worst.items())
    return "; ".join([*words, f"worst {worst}"] if worst else words)


def laid_lines(tally: Tally) -> list[str]:
    """What ended badly and is laid to the fault: named, for the cluster is as broken as if it were not."""
    if not tally.laid:
        return []
    lines = ["", "laid to the fault, for it does the same without a procedure (docs/rehearsals.md):"]
    for laid in tally.laid:
        by = _by(laid)
        first = ", ".join(str(hit) for hit in laid.shortest.case.hits)
        lines.append(f"    {laid.count} times ({by}), as at {first}: {clean(laid.words)}")
        lines.append(f"        {laid.excuse}")
    return lines


def _by(failing: Failing) -> str:
    """Which faults it comes with, and how often; of pairs only the most frequent ones."""
    pairs = any("," in name for name in failing.troubles)
    named = failing.troubles.most_common(MOST_PAIRS if pairs else None)
    words = [f"{name.replace(', ', ' + ')} {count}" for name, count in named]
    more = len(failing.troubles) - len(named)
    return ", ".join([*words, f"{more} more pairs"] if more else words)


def verdict_line(found: Rehearsal) -> str:
    tally = found.tally
    if found.again.differing:
        many = f"{len(found.again.differing)} of {found.again.run} runs were not the same when they were made again"
        return f"verdict: NOT DETERMINISTIC: {many}; no figure here can be trusted. Please report it"
    laid = tally.verdicts[Verdict.LAID]
    more = f"; {laid} end badly by the fault alone" if laid else ""
    if tally.bad:
        return f"verdict: {tally.bad} of {tally.runs} runs end badly{more}"
    if not tally.runs:
        return "verdict: nothing was tried"
    own = " by the procedure's doing" if laid else ""
    return f"verdict: {'no run' if found.complete else 'no run that was tried'} ended badly{own}{more}"


def table(tally: Tally) -> Iterator[str]:
    """A row for each fault: how its runs ended, and the longest stall of nb and sb in cluster seconds. A run with two
    faults stands in the rows of both; fits a terminal of 80 columns."""
    ends, stalls = by_single_trouble(tally)
    if any("," in name for name in tally.by_trouble):
        yield "each run stands in the rows of both its faults; -o json tells of each pair"
    heads = [verdict.value.upper() for verdict in Verdict]
    yield f"{'FAULT':<16}" + "".join(f"{head:>8}" for head in heads) + f"{'STALL nb/sb':>15}"
    order = {name: number for number, name in enumerate(troubles.TROUBLES)}
    for name in sorted(ends, key=lambda n: (order.get(n, len(order)), n)):
        counts, (nb, sb) = ends[name], stalls[name]
        cells = "".join(f"{counts[verdict] or '-':>8}" for verdict in Verdict)
        yield f"{name:<16}{cells}{f'{nb:.0f}/{sb:.0f} s':>15}"


def by_single_trouble(tally: Tally) -> tuple[dict[str, Counter[Verdict]], dict[str, tuple[float, float]]]:
    """Ends and longest stalls by each single fault; runs with two count for both, but once if it is the same twice."""
    ends: dict[str, Counter[Verdict]] = {}
    stalls: dict[str, tuple[float, float]] = {}
    for names, counts in tally.by_trouble.items():
        nb, sb = tally.stalls[names]
        for name in dict.fromkeys(names.split(", ")):
            ends.setdefault(name, Counter()).update(counts)
            most = stalls.get(name, (0.0, 0.0))
            stalls[name] = max(nb, most[0]), max(sb, most[1])
    return ends, stalls


def _failing(failing: Failing, options: Words) -> Iterator[str]:
    by = _by(failing)
    yield f"{failing.verdict.value}, {failing.count} times ({by}): {clean(failing.words)}"
    yield from (f"    {line}" for line in story_lines(failing.shortest))
    yield f"  replay: {replay(failing.shortest.case, options)}"
    yield f"  ovsdb:  {replay(failing.shortest.case, options, 'ovsdb')}"


def story_lines(summary: Summary) -> Iterator[str]:
    """What happened, with its times: steps that took no time are one line."""
    waiting: list[str] = []
    at_last = -1.0
    for at, words in (*summary.story, (-2.0, "")):
        is_step = words.startswith("step ") and " failed: " not in words
        if waiting and (at != at_last or not is_step):
            many = f"{waiting[0]} ... {waiting[-1]}" if len(waiting) > 1 else waiting[0]
            yield f"{at_last:7.1f} s  {clean(many)}"
            waiting.clear()
        if is_step:
            waiting.append(words)
        elif words:
            yield f"{at:7.1f} s  {clean(words)}"
        at_last = at
    yield f"{'':9}  ends {summary.verdict.value}" + (f": {clean(summary.reasons[0])}" if summary.reasons else "")


def rehearsal_data(found: Rehearsal) -> dict[str, Any]:
    tally, wanted = found.tally, found.case.wanted
    return {
        "apiVersion": API_VERSION,
        "kind": "Rehearsal",
        "procedure": wanted.procedure,
        "subject": subject(found.case),
        "planDigest": found.digest,
        "where": found.where,
        "seed": found.case.seed,
        "runs": tally.runs,
        "singleFaults": 0 if found.pairs else found.total // found.schedules,
        "faultPlans": found.pairs + " pairs" if found.pairs else "single faults",
        "schedules": found.schedules,
        "runsThereAre": found.total,
        "again": again_data(found.again),
        "places": found.places,
        "seconds": round(found.seconds, 1),
        "partial": found.stopped or None,
        "coverage": {"cellsTried": len(tally.tried), "cells": found.cells},
        "faultsChosen": list(found.troubles),
        "failuresByInvariant": dict(sorted(tally.by_invariant.items())),
        "worst": worst_data(tally),
        "ends": {verdict.value: tally.verdicts[verdict] for verdict in Verdict},
        "faults": {
            name: {
                "ends": {verdict.value: counts[verdict] for verdict in Verdict if counts[verdict]},
                "longestStallSeconds": dict(zip(("nb", "sb"), tally.stalls[name], strict=True)),
            }
            for name, counts in tally.by_trouble.items()
        },
        "failing": [_failing_data(failing, found.options) for failing in tally.failing],
        "laidToTheFault": [{**_failing_data(laid, found.options), "excuse": laid.excuse} for laid in tally.laid],
    }


def _failing_data(failing: Failing, options: Words) -> dict[str, Any]:
    return {
        "verdict": failing.verdict.value,
        "what": failing.words,
        "count": failing.count,
        "faults": dict(failing.troubles),
        **summary_data(failing.shortest, options),
    }


def summary_data(summary: Summary, options: Words) -> dict[str, Any]:
    return {
        "ends": summary.verdict.value,
        "reasons": list(summary.reasons),
        "runs": list(summary.ends),
        "longestStallSeconds": dict(zip(("nb", "sb"), summary.stalls, strict=True)),
        "secondsToleratingNothing": summary.at_zero,
        "secondsWithoutMajority": summary.without,
        "story": [{"at": at, "what": words} for at, words in summary.story],
        "replay": replay(summary.case, options, once=True),
        "replayOvsdb": replay(summary.case, options, "ovsdb"),
        "digest": summary.digest,
    }
