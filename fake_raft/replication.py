"""Log replication, commitment and snapshots (facts: ovsdb-raft 2, 5, 9; appendix A)."""

from __future__ import annotations

from fake_raft import commands, elections, membership
from fake_raft.disk import CommitRecord, EntryRecord, Header, LeaderRecord, Record, TermRecord
from fake_raft.messages import AppendReply, AppendRequest, Entry, InstallSnapshot, InstallSnapshotReply
from fake_raft.state import (
    CANDIDATE,
    CATCHUP,
    CAUGHT_UP,
    COMMITTING,
    FOLLOWER,
    LEADER,
    STABLE,
    Applied,
    Died,
    EntryWait,
    Peer,
    Rewrite,
    State,
    new_tuple,
)

CRASH = "Segmentation fault"
ABORT = "assertion raft->commit_index < raft->log_end failed in raft_peek_next_entry()"


def heartbeat(s: State) -> None:
    """An empty request to everybody in the configuration: every T/3, and after each commit."""
    key = (s.term, s.commit, s.log.end)
    routine = key == s.beats_key
    if not routine:
        s.beats_key = key
        s.beats.clear()
    beats = s.beats
    for peer in s.others:
        previous = peer.next_index - 1
        request = beats.get(previous)
        if request is None:
            request = beats[previous] = request_after(s, previous, ())
        s.send(peer.sid, request, routine)
    if s.commands:
        commands.keep_alive(s)
    s.ping_later()


def send_entries(s: State, peer: Peer, count: int) -> None:
    """Send ``count`` entries from the server's next index on (0: to find out whether its log matches)."""
    previous = peer.next_index - 1
    entries = s.log.slice(previous + 1, previous + 1 + count) if count else ()
    s.send(peer.sid, request_after(s, previous, entries))


def request_after(s: State, previous: int, entries: tuple[Entry, ...]) -> AppendRequest:
    """A request with the entries that follow index ``previous``."""
    return new_tuple(AppendRequest, (s.term, previous, s.log.term_at(previous), s.commit, entries))


# -- follower --------------------------------------------------------------------------------------------------------


def append_request(s: State, source: str, request: AppendRequest) -> None:
    """The term is the current one. Nobody asks whether the sender is in the configuration."""
    reply = s.beat_reply
    if (
        request is s.beat
        and reply is not None
        and s.role is FOLLOWER
        and s.leader == source
        and s.term == reply.term
        and s.log.end == reply.log_end
    ):
        s.repeats += 1
        s.reset_election()
        s.send(source, reply, True)
        return
    if s.role is LEADER:
        answer(s, source, request, ok=False)
        return
    if s.leader != source:
        elections.follow(s, source)
        s.save(LeaderRecord(s.term, source))
    if s.role is CANDIDATE:
        s.role = FOLLOWER
    s.reset_election()
    check_and_write(s, source, request)


def answer(s: State, source: str, request: AppendRequest, *, ok: bool) -> None:
    """Take over the leader's commit index if the logs match, and answer."""
    _, previous, _, commit, entries = request
    count = len(entries)
    if ok and commit > s.commit:
        update_commit(s, min(commit, previous + count))
    reply = new_tuple(AppendReply, (s.term, s.log.end, previous, count, ok))
    if ok and not count:
        s.beat, s.beat_reply = request, reply
    s.send(source, reply)


def check_and_write(s: State, source: str, request: AppendRequest) -> None:
    """See whether the logs match, where the request may begin below the own snapshot."""
    previous, entries = request.prev_index, request.entries
    base = s.log.start - 1
    if previous < base:
        last = previous + len(entries)
        if last < base:
            answer(s, source, request, ok=True)
            return
        if last == base:
            answer(s, source, request, ok=s.log.prev_term == entries[-1].term if entries else False)
            return
        previous_term = entries[base - previous - 1].term
        entries = entries[base - previous :]
        previous = base
    else:
        previous_term = request.prev_term
    if previous >= s.log.end or s.log.term_at(previous) != previous_term:
        answer(s, source, request, ok=False)
        return
    if entries:
        write_entries(s, previous + 1, entries)
    answer(s, source, request, ok=True)


