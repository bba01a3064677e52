"""Which procedures a file holds: a label that goes or comes, a kick and a smaller or larger list tell the direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.procedures.runbook.commands import Call
from harness.procedures.runbook.source import Heading


@dataclass(frozen=True, slots=True)
class Section:
    """``verb`` is remove or add; ``line`` that of its heading, or of its first command."""

    verb: str
    line: int
    calls: tuple[Call, ...]


def sections(parts: Sequence[Call | Heading], label: str) -> list[Section]:
    """The file's procedures in order; [] if no command tells what it is for. ``label``: ovn-central's, its key."""
    marks = [
        (at, verb) for at, part in enumerate(parts) if isinstance(part, Call) and (verb := _direction(part, label))
    ]
    if not marks:
        return []
    starts = [0]
    for (before, verb), (at, other) in pairwise(marks):
        if verb != other:
            starts.append(_boundary(parts, before + 1, at))
    found = []
    for start, end in zip(starts, [*starts[1:], len(parts)], strict=True):
        calls = tuple(part for part in parts[start:end] if isinstance(part, Call))
        verb = next(verb for at, verb in marks if start <= at < end)
        found.append(Section(verb, parts[start].line, calls))
    return found


def _direction(call: Call, label: str) -> str:
    if call.verb in ("label", "unlabel") and call["key"] != label:
        return ""
    if call.verb in ("kick", "unlabel"):
        return "remove"
    return "add" if call.verb == "label" else ""


def _boundary(parts: Sequence[Call | Heading], first: int, last: int) -> int:
    """Where the second procedure begins: at the last heading that has only headings before its first command and is
    followed by another one, as a chapter's is; else at its first heading; else at the command itself."""
    headings = [at for at in range(first, last) if isinstance(parts[at], Heading)]
    chapters = [at for at in headings if isinstance(parts[at + 1], Heading)]
    if chapters:
        return chapters[-1]
    return headings[-1] if headings else last
