"""Plain text, for pipes, files and terminals alike: columns that line up, commands that are never cut."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from harness import preflight
from harness.cluster import Database, NodeFiles
from harness.plan import Plan, StepForecast
from harness.preflight import Check
from harness.report.overview import DatabaseRow, NodeRow, Overview
from harness.report.wording import clean, lowest_line, margin, safe_points, subject, tolerance

Rows = tuple[tuple[str, ...], ...]

DATABASE_HEAD = ("DB", "CLUSTER", "TERM", "LEADER", "VOTERS", "ALIVE", "QUORUM", "TOLERATES", "LAG")
STEP_HEAD = ("#", "TOLERATES nb/sb", "SAFE POINT", "STEP")


def columns(rows: Iterable[Sequence[str]]) -> list[str]:
    """Each column as wide as its widest cell, two blanks between them."""
    table = [tuple(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in table]


# -- status ---------------------------------------------------------------------------------------------------------


def database_rows(found: Overview) -> Rows:
    """A row of cells for each database, in the order of :data:`DATABASE_HEAD`."""
    return tuple(_database(row) for row in found.databases)


def _database(row: DatabaseRow) -> tuple[str, ...]:
    leader = f"{clean(row.leader)} {row.leader_sid}" if row.leader else "none"
    term, lag = ("-" if value is None else str(value) for value in (row.term, row.lag))
    counts = str(row.voters), str(row.alive), str(row.quorum)
    return (row.name, row.cluster_id, term, leader, *counts, margin(row.margin), lag)


def node_head(found: Overview) -> tuple[str, ...]:
    """Titles of :func:`node_rows`; OVN_DB_IPS has one answer for each workload, in the order of its title."""
    workloads = "/".join(found.nodes[0].db_ips) if found.nodes else ""
    return ("NODE", "IP", "LABEL", "POD", "NODE_IPS", f"OVN_DB_IPS {workloads}".rstrip(), "NB", "SB", "FILES")


def node_rows(found: Overview) -> Rows:
    """A row of cells for each node; YES and NO in capitals where the others say something else."""
    return tuple(_node(row) for row in found.nodes)


def _node(row: NodeRow) -> tuple[str, ...]:
    def answer(value: bool) -> str:
        word = "yes" if value else "no"
        return word if value == row.member else word.upper()

    servers = [_server(row, database) for database in ("nb", "sb")]
    db_ips = "/".join(answer(value) for value in row.db_ips.values()) or "-"
    label, listed = answer(row.labelled), answer(row.in_node_ips)
    return (clean(row.name), row.address, label, clean(row.pod), listed, db_ips, *servers, _files(row))


def _server(row: NodeRow, database: str) -> str:
    words = ["+".join(row.servers[database]), row.states[database]]
    return " ".join(word for word in words if word) or "-"


def _files(row: NodeRow) -> str:
    """Which databases and saved headers lie there: ``nb,sb`` or ``nb,nb.hdr,sb,sb.hdr``; ``?`` if nobody looked."""
    if row.files is None:
        return "?"
    names = NodeFiles(row.name, row.files).databases
    short = {name: label for db in Database for name, label in ((db.file, db.value), (db.header, f"{db.value}.hdr"))}
    return ",".join(short[name] for name in names) or "-"


def finding(check: Check) -> str:
    """One line about something that is not as it should be."""
    word = "problem" if check.verdict == preflight.REFUSED else "warning"
    return f"{word}  {check.id}  {_told(check)}"


def _told(check: Check) -> str:
    why = f" ({check.why})" if check.why else ""
    todo = f" -> {check.todo}" if check.todo else ""
    return clean(f"{check.seen}{why}{todo}")


def status_lines(found: Overview) -> list[str]:
    """Both tables and the findings."""
    lines = [*columns((DATABASE_HEAD, *database_rows(found))), ""]
    lines += [*columns((node_head(found), *node_rows(found))), ""]
    return lines + closing_lines(found)


def closing_lines(found: Overview) -> list[str]:
    """The findings, and whether a change may be asked for."""
    lines = [finding(check) for check in found.findings]
    fine = "in order: both databases have a leader, and every server is a caught-up voter"
    return [*lines, fine if found.in_order else "NOT in order: a guarded plan refuses to change this cluster"]


# -- plan -----------------------------------------------------------------------------------------------------------


def head_lines(plan: Plan, rows: tuple[StepForecast, ...]) -> list[str]:
    """What the plan is, why in this order, and what the checks say: everything above the steps."""
    lines = [f"plan:    {plan.procedure} procedure: {clean(subject(plan))}"]
    if plan.order:
        lines.append(f"order:   {clean(plan.order)}")
    lines += check_lines(plan.checks)
    lines += [f"note:    {clean(note)}" for note in plan.notes]
    if rows:
        lines.append(f"worst:   servers that may still fail at the worst moment: {lowest_line(rows)}")
    return lines


def check_lines(checks: Sequence[Check]) -> list[str]:
    """Refused checks first, each with its reason and the way out; then warnings; the fine ones in one line."""
    lines = []
    for verdict in (preflight.REFUSED, preflight.WARN):
        word = verdict.upper() if verdict == preflight.REFUSED else verdict
        lines += [f"check:   {word} {check.id}: {_told(check)}" for check in checks if check.verdict == verdict]
    fine = [check.id for check in checks if check.verdict == preflight.OK]
    if fine:
        lines.append(f"check:   ok {', '.join(dict.fromkeys(fine))}")
    return lines or ["check:   none: this procedure looks at nothing before it starts"]


def step_rows(rows: tuple[StepForecast, ...]) -> Rows:
    """Number, tolerance, safe point, title of each step, in the order of :data:`STEP_HEAD`."""
    safe = safe_points([row.step for row in rows])
    return tuple(
        (str(number), tolerance(row), "yes" if safe[number - 1] else "NO", clean(row.step.title))
        for number, row in enumerate(rows, start=1)
    )


def plan_lines(plan: Plan, rows: tuple[StepForecast, ...], commands: Sequence[Sequence[str]]) -> list[str]:
    """The plan as text: the head, and each step with the exact lines to type below it."""
    table = columns((STEP_HEAD, *step_rows(rows)))
    indent = " " * (table[0].index("STEP") + 2)
    lines = [*head_lines(plan, rows), "", table[0]]
    for line, typed in zip(table[1:], commands, strict=True):
        lines += [line, *(indent + command for command in typed)]
    return [*lines, "", f"digest:  {plan.digest}"]
