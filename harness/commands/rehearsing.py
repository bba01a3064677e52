"""A whole rehearsal: the cases, the workers, the progress, what is small enough to be read, and what is kept of it."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
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
from harness.report.rehearsal import STORIES, Rehearsal, Words, progress_line, rehearsal_data, rehearsal_lines
from harness.report.rehearsal_live import RehearsalLive
from harness.report.rehearsal_page import Drawn, rehearsal_page
from harness.search import campaign, places, receipt, shrink, trial
from harness.search.case import Case
from harness.search.control import Controls
from harness.search.opened import opened
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
INTERRUPTED = "interrupted: what was tried until then counts"


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for. ``named``: whether ``troubles`` were chosen by name; ``plan``: the saved plan that the lab's
    must be the same as; ``budget`` in seconds."""

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
    cases = places.spread(list(places.single_faults(asked.case, surveyed, asked.troubles)))
    say(f"on: {asked.where}; {len(cases)} single faults at {len(surveyed)} places")
    tally, began, matrix = Tally(), time.monotonic(), len(cells(cases))
    stopped = _try(asked, cases[: asked.runs], tally, matrix)
    if not stopped and asked.runs and asked.runs < len(cases):
        stopped = f"--runs {asked.runs}"
    if stopped != INTERRUPTED and asked.backend == "sim":
        _shrink(tally)
    found = Rehearsal(
        case=asked.case,
        digest=digest,
        where=asked.where,
        options=asked.words,
        tally=tally,
        total=len(cases),
        places=len(surveyed),
        seconds=time.monotonic() - began,
        stopped=stopped,
        cells=matrix,
        troubles=tuple(trouble.name for trouble in asked.troubles),
        backend=asked.backend,
    )
    _keep(found, report)
    write(data.dump(rehearsal_data(found)) if form == "json" else "\n".join(rehearsal_lines(found)), path)
    if stopped == INTERRUPTED:
        return ExitCode.INTERRUPTED
    return ExitCode.FAILED if tally.bad else ExitCode.OK


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


def _summaries(asked: Asked, cases: Sequence[Case]) -> Iterator[Summary]:
    if asked.backend != "sim":
        return campaign.run(cases, asked.jobs or 1, asked.backend)
    jobs = asked.jobs or os.cpu_count() or 1
    if len(cases) <= TOGETHER or asked.runs:
        return campaign.run(cases, jobs)  # so few have nothing in common
    return campaign.run_shared(cases, jobs, TOGETHER)


def _try(asked: Asked, cases: Sequence[Case], tally: Tally, matrix: int) -> str:
    """Try the cases; returns why it stopped early, "" if it did not."""
    began = told = time.monotonic()
    console = progress_console()
    controls = Controls()
    with noted() as signal, RehearsalLive(console if may_redraw(console) else None, len(cases), matrix) as live:
        for summary in _summaries(asked, cases):
            tally.add(controls.judged(summary))
            now = time.monotonic()
            live.show(tally, now - began)
            if not live.drawn and now - told >= TELL_EVERY:
                told = now
                say(progress_line(tally, len(cases), matrix, now - began))
            if signal.heard:
                return INTERRUPTED
            if asked.budget is not None and now - began >= asked.budget and tally.runs < len(cases):
                return f"the time budget of {asked.budget:g} s is used up"
    return ""


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
