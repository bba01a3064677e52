"""The text of ``ovs-appctl cluster/status`` and :class:`~harness.cluster.MemberStatus`, in both directions.

:func:`render` prints what ovsdb-server prints (facts: ovsdb-raft 1.2). :func:`parse` reads that, and what becomes of it
on its way through a terminal or a web page: indentation and blank lines lost, CRLF, trailing blanks, the prompt line
above it, and the ``status: ok`` that ``kubectl ko`` puts below it. Every line of the text is one row of a table.

Releases to come may print more. Above ``Servers:``, a line ``Some words: value`` with words of no row is passed over:
it is in no field, and :func:`render` does not bring it back. Anything else that is unknown is an error, and so is a row
that is missing, repeated or out of its place. A value with brackets may name a server: such a line is never passed
over, so that no pending change is overlooked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from harness.cluster import MemberStatus, PeerConnection, PendingServer, ServerEntry


class StatusError(ValueError):
    """The text is no status.

    ``line_number`` counts from 1 (0: there is no line at all), ``line`` is that line, ``reason`` what was expected.
    """

    def __init__(self, line_number: int, line: str, reason: str) -> None:
        super().__init__(f"line {line_number}: {reason}" + (f", found {line!r}" if line else ""))
        self.line_number = line_number
        self.line = line
        self.reason = reason


class Empty(StatusError):
    """There is nothing but blanks and prompts."""


class Truncated(StatusError):
    """The text ends too early; ``line`` is the last one."""


class Malformed(StatusError):
    """A line is not what comes at its place."""


class ErrorKind(Enum):
    """What an error that ovsdb-server or ovs-appctl printed means (facts: ovsdb-raft 3.4, 3.5)."""

    UNKNOWN_CLUSTER = "unknown cluster"
    UNKNOWN_SERVER = "unknown server"
    NOT_SENT = "failed to send removal request"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    OTHER = "other"


class ServerError(StatusError):
    """The server, or the tool that asked it, answered with an error: ``text`` is all of it, ``kind`` its meaning."""

    def __init__(self, text: str, kind: ErrorKind, line_number: int = 1, line: str = "") -> None:
        super().__init__(line_number, line or text, f"an error ({kind.value}) in place of a status")
        self.text = text
        self.kind = kind


_END = r"(\b|\S*appctl: )"  # an older client puts no newline behind a newer server's words (ovsdb-raft 11.3)
_ERRORS = (
    (rf"unknown cluster{_END}", ErrorKind.UNKNOWN_CLUSTER),
    (rf"unknown server{_END}", ErrorKind.UNKNOWN_SERVER),
    (rf"failed to send removal request{_END}", ErrorKind.NOT_SENT),
    (r"request via unixctl to (remove|add) .* failed\b", ErrorKind.REFUSED),
    (r"already in progress leaving cluster|can't leave (while join in progress|after failure)", ErrorKind.REFUSED),
    (r"\S*appctl: cannot (connect to|read pidfile) ", ErrorKind.UNREACHABLE),
    (r"\S*appctl: .*(connection refused|no such file or directory|connection reset)", ErrorKind.UNREACHABLE),
    (
        r"(error from server|unable to connect to the server|error: unable to upgrade connection)\b",
        ErrorKind.UNREACHABLE,
    ),
    (r"(error: |the connection to the server .* was refused)", ErrorKind.UNREACHABLE),
    (r"(nb|sb|northd) leader not exists", ErrorKind.UNREACHABLE),
    (r".*connection refused\b", ErrorKind.UNREACHABLE),
    (r'"\S+" is not a valid command|.*server returned an error$|\S*appctl: ', ErrorKind.OTHER),
    (r"command terminated with exit code", ErrorKind.OTHER),
)
_ERROR_TABLE = tuple((re.compile(pattern, re.IGNORECASE | re.ASCII), kind) for pattern, kind in _ERRORS)
_PROMPT = re.compile(
    r"[#$%>]$|[#$] |```|(\S*[#$%>] *)?(sudo )?(kubectl|ovs-appctl|ovn-appctl|docker|crictl) |\S+@\S+[#$%>]"
    r"|Default(ed|ing) container |[0-9]{4}-[0-9]{2}-[0-9]{2}T\S+Z\||[^:]*[#$] (kubectl|ovs-appctl|ovn-appctl) "
)


def is_prompt(line: str) -> bool:
    """Whether ``line`` is a shell's prompt, a typed command, or a code fence: what stands around a pasted status."""
    return _PROMPT.match(line.strip()) is not None


