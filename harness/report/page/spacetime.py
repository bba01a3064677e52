"""The space-time diagram: one line for each server, one row for each message, from top to bottom in order of time.

The distance between rows means nothing; the times at the left do. A message whose way was cut is broken off.
"""

from __future__ import annotations

from markupsafe import Markup

from harness.cluster import DATABASES, Database
from harness.recording import Kind, Letter, Mark, Recording
from harness.report.page.svg import element, group, line, text

LEFT = 90.0
APART = 210.0
ROW = 26.0
HEAD = 30.0
FALL = 8.0
"""How far an arrow falls on its way, so that one sees who sent it."""


def diagrams(run: Recording) -> list[tuple[Database, Markup]]:
    """One diagram for each database that had messages around the focus."""
    return [(database, _diagram(run, database)) for database in DATABASES if _letters(run, database)]


def _letters(run: Recording, database: Database) -> list[Letter]:
    return [letter for letter in run.letters if letter.database is database]


def _diagram(run: Recording, database: Database) -> Markup:
    letters = _letters(run, database)
    known = [lane.host for lane in run.lanes if lane.database is database]
    met = [host for letter in letters for host in (letter.source, letter.target)]
    hosts = list(dict.fromkeys(h for h in (*known, *met) if h in met))
    column = {host: LEFT + APART * (0.5 + number) for number, host in enumerate(hosts)}
    rows = _rows(letters, run.marks)
    height = HEAD + ROW * len(rows) + 10
    width = LEFT + APART * len(hosts)
    parts = [line(x, HEAD - 6, x, height, "world") for x in column.values()]
    parts += [text(x, 16, run.labels.get(h, h), "head", text_anchor="middle") for h, x in column.items()]
    for number, row in enumerate(rows):
        y = HEAD + ROW * (number + 0.5)
        parts.append(text(LEFT - 8, y + 4, f"{row.at:.3f} s", "small", text_anchor="end"))
        parts.append(_arrow(row, column, y) if isinstance(row, Letter) else _across(row, width, y))
    words = f"Messages between the servers of {database} around {letters[0].at:.1f} s to {letters[-1].at:.1f} s"
    return element(
        "svg",
        element("title", words),
        *parts,
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        style=f"width:{width:.0f}px",
        class_="spacetime",
        role="img",
        aria_label=words,
    )


def _rows(letters: list[Letter], marks: tuple[Mark, ...]) -> list[Letter | Mark]:
    """Messages, and what else happened between the first and the last of them."""
    first, last = letters[0].at, letters[-1].at
    between = [mark for mark in marks if first <= mark.at <= last and mark.kind is not Kind.RAFT]
    return sorted([*letters, *between], key=lambda row: row.at)


def _arrow(letter: Letter, column: dict[str, float], y: float) -> Markup:
    source, target = column[letter.source], column[letter.target]
    way = 1.0 if target > source else -1.0
    reach = source + (target - source) * 0.55 if letter.held else target
    top, bottom = y - FALL / 2, y + FALL / 2
    body = line(source, top, reach, bottom, "letter held" if letter.held else "letter")
    if letter.held:
        tip = text(reach + way * 6, bottom + 4, "✕", "lost", text_anchor="middle")
    else:
        points = f"{reach:.1f},{bottom} {reach - way * 9:.1f},{bottom - 5} {reach - way * 9:.1f},{bottom + 3}"
        tip = element("polygon", points=points, class_="tip")
    middle = source + way * APART / 2
    label = text(middle, y - 4, letter.words + (" (held back)" if letter.held else ""), "words", text_anchor="middle")
    return group(body, tip, label)


def _across(mark: Mark, width: float, y: float) -> Markup:
    return group(
        line(LEFT, y, width, y, f"across {mark.kind.value}"),
        text(LEFT + 6, y - 3, mark.words, f"words {mark.kind.value}"),
    )
