"""Raft logs as small integers: each different log is stored once, as its predecessor and one entry more.

Entry 0 is the snapshot that a cluster begins with: term 0, the first configuration. Configurations are bit masks of
servers. Numbers are given in order of first use, so the same search gives the same numbers in every process.
"""

from __future__ import annotations

from itertools import permutations

NOTHING, WRITE, CHANGE = range(3)
"""What an entry holds: nothing (what a leader begins its term with), a client's write, a configuration."""


class Logs:
    """All logs seen so far; every list is indexed by a log's number."""

    def __init__(self, servers: int) -> None:
        self.servers = servers
        self.path: list[tuple[int, ...]] = []
        """The log's prefixes by length, the snapshot alone first and the log itself last."""
        self.terms: list[tuple[int, ...]] = []
        self.configurations: list[tuple[int, ...]] = []
        """The configuration in force after each entry."""
        self.last_change: list[int] = []
        """The index of the last configuration entry; 0 is the snapshot."""
        self.changes: list[int] = []
        self.writes: list[int] = []
        self.seen_by: list[tuple[int, ...]] = []
        """For each server, a number for the log as it is without names but that server's: what it looks like to it."""
        self._entry: list[tuple[int, int, int]] = []
        self._known: dict[tuple[int, int, int, int], int] = {}
        self._looks: dict[tuple[object, ...], int] = {}

    def root(self, members: int) -> int:
        """The log of a new cluster of ``members``."""
        return self._number(-1, 0, CHANGE, members)

    def append(self, log: int, term: int, kind: int, members: int = 0) -> int:
        """``log`` with one entry more; ``members`` is the configuration of a :data:`CHANGE`."""
        return self._number(log, term, kind, members)

    def _number(self, parent: int, term: int, kind: int, members: int) -> int:
        key = parent, term, kind, members
        number = self._known.get(key)
        if number is None:
            number = self._known[key] = len(self.path)
            self._add(parent, term, kind, members)
        return number

    def _add(self, parent: int, term: int, kind: int, members: int) -> None:
        first = parent < 0
        number, changed = len(self.path), kind == CHANGE
        force = members if changed else self.configurations[parent][-1]
        self._entry.append((term, kind, members))
        self.path.append((number,) if first else (*self.path[parent], number))
        self.terms.append((term,) if first else (*self.terms[parent], term))
        self.configurations.append((force,) if first else (*self.configurations[parent], force))
        self.last_change.append(len(self.path[-1]) - 1 if changed else self.last_change[parent])
        self.changes.append(0 if first else self.changes[parent] + changed)
        self.writes.append(0 if first else self.writes[parent] + (kind == WRITE))
        looks = []
        for server in range(self.servers):
            before = -1 if first else self.seen_by[parent][server]
            look = before, term, kind, members.bit_count(), members >> server & 1
            looks.append(self._looks.setdefault(look, len(self._looks)))
        self.seen_by.append(tuple(looks))

    def common(self, a: int, b: int) -> int:
        """How many entries ``a`` and ``b`` have in common from the beginning, the snapshot included."""
        if a == b:
            return len(self.path[a])
        one, other = self.path[a], self.path[b]
        length = min(len(one), len(other))
        while length and one[length - 1] != other[length - 1]:
            length -= 1
        return length

    def entry(self, log: int) -> tuple[int, int, int]:
        """(term, kind, members) of the last entry."""
        return self._entry[log]


class Renaming:
    """Servers under other names: ``order`` lists the servers by their new names."""

    def __init__(self, logs: Logs, order: tuple[int, ...]) -> None:
        self.order = order
        new = {server: position for position, server in enumerate(order)}
        self.server = (*(new[server] for server in range(len(order))), -1)
        """The new name of each server; -1 (nobody) stays."""
        self.mask = [
            sum(1 << new[server] for server in range(len(order)) if mask >> server & 1)
            for mask in range(1 << len(order))
        ]
        self._logs = logs
        self._renamed: dict[int, int] = {}

    def log(self, number: int) -> int:
        renamed = self._renamed.get(number)
        if renamed is None:
            term, kind, members = self._logs.entry(number)
            path = self._logs.path[number]
            if len(path) == 1:
                renamed = self._logs.root(self.mask[members])
            else:
                renamed = self._logs.append(self.log(path[-2]), term, kind, self.mask[members])
            self._renamed[number] = renamed
        return renamed


def all_renamings(logs: Logs) -> dict[tuple[int, ...], Renaming]:
    """Every renaming by its order."""
    return {order: Renaming(logs, order) for order in permutations(range(logs.servers))}
