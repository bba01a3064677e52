"""What a client remembers of what it has read, so that it never goes back.

OVN's own clients keep the highest index that a server's ``_Server`` database has told them, and turn away from a server
that is behind it (``min_index`` of the IDL: "clustered database server has stale data"). What they then read must have
every row that they have read before.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.cluster import Database
from harness.workload import Regression


class Reads:
    """One client's looks into one database. ``regressions`` are the rows that it has read and then missed, each once.

    Ask :meth:`fresh` before a look. The index that :meth:`look` is given must be no older than its rows, else a server
    that has the index could lack some of them.
    """

    def __init__(self, database: Database) -> None:
        self.index = 0
        self.regressions: list[Regression] = []
        self._database = database
        self._rows: Sequence[str] = ()
        self._at = 0.0

    def fresh(self, index: int) -> bool:
        """Whether a server that is at ``index`` may be read from."""
        return index >= self.index

    def look(self, rows: Sequence[str], index: int, at: float) -> None:
        """The client reads all ``rows`` of a server at ``index``, at a moment (cluster seconds)."""
        before, last = self._rows, self._at
        self.index, self._rows, self._at = max(index, self.index), rows, at
        if rows is before or rows[: len(before)] == before:
            return
        here, known = frozenset(rows), {regression.row for regression in self.regressions}
        missed = [row for row in before if row not in here and row not in known]
        self.regressions += [Regression(self._database, row, last, at) for row in missed]
