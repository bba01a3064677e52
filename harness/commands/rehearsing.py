"""A whole rehearsal: the cases, the workers, the progress, what is small enough to be read, and what is kept of it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from harness import executors
from harness.commands.apply import PlanStale
from harness.commands.interrupts import noted
from harness.commands.output import may_redraw, progress_console, say, write
from harness.errors import BadInput, ExitCode
from harness.plan import Plan
from harness.procedures.wanted import make
from harness.report import data
from harness.report.page import render
from harness.report.rehearsal import (
    STORIES,
    Rehearsal,
    Words,
    plans_words,
    progress_line,
    rehearsal_data,
    rehearsal_lines,
)
from harness.report.rehearsal_live import RehearsalLive
from harness.report.rehearsal_page import Drawn, rehearsal_page
from harness.search import again, campaign, places, plans, receipt, shrink, trial
from harness.search.case import Case
from harness.search.control import Controls
from harness.search.halting import Halt
from harness.search.opened import opened
from harness.search.places import Place
from harness.search.tally import Failing, Tally, cells
from harness.search.trial import Summary
from harness.search.troubles import Trouble

__all__ = ["TELL_EVERY", "Asked", "Words", "put", "run"]

TELL_EVERY = 5.0
"""Seconds between two lines of progress where a line can't be redrawn."""
TOGETHER = 24
"""Cases that share a beginning in the simulator: few enough to stop soon after Ctrl-C."""
SHRINK_RUNS = 40
"""Runs in which each story that is told may be made smaller."""
AGAIN = 0.15
"""The share of the time in which runs are made once more, to see whether they are the same."""
AT_LEAST = 10.0
"""Seconds for that where there is no time budget."""
FIRST = 3
"""Pairs by which it is told how long all of them take."""
LONGEST = 3600.0
"""Seconds that all pairs may take without a word of how many, or how long."""
INTERRUPTED = "interrupted: what was tried until then counts"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for. ``named``: whether ``troubles`` were chosen by name; ``plan``: the saved plan that the lab's
    must be the same as; ``budget`` in seconds; ``pairs``: one of :data:`harness.search.plans.PAIRS`, or "" for single
    faults; ``schedules`` for each fault plan."""

    case: Case
    words: Words
    where: str
    backend: str
    troubles: tuple[Trouble, ...]
    named: bool
    plan: Plan | None
    runs: int | None
    budget: float | None
    jobs: int | None
    schedules: int = 1
    pairs: str = ""

    @property
    def workers(self) -> int:
        return self.jobs or (os.cpu_count() or 1 if self.backend == "sim" else 1)


@dataclass(frozen=True, slots=True)
class _Cases:
    """What is to be tried: ``total`` cases, which may be too many to hold; ``shared`` if they have enough in common to
    be simulated together."""

    each: Iterable[Case]
    total: int
    cells: int
    shared: bool

    @classmethod
    def of(cls, asked: Asked, surveyed: Sequence[Place]) -> _Cases:
        """Single faults or pairs of them, under every schedule, in an order of no pattern."""
        case, sources = asked.case, plans.schedules(asked.schedules, asked.case.seed)
        singles = plans.singles(case, surveyed, asked.troubles)
        matrix = len(cells(singles))
        if asked.pairs == "all":
            drawn = plans.all_pairs(case, surveyed, asked.troubles, sources)
            return cls(drawn, len(drawn), matrix, shared=False)
        chosen = list(plans.pairs(case, surveyed, asked.troubles)) if asked.pairs else singles
        cases = places.spread(list(plans.under(chosen, sources)))
        return cls(cases, len(cases), matrix, shared=len(cases) > TOGETHER)

    def first(self, runs: int | None) -> _Cases:
        """No more than so many; so few have nothing in common."""
        if runs is None:
            return self
        return replace(self, each=islice(self.each, runs), total=min(runs, self.total), shared=False)


def run(asked: Asked, form: str, path: Path | None, report: Path | None) -> ExitCode:
    """Try it, tell it, keep it. Raises :class:`BadInput` before anything is tried."""
    if asked.backend != "sim" and not (asked.runs or asked.budget):
        todo = "--runs N or --time-budget 10m tries some of them; --at names one; --backend sim tries all"
        raise BadInput("all single faults take hours on real servers", todo=todo)
    digest = _digest(asked)
    _make(report)
    if asked.backend != "sim":
        asked = replace(asked, troubles=_able(asked))
    surveyed = places.survey(asked.case)
    cases = _Cases.of(asked, surveyed)
    say(f"on: {asked.where}; {plans_words(cases.total, asked.pairs, asked.schedules)} at {len(surveyed)} places")
    if asked.pairs == "all" and asked.backend == "sim":
        _expect(asked, cases)
    tally, sample, began = Tally(), again.Sample(), time.monotonic()
    stopped = _try(asked, cases.first(asked.runs), tally, sample)
    if not stopped and asked.runs and asked.runs < cases.total:
        stopped = f"--runs {asked.runs}"
    repeated = again.Again()
    if asked.backend == "sim" and stopped != INTERRUPTED:
        repeated = _again(asked, sample, time.monotonic() - began)
        _shrink(tally)
    found = Rehearsal(
        case=asked.case,
        digest=digest,
        where=asked.where,
        options=asked.words,
        tally=tally,
        total=cases.total,
        places=len(surveyed),
        seconds=time.monotonic() - began,
        stopped=stopped,
        cells=cases.cells,
        troubles=tuple(trouble.name for trouble in asked.troubles),
        backend=asked.backend,
        schedules=asked.schedules,
        pairs=asked.pairs,
        again=repeated,
    )
    _keep(found, report)
    write(data.dump(rehearsal_data(found)) if form == "json" else "\n".join(rehearsal_lines(found)), path)
    if stopped == INTERRUPTED:
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if tally.bad or repeated.differing else ExitCode.OK


def _expect(asked: Asked, cases: _Cases) -> None:
    """Say how long all pairs will take, by the first few of them. Raises :class:`BadInput` where that is longer than
    anybody waits and nothing bounds it."""
    began, some = time.process_time(), list(islice(cases.each, FIRST))
    for case in some:
        trial.run(case)
    each = (time.process_time() - began) / max(1, len(some))
    wanted = min(asked.runs or cases.total, cases.total)
    takes = spoken(wanted * each / asked.workers)
    why = f"{each:.1f} s of CPU a run, as the first {len(some)} took, {asked.workers} at a time"
    if asked.budget is None and asked.runs is None and wanted * each / asked.workers > LONGEST:
        todo = "--time-budget 10m or --runs N tries a fair sample of them; --pairs covering tries few that meet much"
        raise BadInput(f"{cases.total} pairs of faults take about {takes}", why=why, todo=todo)
    bound = f"; --time-budget ends it after {spoken(asked.budget)}" if asked.budget is not None else ""
    say(f"expected: {wanted} runs take about {takes} ({why}){bound}")


def spoken(seconds: float) -> str:
    """``40 s``, ``12 min``, ``3 hours``, ``9 days``."""
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _able(asked: Asked) -> tuple[Trouble, ...]:
    """The troubles that real servers can have here. Raises :class:`BadInput` if one that was named is none of them."""
    with closing(executors.create(asked.backend, asked.case.spec)) as lab:
        faults = lab.faults
    able = tuple(trouble for trouble in asked.troubles if trouble.kinds <= faults)
    left = [trouble.name for trouble in asked.troubles if trouble not in able]
    if left and asked.named:
        raise BadInput(f"{asked.backend} can't do {', '.join(left)} here", todo="leave it out, or --backend sim")
    if left:
        say(f"note: {asked.backend} can't do these here, so they are left out: {', '.join(left)}")
    return able


def _summaries(asked: Asked, cases: _Cases, halt: Halt) -> Iterator[Summary]:
    if asked.backend == "sim" and cases.shared:
        return campaign.run_shared(cases.each, asked.workers, TOGETHER, halt)
    return campaign.run(cases.each, asked.workers, asked.backend, halt)


def _try(asked: Asked, cases: _Cases, tally: Tally, sample: again.Sample) -> str:
    """Try the cases; returns why it stopped early, "" if it did not."""
    began = told = time.monotonic()
    console = progress_console()
    controls = Controls()
    enough = asked.budget * (1 - AGAIN) if asked.budget is not None else None
    with noted() as signal, RehearsalLive(console if may_redraw(console) else None, cases.total, cases.cells) as live:
        for summary in _summaries(asked, cases, lambda: signal.heard):
            sample.hear(summary)
            tally.add(controls.judged(summary))
            now = time.monotonic()
            live.show(tally, now - began)
            if not live.drawn and now - told >= TELL_EVERY:
                told = now
                say(progress_line(tally, cases.total, cases.cells, now - began))
            if signal.heard:
                break
            if enough is not None and now - began >= enough and tally.runs < cases.total:
                return f"the time budget of {asked.budget:g} s is used up"
        return INTERRUPTED if signal.heard else ""


def _again(asked: Asked, sample: again.Sample, took: float) -> again.Again:
    """Run a sample once more in other processes, in the time that is left for it; Ctrl-C ends it early."""
    known = sample.known()
    if not known:
        return again.Again()
    seconds = max(asked.budget - took, 0.0) if asked.budget is not None else max(took * AGAIN, AT_LEAST)
    say(f"again: {len(known)} of these runs are made once more, in other processes, for {seconds:.1f} s at most")
    with noted() as signal:
        run, differing = again.rerun(known, seconds=seconds, jobs=asked.workers, halt=lambda: signal.heard)
    return again.Again(sample.chosen, run, differing)


def _shrink(tally: Tally) -> None:
    """Make the stories that are told as small as may be; Ctrl-C leaves the rest as they are."""
    with noted() as signal:
        for failing in tally.failing[:STORIES]:
            if signal.heard:
                return
            failing.shortest = shrink.shrink(failing.shortest, runs=SHRINK_RUNS).summary


def _digest(asked: Asked) -> str:
    """Which plan is rehearsed: the digest that ``ovnswap plan`` prints. Raises :class:`BadInput` as plan does, and
    PlanStale if a saved plan is for another cluster than the lab."""
    case, saved = asked.case, asked.plan
    with closing(opened(case)) as lab:
        view = lab.view()
        if saved is not None:
            for target in (saved.old, saved.new):
                node = view.node(target.node) if target is not None else None
                if target is not None and (node is None or node.address != target.address):
                    raise PlanStale(
                        f"the plan is for {target.node} at {target.address}, which is not in the lab",
                        why="it was made for another cluster",
                        todo="--from FILE makes a lab like that cluster: its statuses and listings",
                    )
        plan = make(case.wanted, view, lab.files)
    if saved is not None and saved.digest != plan.digest:
        raise PlanStale(
            f"the plan's steps (digest {saved.digest}) are not those for the lab ({plan.digest})",
            why="it was made for another cluster, or another state of it",
            todo="--from FILE makes a lab like that cluster; --kubernetes and --kube-ovn say its releases",
        )
    if plan.refusals:
        check = plan.refusals[0]
        raise BadInput(f"{check.id}: {check.seen}", why=check.why, todo=check.todo)
    return plan.digest


# -- what is kept -----------------------------------------------------------------------------------------------------


def _make(directory: Path | None) -> None:
    """The directory of ``--report``, before any work is done for it."""
    if directory is None:
        return
    try:
        directory.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise BadInput(f"can't write to {directory}: {error.strerror}", todo="name another directory") from None


def _keep(found: Rehearsal, directory: Path | None) -> None:
    """Write report, page and receipt; the receipt last, so that it never stands beside an older report."""
    if directory is None:
        return
    fields = receipt.document(
        *(found.case, found.digest, found.tally, found.total, found.cells, found.stopped),
        faults=found.troubles,
        backend=found.backend,
        schedules=found.schedules,
        pairs=found.pairs,
        again=found.again,
    )
    try:
        put(directory / "report.txt", "\n".join(rehearsal_lines(found)) + "\n")
        put(directory / "report.html", render(rehearsal_page(found, _drawn(found))))
        put(directory / "receipt.json", data.dump(fields) + "\n")
    except OSError as error:
        raise BadInput(f"can't write to {directory}: {error.strerror}", todo="name another directory") from None
    say(f"receipt, report and page written to {directory}")


def _drawn(found: Rehearsal) -> list[Drawn]:
    """The shortest story of each way to fail, run once more with everything recorded."""
    if found.backend != "sim":
        return []
    return [_recorded(failing) for failing in found.tally.failing[:STORIES]]


def _recorded(failing: Failing) -> Drawn:
    _, recording = trial.recorded(failing.shortest.case)
    return Drawn.of(failing, (recording,))


def put(path: Path, text: str) -> None:
    """Whole or not at all: a reader sees the old file or the new one."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
            os.fchmod(stream.fileno(), 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
