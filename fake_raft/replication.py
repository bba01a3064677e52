"""Log replication, commitment and snapshots (facts: ovsdb-raft 2, 5, 9; appendix A)."""

from __future__ import annotations

from fake_raft import elections, membership
from fake_raft.disk import CommitRecord, EntryRecord, Header, Record, TermRecord
from fake_raft.messages import AppendReply, AppendRequest, Entry, InstallSnapshot, InstallSnapshotReply
from fake_raft.state import CANDIDATE, CATCHUP, CAUGHT_UP, LEADER, Applied, Died, Peer, Rewrite, Send, State

ABORT = "assertion raft->commit_index < raft->log_end failed in raft_peek_next_entry()"


def heartbeat(s: State) -> None:
    """An empty request to everybody: every T/3, and after each commit."""
    s.ping_at = s.now + s.timer // 3
    for peer in s.peers.values():
        if peer.sid != s.sid:
            send_entries(s, peer, 0)
    for peer in s.adding.values():
        send_entries(s, peer, 0)


def send_entries(s: State, peer: Peer, count: int) -> None:
    previous = min(peer.next_index, s.log.end) - 1
    if previous < s.log.start - 1:
        previous = s.log.start - 1
        count = 0
    entries = s.log.slice(previous + 1, previous + 1 + count) if count else ()
    s.out.append(Send(peer.sid, AppendRequest(s.term, previous, s.log.term_at(previous), s.commit, entries)))


# -- follower --------------------------------------------------------------------------------------------------------


def append_request(s: State, source: str, request: AppendRequest) -> None:
    if request.term < s.term:
        # The one stale request that is answered: the higher term in the answer deposes the old leader.
        s.send(source, AppendReply(s.term, s.log.end, request.prev_index, len(request.entries), False))
        return
    elections.higher_term(s, request.term)
    if s.role == LEADER:
        return
    if s.role == CANDIDATE:
        elections.become_follower(s)
    if s.leader != source:
        elections.follow(s, source)
    s.reset_election()
    ok = write_entries(s, request)
    if ok is not None:
        s.send(source, AppendReply(s.term, s.log.end, request.prev_index, len(request.entries), ok))


def write_entries(s: State, request: AppendRequest) -> bool | None:
    """Write what is new; returns whether the logs matched, None if nothing is to be answered."""
    previous, entries = request.prev_index, request.entries
    if previous < s.log.start - 1:
        skipped = s.log.start - 1 - previous
        previous += skipped
        entries = entries[skipped:]
    elif previous >= s.log.end or s.log.term_at(previous) != request.prev_term:
        return False
    reconfigured = False
    for offset, entry in enumerate(entries):
        index = previous + 1 + offset
        if index < s.log.end:
            if s.log.term_at(index) == entry.term:
                continue
            reconfigured |= s.log.truncate(index)
        s.log.append(entry)
        s.save(EntryRecord(index, entry))
        reconfigured |= entry.servers is not None
    if reconfigured:
        s.use(s.log.servers())
    advance(s, min(request.commit, previous + len(entries)))
    if s.commit >= s.log.end:
        s.out.append(Died(ABORT))
        return None
    return True


def advance(s: State, commit: int) -> None:
    """Apply everything up to ``commit``."""
    if commit <= s.commit:
        return
    s.commit = commit
    s.save(CommitRecord(commit))
    while s.applied < commit:
        s.applied += 1
        if s.applied >= s.log.start:
            apply(s, s.applied, s.log.entry(s.applied))


def apply(s: State, index: int, entry: Entry) -> None:
    if entry.data is not None:
        s.rows.append(entry.data)
        s.out.append(Applied(index, entry.data, entry.eid))
    if entry.timer is not None:
        s.timer = entry.timer
        s.timer_new = None
    if entry.servers is not None and s.role != LEADER:
        membership.committed_elsewhere(s, entry.servers)


# -- leader ----------------------------------------------------------------------------------------------------------


