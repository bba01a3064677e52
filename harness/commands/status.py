"""``ovnswap status``: both raft clusters, side by side with what Kubernetes believes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.commands.options import output_options, source_options
from harness.commands.output import check_writable, say, show, write
from harness.commands.source import Source, say_assumptions
from harness.report import data, tables, text
from harness.report.overview import overview


@click.command()
@source_options
@output_options("text", "json")
@click.pass_context
def status(context: click.Context, /, form: str | None, path: Path | None, **values: Any) -> None:
    """Show nb and sb as their servers tell it, every node, and what does not fit together.

    Capital YES and NO mark what differs from raft. Changes nothing, and ends with 0 whatever it finds.
    """
    check_writable(path)
    source = Source.of(context, values)
    say(f"from: {source.introduction()}")
    found = source.look()
    say_assumptions(found)
    seen = overview(found.view, found.files)
    if form == "json":
        write(data.dump(data.status(seen, found.words, found.assumptions)), path)
    else:
        show(tables.status(seen), "\n".join(text.status_lines(seen)), path)
