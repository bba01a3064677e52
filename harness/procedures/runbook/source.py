"""What stands in a runbook's file: commands with their line, the output that is shown below each, headings and prose.

Markdown: commands stand in fenced blocks. Flattened text (a page copied from a browser): at the beginning of a line.
Shell: every line that is no comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from harness.errors import BadInput

LONGEST = 1024 * 1024
"""Bytes of a runbook: the page has ten thousand, so whoever names something bigger has named the wrong file."""
LONGEST_LINE = 8192
"""Bytes of a line: an exported step has some hundred."""

_TOOLS = re.compile(
    r"(?:kubectl|rm|ssh|scp|helm|sleep|docker|crictl|ctr|nerdctl|systemctl|sudo|curl|etcdctl|bash|sh|mv|cp|reboot|"
    r"ov[sn]-(?:appctl|vsctl|nbctl|sbctl|ctl)|ovsdb-(?:tool|client|server))\s"
)
_PROMPT = re.compile(r"(?:[#$]|\S{1,80}[@:]\S{0,80}[#$])\s+(?=[a-z])")
_FENCE = re.compile(r"\s*(```+|~~~+)\s*(\S*)")
_HEADING = re.compile(r"#{1,6}\s+(.*)|(.*)¶\s*$")
_OUTPUT = (
    r"[0-9a-f]{4}$",
    r"(Name|Cluster ID|Server ID|Address|Status|Role|Term|Leader|Vote|Last Election \w+|Election timer|Log): ?.*",
    r"(Last Election (started|won).*|Entries not yet.*|Connections:.*|Disconnections:.*|Servers:|status: .*)",
    r"[0-9a-f]{4} \([0-9a-f]{4} at .*",
    r"(started removal|sent removal request to leader)$",
    r"NAME +READY +STATUS.*",
    r"\S+ +\d+/\d+ +\w+ +\d+.*",
    r"(pod )?\S+ (deleted|labeled|unlabeled|scaled|paused|resumed|patched)$",
    r"\S+ env updated$",
    r"Waiting for (deployment|daemon set) .*",
    r"(deployment|daemon set) \S+ successfully rolled out$",
)
_IS_OUTPUT = re.compile("|".join(_OUTPUT))


@dataclass(slots=True)
class Typed:
    """One line that is to be typed. ``output`` is what the page shows below it, ``prose`` what stands above it."""

    line: int
    text: str
    prose: str = ""
    output: list[tuple[int, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Heading:
    line: int
    text: str


def decode(data: bytes, name: str) -> str:
    """The file's text. Raises :class:`BadInput` for an empty file, a huge one, and what is no UTF-8 text."""
    if len(data) > LONGEST:
        raise BadInput(f"{name} is larger than {LONGEST >> 20} MiB", todo="name a runbook: a page or a script")
    if not data.strip():
        raise BadInput(f"{name} is empty", todo="name a runbook: a page or a script")
    for number, part in enumerate(data.split(b"\n"), 1):
        if len(part) > LONGEST_LINE:
            raise BadInput(f"{name}:{number} is longer than {LONGEST_LINE} bytes", todo="break the line")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadInput(f"{name}:{line}: byte {error.start} is no UTF-8 text", todo="save the file as UTF-8") from None


def parts(text: str, name: str) -> list[Typed | Heading]:
    """Commands and headings in the file's order."""
    lines = text.splitlines()
    if is_shell(text, name):
        return list(_shell(lines))
    return list(_page(lines, any(_FENCE.match(line) for line in lines)))


def is_shell(text: str, name: str) -> bool:
    return name.endswith((".sh", ".bash")) or text.startswith("#!")


def _shell(lines: list[str]) -> Iterator[Typed | Heading]:
    for number, line in _joined(list(enumerate(lines, 1))):
        if line.strip() and not line.lstrip().startswith("#"):
            yield Typed(number, line.strip())


def _joined(lines: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Lines that end in a backslash with those that follow, under the first one's number."""
    held, first = "", 0
    for number, line in lines:
        first = first if held else number
        if line.endswith("\\"):
            held += line[:-1].rstrip() + " "
            continue
        yield first, held + (line.strip() if held else line)
        held = ""
    if held:
        yield first, held


def _page(lines: list[str], fenced: bool) -> Iterator[Typed | Heading]:
    inside = ""
    prose: list[str] = []
    last: Typed | None = None
    for number, line in _joined(list(enumerate(lines, 1))):
        fence = _FENCE.match(line)
        if fence and (not inside or line.strip().startswith(inside)):
            inside, last = ("" if inside else fence[1]), None
            continue
        heading = _HEADING.fullmatch(line) if not inside else None
        command = _command(line, inside) if inside or not fenced else None
        if command is not None:
            last = Typed(number, command, " ".join(prose))
            prose = []
            yield last
        elif heading and not (heading[1] and not fenced):
            last, prose = None, []
            yield Heading(number, (heading[1] or heading[2]).strip())
        elif _IS_OUTPUT.match(line.strip()) and last is not None:
            last.output.append((number, line.strip()))
        elif not line.strip() or not inside:
            prose.append(line.strip())
        elif not line.lstrip().startswith("#"):
            yield Typed(number, line.strip(), " ".join(prose))


def _command(line: str, inside: str) -> str | None:
    """What is typed on ``line``, without the prompt; None if it is not recognised as a command."""
    stripped = line.strip()
    prompt = _PROMPT.match(stripped)
    rest = stripped[prompt.end() :] if prompt else stripped
    if _TOOLS.match(rest + " "):
        return rest
    if prompt and stripped.startswith("$"):
        return rest
    assigned = inside and re.match(r"(export\s+)?[A-Za-z_]\w*=", stripped)
    return stripped if assigned else None
