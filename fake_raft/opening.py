"""What a server makes of its file when it starts (facts: ovsdb-raft 0, 3.6, 5)."""

from __future__ import annotations

from fake_raft.disk import CommitRecord, Disk, EntryRecord, LeaderRecord, NoteRecord, Record, TermRecord
from fake_raft.profile import Profile
from fake_raft.state import DEFAULT_TIMER, State


class StartRefused(Exception):
    """ovsdb-server can't open its file; the text is what it prints or logs after its prefixes."""


def open_file(disk: Disk, profile: Profile) -> State:
    """The state of a server that has just read ``disk``.

    Of a joining file only the header is read: whatever the server voted before is forgotten, and overwritten by the
    next record. Raises :class:`StartRefused` for a file that says "left", lacks its own server, or goes below its
    commit index.
    """
    header = disk.header
    s = State(profile, header)
    if header.joining:
        disk.records.clear()
        disk.synced = 0
        return s
    s.log.reset(header.prev_index, header.prev_term, dict(header.servers), header.data, header.timer, header.eid)
    s.commit = header.prev_index
    s.applied = header.prev_index - 1
    for number, record in enumerate(disk.records, start=1):
        try:
            replay(s, number, record)
        except StartRefused as refused:
            raise StartRefused(f"error reading record {number} from {header.name} log: {refused}") from None
    s.synced_term, s.synced_vote, s.log_synced = s.term, s.vote, s.log.end - 1
    s.timer = s.log.timer_up_to(s.commit) or DEFAULT_TIMER
    servers = s.log.servers()
    if s.sid not in servers:
        raise StartRefused("server does not belong to cluster")
    s.use(servers)
    return s


def check_file(disk: Disk, profile: Profile) -> str:
    """Why a server would refuse the file; "" if it would not. The file stays as it is."""
    try:
        open_file(disk.clone(), profile)
    except StartRefused as refused:
        return str(refused)
    return ""


def replay(s: State, number: int, record: Record) -> None:
    """Take one record of the file."""
    term = record.entry.term if isinstance(record, EntryRecord) else getattr(record, "term", 0)
    if term > s.term:
        s.term, s.vote = term, None
    if isinstance(record, TermRecord):
        replay_vote(s, number, record)
    elif isinstance(record, EntryRecord):
        replay_entry(s, number, record)
    elif isinstance(record, CommitRecord):
        replay_commit(s, number, record.position)
    elif isinstance(record, NoteRecord) and record.note == "left":
        raise StartRefused(
            f"record {number} indicates server has left the cluster; it cannot be added back "
            '(use "ovsdb-tool join-cluster" to add a new server)'
        )
    else:
        assert isinstance(record, LeaderRecord | NoteRecord), "every kind of record is known"


def replay_vote(s: State, number: int, record: TermRecord) -> None:
    """A term alone leaves the vote as it is; a vote is for good, and for the current term."""
    if record.vote is None:
        return
    if record.term < s.term:
        raise StartRefused(f"record {number} votes for term {record.term} but current term is {s.term}")
    if s.vote not in (None, record.vote):
        raise StartRefused(
            f"record {number} votes for {s.vote[:4]} in term {record.term} "
            f"but a previous record for the same term voted for {record.vote[:4]}"
        )
    s.vote = record.vote


def replay_entry(s: State, number: int, record: EntryRecord) -> None:
    """An entry below the end truncates; one at the commit index itself passes, as in the server."""
    if record.position < s.commit:
        raise StartRefused(
            f"record {number} attempts to truncate log from {s.log.end} to {record.position} "
            f"entries, but commit index is already {s.commit}"
        )
    if record.position > s.log.end:
        raise StartRefused(f"record {number} with index {record.position} skips past expected index {s.log.end}")
    if record.position < s.log.end:
        s.log.truncate(record.position)
    if record.entry.term < s.log.last_term:
        raise StartRefused(
            f"record {number} with index {record.position} term {record.entry.term} "
            f"precedes previous entry's term {s.log.last_term}"
        )
    s.log.append(record.entry)


def replay_commit(s: State, number: int, commit: int) -> None:
    if commit < s.commit:
        raise StartRefused(f"record {number} regresses commit index from {s.commit} to {commit}")
    if commit >= s.log.end:
        raise StartRefused(f"record {number} advances commit index to {commit} but last log index is {s.log.end - 1}")
    s.commit = commit
