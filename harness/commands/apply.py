"""``ovnswap apply``: run a plan, watch it, and judge what it leaves."""

from __future__ import annotations

import contextlib
import os
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import platformdirs

from harness.commands import cluster, operate
from harness.commands.options import output_options, procedure_options, run_options
from harness.commands.output import ReaderGone, check_writable, may_redraw, progress_console, say, write
from harness.commands.running import Lab, run
from harness.commands.source import Source
from harness.commands.textfiles import TextFiles
from harness.commands.verbs import VerbGroup
from harness.errors import BadInput, ExitCode, Inconclusive, Interrupted, OvnswapError, StepFailed
from harness.executor import Executor
from harness.journal import FileJournal
from harness.plan import Plan, load
from harness.procedures.wanted import Wanted, make
from harness.report import data
from harness.report.live import LiveReporter, PlainReporter, Reporter
from harness.report.outcome import Outcome, outcome_data, outcome_lines
from harness.report.outcome_page import outcome_page
from harness.report.page import render
from harness.report.text import check_lines
from harness.report.wording import short_subject
from harness.runner import Pace

_ELSEWHERE = "--journal PATH writes it elsewhere"


class PlanStale(OvnswapError):
    """The saved plan was made for another cluster, or for this one as it was before; nothing was changed."""

    exit_code = ExitCode.STALE


class _ApplyGroup(VerbGroup):
    """``apply PLAN.json`` needs no verb: the plan has one."""

    otherwise = "saved"

    def recognise(self, argument: str) -> bool:
        if argument.startswith("-"):
            return argument == "-"
        return argument.endswith(".json") or "/" in argument or Path(argument).is_file()


@click.group(cls=_ApplyGroup, subcommand_metavar="remove|add|replace|PLAN.json [ARGS]...")
def apply() -> None:
    """Run a procedure, and judge the end: in a lab, with a client that writes throughout, or on a real cluster.

    Instead of a verb, name a plan that `ovnswap plan -o json` has written. A lab is made for the run and removed
    afterwards, so nothing asks for confirmation. With --backend kube the plan is shown and confirmed, permissions are
    checked before anything is changed, and nobody else can run at the same time.
    """


def _shared(function: Any) -> Any:
    """The options of all subcommands."""
    for option in (
        click.option(
            "--pace",
            type=click.FloatRange(0, 3600),
            default=0.0,
            metavar="SECONDS",
            help="Cluster seconds between two steps: an operator who reads and types.",
        ),
        click.option("--journal", type=click.Path(path_type=Path), metavar="PATH", help="Append the journal there."),
        click.option("-y", "--yes", is_flag=True, help="kube: do not ask for confirmation."),
        click.option(
            "--backups",
            type=click.Path(path_type=Path, file_okay=False),
            metavar="DIRECTORY",
            help="kube: where copies of the databases go. Default: beside the journal.",
        ),
        click.option(
            "--report",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE.html",
            help="Write the run as one page there: what was done, and what the cluster showed meanwhile.",
        ),
        output_options("text", "json"),
        run_options,
        click.pass_context,
    ):
        function = option(function)
    return function


@apply.command()
@click.argument("node")
@procedure_options
@_shared
def remove(context: click.Context, node: str, **values: Any) -> None:
    """Take NODE out of ovn-central."""
    _apply(context, _wanted("remove", node, "", values), None, values)


@apply.command()
@click.argument("node")
@procedure_options
@_shared
def add(context: click.Context, node: str, **values: Any) -> None:
    """Bring NODE into ovn-central."""
    _apply(context, _wanted("add", node, "", values), None, values)


@apply.command()
@click.argument("old")
@click.option("--with", "new", required=True, metavar="NEW", help="The node that comes in.")
@procedure_options
@_shared
def replace(context: click.Context, old: str, new: str, **values: Any) -> None:
    """Put another node in OLD's place: add first if OLD lives, remove first if it is dead."""
    _apply(context, _wanted("replace", old, new, values), None, values)


@apply.command(hidden=True)
@click.argument("file", metavar="PLAN.json")
@_shared
def saved(context: click.Context, file: str, **values: Any) -> None:
    """Run a saved plan, if the cluster is still as it was when the plan was made."""
    plan = load(TextFiles().read(file, "plan"), "stdin" if file == "-" else file)
    _apply(context, Wanted.like(plan), plan, values)


def _wanted(verb: str, node: str, spare: str, values: dict[str, Any]) -> Wanted:
    return Wanted(values.pop("procedure"), verb, node, spare, values.pop("accept_stall"))


