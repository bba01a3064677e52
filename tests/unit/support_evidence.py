"""What three servers write, by hand: a healthy history to which a test adds what breaks a property."""

from __future__ import annotations

from collections.abc import Mapping

from harness.cluster import Database
from harness.invariants import CATALOGUE, Monitor, World
from harness.raft_events import (
    Appended,
    Committed,
    Contents,
    Fact,
    Led,
    Opened,
    RaftEvent,
    Source,
    Term,
)

CID = "c1c1c1c1-0000-4000-8000-000000000000"
A, B, C, D, E = (f"{letter * 4}aaaa-0000-4000-8000-000000000000" for letter in "abcde")
NODES = dict(zip((A, B, C, D, E), ("one", "two", "three", "four", "five"), strict=True))


def address(sid: str) -> str:
    return f"tcp:[10.0.0.{list(NODES).index(sid) + 1}]:6643"


def servers(*sids: str) -> dict[str, str]:
    return {sid: address(sid) for sid in sids}


def contents(
    *entries: Appended,
    cid: str | None = CID,
    members: Mapping[str, str] | None = None,
    base: int = 1,
    base_term: int = 0,
    term: int = 1,
    commit: int | None = None,
    led: tuple[tuple[int, str], ...] = (),
) -> Contents:
    members = servers(A, B, C) if members is None else members
    return Contents(cid, base, base_term, members, entries, term, None, base if commit is None else commit, led)


class Files:
    """nb's servers A, B and C: A leads term 1 and has committed its first entry, at 2, which all have."""

    def __init__(self, world: World | None = None, *, ordered: bool = True) -> None:
        self.monitor = Monitor(CATALOGUE, world)
        self.monitor.world.ordered = ordered
        self.at = 0.0
        first = Appended(2, 1, None)
        for sid in (A, B, C):
            self.open(sid, contents(first, commit=2, led=((1, A),)))
        assert self.monitor.violations == []

    def open(
        self, sid: str, whole: Contents | None = None, *, joining: bool = False, remotes: tuple[str, ...] = ()
    ) -> Files:
        return self.write(sid, Opened(address(sid), joining, remotes, whole if whole is not None else contents()))

    def write(self, sid: str, *facts: Fact) -> Files:
        """A server writes; a second passes with each fact."""
        for fact in facts:
            self.at += 1.0
            self.monitor.raft([RaftEvent(self.at, Source(Database.NB, NODES[sid], sid), fact)])
        return self

    def elect(self, sid: str, term: int, *voters: str) -> Files:
        """A candidate and those who vote for it write the term, and it takes office."""
        for voter in (sid, *voters):
            self.write(voter, Term(term, sid))
        return self.write(sid, Led(term, sid))

    def commit(self, leader: str, index: int, term: int, *others: str, data: str | None = None) -> Files:
        """The leader and ``others`` get an entry, and all of them hear that it is committed."""
        for sid in (leader, *others):
            self.write(sid, Appended(index, term, data))
        for sid in (leader, *others):
            self.write(sid, Committed(index))
        return self

    @property
    def broken(self) -> list[str]:
        """Ids of what is broken, each once, in order."""
        return list(dict.fromkeys(violation.invariant for violation in self.monitor.violations))

    @property
    def words(self) -> list[str]:
        return [str(violation) for violation in self.monitor.violations]
