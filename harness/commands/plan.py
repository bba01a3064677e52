"""``ovnswap plan``: what would be typed, in which order, and what it costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.commands.operate import check_release
from harness.commands.options import output_options, procedure_options, source_options
from harness.commands.output import check_writable, say, show, write
from harness.commands.source import Found, Source, say_assumptions
from harness.commands.verbs import VerbGroup
from harness.errors import BadInput, ExitCode
from harness.plan import Plan
from harness.procedures.wanted import Wanted, make
from harness.report import data, tables, text
from harness.report.markdown import runbook
from harness.report.script import script

FORMS = ("table", "json", "sh", "md")


@click.group(cls=VerbGroup)
def plan() -> None:
    """Print the steps that take a node out, bring one in, or put one in another's place.

    Each step comes with its exact commands, the servers that may still fail during and after it, and whether the
    cluster may be left like that. Ends with 3 if a check refuses the plan. Changes nothing.
    """


def _shared(function: Any) -> Any:
    """The options of the three subcommands."""
    return click.pass_context(procedure_options(source_options(output_options(*FORMS)(function))))


@plan.command()
@click.argument("node")
@_shared
def remove(context: click.Context, node: str, **values: Any) -> None:
    """Take NODE out of ovn-central."""
    _plan(context, "remove", node, "", values)


@plan.command()
@click.argument("node")
@_shared
def add(context: click.Context, node: str, **values: Any) -> None:
    """Bring NODE into ovn-central."""
    _plan(context, "add", node, "", values)


@plan.command()
@click.argument("old")
@click.option("--with", "new", required=True, metavar="NEW", help="The node that comes in.")
@_shared
def replace(context: click.Context, old: str, new: str, **values: Any) -> None:
    """Put another node in OLD's place: add first if OLD lives, remove first if it is dead."""
    _plan(context, "replace", old, new, values)


def _plan(context: click.Context, verb: str, node: str, spare: str, values: dict[str, Any]) -> None:
    wanted = Wanted(values.pop("procedure"), verb, node, spare, values.pop("accept_stall"))
    path: Path | None = values.pop("path")
    form = _form(values.pop("form"), path)
    check_writable(path)
    source = Source.of(context, values)
    say(f"from: {source.introduction()}")
    found = source.look()
    say_assumptions(found)
    made = _make(wanted, found, values)
    if source.is_cluster:
        check_release(made, found.view)
    _print(made, found, form, path)
    for check in made.refusals:
        say(f"refused: {check.id}: {check.seen} ({check.why}) -> {check.todo}")
    if made.refusals:
        context.exit(ExitCode.REFUSED)


def _form(form: str | None, path: Path | None) -> str:
    """``-o`` if it was given, else what the file's name says."""
    if form is not None or path is None:
        return form or FORMS[0]
    suffix = path.suffix.removeprefix(".")
    return suffix if suffix in FORMS else FORMS[0]


def _make(wanted: Wanted, found: Found, values: dict[str, Any]) -> Plan:
    try:
        return make(wanted, found.view, (found.files or {}).get)
    except BadInput as error:
        if "there is no node" not in error.seen or found.files is not None or values["nodes"]:
            raise
        hint = f"{error.todo}; nodes without an ovn-central pod are known from --nodes FILE only"
        raise BadInput(error.seen, why=error.why, todo=hint) from None


def _print(made: Plan, found: Found, form: str, path: Path | None) -> None:
    rows = made.forecast(found.view)
    if form == "json":
        write(data.dump(data.plan(made, rows, found.view, found.words, found.assumptions)), path)
    elif form == "sh":
        write(script(made, rows, found.view), path)
    elif form == "md":
        write(runbook(made, rows, found.view), path)
    else:
        commands = [step.commands(found.view) for step in made.steps]
        show(tables.plan(made, rows, commands), "\n".join(text.plan_lines(made, rows, commands)), path)
