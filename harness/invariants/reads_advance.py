"""S18: a client that remembers how far it has read never reads older data."""

from __future__ import annotations

from collections.abc import Iterable

from harness.cluster import DATABASES
from harness.invariants.base import EndState, Property


class ReadsAdvance(Property):
    """The lab's client remembers the index that ``_Server`` told with its last read and turns away from servers that
    are behind it, as OVN's own clients do (``min_index`` of the IDL)."""

    id = "S18"
    statement = "A client that refuses servers behind its last index never misses a row that it has read before."
    source = "ovsdb(7) on consistency; ovsdb-server(5), _Server.Database.index; facts: testing C"

    def at_end(self, end: EndState) -> Iterable[str]:
        regressions = end.history.regressions if end.history is not None else ()
        for database in DATABASES:
            missed = [one for one in regressions if one.database is database]
            if missed:
                when = f"read at {missed[0].seen:.0f} s, missed at {missed[0].missed:.0f} s"
                yield f"{database}: a client misses {len(missed)} rows that it has read, first {missed[0].row}, {when}"
