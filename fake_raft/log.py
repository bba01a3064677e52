"""The log in memory: entries after a snapshot, indexes as OVSDB counts them (the first real entry is 2)."""

from __future__ import annotations

from fake_raft.messages import Entry, Servers


class Log:
    """``start`` is the first index still in the log, ``end`` is exclusive. ``data`` is the snapshot's content."""

    __slots__ = ("data", "end", "entries", "prev_eid", "prev_servers", "prev_term", "prev_timer", "start")

    def __init__(self) -> None:
        self.start = self.end = 1
        self.entries: list[Entry] = []
        self.prev_term = 0
        self.prev_servers: Servers = {}
        self.prev_timer: int | None = None
        self.prev_eid: str | None = None
        self.data: tuple[str, ...] = ()

    def reset(
        self,
        prev_index: int,
        prev_term: int,
        servers: Servers,
        data: tuple[str, ...],
        timer: int | None,
        eid: str | None,
    ) -> None:
        """Nothing but a snapshot that covers everything up to ``prev_index``."""
        self.start = self.end = prev_index + 1
        self.entries = []
        self.prev_term = prev_term
        self.prev_servers = servers
        self.prev_timer = timer
        self.prev_eid = eid
        self.data = data

    def entry(self, index: int) -> Entry:
        return self.entries[index - self.start]

    def term_at(self, index: int) -> int:
        """The term of ``index``; the snapshot's for everything that it covers."""
        if index < self.start:
            return self.prev_term
        return self.entries[index - self.start].term

    @property
    def last_term(self) -> int:
        return self.entries[-1].term if self.entries else self.prev_term

    def append(self, entry: Entry) -> int:
        """Returns the new entry's index."""
        self.entries.append(entry)
        self.end += 1
        return self.end - 1

    def truncate(self, index: int) -> bool:
        """Drop ``index`` and everything after it; returns whether a configuration went with it."""
        gone = self.entries[index - self.start :]
        del self.entries[index - self.start :]
        self.end = index
        return any(entry.servers is not None for entry in gone)

    def slice(self, start: int, stop: int) -> tuple[Entry, ...]:
        return tuple(self.entries[start - self.start : stop - self.start])

    def servers(self) -> Servers:
        """The latest configuration, committed or not: it is in force from the moment it was appended."""
        for entry in reversed(self.entries):
            if entry.servers is not None:
                return entry.servers
        return self.prev_servers

    def eid(self) -> str | None:
        """The id of the last command in the log, committed or not."""
        for entry in reversed(self.entries):
            if entry.data is not None:
                return entry.eid
        return self.prev_eid

    def config_after(self, index: int) -> bool:
        """Whether a configuration lies above ``index``."""
        if self.end - 1 <= index:
            return False
        return any(entry.servers is not None for entry in self.entries[max(0, index + 1 - self.start) :])

    def timer_up_to(self, index: int) -> int | None:
        """The election timer in force once everything up to ``index`` is committed; None where nothing says one."""
        for entry in reversed(self.entries[: max(0, index + 1 - self.start)]):
            if entry.timer is not None:
                return entry.timer
        return self.prev_timer

    def compact(self, index: int, data: tuple[str, ...], timer: int) -> None:
        """Let the snapshot cover everything up to ``index``."""
        covered = self.entries[: index + 1 - self.start]
        for entry in covered:
            if entry.servers is not None:
                self.prev_servers = entry.servers
            if entry.data is not None:
                self.prev_eid = entry.eid
        if covered:
            self.prev_term = covered[-1].term
        self.entries = self.entries[index + 1 - self.start :]
        self.start = index + 1
        self.data, self.prev_timer = data, timer
