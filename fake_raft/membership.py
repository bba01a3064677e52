"""Joining, adding and removing servers (facts: ovsdb-raft 3, 4)."""

from __future__ import annotations

from fake_raft import elections, replication
from fake_raft.messages import AddServer, AddServerReply, Entry, RemoveServer, RemoveServerReply
from fake_raft.order import bucket_order
from fake_raft.replies import UNIXCTL, add_server_reply, finish_leaving, remove_server_reply
from fake_raft.state import CATCHUP, CAUGHT_UP, COMMITTING, LEADER, REMOVE, STABLE, Peer, State

JOIN_RETRY = 1000
"""Milliseconds between two requests of a joiner, whatever the election timer."""


def reconfigure(s: State) -> None:
    """Finish what has been committed, then begin at most one further change: additions before removals."""
    if s.log.config_after(s.commit):
        return
    for peer in s.peers.values():
        if peer.phase == COMMITTING:
            add_server_reply(s, peer.sid, success=True, comment="completed")
            peer.phase = STABLE
    if s.removing is not None:
        gone, s.removing = s.removing, None
        s.tend = True
        remove_server_reply(s, gone.sid, gone.requester, success=True, comment="completed")
    for sid in bucket_order(s.adding):
        if s.adding[sid].phase == CAUGHT_UP:
            joiner = s.adding.pop(sid)
            joiner.phase = COMMITTING
            change(s, {known: s.peers[known] for known in s.servers} | {sid: joiner})
            return
    for sid, peer in s.peers.items():
        if peer.phase == REMOVE:
            # Taken out before the entry is sent: the removed server never gets the entry that removes it.
            s.removing = peer
            change(s, {known: s.peers[known] for known in s.servers if known != sid})
            return


def change(s: State, peers: dict[str, Peer]) -> None:
    """Put a configuration in force and propose it."""
    s.set_peers(peers)
    elections.propose(s, Entry(s.term, servers=s.servers))


# -- joining and adding ------------------------------------------------------------------------------------------


def ask_to_join(s: State) -> None:
    """A joiner asks on every connection, every second."""
    s.join_at = s.now + JOIN_RETRY
    for connection in s.connections.values():
        s.send_on(connection, AddServer(s.address))


def add_server(s: State, source: str, request: AddServer) -> None:
    """The table of facts, ovsdb-raft 3.2."""
    if s.role is not LEADER:
        add_server_reply(s, source, success=False, comment="not leader")
        return
    peer = s.peers.get(source)
    if peer is not None:
        if peer.phase == REMOVE:
            peer.phase = STABLE
            add_server_reply(s, source, success=False, comment="canceled")
            return
        if peer.phase != STABLE:
            # And on it goes, as in the server: the joiner is a member before its addition is committed.
            add_server_reply(s, source, success=False, comment="in progress")
        add_server_reply(s, source, success=True, comment="already in cluster")
        return
    if s.removing is not None and s.removing.sid == source:
        add_server_reply(s, source, success=False, comment="committing")
        return
    if source in s.adding:
        add_server_reply(s, source, success=False, comment="in progress")
        return
    joiner = s.adding[source] = Peer(source, request.address, s.log.end)
    joiner.phase = CATCHUP
    joiner.last_msg = s.now
    replication.send_entries(s, joiner, 0)


def add_server_reply_received(s: State, reply: AddServerReply) -> None:
    if not s.joining:
        return
    if reply.success:
        elections.join_complete(s)
        return
    for address in reply.remotes:
        if address not in s.remotes:
            s.remotes.append(address)
            s.tend = True


# -- removing ------------------------------------------------------------------------------------------


def remove_server(s: State, target: str, requester: str | None) -> str:
    """The table of facts, ovsdb-raft 3.3. Returns the comment that a person at unixctl gets; "" for "started"."""

    def answer(success: bool, comment: str) -> str:
        remove_server_reply(s, target, requester, success=success, comment=comment)
        return comment

    if s.role is not LEADER:
        return answer(False, "not leader")
    if target in s.adding:
        add_server_reply(s, target, success=False, comment="canceled")
        del s.adding[target]
        return "canceled"
    if s.profile.patient_leave and s.removing is not None and s.removing.sid == target:
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
    return ""


def remove_server_request(s: State, source: str, request: RemoveServer) -> None:
    remove_server(s, request.sid, source)


def remove_server_reply_received(s: State, reply: RemoveServerReply) -> None:
    if reply.success and reply.target in (None, s.sid):
        finish_leaving(s)


# -- what people ask for ------------------------------------------------------------------------------------------


def leave(s: State, choose: int, jitter: int) -> str | None:
    """``cluster/leave``; returns the error text, if any. ``choose`` picks the next leader, ``jitter`` is below T/10."""
    if s.leaving:
        return "already in progress leaving cluster"
    if s.joining:
        return "can't leave while join in progress"
    s.leaving = True
    if not s.profile.patient_leave:
        # Whatever its role: a candidate gives up, and a follower forgets who leads until it hears of the leader.
        elections.transfer(s, choose)
        elections.become_follower(s)
    ask_to_leave(s, choose, jitter)
    return None


def ask_to_leave(s: State, choose: int, jitter: int) -> None:
    """Everybody is asked: who leads now may not be known. A patient leaver that leads hands over first."""
    delay = s.timer
    if s.role is LEADER:
        elections.transfer(s, choose)
        elections.become_follower(s)
        delay = s.timer // 10 + jitter
    else:
        for peer in s.others:
            s.send(peer.sid, RemoveServer(s.sid))
    s.leave_at = s.now + delay
    s.want(s.leave_at)


def kick(s: State, text: str, choose: int, jitter: int) -> tuple[int, str]:
    """``cluster/kick`` (facts: ovsdb-raft 3.4): exit code and text."""
    target = match(s, text)
    if target is None:
        return 2, "unknown server"
    if target == s.sid:
        error = leave(s, choose, jitter)
        return (2, error) if error else (0, "")
    if s.role is not LEADER:
        if s.leader is not None and s.send(s.leader, RemoveServer(target)):
            return 0, "sent removal request to leader"
        return 2, "failed to send removal request"
    comment = remove_server(s, target, UNIXCTL)
    if not comment:
        return 0, "started removal"
    cluster = (s.cid or "0000")[:4]
    return 2, f"request via unixctl to remove {s.nickname(target)} from cluster {cluster} failed ({comment})"


def match(s: State, text: str) -> str | None:
    """The best match must be the only one. A score of 0 counts: in a configuration of one, anything is that one."""
    best, found, ties = -1, None, 0
    for sid, peer in s.peers.items():
        score = 1 << 30 if text == peer.address else len(text) if sid.startswith(text) else 0
        if score > best:
            best, found, ties = score, sid, 1
        elif score == best:
            ties += 1
    return found if ties == 1 else None


def change_timer(s: State, value: int) -> tuple[int, str]:
    """``cluster/change-election-timer`` (facts: ovsdb-raft 2)."""
    if s.role is not LEADER:
        return 2, "election timer must be changed through leader."
    if s.timer_new is not None:
        return 2, "election timer change pending."
    if value == s.timer:
        return 0, "change election timer to current value."
    if not 100 <= value <= 600000:
        return 2, "election timer must be between 100 and 600000, in msec."
    if value > s.timer * 2:
        return 2, "election timer increase should not exceed the current value x 2."
    s.timer_new = value
    elections.propose(s, Entry(s.term, timer=value))
    return 0, "change of election timer initiated."
