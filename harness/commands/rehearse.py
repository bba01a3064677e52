"""``ovnswap rehearse``: a procedure tried with everything that may go wrong, one fault at a time, in a lab."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from harness import executors
from harness.commands import rehearsing, twin
from harness.commands.options import lab_options, output_options, procedure_options
from harness.commands.output import check_writable, say, write
from harness.commands.rehearsing import TELL_EVERY, Asked, put
from harness.commands.source import Source
from harness.commands.textfiles import TextFiles
from harness.commands.verbs import VerbGroup
from harness.errors import BadInput, ExitCode, OvnswapError
from harness.executor import WaitTimeout
from harness.plan import Plan, load
from harness.procedures import runbook
from harness.procedures.wanted import Wanted
from harness.report import data
from harness.report.rehearsal import story_lines, summary_data
from harness.search import plans, receipt, tape, trial, troubles
from harness.search.case import Case, Hit
from harness.search.opened import opened
from harness.signals import held
from harness.spec import ClusterSpec

__all__ = ["TELL_EVERY", "put", "rehearse", "seconds_of"]


class _RehearseGroup(VerbGroup):
    """``rehearse PLAN`` needs no verb: the plan has one."""

    otherwise = "saved"

    def recognise(self, argument: str) -> bool:
        if argument.startswith("-"):
            return argument == "-"
        return "/" in argument or argument.endswith((".json", ".md", ".sh", ".txt")) or Path(argument).is_file()


@click.group(cls=_RehearseGroup, subcommand_metavar="remove|add|replace|PLAN [ARGS]...")
def rehearse() -> None:
    """Try a procedure with everything that may go wrong.

    It is run once for every single fault: each fault at each place of each step on each node. After the fault the
    operator runs the command again, as the errors say. Every end is judged: no acknowledged row lost, one cluster, the
    majority never lost by the procedure's own doing, and either done or refused with a reason. Exit code 1 if any run
    ends badly.

    PLAN is what `ovnswap plan -o json` has written, or a runbook: a page or a script that `ovnswap lint` reads. With
    --from the lab is like a cluster of yours.
    """


def _shared(function: Any) -> Any:
    for option in (
        click.option("--faults", metavar="A,B", help=f"Only these: {', '.join(troubles.TROUBLES)}."),
        click.option(
            "--schedules",
            type=click.IntRange(1, 1000),
            default=1,
            metavar="N",
            help="sim: each plan under N schedules: that of --seed, then drawn ones.  [default: 1]",
        ),
        click.option(
            "--pairs",
            type=click.Choice(plans.PAIRS),
            help="Two faults a run: few pairs in which any two of everything meet, or all (millions).",
        ),
        click.option("--runs", type=click.IntRange(1), metavar="N", help="At most so many, spread over all places."),
        click.option("--time-budget", metavar="60s", help="Stop after this time (s, m or h); what was tried counts."),
        click.option("--jobs", type=click.IntRange(1, 256), help="Processes.  [default: one for each processor]"),
        click.option(
            "--from",
            "froms",
            multiple=True,
            metavar="FILE",
            help="A lab like the cluster of these files (repeat it): what kubectl ko nb status, ko sb status, get pod "
            "-o wide and get node -o wide printed, or the members' database files.",
        ),
        click.option("--pace", type=click.FloatRange(0, 3600), default=0.0, help="Cluster seconds between two steps."),
        click.option(
            "--another-leads",
            is_flag=True,
            help="With --at or --tape: at the beginning another member than the first of NODE_IPS leads nb and sb.",
        ),
        click.option(
            "--at",
            "hits",
            multiple=True,
            metavar="STEP:POSITION:FAULT[@NODE]",
            help="One run, with these faults, and its story; POSITION is before, during or after. Repeat for more.",
        ),
        click.option("--tape", "tape_text", metavar="TEXT", help="sim: the schedule of one run, as a report has it."),
        click.option(
            "--core", is_flag=True, help="Faults last; at the end all is healed but nodes that can be spared."
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
    _rehearse(context, _wanted("remove", node, "", values), values)


@rehearse.command()
@click.argument("node")
@procedure_options
@_shared
def add(context: click.Context, node: str, **values: Any) -> None:
    """Bring NODE into ovn-central."""
    _rehearse(context, _wanted("add", node, "", values), values)


@rehearse.command(name="replace")
@click.argument("old")
@click.option("--with", "new", required=True, metavar="NEW", help="The node that comes in.")
@procedure_options
@_shared
def swap(context: click.Context, old: str, new: str, **values: Any) -> None:
    """Put another node in OLD's place."""
    _rehearse(context, _wanted("replace", old, new, values), values)


