"""Joining, adding and removing servers (facts: ovsdb-raft 3, 4)."""

from __future__ import annotations

from fake_raft import elections, replication
from fake_raft.disk import NoteRecord
from fake_raft.messages import (
    AddServer,
    AddServerReply,
    Entry,
    Execute,
    ExecuteReply,
    RemoveServer,
    RemoveServerReply,
    Servers,
)
from fake_raft.state import (
    CATCHUP,
    CAUGHT_UP,
    COMMITTING,
    LEADER,
    REMOVE,
    STABLE,
    UNIXCTL,
    Executed,
    Left,
    Peer,
    Save,
    SendOn,
    State,
    hash_order,
)


def reconfigure(s: State) -> None:
    """Finish what has been committed, then begin at most one further change: additions before removals."""
    if s.role != LEADER or s.log.config_after(s.commit):
        return
    for peer in s.peers.values():
        if peer.phase == COMMITTING:
            peer.phase = STABLE
            s.send(peer.sid, AddServerReply(True, ()))
    if s.removing is not None:
        gone, s.removing = s.removing, None
        elections.remove_reply(s, gone.sid, gone.requester, success=True)
        if gone.sid == s.sid:
            leave_cluster(s)
            return
    for sid in hash_order(s.adding):
        peer = s.adding[sid]
        if peer.phase == CAUGHT_UP:
            del s.adding[sid]
            peer.phase = COMMITTING
            s.peers[sid] = peer
            elections.propose(s, Entry(s.term, servers={**s.servers, sid: peer.address}))
            return
    for sid, peer in s.peers.items():
        if peer.phase == REMOVE:
            # Taken out before the entry is sent: the removed server never gets the entry that removes it.
            s.removing = peer
            elections.propose(s, Entry(s.term, servers={k: v for k, v in s.servers.items() if k != sid}))
            return


def report_commits(s: State, first: int, last: int) -> None:
    """Clients of this server and of followers learn about their commands from the log."""
    for index in range(max(first, s.log.start), last + 1):
        entry = s.log.entry(index)
        if entry.eid is None:
            continue
        owner, _, _ = entry.eid.partition("/")
        if owner == s.sid:
            s.out.append(Executed(entry.eid))
        else:
            s.send(owner, ExecuteReply(entry.eid, index))


def committed_elsewhere(s: State, servers: Servers) -> None:
    """A follower sees a configuration committed."""
    if s.profile.join_by_commit:
        if s.joining and s.sid in servers:
            s.joining = False
        if servers == s.servers:
            for peer in s.peers.values():
                if peer.phase in (COMMITTING, REMOVE):
                    peer.phase = STABLE


# -- adding ----------------------------------------------------------------------------------------------------------


def ask_to_join(s: State) -> None:
    """A joiner asks on every connection, every second."""
    s.join_at = s.now + 1000
    for connection in s.connections.values():
        if connection.up and connection.outgoing:
            s.out.append(SendOn(connection.id, AddServer(s.address)))


def add_server(s: State, source: str, connection: int, request: AddServer) -> None:
    """The table of facts, ovsdb-raft 3.2."""

    def reply(success: bool, remotes: tuple[str, ...] = ()) -> None:
        s.out.append(SendOn(connection, AddServerReply(success, remotes)))

    if s.role != LEADER:
        reply(False, tuple(address for sid, address in s.servers.items() if sid != s.sid))
        return
    peer = s.peers.get(source)
    if peer is not None:
        if peer.phase == REMOVE:
            peer.phase = STABLE
            reply(False)
            return
        if peer.phase == COMMITTING:
            reply(False)  # and, for want of a return, the answer that it is in already
        reply(True)
        return
    if s.removing is not None and s.removing.sid == source:
        reply(False)
        return
    if source in s.adding:
        reply(False)
        return
    joiner = Peer(source, request.address)
    joiner.phase = CATCHUP
    joiner.next_index = s.log.end
    joiner.requester = connection
    s.adding[source] = joiner
    replication.send_entries(s, joiner, 0)


def add_server_reply(s: State, reply: AddServerReply) -> None:
    if not s.joining:
        return
    if reply.success:
        s.joining = False
        s.reset_election()
        return
    fresh = [address for address in reply.remotes if address not in s.remotes and address != s.address]
    if fresh:
        s.remotes.extend(fresh)
        s.use(s.servers)


# -- removing --------------------------------------------------------------------------------------------------------