def _apply(context: click.Context, wanted: Wanted, plan: Plan | None, values: dict[str, Any]) -> None:
    form, path, pace = values.pop("form"), values.pop("path"), Pace(values.pop("pace"))
    given: Path | None = values.pop("journal")
    report: Path | None = values.pop("report")
    for written in (path, report):
        check_writable(written)
    yes, backups = values.pop("yes"), values.pop("backups")
    source = Source.of(context, values, changes=True)
    assert source.backend is not None, "Source.of saw to it"
    journal_path = given or _journal_path(source.backend)
    if source.is_cluster:
        _operate(context, source, wanted, plan, Run(journal_path, backups, yes, pace, form, path, report))
        return
    with closing(_open_journal(journal_path)) as journal:
        say(f"on: {source.words()}; made for this run and removed afterwards, so nothing asks for confirmation")
        with source.lab() as executor:
            made = _made(wanted, plan, executor)
            for line in check_lines(made.checks):
                say(line)
            reporter = _reporter(made)
            lab = Lab(executor, source.backend, source.words())
            outcome = run(lab, made, journal, str(journal_path), reporter, pace)
    if outcome.error is not None:
        _after_a_lab(outcome.error)
    text = data.dump(outcome_data(outcome)) if form == "json" else "\n".join(outcome_lines(outcome))
    say(f"journal: {journal_path}; the lab is removed")
    _draw(outcome, report)
    with contextlib.suppress(ReaderGone):  # what became of the run counts for more than who reads it
        write(text, path)
    _finish(context, outcome)


@dataclass(frozen=True, slots=True)
class Run:
    """How a run on a cluster is done, and where its traces go."""

    journal: Path
    backups: Path | None
    yes: bool
    pace: Pace
    form: str | None
    path: Path | None
    report: Path | None


def _operate(context: click.Context, source: Source, wanted: Wanted, plan: Plan | None, how: Run) -> None:
    """On a cluster that was there before, and will be afterwards."""
    backups = how.backups or how.journal.parent / "backups"
    with (
        closing(_open_journal(how.journal)) as journal,
        cluster.opened(source.values, backups=backups, changes=True) as executor,
    ):
        where = cluster.words(executor)
        say(f"on: {where}")
        operate.prepare(executor, _journal_path(executor.name).parent.name)
        made = _made(wanted, plan, executor)
        operate.check_release(made, executor.view())
        operate.confirm(made, executor, how.yes)
        outcome = operate.carry_out(executor, made, journal, how.journal, _reporter(made), how.pace, where)
    text = data.dump(outcome_data(outcome)) if how.form == "json" else "\n".join(outcome_lines(outcome))
    say(f"journal: {how.journal}")
    _draw(outcome, how.report)
    with contextlib.suppress(ReaderGone):
        write(text, how.path)
    _finish(context, outcome)


def _draw(outcome: Outcome, path: Path | None) -> None:
    """The page of ``--report``."""
    if path is not None:
        write(render(outcome_page(outcome)), path)


def _made(wanted: Wanted, saved_plan: Plan | None, executor: Executor) -> Plan:
    """The plan for the cluster as it is; a saved one must come to the same steps."""
    view = executor.view()
    if saved_plan is not None:
        for target in (saved_plan.old, saved_plan.new):
            node = view.node(target.node) if target is not None else None
            if target is not None and (node is None or node.address != target.address):
                here = f"is at {node.address} here" if node is not None else "is not here"
                raise PlanStale(
                    f"the plan is for {target.node} at {target.address}, which {here}",
                    why="it was made for another cluster",
                    todo="make the plan anew from this one",
                )
    made = make(wanted, view, executor.files)
    if saved_plan is not None and made.digest != saved_plan.digest:
        raise PlanStale(
            f"the plan's steps (digest {saved_plan.digest}) are not those for the cluster as it is ({made.digest})",
            why="the cluster was another one, or in another state, when it was made",
            todo=f"make the plan anew: ovnswap plan {short_subject(saved_plan).replace(' with ', ' --with ')}",
        )
    return made


def _reporter(plan: Plan) -> Reporter:
    console = progress_console()
    return LiveReporter(console, plan) if may_redraw(console) else PlainReporter(say)


def _journal_path(backend: str) -> Path:
    """A directory for each run, where the system keeps what programs remember."""
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}"
    return platformdirs.user_state_path("ovnswap") / f"{backend}-{run_id}" / "journal.jsonl"


class _Journal(FileJournal):
    """Ends the run, with the file's name, when it can't be written any more."""

    def record(self, event: str, **values: Any) -> None:
        try:
            super().record(event, **values)
        except OSError as error:
            seen = f"can't write the journal {self.path}: {error.strerror or error}"
            raise OvnswapError(seen, why="a run that nobody can follow is not gone on with", todo=_ELSEWHERE) from None

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what could not be written was complained about
            super().close()


def _open_journal(path: Path) -> FileJournal:
    try:
        return _Journal(path)
    except OSError as error:
        raise BadInput(f"can't write the journal {path}: {error.strerror or error}", todo=_ELSEWHERE) from None


def _finish(context: click.Context, outcome: Outcome) -> None:
    if outcome.error is not None:
        raise outcome.error
    if outcome.exit_code is not ExitCode.OK:
        found = (*outcome.broken, *(outcome.end.problems if outcome.end is not None else ()))
        say(f"ovnswap: failed: every step was done, and the end is not in order: {found[0]}")
        context.exit(outcome.exit_code)


def _after_a_lab(error: OvnswapError) -> None:
    """What to do next was meant for a cluster that is still there; say that this one is not."""
    if isinstance(error, StepFailed | Inconclusive | Interrupted):
        error.todo = f"this lab is gone; on a cluster: {error.todo}" if error.todo else "this lab is gone"