def write_entries(s: State, first: int, entries: tuple[Entry, ...]) -> None:
    """Write what is new; what conflicts goes, committed or not, and configurations come and go with it."""
    reconfigured = False
    offset, count = 0, len(entries)
    while offset < count and first + offset < s.log.end:
        if s.log.term_at(first + offset) != entries[offset].term:
            reconfigured = s.log.truncate(first + offset)
            break
        offset += 1
    if offset == count:
        return
    for entry in entries[offset:]:
        s.write(entry)
        reconfigured = reconfigured or entry.servers is not None
    s.waiters.append(new_tuple(EntryWait, (s.sync(), s.log.end - 1)))
    if reconfigured:
        s.use(s.log.servers())


# -- commitment ------------------------------------------------------------------------------------------------------


def update_commit(s: State, commit: int) -> bool:
    """Everything up to ``commit`` is committed; returns whether that is new."""
    if commit <= s.commit:
        return False
    log = s.log
    for index in range(s.commit + 1, commit + 1):
        s.commit = index
        committed(s, log.entries[index - log.start])
    s.out.append(new_tuple(CommitRecord, (commit,)))
    return True


def committed(s: State, entry: Entry) -> None:
    """One entry is committed: commands end, timers change, configurations are settled."""
    _, _, servers, timer, eid = entry
    if eid is not None and s.commands:
        commands.committed(s, eid)
    if timer is not None:
        s.timer, s.timer_new = timer, None
    if servers is None:
        return
    if s.role is LEADER:
        membership.reconfigure(s)
    elif s.profile.join_by_commit and not s.log.config_after(s.commit):
        for sid in servers:
            peer = s.peers.get(sid)
            if peer is not None and peer.phase == COMMITTING:
                peer.phase = STABLE
        if s.joining and s.sid in servers:
            elections.join_complete(s)


def settle(s: State) -> None:
    """After each event: read what is committed into the database, as the server's main loop does."""
    if s.commit >= s.log.end:
        s.died = True
        s.out.append(Died(ABORT))
        return
    if s.joining:
        return
    if s.applied < s.log.start - 1:
        s.rows = list(s.log.data)
        s.applied, s.applied_eid = s.log.start - 1, s.log.prev_eid
    log = s.log
    for index in range(s.applied + 1, s.commit + 1):
        _, data, _, _, eid = log.entries[index - log.start]
        if data is not None:
            s.rows.append(data)
            s.applied_eid = eid
            s.out.append(new_tuple(Applied, (index, data)))
    s.applied = s.commit


# -- leader ----------------------------------------------------------------------------------------------------------


def append_reply(s: State, source: str, reply: AppendReply) -> None:
    if s.role is not LEADER:
        return
    peer = s.peers.get(source) if source != s.sid else None
    if peer is None:
        peer = s.adding.get(source)
        if peer is None:
            return
    peer.replied = True
    _, log_end, previous, count, ok = reply
    if ok:
        known = previous + count
        if known <= peer.match_index and known < peer.next_index == s.log.end and peer.phase != CATCHUP:
            s.repeats += 1
            return
        if peer.next_index <= known:
            peer.next_index = known + 1
        if known > peer.match_index:
            # Never lowered: what a server once had counts, even if its disk is another one now.
            peer.match_index = known
            consider(s)
    else:
        peer.next_index = min(peer.next_index - 1, log_end) if peer.next_index > 0 else 0
    if s.role is LEADER:
        catch_up(s, peer)


def catch_up(s: State, peer: Peer) -> None:
    """Send what the server lacks: a snapshot, entries, or nothing; then a joiner may be voted in."""
    if peer.next_index < s.log.start:
        send_snapshot(s, peer)
    elif peer.next_index < s.log.end:
        send_entries(s, peer, s.log.end - peer.next_index)
    elif peer.phase == CATCHUP:
        peer.phase = CAUGHT_UP
        membership.reconfigure(s)


