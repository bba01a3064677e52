"""Elections, check quorum and leadership transfer (facts: ovsdb-raft 2 and 11.1)."""

from __future__ import annotations

from fake_raft.disk import LeaderRecord
from fake_raft.messages import (
    AddServerReply,
    AppendRequest,
    BecomeLeader,
    Entry,
    RemoveServerReply,
    VoteReply,
    VoteRequest,
)
from fake_raft.profile import PreVote
from fake_raft.state import CANDIDATE, COMMITTING, FOLLOWER, LEADER, STABLE, UNIXCTL, CommandLost, Send, SendOn, State


def tick(s: State) -> None:
    """The election timeout has passed: a leader counts who answered, everybody else campaigns."""
    if s.joining:
        return
    if s.role == LEADER:
        answered = sum(1 for peer in s.peers.values() if peer.replied)
        if answered >= len(s.servers) // 2:
            for peer in s.peers.values():
                peer.replied = False
            s.reset_election()
            return
        become_follower(s)
    campaign(s)


def campaign(s: State) -> None:
    """A timeout election; with a pre-vote where the profile has one and somebody else could win."""
    start(s, pre_vote=s.profile.pre_vote is not PreVote.NONE and len(s.servers) > 1, transfer=False)


def start(s: State, *, pre_vote: bool, transfer: bool) -> None:
    """Become candidate and ask everybody. A server outside its own configuration does nothing."""
    if s.sid not in s.servers or (s.leaving and not s.profile.patient_leave):
        return
    if not pre_vote:
        s.set_term(s.term + 1, s.sid)
    s.role = CANDIDATE
    follow(s, None)
    s.pre_voting = pre_vote
    if s.profile.pre_vote is PreVote.NONE or pre_vote or transfer:
        s.candidate_retrying = not s.had_leader
        s.had_leader = False
    if s.profile.pre_vote is PreVote.NONE or pre_vote or transfer:
        s.election_started, s.election_won = s.now, None
        s.election_reason = "leadership_transfer" if transfer else "timeout"
    for peer in s.peers.values():
        peer.vote = None
    s.peers[s.sid].vote = s.sid
    s.reset_election()
    s.send_all(VoteRequest(s.term, s.log.end - 1, s.log.last_term, transfer, pre_vote))
    count(s)


def count(s: State) -> None:
    """Enough votes make a leader, or end the pre-vote."""
    if sum(1 for peer in s.peers.values() if peer.vote == s.sid) < s.majority:
        return
    if s.pre_voting:
        start(s, pre_vote=False, transfer=False)
    else:
        become_leader(s)


def become_leader(s: State) -> None:
    s.role = LEADER
    s.pre_voting = False
    s.election_won = s.now
    s.timer_new = None
    s.save(LeaderRecord(s.term, s.sid))
    follow(s, s.sid)
    if s.joining and s.profile.join_by_commit:
        s.joining = False
    for peer in s.peers.values():
        peer.next_index, peer.match_index = s.log.end, 0
        peer.phase, peer.replied, peer.snapshotting = STABLE, False, False
        peer.requester = None
    s.reset_election()
    propose(s, Entry(s.term))


def propose(s: State, entry: Entry) -> int:
    """Append an entry to the leader's log and send it to every server that is not behind; returns its index."""
    index = s.append(entry)
    s.ping_at = s.now + s.timer // 3
    request = AppendRequest(s.term, index - 1, s.log.term_at(index - 1), s.commit, (entry,))
    for sid in s.others():
        peer = s.peers[sid]
        if peer.next_index == index:
            peer.next_index = index + 1
            s.out.append(Send(sid, request))
    return index


def become_follower(s: State) -> None:
    """Lose whatever role it had; additions and a removal in progress fail (facts: ovsdb-raft 2)."""
    follow(s, None)
    if s.role == FOLLOWER:
        return
    was_leader = s.role == LEADER
    s.role = FOLLOWER
    s.pre_voting = False
    s.reset_election()
    if not was_leader:
        return
    for peer in s.adding.values():
        s.send(peer.sid, AddServerReply(False, ()))
    if s.profile.join_by_commit:
        s.adding.clear()
    if s.removing is not None:
        remove_reply(s, s.removing.sid, s.removing.requester, success=False)
        s.removing = None
    s.out.append(CommandLost())


