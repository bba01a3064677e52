"""``ovnswap gate``: a verdict on runbooks and procedures, before anybody tries them on a cluster."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from harness.commands.interrupts import Noted, noted
from harness.commands.lint import read_file, two_procedures
from harness.commands.options import output_options
from harness.commands.output import check_writable, may_redraw, progress_console, say, write
from harness.commands.rehearse import TELL_EVERY, put, seconds_of
from harness.commands.source import versions_of
from harness.errors import BadInput, ExitCode
from harness.gate import against as compare
from harness.gate import gate as judge
from harness.gate import known, mutation
from harness.gate.gate import Settings
from harness.gate.shapes import combined
from harness.gate.subject import VERBS, Subject, by_name, of_file, ours
from harness.gate.verdict import Gated
from harness.report import data
from harness.report.gate_github import SUMMARY_LIMIT, annotated, summary
from harness.report.gate_junit import junit
from harness.report.gate_mutants import mutants_data, mutants_lines
from harness.report.gate_page import gate_page
from harness.report.gate_text import gate_data, gate_lines, overall
from harness.report.page import render


def _release_options(function: Any) -> Any:
    for name, metavar, words in (
        ("--ovs", "3.1", "Only this release of OVS; otherwise 3.1, 3.5 and newest."),
        ("--kube-ovn", "v1.13.15", "Only this release of Kube-OVN; otherwise one of each start script."),
        ("--kubernetes", "1.20", "Only this release of Kubernetes; otherwise 1.20, 1.22 and 1.27."),
    ):
        variable = "OVNSWAP_" + name.removeprefix("--").replace("-", "_").upper()
        function = click.option(name, metavar=metavar, envvar=variable, help=words)(function)
    return function


@click.command()
@click.argument("subjects", metavar="RUNBOOK|PROCEDURE...", nargs=-1, required=True)
@click.option("--against", "base", metavar="BASE", help="Compare with this runbook or procedure; worse is a failure.")
@click.option("--node", default="", metavar="NAME", help="The node of a runbook that is written for one cluster.")
@click.option(
    "--verb",
    type=click.Choice(("remove", "add", "replace", "all")),
    help="Only this procedure; all: each of a file that has two.",
)
@click.option("--members", type=click.IntRange(1, 9), help="Only this size; otherwise 3 and 5 (add: 2 and 4 before).")
@_release_options
@click.option("--time-budget", default="60s", show_default=True, metavar="60s|all", help="For each subject, on sim.")
@click.option(
    "--runs", type=click.IntRange(1), metavar="N", help="At most so many for each subject, the same each time."
)
@click.option("--jobs", type=click.IntRange(1, 256), help="Processes.  [default: one for each processor]")
@click.option("--replays", type=click.IntRange(0, 99), default=1, show_default=True, help="Stories run on ovsdb, too.")
@click.option("--time-scale", type=click.FloatRange(0.01, 10), default=0.1, show_default=True, help="Of the replays.")
@click.option(
    "--corpus",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Known failures whose situations are tried.  [default: scenarios/corpus of the repository it runs from]",
)
@click.option("--mutants", is_flag=True, help="Measure the gate instead: how many mutants of each it finds.")
@click.option("--strict", is_flag=True, help="Warnings of lint fail as errors do.")
@click.option(
    "--report",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write gate.txt, .html and .json, junit.xml and summary.md there; DIR is made if it is missing.",
)
@click.option(
    "--summary",
    "job_summary",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="GITHUB_STEP_SUMMARY",
    metavar="FILE",
    help="Append the summary of a GitHub job (GITHUB_STEP_SUMMARY names it there).",
)
@output_options("text", "json", "junit", "github")
@click.pass_context
def gate(context: click.Context, /, subjects: tuple[str, ...], base: str | None, **values: Any) -> None:
    """Say whether each RUNBOOK (a file) or PROCEDURE (guarded, documented, or guarded:remove, ...) may be used.

    Each is read by lint, then run in the simulator on clusters of several sizes, releases and parts of the node:
    without a fault, in the situations of known failures, with drawn schedules, with every fault at every place, and
    with two, until the time budget is used up. The worst story is run again on real ovsdb-server processes.

    With --mutants, one mistake at a time is put into each, and the gate has to find it (--time-budget is for each;
    --runs N takes a sample of N mutants). Exit code 1 below 95 % of those that are not equivalent.

    Exit codes: 0 passed, 1 failed (a lint error, a run that ends badly, or worse than BASE), 2 bad input, 7 nothing
    could be judged, 130 interrupted.
    """
    form, path = values.pop("form") or "text", values.pop("path")
    check_writable(path)
    directory = _made(values["report"])
    settings = _settings(values)
    if values["mutants"]:
        context.exit(measured(subjects, base, values, form, path))
    judged = [_subjects(text, values) for text in subjects]
    old = _subjects(base, {**values, "verb": values["verb"] or "all"}) if base is not None else []
    found: list[Gated] = []
    for subject in [one for each in judged for one in each]:
        found.append(_gate(subject, settings))
    if base is not None:
        _compare(found, old, settings)
    _keep(found, directory, values["job_summary"])
    write(_rendered(found, form), path)
    _end(context, found)


def _settings(values: dict[str, Any]) -> Settings:
    budget = None if values["time_budget"] == "all" else seconds_of(values["time_budget"])
    given = versions_of(values)
    directory = values["corpus"] or known.beside()
    releases = (values[name] is not None for name in ("kubernetes", "kube_ovn", "ovs"))
    return Settings(
        budget=budget,
        runs=values["runs"],
        jobs=values["jobs"] or os.cpu_count() or 1,
        profiles=combined(given, *releases),
        corpus=known.read(directory) if directory is not None else (),
        replays=values["replays"],
        time_scale=values["time_scale"],
        strict=values["strict"],
    )


def _subjects(text: str, values: dict[str, Any]) -> list[Subject]:
    """What one argument stands for: a file if there is one of that name, else one of our procedures."""
    sizes = (values["members"],) if values["members"] else ()
    verb = "" if values["verb"] in (None, "all") else values["verb"]
    if by_name(text) and not Path(text).exists():
        found = [one for one in ours(text, sizes) if verb in ("", one.verb)]
        if not found:
            raise BadInput(f"{text} has no procedure to {verb} a node", todo="leave --verb out")
        return found
    data = read_file(text, f", or one of ours: {', '.join(VERBS)}")
    of_it = of_file(data, text, values["node"], verb, sizes)
    if len(of_it) > 1 and not values["verb"]:
        raise two_procedures(text, [(one.verb, one.line) for one in of_it])
    return of_it


def measured(
    subjects: Sequence[str], base: str | None, values: dict[str, Any], form: str, path: Path | None
) -> ExitCode:
    """``--mutants``: the gate's own power."""
    if base is not None or form not in ("text", "json"):
        raise BadInput("--mutants has no --against, and text or json", todo="leave the others out")
    settings = _settings(values)
    scores = []
    with noted() as signal:
        for subject in [one for text in subjects for one in _subjects(text, values)]:
            say(f"mutants of {subject.label}")
            scores.append(mutation.score(subject, settings, signal_heard(signal)))
    write(data.dump(mutants_data(scores)) if form == "json" else "\n".join(mutants_lines(scores)), path)
    if signal.heard:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if all(score.percent >= mutation.ENOUGH for score in scores) else ExitCode.FAILED