def own_entry_durable(s: State, index: int) -> None:
    """The own log up to ``index`` is on disk: only now does it count."""
    if s.role is LEADER:
        me = s.peers.get(s.sid)
        if me is not None and index > me.match_index:
            me.match_index = index
            consider(s)
    s.log_synced = index


def consider(s: State) -> None:
    """Commit the highest entry of the own term that a majority of the latest configuration has; the leader counts
    only while it is in it."""
    have = [peer.match_index for peer in s.peers.values() if peer.match_index > s.commit]
    if len(have) <= len(s.peers) // 2:
        return
    have.sort(reverse=True)
    index = min(have[len(s.peers) // 2], s.log.end - 1)
    if index > s.commit and s.log.term_at(index) == s.term and update_commit(s, index):
        heartbeat(s)


# -- snapshots -------------------------------------------------------------------------------------------------------


def send_snapshot(s: State, peer: Peer) -> None:
    """One at a time for each server; carries the latest timer, and the configuration as of the snapshot."""
    if peer.snapshotting:
        return
    log = s.log
    peer.snapshotting = s.send(
        peer.sid,
        InstallSnapshot(s.term, log.start - 1, log.prev_term, log.prev_servers, log.data, s.timer, log.prev_eid),
    )


def install_snapshot(s: State, source: str, request: InstallSnapshot) -> None:
    """Take it if it reaches beyond the own log, and confirm it in any case. Says nothing about who leads."""
    s.reset_election()
    if request.last_index + 1 >= s.log.end:
        take(s, request)
    s.send(source, InstallSnapshotReply(s.term, request.last_index, request.last_term))


def take(s: State, request: InstallSnapshot) -> None:
    """Replace the log by the snapshot. The file's header no longer says "joining", whoever is in the configuration:
    a joiner that stops now has a useless file (facts: ovsdb-raft 4)."""
    s.log.reset(request.last_index, request.last_term, request.servers, request.data, request.timer, request.eid)
    s.log_synced = s.log.end - 1
    s.commit = s.log.start - 1
    if s.applied < s.commit:
        s.applied = s.log.start - 2
    s.timer = request.timer
    s.use(request.servers)
    rewrite(s)


def rewrite(s: State) -> None:
    """A new file: snapshot header, what is left of the log, term and vote, commit index."""
    log = s.log
    header = Header(
        s.name,
        s.address,
        s.sid,
        s.cid,
        prev_index=log.start - 1,
        prev_term=log.prev_term,
        servers=tuple(log.prev_servers.items()),
        data=log.data,
        timer=log.prev_timer,
        eid=log.prev_eid,
    )
    records: list[Record] = [EntryRecord(log.start + offset, entry) for offset, entry in enumerate(log.entries)]
    records.append(TermRecord(s.term, s.vote))
    if s.commit >= log.start:
        records.append(CommitRecord(s.commit))
    s.out.append(Rewrite(header, records))


def install_snapshot_reply(s: State, source: str, reply: InstallSnapshotReply) -> None:
    if s.role is not LEADER:
        return
    peer = s.peers.get(source) or s.adding.get(source)
    if peer is None or source == s.sid:
        return
    peer.snapshotting = False
    if (reply.last_index, reply.last_term) != (s.log.start - 1, s.log.prev_term):
        send_snapshot(s, peer)
        return
    peer.next_index = s.log.start
    send_entries(s, peer, s.log.end - s.log.start)


def compact(s: State) -> str | None:
    """Write a snapshot of what was applied, in whatever role; returns the server's error text, if any."""
    if s.joining or s.lacks_database:
        # There is no database yet, and the server does not look: 3.1.0, 3.5.0 and 4.0 crash (measured).
        s.died = True
        s.out.append(Died(CRASH))
        return "no server"
    for state, text in ((s.leaving, "while leaving"), (s.left, "after leaving")):
        if state:
            return f"ovsdb error: cannot store a snapshot {text} cluster"
    if s.applied < s.log.start:
        return "ovsdb error: not storing a duplicate snapshot"
    s.log.compact(s.applied, tuple(s.rows), s.timer)
    s.log_synced = s.log.end - 1
    rewrite(s)
    return None