def remove_reply(s: State, target: str, requester: str | int | None, *, success: bool) -> None:
    """To the target, and to whoever asked; a person at unixctl has had the only answer there is."""
    reply = RemoveServerReply(success, target)
    if success:
        s.send(target, reply)
    if isinstance(requester, int):
        s.out.append(SendOn(requester, reply))
    elif requester is not None and requester not in (UNIXCTL, target):
        s.send(requester, reply)


def follow(s: State, leader: str | None) -> None:
    """Note who leads; only knowing a leader ends ``candidate_retrying``."""
    s.leader = leader
    if leader is not None:
        s.had_leader = s.ever_had_leader = True
        s.candidate_retrying = False


def higher_term(s: State, term: int) -> bool:
    """Handle a message's term; returns whether the message may be looked at."""
    if term > s.term:
        s.set_term(term, None)
        become_follower(s)
    return term >= s.term


def step_down(s: State) -> None:
    """As :func:`become_follower`; named for the cases in which a leader gives up on its own."""
    become_follower(s)


# -- votes ---------------------------------------------------------------------------------------------------------


def suppressed(s: State, request: VoteRequest) -> bool:
    """A live leader is not to be disturbed: by itself never, by its followers not within T of its last message."""
    if request.transfer:
        return False
    return s.role == LEADER or (s.role == FOLLOWER and s.now < s.election_base + s.timer)


def vote_request(s: State, source: str, request: VoteRequest) -> None:
    disruptive = suppressed(s, request)
    if disruptive and s.profile.drops_disruptive:
        return
    if not disruptive and not higher_term(s, request.term):
        return
    if s.profile.pre_vote is PreVote.FULL and request.pre_vote:
        if not behind(s, request):
            s.send(source, VoteReply(s.term, source, True))
        return
    if s.vote is None:
        if behind(s, request):
            return
        if request.pre_vote:
            s.send(source, VoteReply(s.term, source, True))
            return
        s.set_term(s.term, source)
        s.reset_election()
    granted = source if request.pre_vote else s.vote
    assert granted is not None, "voted above, or before"
    s.send(source, VoteReply(s.term, granted, request.pre_vote))


def behind(s: State, request: VoteRequest) -> bool:
    """The candidate's log is older than ours: it gets no answer at all."""
    return (request.last_term, request.last_index) < (s.log.last_term, s.log.end - 1)


def vote_reply(s: State, source: str, reply: VoteReply) -> None:
    if not higher_term(s, reply.term) or s.role != CANDIDATE:
        return
    if s.profile.pre_vote is PreVote.FULL and reply.pre_vote != s.pre_voting:
        return
    peer = s.peers.get(source)
    if peer is not None:
        peer.vote = reply.vote
        count(s)


# -- transfer --------------------------------------------------------------------------------------------------------


def transfer(s: State, choose: int) -> bool:
    """Ask one server to campaign at once, and step down without waiting; returns whether anybody could be asked."""
    target = transfer_target(s, choose)
    if s.role != LEADER or target is None:
        return False
    s.send(target, BecomeLeader(s.term))
    step_down(s)
    return True


def transfer_target(s: State, choose: int) -> str | None:
    reached = {connection.sid for connection in s.connections.values() if connection.up}
    able = [sid for sid in s.others() if sid in reached and s.peers[sid].phase in (STABLE, COMMITTING)]
    if not able:
        return None
    if not s.profile.join_by_commit:
        return able[0]
    best = max(s.peers[sid].match_index for sid in able)
    able = [sid for sid in able if s.peers[sid].match_index == best]
    return able[choose % len(able)]


def become_leader_request(s: State, request: BecomeLeader) -> None:
    if higher_term(s, request.term) and s.role == FOLLOWER and not s.leaving and not s.left:
        start(s, pre_vote=False, transfer=True)
