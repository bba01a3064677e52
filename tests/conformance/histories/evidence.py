"""What a run leaves behind, as values: for every server id what file, answers and log tell, each in its order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from fake_raft.disk import Header, Record
from harness.cluster import MemberStatus


class Opened(NamedTuple):
    """A process began with this file. ``refusal``: why it did not open it, or ""."""

    header: Header
    records: tuple[Record, ...]
    refusal: str = ""


class Written(NamedTuple):
    """The file grew by a record."""

    record: Record


class Rewritten(NamedTuple):
    """The file was replaced by a snapshot; ``records`` are all that followed until it was read. What had been written
    between the last reading and the replacement is not known."""

    header: Header
    records: tuple[Record, ...]


class Asked(NamedTuple):
    """A command, and what was answered. ``life`` counts the processes that had this file,
    ``after`` the events of the file that are known to have come before."""

    life: int
    after: int
    command: str
    words: tuple[str, ...]
    code: int
    text: str


class Shown(NamedTuple):
    """``cluster/status``."""

    life: int
    after: int
    status: MemberStatus


class Logged(NamedTuple):
    """A line of the server's log, without its date."""

    text: str


FileEvent: TypeAlias = Opened | Written | Rewritten
Seen: TypeAlias = Asked | Shown
Event: TypeAlias = FileEvent | Seen | Logged


@dataclass(slots=True)
class Trail:
    """One server id's part of a history."""

    sid: str
    name: str
    file: list[FileEvent] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    log: list[Logged] = field(default_factory=list)

    @property
    def size(self) -> int:
        return len(self.file) + len(self.seen) + len(self.log)


@dataclass(slots=True)
class History:
    """A run, with the ids in the order in which they were made."""

    trails: dict[str, Trail] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Events of all kinds."""
        return sum(trail.size for trail in self.trails.values())