def remove_server(s: State, target: str, requester: str | int) -> str | None:
    """The table of facts, ovsdb-raft 3.3. Returns the comment of a failure that a person at unixctl sees, or None."""

    def answer(success: bool, comment: str) -> str | None:
        elections.remove_reply(s, target, requester, success=success)
        return None if success else comment

    if s.role != LEADER:
        return answer(False, "not leader")
    if target in s.adding:
        joiner = s.adding.pop(target)
        s.send(joiner.sid, AddServerReply(False, ()))
        return None
    if s.removing is not None and s.removing.sid == target and s.profile.patient_leave:
        return answer(False, "in progress")
    peer = s.peers.get(target)
    if peer is None:
        return answer(True, "already not in cluster")
    if peer.phase == COMMITTING:
        return answer(False, "committing")
    if peer.phase == REMOVE:
        return answer(False, "in progress")
    if not any(other.phase != REMOVE for other in s.peers.values() if other is not peer):
        return answer(False, "empty")
    peer.phase = REMOVE
    peer.requester = requester
    reconfigure(s)
    return None


def remove_server_request(s: State, source: str, connection: int, request: RemoveServer) -> None:
    remove_server(s, request.sid, source if source == request.sid else connection)


def remove_server_reply(s: State, reply: RemoveServerReply) -> None:
    if reply.success and reply.target == s.sid and not s.joining:
        leave_cluster(s)


def leave_cluster(s: State) -> None:
    """Out: the file says so for ever, and the database is dropped."""
    s.leaving, s.left = False, True
    s.out.append(Save(NoteRecord("left")))
    s.out.append(Left())


def leave(s: State, choose: int, jitter: int) -> str | None:
    """``cluster/leave``; returns the error text, if any. ``jitter`` in ms below T/10."""
    if s.leaving:
        return "already in progress leaving cluster"
    if s.joining:
        return "can't leave while join in progress"
    s.leaving = True
    if s.role == LEADER and elections.transfer(s, choose) and s.profile.patient_leave:
        s.leave_at = s.now + s.timer // 10 + jitter
    elif s.role == LEADER and s.profile.patient_leave:
        elections.step_down(s)
        s.leave_at = s.now + s.timer // 10 + jitter
    else:
        if s.role == LEADER:
            elections.step_down(s)
        ask_to_leave(s)
    return None


def ask_to_leave(s: State) -> None:
    s.leave_at = s.now + s.timer
    s.send_all(RemoveServer(s.sid))
    if s.role == LEADER and s.profile.patient_leave:
        elections.transfer(s, 0)
        s.leave_at = s.now + s.timer // 10


def kick(s: State, text: str, choose: int, jitter: int) -> tuple[int, str]:
    """``cluster/kick`` (facts: ovsdb-raft 3.4): exit code and text."""
    target = match(s, text)
    if target is None:
        return 2, "unknown server"
    if target == s.sid:
        error = leave(s, choose, jitter)
        return (2, error) if error else (0, "")
    if s.role == LEADER:
        comment = remove_server(s, target, UNIXCTL)
        if comment is None:
            return 0, "started removal"
        cluster = (s.cid or "0000")[:4]
        server = s.nickname(target)
        return 2, f"request via unixctl to remove {server} from cluster {cluster} failed ({comment})"
    if s.leader is None:
        return 2, "failed to send removal request"
    s.send(s.leader, RemoveServer(target))
    return 0, "sent removal request to leader"


def match(s: State, text: str) -> str | None:
    """The best match must be the only one. A score of 0 counts: in a configuration of one, anything is that one."""
    best, found = -1, None
    for sid, address in s.servers.items():
        score = 1 << 30 if text == address else (len(text) if text and sid.startswith(text) else 0)
        if score > best:
            best, found = score, sid
        elif score == best:
            found = None
    return found


# -- commands --------------------------------------------------------------------------------------------------------


def execute(s: State, data: str, eid: str) -> bool:
    """Propose a client's command, or forward it; returns whether anybody took it."""
    if s.left or s.joining or (s.leaving and not s.profile.patient_leave):
        return False
    if s.role == LEADER:
        elections.propose(s, Entry(s.term, data=data, eid=eid))
        return True
    if s.leader is None or s.leader == s.sid:
        return False
    s.send(s.leader, Execute(data, eid))
    return True


def execute_request(s: State, request: Execute) -> None:
    """From a follower. A server that does not lead lets the follower find out by itself."""
    if s.role == LEADER:
        elections.propose(s, Entry(s.term, data=request.data, eid=request.eid))


def change_timer(s: State, value: int) -> tuple[int, str]:
    """``cluster/change-election-timer`` (facts: ovsdb-raft 2)."""
    if s.role != LEADER:
        return 2, "election timer must be changed through leader."
    if s.timer_new is not None:
        return 2, "election timer change pending."
    if not 100 <= value <= 600000:
        return 2, "election timer must be between 100 and 600000, in msec."
    if value > s.timer * 2:
        return 2, "election timer increase should not exceed the current value x 2."
    if value == s.timer:
        return 0, "change election timer to current value."
    s.timer_new = value
    elections.propose(s, Entry(s.term, timer=value))
    return 0, "change of election timer initiated."