def append_reply(s: State, source: str, reply: AppendReply) -> None:
    if not elections.higher_term(s, reply.term) or s.role != LEADER:
        return
    peer = s.peer(source)
    if peer is None:
        return
    peer.replied = True
    if reply.ok:
        known = reply.prev_index + reply.n_entries + 1
        peer.next_index = max(peer.next_index, known)
        matched(s, peer, known - 1)
    else:
        peer.next_index = max(1, min(peer.next_index - 1, reply.log_end))
    if s.role != LEADER or s.left or s.peer(source) is not peer:
        return
    catch_up(s, peer)


def catch_up(s: State, peer: Peer) -> None:
    """Send what the server lacks: a snapshot, entries, or nothing; then a joiner may be voted in."""
    if peer.next_index < s.log.start:
        if not peer.snapshotting:
            peer.snapshotting = True
            s.send(
                peer.sid,
                InstallSnapshot(
                    s.term, s.log.start - 1, s.log.prev_term, s.log.prev_servers, s.log.data, s.log.prev_timer
                ),
            )
    elif peer.next_index < s.log.end:
        count = s.log.end - peer.next_index
        send_entries(s, peer, count)
        peer.next_index = s.log.end
    elif peer.phase == CATCHUP:
        peer.phase = CAUGHT_UP
        membership.reconfigure(s)


def matched(s: State, peer: Peer, index: int) -> None:
    if index > peer.match_index:
        peer.match_index = index
        consider(s)


def durable(s: State, index: int) -> None:
    """The leader's own entries up to ``index`` are on disk: only now do they count."""
    peer = s.peers.get(s.sid)
    if s.role != LEADER:
        return
    if peer is not None:
        matched(s, peer, min(index, s.log.end - 1))
    else:
        consider(s)


def consider(s: State) -> None:
    """Commit the highest entry of the own term that a majority of the latest configuration has."""
    have = sorted((peer.match_index for peer in s.peers.values()), reverse=True)
    if not have:
        return
    index = have[len(have) // 2]
    if index <= s.commit or index >= s.log.end or s.log.term_at(index) != s.term:
        return
    reconfigured = s.log.config_after(s.commit) and not s.log.config_after(index)
    first = s.commit + 1
    advance(s, index)
    heartbeat(s)
    membership.report_commits(s, first, index)
    if reconfigured or any(s.log.entry(i).servers is not None for i in range(max(first, s.log.start), index + 1)):
        membership.reconfigure(s)


# -- snapshots -------------------------------------------------------------------------------------------------------


def install_snapshot(s: State, source: str, request: InstallSnapshot) -> None:
    if not elections.higher_term(s, request.term) or s.role == LEADER:
        return
    if s.role == CANDIDATE:
        elections.become_follower(s)
    elections.follow(s, source)
    s.reset_election()
    if request.last_index >= s.log.end or request.last_index >= s.log.start:
        take(s, request)
    s.send(source, InstallSnapshotReply(s.term, request.last_index))


def take(s: State, request: InstallSnapshot) -> None:
    """Replace the log by the snapshot. The file's header no longer says "joining", whoever is in the configuration:
    a joiner that stops now has a useless file (facts: ovsdb-raft 4)."""
    s.log.reset(request.last_index, request.last_term, request.servers, request.data, request.timer)
    s.commit = s.applied = request.last_index
    s.rows = list(request.data)
    s.timer = request.timer
    s.use(request.servers)
    rewrite(s)


def rewrite(s: State) -> None:
    """A new file: snapshot header, term and vote, and what is left of the log."""
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
    )
    records: list[Record] = [TermRecord(s.term, s.vote)]
    records += [EntryRecord(log.start + offset, entry) for offset, entry in enumerate(log.entries)]
    records.append(CommitRecord(s.commit))
    s.out.append(Rewrite(header, records))


def install_snapshot_reply(s: State, source: str, reply: InstallSnapshotReply) -> None:
    if not elections.higher_term(s, reply.term) or s.role != LEADER:
        return
    peer = s.peer(source)
    if peer is None:
        return
    peer.snapshotting = False
    peer.next_index = max(peer.next_index, reply.last_index + 1)
    send_entries(s, peer, 0)


def compact(s: State) -> None:
    """Followers, and servers that are alone, write a snapshot of what they applied."""
    if s.applied < s.log.start:
        return
    s.log.compact(s.applied, tuple(s.rows), s.timer)
    rewrite(s)
