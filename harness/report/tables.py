"""The same as :mod:`harness.report.text`, for a terminal: in colours, and without breaks in what is copied from it.

Print these with ``crop=False``: a line that is longer than the terminal is left to the terminal, which wraps it on the
screen and copies it whole.
"""

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


INDENT = " " * 6
"""Before each command of a plan: less than in plain text, since terminals are narrow."""

_WHOLE = ("NODE", "IP", "LEADER")
"""Columns with names that somebody will copy."""


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """Cells fold where the terminal is narrow, but for those of :data:`_WHOLE`."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    cells = [tuple(row) for row in rows]
    for index, title in enumerate(head):
        least = max((len(row[index]) for row in cells), default=0) if title in _WHOLE else None
        table.add_column(Text(title), overflow="fold", min_width=least)
    for row in cells:
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
    """What ``ovnswap plan`` shows on a terminal: each step's exact commands below its title, each in one piece."""
    steps = text.step_rows(rows)
    head, *table = text.columns((text.STEP_HEAD, *steps))
    lines = [*map(_line, text.head_lines(one, rows)), Text(""), Text(head, style="bold underline")]
    for (_, tolerated, safe, _), line, typed in zip(steps, table, commands, strict=True):
        lines.append(Text(line, style="bold red" if _loud(tolerated) or safe == "NO" else "bold"))
        lines += [Text(INDENT + command, style="cyan") for command in typed]
    lines.append(Text(f"\ndigest:  {one.digest}"))
    for whole in lines:
        whole.no_wrap, whole.overflow = True, "ignore"
    return Group(*lines)