@rehearse.command(hidden=True)
@click.argument("file", metavar="PLAN")
@click.option("--node", default="", metavar="NODE", help="The node that a runbook is about here.")
@click.option(
    "--check",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="RECEIPT",
    help="Run nothing: say whether RECEIPT is of this plan and passed; exit code 1 if it has not, 2 if it is not.",
)
@_shared
def saved(context: click.Context, file: str, node: str, check: Path | None, **values: Any) -> None:
    """Rehearse a saved plan, or a runbook, in a lab that it fits."""
    text = TextFiles().read(file, "PLAN")
    name = "stdin" if file == "-" else file
    is_plan = text.lstrip().startswith("{")
    if check is not None:
        if not is_plan:
            raise BadInput(f"{name} is a runbook", why="receipts are checked against saved plans", todo="PLAN.json")
        _check(context, load(text, name), check)
        return
    if is_plan:
        if node:
            raise BadInput("--node has no effect with a saved plan", why="it says its node", todo="leave it out")
        plan = load(text, name)
        known = ("guarded", "documented")
        wanted = Wanted.like(plan) if plan.procedure in known else Wanted.exactly(plan)
        _rehearse(context, wanted, values, plan=plan, file=file)
        return
    _rehearse(context, None, values, book=(text.encode(), name, node), file=file)


def _wanted(verb: str, node: str, spare: str, values: dict[str, Any]) -> Wanted:
    return Wanted(values.pop("procedure"), verb, node, spare, values.pop("accept_stall"))


def _rehearse(
    context: click.Context,
    wanted: Wanted | None,
    values: dict[str, Any],
    *,
    plan: Plan | None = None,
    book: tuple[bytes, str, str] | None = None,
    file: str = "",
) -> None:
    form, path = values.pop("form"), values.pop("path")
    check_writable(path)
    report: Path | None = values.pop("report")
    chosen = [troubles.named(name) for name in (values["faults"] or ",".join(troubles.TROUBLES)).split(",")]
    hits = tuple(Hit.parse(text) for text in values["hits"])
    budget = seconds_of(values["time_budget"]) if values["time_budget"] else None
    froms, node_ips = values.pop("froms"), values.pop("node_ips")
    source = Source.of(context, values, changes=True)
    assert source.backend is not None, "Source.of saw to it"
    _fits(values, source.backend)
    with held():
        executors.load(source.backend)
    spec = _spec(context, source, froms, node_ips)
    if book is not None:
        if source.backend != "sim":
            todo = "rehearse it on --backend sim; ovnswap gate replays on real servers"
            raise BadInput("a runbook names addresses that real servers here don't have", todo=todo)
        wanted = _bound(spec, *book)
    assert wanted is not None, "it is given, or bound just now"
    case = Case(
        wanted, spec, (), values["seed"], pace=values["pace"], moved=values["another_leads"], core=values["core"]
    )
    words = rehearsing.Words(file or subject(wanted), tuple(froms), node_ips, node=book[2] if book else "")
    where = source.words() if not froms else f"{source.backend}, a lab like the cluster of {', '.join(froms)}"
    if values["tape_text"]:
        case = case.under(tape.parse(values["tape_text"]))
    if hits or values["tape_text"]:
        if report is not None:
            raise BadInput("--report is for all single faults", why="one run proves nothing", todo="leave out --at")
        say(f"on: {where}; made for this run and removed afterwards")
        _once(context, replace(case, hits=hits), source.backend, words, form, path)
        return
    asked = Asked(
        case=case,
        words=words,
        where=where,
        backend=source.backend,
        troubles=tuple(chosen),
        named=bool(values["faults"]),
        plan=plan,
        runs=values["runs"],
        budget=budget,
        jobs=values["jobs"],
        schedules=values["schedules"],
        pairs=values["pairs"] or "",
    )
    code = rehearsing.run(asked, form, path, report)
    if code is not ExitCode.OK:
        context.exit(code)


