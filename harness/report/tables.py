"""The same as :mod:`harness.report.text`, for a terminal: rich tables whose cells fold and are never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from harness.plan import Plan, StepForecast
from harness.report import text
from harness.report.overview import Overview
from harness.report.wording import NO_QUORUM

_STYLES = {"problem": "bold red", "warning": "yellow", "NOT in order": "bold red", "in order": "green"}
_LOUD = ("NO", "YES", "none", "silent", "outside", "configured)", "NotReady", "Pending", "leader)")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for title in head:
        table.add_column(Text(title), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style="bold red" if _loud(cell) else "") for cell in row))
    return table


def _loud(cell: str) -> bool:
    return NO_QUORUM in cell or any(word in _LOUD for word in cell.replace("/", " ").split())


def _line(line: str) -> Text:
    style = next((style for start, style in _STYLES.items() if line.startswith(start)), "")
    if "REFUSED" in line or NO_QUORUM in line:
        style = "bold red"
    elif line.startswith("check:   warn"):
        style = "yellow"
    return Text(line, style=style, overflow="fold")


def status(found: Overview) -> RenderableType:
    """What ``ovnswap status`` shows on a terminal."""
    databases = _table(text.DATABASE_HEAD, text.database_rows(found))
    nodes = _table(text.node_head(found), text.node_rows(found))
    return Group(databases, "", nodes, "", *map(_line, text.closing_lines(found)))


def plan(one: Plan, rows: tuple[StepForecast, ...], commands: Sequence[Sequence[str]]) -> RenderableType:
    """What ``ovnswap plan`` shows on a terminal: each step's exact commands below its title."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("STEP AND EXACT COMMANDS", overflow="fold", ratio=1)
    table.add_column("TOLERATES\nnb/sb", overflow="fold", max_width=16)
    table.add_column("SAFE\nPOINT", no_wrap=True)
    for (number, tolerated, safe, title), typed in zip(text.step_rows(rows), commands, strict=True):
        cell = Text(title, style="bold", overflow="fold")
        for command in typed:
            cell.append(f"\n{command}", style="not bold cyan")
        loud = "bold red" if _loud(tolerated) else ""
        table.add_row(number, cell, Text(tolerated, style=loud), Text(safe, style="red" if safe == "NO" else ""))
    head = map(_line, text.head_lines(one, rows))
    return Group(*head, "", table, Text(f"digest:  {one.digest}"))
