"""``ovnswap rehearse``: a procedure tried with everything that may go wrong, one fault at a time, in a lab."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from harness import executors
from harness.commands.interrupts import held, noted
from harness.commands.options import lab_options, output_options, procedure_options
from harness.commands.output import check_writable, may_redraw, progress_console, say, write
from harness.commands.source import Source
from harness.commands.verbs import VerbGroup
from harness.errors import BadInput, ExitCode, OvnswapError
from harness.executor import WaitTimeout
from harness.procedures.wanted import Wanted, make
from harness.report import data
from harness.report.rehearsal import (
    Rehearsal,
    progress_line,
    rehearsal_data,
    rehearsal_lines,
    story_lines,
    summary_data,
)
from harness.search import campaign, places, receipt, trial, troubles
from harness.search.case import Case, Hit
from harness.search.opened import opened
from harness.search.tally import Tally, cells

TELL_EVERY = 5.0
"""Seconds between two lines of progress where a line can't be redrawn."""


@click.group(cls=VerbGroup, subcommand_metavar="remove|add|replace [ARGS]...")
def rehearse() -> None:
    """Try a procedure with everything that may go wrong.

    It is run once for every single fault: each fault at each place of each step on each node. After the fault the
    operator runs the command again, as the errors say. Every end is judged: no acknowledged row lost, one cluster, the
    majority never lost by the procedure's own doing, and either done or refused with a reason. Exit code 1 if any run
    ends badly.
    """


def _shared(function: Any) -> Any:
    for option in (
        click.option("--faults", metavar="A,B", help=f"Only these: {', '.join(troubles.TROUBLES)}."),
        click.option("--runs", type=click.IntRange(1), metavar="N", help="At most so many, spread over all places."),
        click.option("--time-budget", metavar="60s", help="Stop after this time (s, m or h); what was tried counts."),
        click.option("--jobs", type=click.IntRange(1, 256), help="Processes.  [default: one for each processor]"),
        click.option(
            "--at",
            "hits",
            multiple=True,
            metavar="STEP:POSITION:FAULT[@NODE]",
            help="One run, with these faults, and its story; POSITION is before, during or after. Repeat for more.",
        ),
        click.option(
            "--report",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Write receipt.json and report.txt there; DIR is made if it is missing.",
        ),
        output_options("text", "json"),
        lab_options,
        click.pass_context,
    ):
        function = option(function)
    return function


@rehearse.command()
@click.argument("node")
@procedure_options
@_shared
def remove(context: click.Context, node: str, **values: Any) -> None:
    """Take NODE out of ovn-central."""
    _rehearse(context, "remove", node, "", values)


@rehearse.command()
@click.argument("node")
@procedure_options
@_shared
def add(context: click.Context, node: str, **values: Any) -> None:
    """Bring NODE into ovn-central."""
    _rehearse(context, "add", node, "", values)


@rehearse.command(name="replace")
@click.argument("old")
@click.option("--with", "new", required=True, metavar="NEW", help="The node that comes in.")
@procedure_options
@_shared
def swap(context: click.Context, old: str, new: str, **values: Any) -> None:
    """Put another node in OLD's place."""
    _rehearse(context, "replace", old, new, values)


def _rehearse(context: click.Context, verb: str, node: str, spare: str, values: dict[str, Any]) -> None:
    wanted = Wanted(values.pop("procedure"), verb, node, spare, values.pop("accept_stall"))
    form, path = values.pop("form"), values.pop("path")
    check_writable(path)
    report: Path | None = values.pop("report")
    chosen = [troubles.named(name) for name in (values["faults"] or ",".join(troubles.TROUBLES)).split(",")]
    hits = tuple(Hit.parse(text) for text in values["hits"])
    budget = seconds_of(values["time_budget"]) if values["time_budget"] else None
    source = Source.of(context, values, changes=True)
    assert source.backend is not None, "Source.of saw to it"
    if source.is_cluster:
        todo = "rehearse with --backend sim or ovsdb; ovnswap apply runs on it"
        raise BadInput("a rehearsal does harm, so it needs a lab", why="this cluster is not ours to hurt", todo=todo)
    with held():
        executors.load(source.backend)
    case = Case(wanted, source.spec(), (), values["seed"])
    options = _options(context, values, wanted)
    if hits:
        if report is not None:
            raise BadInput("--report is for all single faults", why="one run proves nothing", todo="leave out --at")
        _once(context, replace(case, hits=hits), source, options, form, path)
        return
    if source.backend != "sim":
        raise BadInput(
            "all single faults take hours on real servers", todo="name one with --at, or rehearse on --backend sim"
        )
    digest = _digest(case)
    _make(report)
    surveyed = places.survey(case)
    cases = places.spread(list(places.single_faults(case, surveyed, chosen)))
    say(f"on: {source.words()}; {len(cases)} single faults at {len(surveyed)} places")
    tally, began, matrix = Tally(), time.monotonic(), len(cells(cases))
    jobs = values["jobs"] or os.cpu_count() or 1
    stopped = _run(cases[: values["runs"]], tally, jobs, budget, matrix)
    if not stopped and values["runs"] and values["runs"] < len(cases):
        stopped = f"--runs {values['runs']}"
    seconds = time.monotonic() - began
    found = Rehearsal(case, digest, source.words(), options, tally, len(cases), len(surveyed), seconds, stopped, matrix)
    _keep(found, report)
    write(data.dump(rehearsal_data(found)) if form == "json" else "\n".join(rehearsal_lines(found)), path)
    if stopped == INTERRUPTED:
        context.exit(ExitCode.INTERRUPTED)
    if tally.bad:
        context.exit(ExitCode.FAILED)


