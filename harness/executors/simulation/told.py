"""What simulated servers told, put together only where somebody reads it: most looks at a cluster are at its pods."""

from __future__ import annotations

from fake_raft import Ages
from harness.cluster import Database, MemberStatus, Report, ServerEntry


class Told(Report):
    """A report whose status is put together when it is first read. Equal to any other of the same content."""

    __slots__ = ("_ages", "_known", "_made")

    _ages: Ages
    _known: MemberStatus | None
    _made: MemberStatus | None

    def _get(self) -> MemberStatus | None:
        if self._known is not None:
            self._set(aged(self._known, self._ages))
        return self._made

    def _set(self, status: MemberStatus | None) -> None:
        put(self, "_known", None)
        put(self, "_made", status)

    status = property(_get, _set)

    def plain(self) -> Report:
        """The same as a value of its own."""
        return Report(self.node, self.database, self.status, self.error)

    def __eq__(self, other: object) -> bool:
        return self.plain() == (other.plain() if isinstance(other, Told) else other)

    __hash__ = Report.__hash__

    def __repr__(self) -> str:
        return repr(self.plain())

    def __reduce__(self) -> tuple[type[Report], tuple[str, Database, MemberStatus | None, str]]:
        return Report, (self.node, self.database, self.status, self.error)


put = object.__setattr__


def told(node: str, database: Database, known: MemberStatus, ages: Ages) -> Report:
    """The report of a server that tells what it told before, ``known``, at other ``ages``."""
    report = Told.__new__(Told)
    put(report, "node", node)
    put(report, "database", database)
    put(report, "error", "")
    put(report, "_known", known)
    put(report, "_ages", ages)
    return report


def aged(status: MemberStatus, ages: Ages) -> MemberStatus:
    """The same, told at another time. By position, and not by ``replace``, as looks do this for many servers."""
    s = status
    servers = tuple(
        [
            ServerEntry(
                e.nickname, e.sid4, e.address, e.is_self, e.phase, e.voted_for, e.next_index, e.match_index, age
            )
            for e, age in zip(s.servers, ages.last_msg, strict=True)
        ]
    )
    return MemberStatus(
        *(s.nickname, s.database, s.cluster_id, s.server_id, s.address, s.status, s.role, s.term, s.leader, s.vote),
        *(s.election_timer, s.log_start, s.log_end, s.uncommitted, s.unapplied, s.remotes, s.adding, s.removing),
        *(ages.election_started, s.election_reason, ages.election_won, s.election_timer_new, s.connections),
        *(s.disconnections, servers, s.storage),
    )
