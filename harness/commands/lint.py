"""``ovnswap lint``: what is wrong with a runbook, without running it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from harness.commands.options import output_options, source_options
from harness.commands.output import check_writable, say, write
from harness.commands.source import Source, say_assumptions
from harness.errors import BadInput, ExitCode
from harness.lint import ERROR, NOTE
from harness.lint import lint as judge
from harness.procedures import runbook
from harness.procedures.runbook.source import LONGEST
from harness.report import data
from harness.report import lint as report


def read_file(name: str, instead: str = "") -> bytes:
    """A runbook's bytes. Raises :class:`BadInput` for what can't be read: not there, a directory, a loop of links.
    ``instead`` is what else the user may have meant to name."""
    try:
        with Path(name).open("rb") as file:
            return file.read(LONGEST + 1)
    except OSError as error:
        raise BadInput(f"{name}: {error.strerror or error}", todo=f"name a file that can be read{instead}") from None


def two_procedures(name: str, found: Sequence[tuple[str, int]]) -> BadInput:
    """``found``: the (verb, line) of each procedure of the file."""
    seen = f"{name} has {len(found)} procedures: {', '.join(f'{verb} from line {line}' for verb, line in found)}"
    verbs = " or ".join(f"--verb {verb}" for verb in dict.fromkeys(verb for verb, _ in found))
    return BadInput(seen, why="each is about a node of its own", todo=f"{verbs}, or --verb all for each by itself")


@click.command()
@click.argument("file", metavar="RUNBOOK")
@click.option("--node", default="", metavar="NAME", help="The node that it is about, where its own is an example's.")
@click.option("--verb", type=click.Choice(("remove", "add", "all")), help="Which, of a file that has two.")
@click.option("--strict", is_flag=True, help="Warnings end with 1 as errors do.")
@output_options("text", "json", "sarif")
@source_options
@click.pass_context
def lint(context: click.Context, /, file: str, node: str, verb: str | None, strict: bool, **values: Any) -> None:
    """Say what is wrong with RUNBOOK (Markdown, a copied page, a shell script) without running it.

    Each finding has an id, a line, the reason, and what to write instead. Exit codes: 0 no errors, 1 errors (with
    --strict: or warnings), 2 no runbook, or nothing says which node it is about.
    """
    form, path = values.pop("form"), values.pop("path")
    check_writable(path)
    content = read_file(file)
    source = Source.of(context, values)
    say(f"for: {source.introduction()}")
    cluster = source.look()
    say_assumptions(cluster)
    written = runbook.read(content, file, cluster.view, node)
    if len(written) > 1 and verb is None:
        raise two_procedures(file, [(book.verb, book.line) for book in written])
    books = [book for book in written if verb in (None, "all", book.verb)]
    if not books:
        raise BadInput(f"{file} has no procedure to {verb} a node", todo="leave --verb out")
    found = [finding for book in books for finding in judge(book, cluster.view)]
    if form == "json":
        write(data.dump(report.as_data(books, found)), path)
    elif form == "sarif":
        write(data.dump(report.sarif(found)), path)
    else:
        write("\n".join(report.lines(books, found)), path)
    if any(one.level == ERROR or (strict and one.level != NOTE) for one in found):
        context.exit(ExitCode.FAILED)
