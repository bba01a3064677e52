"""What processes write to their files, noted in the order of time, for whoever judges them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from fake_raft.disk import Header, Record
from fake_raft.state import Rewrite

if TYPE_CHECKING:
    from fake_raft.process import Process


class Begun(NamedTuple):
    """A process has opened its file."""

    header: Header
    records: tuple[Record, ...]


class Ended(NamedTuple):
    """A process is gone. ``lost`` are the records that went with the machine's power; ``term`` and ``vote`` are what
    the server had been told is durable."""

    lost: tuple[Record, ...]
    term: int
    vote: str | None


Journal: TypeAlias = "list[tuple[int, Process, Record | Rewrite | Begun | Ended]]"
"""(clock time in microseconds, process, what)."""


def note_begin(process: Process, now: int) -> None:
    """The file as it is now that it was opened."""
    if process.journal is not None:
        disk = process.disk
        process.journal.append((now, process, Begun(disk.header, tuple(disk.records))))


def note_end(process: Process, now: int, lost: Sequence[Record]) -> None:
    """The process is about to be gone."""
    if process.journal is not None:
        s = process._state
        process.journal.append((now, process, Ended(tuple(lost), s.synced_term, s.synced_vote)))


def note_rewrite(process: Process, now: int, effect: Rewrite) -> None:
    """A copy: what is appended to the file from now on comes as records of its own."""
    if process.journal is not None:
        process.journal.append((now, process, Rewrite(effect.header, list(effect.records))))
