"""What simulated servers write, in the harness's words: field by field, nothing is decided here."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fake_raft import Process
from fake_raft.disk import CommitRecord, EntryRecord, Header, LeaderRecord, NoteRecord, Record, TermRecord
from fake_raft.journal import Begun, Ended, Journal
from fake_raft.state import Rewrite
from harness.executors.simulation.clock import MICRO
from harness.raft_events import (
    Appended,
    Committed,
    Contents,
    Fact,
    Led,
    Left,
    Opened,
    RaftEvent,
    Rewritten,
    Source,
    Stopped,
    Term,
    gathered,
)

made = tuple.__new__
"""Makes a named tuple at half the price: for what is made of every record."""


class JournalReader:
    """Turns a journal into events. ``source`` says whose files a process writes."""

    def __init__(self, source: Callable[[Process], Source]) -> None:
        self.journal: Journal = []
        self._source = source
        self._known: dict[int, tuple[Process, Source]] = {}

    def events(self, origin: float) -> list[RaftEvent]:
        """What came since the last call; ``origin`` is the clock's time (seconds) that the executor calls zero."""
        found = []
        for at, process, what in self.journal:
            fact = FACTS[type(what)](what)
            if fact is not None:
                found.append(made(RaftEvent, (at / MICRO - origin, self._of(process), fact)))
        self.journal.clear()
        return found

    def _of(self, process: Process) -> Source:
        known = self._known.get(id(process))
        if known is None or known[1].sid != process.disk.header.sid:
            known = self._known[id(process)] = (process, self._source(process))  # kept, so that ids stay apart
        return known[1]


def _entry(record: EntryRecord) -> Appended:
    index, (term, data, servers, timer, eid) = record
    if eid is not None:
        data = eid
    elif timer is not None:
        data = f"timer {timer}"
    elif servers is not None:
        data = f"servers {','.join(sorted(servers))}"
    return made(Appended, (index, term, data, servers))


def _note(record: NoteRecord) -> Left | None:
    return Left() if record.note == "left" else None


def contents(header: Header, records: Iterable[Record]) -> Contents:
    """A file as it stands."""
    facts = (FACTS[type(record)](record) for record in records)
    told = (fact for fact in facts if fact is not None)
    return gathered(header.cid, header.prev_index, header.prev_term, dict(header.servers), told)


def begun(what: Begun) -> Opened:
    """A file that a process opened. Of one that has not joined only the header is read."""
    header = what.header
    records: Iterable[Record] = () if header.joining else what.records
    return Opened(header.address, header.joining, header.remotes, contents(header, records))


def _ended(what: Ended) -> Stopped:
    lost = (FACTS[type(record)](record) for record in what.lost)
    return Stopped(tuple(fact for fact in lost if fact is not None), what.term, what.vote)  # type: ignore[misc]


FACTS: dict[type, Callable[[Any], Fact | None]] = {
    EntryRecord: _entry,
    CommitRecord: lambda record: made(Committed, record),
    TermRecord: lambda record: made(Term, record),
    LeaderRecord: lambda record: made(Led, record),
    NoteRecord: _note,
    Rewrite: lambda effect: Rewritten(contents(effect.header, effect.records)),
    Begun: begun,
    Ended: _ended,
}
