"""A server's durable state as the file that ovsdb-server and ovsdb-tool read and write (ovsdb(5), "File Formats").

    OVSDB CLUSTER <bytes of the next line> <their SHA-1>
    {"the header": ...}
    OVSDB CLUSTER ...

What 3.1.0 does with damage (measured; 3.5.0 and 4.0 do the same: it takes any damaged record for one that was being
written when the machine stopped): it warns, goes on with what stood before, and cuts the rest off when it writes next,
even whole records that follow. A damaged header, or a record that is whole and makes no sense, is refused.
ovsdb-tool's check-cluster and show-log refuse any damage.

Servers whose snapshots lie at different places hold the same database as different rows:
:func:`fake_raft.file_contents.replay` makes them comparable.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import NamedTuple

from fake_raft.disk import Disk, Header, Record
from fake_raft.file_data import Json, Schema
from fake_raft.file_records import Members, Wrong, header_from, header_text, record_from, record_text

__all__ = ["FileError", "Json", "Schema", "read", "write"]

MAGIC = "CLUSTER"
HEAD = re.compile(rb"OVSDB (\S+) ([1-9]\d*) ([0-9a-fA-F]{40})\n")
SPACES = (" ", "\t", "\r", "\n")


class FileError(ValueError):
    """``record`` counts as ovsdb-tool show-log and servers do: 0 is the header. ``offset``: where it begins, in bytes.
    ``problem``: what is wrong."""

    def __init__(self, record: int, offset: int, problem: str) -> None:
        super().__init__(f"record {record} at offset {offset}: {problem}")
        self.record = record
        self.offset = offset
        self.problem = problem


class Body(NamedTuple):
    record: int
    offset: int
    members: Members


# -- writing ---------------------------------------------------------------------------------------------------------


def write(disk: Disk, schema: Schema | None = None) -> bytes:
    """The file of ``disk``, with what was not synced yet (as another process sees it).

    Real data goes back as it was read. ``schema`` says what becomes of fake_raft's own rows, and is needed where no
    snapshot of a real file brings one. Raises :class:`FileError` for what no file can say.
    """
    found = bytearray()
    for number, record in enumerate([disk.header, *disk.records]):
        try:
            text = header_text(record, schema) if isinstance(record, Header) else record_text(record, schema)
        except Wrong as wrong:
            raise FileError(number, len(found), str(wrong)) from None
        found += framed(text)
    return bytes(found)


def framed(text: str) -> bytes:
    body = text.encode() + b"\n"
    return b"OVSDB %s %d %s\n" % (MAGIC.encode(), len(body), hashlib.sha1(body).hexdigest().encode()) + body


# -- reading ---------------------------------------------------------------------------------------------------------


def read(content: bytes, *, drop_damaged: bool = False) -> Disk:
    """The disk that this file is, all of it synced.

    A last record that is cut short or garbled is what a crash leaves: it is dropped, as the server does. Damage with
    whole records after it is none of a crash's: FileError, unless ``drop_damaged``, which drops them like the server.
    A joining server reads its header only, so nothing after it is complained about.

    Raises :class:`FileError` for such damage, for a header that can't be read, and for a record that is whole and
    makes no sense by itself. Whether the records make sense together is found out by who opens the disk.
    """
    if not content:
        raise FileError(0, 0, "the file is empty")
    bodies, damage = scan(content)
    if not bodies:
        assert damage is not None, "a file that is not empty has a record, or damage"
        raise damage
    try:
        header = header_from(bodies[0].members)
    except Wrong as wrong:
        raise FileError(0, 0, str(wrong)) from None
    if damage is not None and not drop_damaged and not header.joining and whole_record_after(content, damage.offset):
        raise FileError(damage.record, damage.offset, f"{damage.problem}, and whole records follow")
    return Disk(header, [] if header.joining else records(bodies[1:]))


def records(bodies: list[Body]) -> list[Record]:
    found = []
    for body in bodies:
        try:
            found.append(record_from(body.members))
        except Wrong as wrong:
            raise FileError(body.record, body.offset, str(wrong)) from None
    return found


def scan(content: bytes) -> tuple[list[Body], FileError | None]:
    """The whole records from the beginning on, and what is wrong with the one after them."""
    found: list[Body] = []
    at = 0
    while at < len(content):
        try:
            text, end = framed_at(content, at)
            found.append(Body(len(found), at, members(text)))
        except Wrong as wrong:
            return found, FileError(len(found), at, str(wrong))
        at = end
    return found, None


def framed_at(content: bytes, at: int) -> tuple[bytes, int]:
    """The record's body and where it ends. Raises :class:`Wrong`."""
    head = HEAD.match(content, at)
    if head is None:
        line = content[at : at + 80].partition(b"\n")[0]
        raise Wrong(f"no record begins here, but {line!r}" if at else f"no file of OVSDB: it begins with {line!r}")
    magic = head[1].decode("ascii", "replace")
    if magic != MAGIC:
        standalone = "a standalone database" if magic == "JSON" else "not a cluster's"
        raise Wrong(f"{standalone} (OVSDB {magic})" if not at else f"a record of another kind of file (OVSDB {magic})")
    length = int(head[2])
    body = content[head.end() : head.end() + length]
    if len(body) < length:
        raise Wrong(f"it should have {length} bytes, and the file ends after {len(body)}")
    digest = hashlib.sha1(body).hexdigest()
    if digest != head[3].decode().lower():
        raise Wrong(f"its {length} bytes have SHA-1 hash {digest} but should have {head[3].decode()}")
    return body, head.end() + length


def whole_record_after(content: bytes, offset: int) -> bool:
    for head in HEAD.finditer(content, offset + 1):
        try:
            framed_at(content, head.start())
        except Wrong:
            continue
        return True
    return False


def members(body: bytes) -> Members:
    """The members of a JSON object, each with its own text. Raises :class:`Wrong`."""
    try:
        text = body.decode()
        found: Members = {}
        at = skip(text, 0, "{")
        sign = "}" if text.startswith("}", at) else ","
        while sign == ",":
            name, end = DECODER.raw_decode(text, at)
            at = skip(text, end, ":")
            value, end = DECODER.raw_decode(text, at)
            found[name] = (value, text[at:end])
            at = whitespace(text, end)
            sign = text[at : at + 1]
            at = skip(text, at, ",") if sign == "," else at
        if sign != "}":
            raise ValueError("it does not end")
        if text[at + 1 :].strip(" \t\r\n") or not all(isinstance(name, str) for name in found):
            raise ValueError("something follows the object")
    except (ValueError, TypeError, RecursionError) as error:
        raise Wrong(f"it is not a JSON object: {error}") from None
    return found


def skip(text: str, at: int, sign: str) -> int:
    """Where something begins after ``sign`` with space around it."""
    at = whitespace(text, at)
    if not text.startswith(sign, at):
        raise ValueError(f"no {sign!r} at character {at}")
    return whitespace(text, at + len(sign))


def whitespace(text: str, at: int) -> int:
    while text[at : at + 1] in SPACES:
        at += 1
    return at


def no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


DECODER = json.JSONDecoder(parse_constant=no_number)
