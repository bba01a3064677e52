"""From lines to calls: variables put in, lines of several commands taken apart, what is not understood kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.procedures.runbook import commands
from harness.procedures.runbook.commands import Call
from harness.procedures.runbook.source import Heading, Typed

_ASSIGNED = re.compile(r"(?:export\s+|readonly\s+|local\s+)?([A-Za-z_]\w*)=(\S*|\"[^\"]*\"|'[^']*'|\"?\$\(.*\)\"?)")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*|[0-9])(?::[-?][^}]*)?\}?")
_LOOKED_UP = re.compile(r"\"?\$\((kubectl ko (?:nb|sb) status)\b(.*)\)\"?")


@dataclass(frozen=True, slots=True)
class Unclear:
    """A line that is not understood, and what was expected in its place."""

    line: int
    text: str
    expected: str


def calls(parts: Sequence[Typed | Heading], shell: bool) -> tuple[list[Call | Heading], list[Unclear]]:
    """The file's calls and headings in order, and what is not understood."""
    found: list[Call | Heading] = []
    unclear: list[Unclear] = []
    variables: dict[str, str] = {}
    for part in parts:
        if isinstance(part, Heading):
            found.append(part)
            continue
        for text in commands.split(part.text):
            if commands.SILENT.fullmatch(text):
                continue
            assigned = _ASSIGNED.fullmatch(text)
            if assigned:
                call = _assign(assigned, part, variables)
            else:
                call = commands.parse(_filled(text, variables), part.line, part.prose)
            if isinstance(call, Call):
                found.append(replace(call, output=tuple(text for _, text in part.output)))
            elif call is not None:
                unclear.append(Unclear(part.line, text, call))
    return found, unclear


def _assign(assigned: re.Match[str], part: Typed, variables: dict[str, str]) -> Call | str | None:
    """Keep the variable; an id that is looked up in a status is a look, too."""
    name, value = assigned[1], assigned[2]
    looked_up = _LOOKED_UP.fullmatch(value)
    if looked_up:
        about = _VARIABLE.sub(lambda found: variables.get(found[1], f"<{found[1]}>"), looked_up[2])
        address = re.search(r"[0-9a-f.:]{7,}|<\w+>", about)
        if address is None:
            return "a status in which the node's address is looked for: ID=$(kubectl ko nb status | ... $IP ...)"
        variables[name] = address[0] if not address[0].startswith("<") else f"<{name}>"
        return commands.parse(looked_up[1], part.line, part.prose)
    if "$(" in value or "`" in value:
        return "a plain value, or ID=$(kubectl ko nb status | ...)"
    variables[name] = _filled(value.strip("\"'"), variables)
    return None


def _filled(text: str, variables: dict[str, str]) -> str:
    """``text`` with variables put in; one that is set nowhere is a placeholder, as ``<NAME>`` is."""
    return _VARIABLE.sub(lambda found: variables.get(found[1]) or f"<{found[1]}>", text)