def signal_heard(signal: Noted) -> Callable[[], bool]:
    return lambda: bool(signal.heard)


def _gate(subject: Subject, settings: Settings) -> Gated:
    console = progress_console()
    told = began = time.monotonic()
    with noted() as signal, console.status(f"gating {subject.label}", spinner="line") as status:

        def tell(stage: str, runs: int, bad: int) -> None:
            nonlocal told
            now = time.monotonic()
            words = f"{subject.label}: {stage}: {runs} runs, {now - began:.0f} s, {bad} bad"
            if may_redraw(console):
                status.update(words)
            elif now - told >= TELL_EVERY:
                told = now
                say(words)

        return judge.gate(subject, replace(settings, stopped=signal_heard(signal)), tell)


def _compare(found: Sequence[Gated], old: Sequence[Subject], settings: Settings) -> None:
    """Each with the base's procedure of the same verb."""
    by_verb = {subject.verb: subject for subject in old}
    for one in found:
        if one.subject.verb not in by_verb:
            raise BadInput(f"the base has no procedure to {one.subject.verb} a node", todo="name another --against")
        compare.compared(one, _gate(by_verb[one.subject.verb], settings))


def _made(directory: Path | None) -> Path | None:
    if directory is not None:
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInput(f"can't write to {directory}: {error.strerror}", todo="name another directory") from None
    return directory


def _rendered(found: Sequence[Gated], form: str) -> str:
    match form:
        case "json":
            return data.dump(gate_data(found))
        case "junit":
            return junit(found)
        case "github":
            return "\n".join([*annotated(found), *gate_lines(found)])
    return "\n".join(gate_lines(found))


def _keep(found: Sequence[Gated], directory: Path | None, job_summary: Path | None) -> None:
    """The report's files, and what is appended to the summary of a job: as much as fits beside what is there."""
    try:
        if directory is not None:
            put(directory / "gate.txt", "\n".join(gate_lines(found)) + "\n")
            put(directory / "gate.json", data.dump(gate_data(found)) + "\n")
            put(directory / "junit.xml", junit(found))
            put(directory / "summary.md", summary(found))
            put(directory / "gate.html", render(gate_page(found)))
            say(f"report written to {directory}")
        if job_summary is not None:
            there = job_summary.stat().st_size if job_summary.exists() else 0
            with job_summary.open("a", encoding="utf-8") as stream:
                stream.write(summary(found, SUMMARY_LIMIT - there))
    except OSError as error:
        where = error.filename or directory or job_summary
        raise BadInput(f"can't write {where}: {error.strerror}", todo="name another place") from None


def _end(context: click.Context, found: Sequence[Gated]) -> None:
    if any(one.partial.startswith("interrupted") for one in found):
        context.exit(ExitCode.INTERRUPTED)
    codes = {"passed": ExitCode.OK, "failed": ExitCode.FAILED, "nothing": ExitCode.INCONCLUSIVE}
    context.exit(codes[overall(found)])
