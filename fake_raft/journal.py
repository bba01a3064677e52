"""What processes write to their files, noted in the order of time, for whoever judges them."""

from __future__ import annotations

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