INTERRUPTED = "interrupted: what was tried until then counts"


def _run(cases: Sequence[Case], tally: Tally, jobs: int, budget: float | None, matrix: int) -> str:
    """Try the cases; returns why it stopped early, "" if it did not."""
    began = told = time.monotonic()
    console = progress_console()
    with noted() as signal, console.status("rehearsing", spinner="line") as status:
        for summary in campaign.run(cases, jobs):
            tally.add(summary)
            now = time.monotonic()
            words = progress_line(tally, len(cases), matrix, now - began)
            if may_redraw(console):
                status.update(words)
            elif now - told >= TELL_EVERY:
                told = now
                say(words)
            if signal.heard:
                return INTERRUPTED
            if budget is not None and now - began >= budget and tally.runs < len(cases):
                return f"the time budget of {budget:g} s is used up"
    return ""


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
    """Write report and receipt; the receipt last, so that it never stands beside an older report."""
    if directory is None:
        return
    fields = receipt.document(found.case, found.digest, found.tally, found.total, found.cells, found.stopped)
    try:
        _put(directory / "report.txt", "\n".join(rehearsal_lines(found)) + "\n")
        _put(directory / "receipt.json", data.dump(fields) + "\n")
    except OSError as error:
        raise BadInput(f"can't write to {directory}: {error.strerror}", todo="name another directory") from None
    say(f"receipt and report written to {directory}")


def _put(path: Path, text: str) -> None:
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


def _once(context: click.Context, case: Case, source: Source, options: tuple[str, ...], form: str, path: Any) -> None:
    assert source.backend is not None, "Source.of saw to it"
    say(f"on: {source.words()}; made for this run and removed afterwards")
    try:
        summary = trial.run(case, source.backend, tell=True)
    except WaitTimeout as timeout:
        raise OvnswapError(f"the lab did not form: {timeout}", todo="raise --time-scale, then try again") from None
    write(data.dump(summary_data(summary, options)) if form == "json" else "\n".join(story_lines(summary)), path)
    if summary.bad:
        context.exit(ExitCode.FAILED)
    if summary.verdict is trial.Verdict.VOID:
        raise BadInput("the fault changed nothing", why="the run says nothing about it", todo="choose another place")


def _digest(case: Case) -> str:
    """Which plan was rehearsed: the digest that ``ovnswap plan`` prints. Raises :class:`BadInput` as plan does."""
    with closing(opened(case)) as lab:
        plan = make(case.wanted, lab.view(), lab.files)
    if plan.refusals:
        check = plan.refusals[0]
        raise BadInput(f"{check.id}: {check.seen}", why=check.why, todo=check.todo)
    return plan.digest


def _options(context: click.Context, values: dict[str, Any], wanted: Wanted) -> tuple[str, ...]:
    """The options that a replay must have, as they were typed."""
    words: list[str] = []
    if wanted.procedure != "guarded":
        words += ["--procedure", wanted.procedure]
    if wanted.accept_stall:
        words.append("--accept-stall")
    for name in ("members", "spares", "seed", "kubernetes", "kube_ovn", "ovs"):
        given = values[name]
        default = next((p.default for p in context.command.params if p.name == name), None)
        if given is not None and given != default:
            words += ["--" + name.replace("_", "-"), str(given)]
    return tuple(words)


def seconds_of(text: str) -> float:
    """``90``, ``90s``, ``5m`` or ``1h`` in seconds. Raises :class:`BadInput` for anything else, and for nothing."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", text.strip())
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if seconds <= 0:
        raise BadInput(f"{text!r} is no time budget", why="it must be more than nothing", todo="--time-budget 60s")
    return seconds