def classify_error(text: str) -> ServerError | None:
    """The error that ``text`` (an answer to ``cluster/*`` of ovs-appctl) is; None if no line of it is an error."""
    for number, line in _content(text):
        for pattern, kind in _ERROR_TABLE:
            if pattern.match(line):
                return ServerError(text.strip(), kind, number, line)
    return None


# -- what one line means --------------------------------------------------------------------------------------------

Fields = Mapping[str, Any]
Build = Callable[["re.Match[str]"], Fields]


class Times(Enum):
    """How often a line comes."""

    ONCE = "once"
    MAYBE = "maybe"
    ANY = "any number"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of line: how it begins (``label``), its whole ``shape``, what it says. Tuples of fields add up."""

    label: str
    shape: re.Pattern[str]
    build: Build
    times: Times = Times.ONCE

    def fits(self, line: str) -> bool:
        return line.startswith(self.label)

    @property
    def wanted(self) -> str:
        return f"expected {self.label!r}" if self.label else "expected the server's nickname"


_N = r"([0-9]{1,20})"
_UUID = r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})"
_ID = rf"([0-9a-f]{{4}}) \({_UUID}\)"
_AT = r"(?P<nick>\S+) \((?P<sid>[0-9a-f]{4}) at (?P<address>\S+)\)"
_PHASE = r"(?P<phase>adding: [a-z ]+|removing)"
_SERVER = re.compile(
    rf"{_AT}(?P<self> \(self\))?(?: \({_PHASE}\))?(?: \(voted for (?P<vote>[^\s()]+)\))?"
    r"(?: next_index=(?P<next>[0-9]{1,20}) match_index=(?P<match>[0-9]{1,20}))?"
    r"(?: last msg (?P<ago>[0-9]{1,20}) ms ago)?",
    re.ASCII,
)
_CONNECTION = re.compile(r"(\()?(->|<-)([^\s()]+)(?(1)\))", re.ASCII)


def _word(name: str) -> Build:
    return lambda found: {name: found[1]}


def _number(name: str) -> Build:
    return lambda found: {name: int(found[1])}


def _identifier(name: str) -> Build:
    def build(found: re.Match[str]) -> Fields:
        if not found[2].startswith(found[1]):
            raise ValueError(f"{found[1]} is not the beginning of {found[2]}")
        return {name: found[2]}

    return build


def _cluster_id(found: re.Match[str]) -> Fields:
    return {"cluster_id": None} if found[2] is None else _identifier("cluster_id")(found)


def _remotes(found: re.Match[str]) -> Fields:
    return {"remotes": tuple(found[1].split())}


def _pending(name: str) -> Build:
    return lambda found: {name: (PendingServer(found["nick"], found["sid"], found["address"], found["phase"]),)}


def _election_started(found: re.Match[str]) -> Fields:
    return {"election_started_ms": int(found[1]), "election_reason": found[2]}


def _timer(found: re.Match[str]) -> Fields:
    return {"election_timer": int(found[1]), "election_timer_new": _maybe(found[2])}


def _log(found: re.Match[str]) -> Fields:
    return {"log_start": int(found[1]), "log_end": int(found[2])}


def _connections(found: re.Match[str]) -> Fields:
    items = []
    for text in found[1].split():
        item = _CONNECTION.fullmatch(text)
        if item is None:
            raise ValueError(f"{text} is no connection")
        items.append(PeerConnection(item[3], item[2] == "->", item[1] is None))
    return {"connections": tuple(items)}


def _heading(found: re.Match[str]) -> Fields:
    return {}


def _server(found: re.Match[str]) -> Fields:
    entry = ServerEntry(
        nickname=found["nick"],
        sid4=found["sid"],
        address=found["address"],
        is_self=found["self"] is not None,
        phase=found["phase"],
        voted_for=found["vote"],
        next_index=_maybe(found["next"]),
        match_index=_maybe(found["match"]),
        last_msg_ms=_maybe(found["ago"]),
    )
    return {"servers": (entry,)}


def _maybe(digits: str | None) -> int | None:
    return None if digits is None else int(digits)


def _kind(label: str, rest: str, build: Build, times: Times = Times.ONCE) -> Kind:
    return Kind(label, re.compile(re.escape(label) + rest, re.ASCII), build, times)


_STORAGE = "status:"
_FOREIGN = re.compile(r"[A-Z][A-Za-z-]*(?: [A-Za-z-]+)*: [^()]+", re.ASCII)
_SERVER_LINE = Kind("", _SERVER, _server, Times.ANY)
KINDS = (
    _kind("", r"([^\s:]+)", _word("nickname")),
    _kind("Name:", r" (\S+)", _word("database")),
    _kind("Cluster ID:", rf" (?:not yet known|{_ID})", _cluster_id),
    _kind("Server ID:", f" {_ID}", _identifier("server_id")),
    _kind("Address:", r" (\S+)", _word("address")),
    _kind("Status:", r" (\S.*)", _word("status")),
    _kind("Remotes for joining:", r"((?: \S+)*)", _remotes, Times.MAYBE),
    _kind("Adding server", rf" {_AT} \({_PHASE}\)", _pending("adding"), Times.ANY),
    _kind("Removing server", rf" {_AT} \({_PHASE}\)", _pending("removing"), Times.ANY),
    _kind("Role:", " (leader|candidate|follower)", _word("role")),
    _kind("Term:", f" {_N}", _number("term")),
    _kind("Leader:", r" ([^\s:]+)", _word("leader")),
    _kind("Vote:", r" ([^\s:]+)", _word("vote")),
    _kind("Last Election started", rf" {_N} ms ago, reason: (\S+)", _election_started, Times.MAYBE),
    _kind("Last Election won:", f" {_N} ms ago", _number("election_won_ms"), Times.MAYBE),
    _kind("Election timer:", rf" {_N}(?: \(changing to {_N}\))?", _timer),
    _kind("Log:", rf" \[{_N}, {_N}\]", _log),
    _kind("Entries not yet committed:", f" {_N}", _number("uncommitted")),
    _kind("Entries not yet applied:", f" {_N}", _number("unapplied")),
    _kind("Connections:", r"((?: \S+)*)", _connections),
    _kind("Disconnections:", f" {_N}", _number("disconnections")),
    _kind("Servers:", "", _heading),
    _SERVER_LINE,
    _kind(_STORAGE, r" (\S.*)", _word("storage"), Times.MAYBE),
)
"""Every line of the text, in its order."""


# -- reading --------------------------------------------------------------------------------------------------------


def parse(text: str) -> MemberStatus:
    """What ``text`` says. Raises :class:`StatusError`: Empty, Truncated, Malformed or ServerError, naming the line."""
    lines = list(_content(text))
    if not lines:
        raise Empty(0, "", "no status: nothing but blanks")
    fields: dict[str, Any] = {}
    position = 0
    for kind in KINDS:
        taken = 0
        while (found := _find(kind, taken, lines, position)) is not None:
            _add(fields, _read(kind, text, lines, found, fields.get("role")))
            position, taken = found + 1, taken + 1
        if not taken and kind.times is Times.ONCE:
            raise _unexpected(kind, text, lines, position)
    if position < len(lines):
        raise _problem("expected nothing more", text, lines, position)
    return MemberStatus(**fields)


def _content(text: str) -> Iterator[tuple[int, str]]:
    """(number, stripped line) of every line that says something: no blanks, and no prompts above or below."""
    lines = [(n, line.replace("\u00a0", " ").strip()) for n, line in enumerate(text.split("\n"), 1)]
    lines = [(number, line) for number, line in lines if line]
    while lines and _PROMPT.match(lines[0][1]):
        lines.pop(0)
    while lines and _PROMPT.match(lines[-1][1]):
        lines.pop()
    return iter(lines)


def _find(kind: Kind, taken: int, lines: list[tuple[int, str]], position: int) -> int | None:
    """Where the next line is, if it is of ``kind``; lines of releases to come are passed over."""
    if taken and kind.times is not Times.ANY:
        return None
    while kind.label not in ("", _STORAGE) and position < len(lines) and _is_foreign(lines[position][1]):
        position += 1
    return position if position < len(lines) and _is_next(kind, lines[position][1]) else None


def _is_foreign(line: str) -> bool:
    known = any(kind.label and kind.fits(line) for kind in KINDS)
    return not known and _FOREIGN.fullmatch(line) is not None and classify_error(line) is None


def _is_next(kind: Kind, line: str) -> bool:
    if kind is _SERVER_LINE:
        return " (" in line and not line.startswith(_STORAGE)
    return kind.fits(line) if kind.label else kind.shape.fullmatch(line) is not None


def _read(kind: Kind, text: str, lines: list[tuple[int, str]], position: int, role: str | None) -> Fields:
    found = kind.shape.fullmatch(lines[position][1])
    if found is None:
        wanted = f"a {kind.label!r} line" if kind.label else "a server's line"
        raise _problem(f"{wanted} that can't be read", text, lines, position)
    if kind is _SERVER_LINE and (role == "leader") != (found["next"] is not None):
        raise _problem(f"a {role}'s line {'needs' if role == 'leader' else 'has no'} next_index", text, lines, position)
    try:
        return kind.build(found)
    except ValueError as error:
        raise _problem(str(error), text, lines, position) from None


def _add(fields: dict[str, Any], more: Fields) -> None:
    for name, value in more.items():
        fields[name] = fields[name] + value if name in fields else value


def _unexpected(kind: Kind, text: str, lines: list[tuple[int, str]], position: int) -> StatusError:
    if position >= len(lines):
        number, line = lines[-1]
        return classify_error(text) or Truncated(number, line, f"{kind.wanted} after this, but the text ends")
    return _problem(kind.wanted, text, lines, position)


def _problem(reason: str, text: str, lines: list[tuple[int, str]], position: int) -> StatusError:
    number, line = lines[position]
    error = classify_error("\n" * (number - 1) + line) if position else classify_error(text)
    if error is not None:
        return ServerError(text.strip(), error.kind, error.line_number, error.line)
    cut = position == len(lines) - 1 and not text.endswith("\n")
    return (Truncated if cut else Malformed)(number, line, reason)


# -- writing --------------------------------------------------------------------------------------------------------


def render(status: MemberStatus) -> str:
    """Exactly what ``ovs-appctl cluster/status`` prints, and the line below it if ``storage`` is known."""
    lines = [*_head(status), "", *_elections(status), *_tail(status)]
    return "\n".join(lines) + "\n"


def _head(s: MemberStatus) -> Iterator[str]:
    yield s.nickname
    yield f"Name: {s.database}"
    yield "Cluster ID: " + ("not yet known" if s.cluster_id is None else f"{s.cluster_id[:4]} ({s.cluster_id})")
    yield f"Server ID: {s.server_id[:4]} ({s.server_id})"
    yield f"Address: {s.address}"
    yield f"Status: {s.status}"
    if s.remotes or s.status == "joining cluster":
        yield " ".join(["Remotes for joining:", *s.remotes])
    for word, servers in (("Adding", s.adding), ("Removing", s.removing)):
        for server in servers:
            yield f"{word} server {server.nickname} ({server.sid4} at {server.address}) ({server.phase})"
    yield f"Role: {s.role}"
    yield f"Term: {s.term}"
    yield f"Leader: {s.leader}"
    yield f"Vote: {s.vote}"


def _elections(s: MemberStatus) -> Iterator[str]:
    if s.election_started_ms is not None:
        yield f"Last Election started {s.election_started_ms} ms ago, reason: {s.election_reason or 'timeout'}"
    if s.election_won_ms is not None:
        yield f"Last Election won: {s.election_won_ms} ms ago"
    changing = "" if s.election_timer_new is None else f" (changing to {s.election_timer_new})"
    yield f"Election timer: {s.election_timer}{changing}"


def _tail(s: MemberStatus) -> Iterator[str]:
    yield f"Log: [{s.log_start}, {s.log_end}]"
    yield f"Entries not yet committed: {s.uncommitted}"
    yield f"Entries not yet applied: {s.unapplied}"
    yield " ".join(["Connections:", *map(_connection_text, s.connections)])
    yield f"Disconnections: {s.disconnections}"
    yield "Servers:"
    yield from map(_server_text, s.servers)
    if s.storage is not None:
        yield f"status: {s.storage}"


def _connection_text(item: PeerConnection) -> str:
    text = f"{'->' if item.outgoing else '<-'}{item.nickname}"
    return text if item.connected else f"({text})"


def _server_text(entry: ServerEntry) -> str:
    parts = [
        f"    {entry.nickname} ({entry.sid4} at {entry.address})",
        "(self)" if entry.is_self else None,
        f"({entry.phase})" if entry.phase else None,
        f"(voted for {entry.voted_for})" if entry.voted_for else None,
        f"next_index={entry.next_index} match_index={entry.match_index}" if entry.next_index is not None else None,
        f"last msg {entry.last_msg_ms} ms ago" if entry.last_msg_ms is not None else None,
    ]
    return " ".join(part for part in parts if part)