def _fits(values: dict[str, Any], backend: str) -> None:
    """Raises :class:`BadInput` for a backend that is no lab, and for more plans or schedules than one run, or real
    servers, can have."""
    if backend not in ("sim", "ovsdb"):
        todo = "rehearse with --backend sim or ovsdb; ovnswap apply runs on it"
        raise BadInput("a rehearsal does harm, so it needs a lab", why=f"{backend} is no lab for that", todo=todo)
    if (values["hits"] or values["tape_text"]) and (values["schedules"] > 1 or values["pairs"]):
        raise BadInput("--schedules and --pairs have no effect on one run", todo="leave out --at and --tape")
    if values["another_leads"] and not (values["hits"] or values["tape_text"]):
        raise BadInput("--another-leads is for one run", todo="add --at or --tape, or leave it out")
    if values["schedules"] > 1 and backend != "sim":
        raise BadInput("real servers draw their schedule themselves", todo="leave out --schedules, or --backend sim")


def subject(wanted: Wanted) -> str:
    """The words of the command line: ``replace OLD --with NEW``."""
    return f"{wanted.verb} {wanted.node}" + (f" --with {wanted.spare}" if wanted.spare else "")


def _spec(context: click.Context, source: Source, froms: tuple[str, ...], node_ips: str | None) -> ClusterSpec:
    if not froms:
        if node_ips:
            raise BadInput("--node-ips has no effect without --from", todo="leave it out, or add --from FILE")
        return source.spec()
    for name in ("members", "spares"):
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise BadInput(f"--{name} has no effect with --from", why="the files say who there is", todo="leave it out")
    found = twin.of(froms, {**source.values, "node_ips": node_ips})
    for words in found.assumptions:
        say(f"assumed: {words}")
    if found.spec.down:
        say(f"note: without power from the beginning, as in the files: {', '.join(found.spec.down)}")
    if found.spec.files and source.backend != "sim":
        say("note: real servers make their own databases; terms and logs of the files are the simulator's")
        return replace(found.spec, files=())
    return found.spec


def _bound(spec: ClusterSpec, content: bytes, name: str, node: str) -> Wanted:
    """The runbook, bound to the lab. Of several procedures the first is taken. Raises :class:`BadInput`."""
    lab = opened(Case(Wanted("runbook", "remove", ""), spec))
    try:
        books = runbook.read(content, name, lab.view(), node)
    finally:
        lab.close()
    if len(books) > 1:
        say(f"note: {name} has {len(books)} procedures; the first is rehearsed: {books[0].verb} {books[0].node.name}")
    return Wanted.exactly(books[0].plan())


def _once(
    context: click.Context, case: Case, backend: str, words: rehearsing.Words, form: str, path: Path | None
) -> None:
    try:
        summary = trial.run(case, backend, tell=True)
    except WaitTimeout as timeout:
        raise OvnswapError(f"the lab did not form: {timeout}", todo="raise --time-scale, then try again") from None
    told = data.dump(summary_data(summary, words)) if form == "json" else "\n".join(story_lines(summary))
    write(told, path)
    if summary.bad:
        context.exit(ExitCode.FAILED)
    if summary.verdict is trial.Verdict.VOID:
        raise BadInput("the fault changed nothing", why="the run says nothing about it", todo="choose another place")


def _check(context: click.Context, plan: Plan, path: Path) -> None:
    """Whether a receipt is of this plan, and what it says."""
    found = receipt.load(TextFiles().read(str(path), "--check"), str(path))
    receipt.fits(found, plan)
    write(receipt.words(found), None)
    if found.verdict != "passed" or found.partial:
        context.exit(ExitCode.FAILED)


def seconds_of(text: str) -> float:
    """``90``, ``90s``, ``5m`` or ``1h`` in seconds. Raises :class:`BadInput` for anything else, and for nothing."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", text.strip())
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if seconds <= 0:
        raise BadInput(f"{text!r} is no time budget", why="it must be more than nothing", todo="--time-budget 60s")
    return seconds
