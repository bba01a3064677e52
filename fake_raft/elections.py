"""Elections, check quorum and leadership transfer (facts: ovsdb-raft 2 and 11.1)."""

from __future__ import annotations

from fake_raft.disk import LeaderRecord, NoteRecord
from fake_raft.messages import AppendRequest, BecomeLeader, Entry, VoteReply, VoteRequest
from fake_raft.profile import PreVote
from fake_raft.replies import add_server_reply, remove_server_reply
from fake_raft.state import CANDIDATE, FOLLOWER, LEADER, NEVER, STABLE, EntryWait, State, new_tuple


def timeout(s: State) -> None:
    """The election timeout has passed: a leader counts who answered, everybody else campaigns."""
    if s.role is LEADER:
        if keeps_office(s):
            stay(s)
            s.want(s.election_min)
            return
        become_follower(s)
        start(s, pre_vote=s.profile.pre_vote is not PreVote.NONE, transfer=False)
    else:
        start(s, pre_vote=s.profile.pre_vote is not PreVote.NONE and len(s.peers) > 1, transfer=False)


def keeps_office(s: State) -> bool:
    """Whether enough servers have answered a leader since it last counted them."""
    return sum([peer.replied for peer in s.peers.values()]) >= len(s.peers) // 2


def stay(s: State) -> None:
    """Begin another election timeout as leader, in which answers are counted anew."""
    for peer in s.peers.values():
        peer.replied = False
    s.election_base, s.election_min, s.election_at = s.now, s.now + s.timer, None


def start(s: State, *, pre_vote: bool, transfer: bool) -> None:
    """Become candidate and ask everybody.

    A server outside its own configuration never campaigns, and one that leaves only with the patient leave: its
    timeout then stays expired, which costs a real server a processor and means nothing else.
    """
    if s.sid not in s.peers or (s.leaving and not s.profile.patient_leave):
        s.election_min = s.election_at = NEVER
        return
    if not pre_vote:
        s.set_term(s.term + 1, s.sid)
    s.role = CANDIDATE
    s.leader = None
    s.pre_voting = pre_vote
    s.election_reason = "leadership_transfer" if transfer else "timeout"
    if s.profile.pre_vote is PreVote.NONE or pre_vote or transfer:
        s.candidate_retrying = not s.had_leader
        s.had_leader = False
        s.election_started, s.election_won = s.now, None
    for peer in s.peers.values():
        peer.vote = None
    s.reset_election()
    request = VoteRequest(s.term, s.log.end - 1, s.log.last_term, transfer, pre_vote)
    for peer in s.others:
        s.send(peer.sid, request)
    s.peers[s.sid].vote = s.sid
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
    """Take office, and propose the no-op that will tell what is committed."""
    s.role = LEADER
    s.election_won = s.now
    follow(s, s.sid)
    s.reset_election()
    if s.joining and s.profile.join_by_commit:
        join_complete(s)
    for peer in s.peers.values():
        peer.next_index, peer.match_index = s.log.end, 0
        peer.phase, peer.replied, peer.snapshotting = STABLE, False, False
    s.timer_new = None
    me = s.peers.get(s.sid)
    if me is not None:
        me.match_index = s.log.end - 1
    s.save(LeaderRecord(s.term, s.sid))
    if not s.joining:
        propose(s, Entry(s.term))
    else:
        s.ping_later()


def join_complete(s: State) -> None:
    """A member, as far as this server is told."""
    s.joining = False
    s.tend = True
    s.want(s.deadline())


def propose(s: State, entry: Entry) -> int:
    """Append an entry to the leader's log and send it to every server that is not behind; returns its index."""
    index = s.write(entry)
    s.waiters.append(new_tuple(EntryWait, (s.sync(), index)))
    request = new_tuple(AppendRequest, (s.term, index - 1, s.log.term_at(index - 1), s.commit, (entry,)))
    for peer in s.others:
        if peer.next_index == index:
            s.send(peer.sid, request)
            peer.next_index = index + 1
    s.ping_later()
    return index


def become_follower(s: State) -> None:
    """Lose whatever role it had; additions and a removal in progress fail (facts: ovsdb-raft 2)."""
    s.leader = None
    if s.role is FOLLOWER:
        return
    s.role = FOLLOWER
    s.reset_election()
    for peer in list(s.adding.values()):
        add_server_reply(s, peer.sid, success=False, comment="lost leadership")
    if s.profile.join_by_commit:
        s.adding.clear()
    if s.removing is not None:
        remove_server_reply(s, s.removing.sid, s.removing.requester, success=False, comment="lost leadership")
        s.removing = None
        s.tend = True


def follow(s: State, leader: str) -> None:
    """Note who leads: only this ends ``candidate_retrying``."""
    s.leader = leader
    s.had_leader = s.ever_had_leader = True
    s.candidate_retrying = False


def new_term(s: State, term: int) -> None:
    """Somebody has a later term."""
    s.set_term(term, None)
    become_follower(s)


# -- votes ---------------------------------------------------------------------------------------------------------


def suppressed(s: State, request: VoteRequest) -> bool:
    """A live leader is not to be disturbed: by itself never, by its followers not within T of its last message."""
    if request.transfer:
        return False
    return s.role is LEADER or (s.role is FOLLOWER and s.now < s.election_base + s.timer)


def vote_request(s: State, source: str, request: VoteRequest) -> None:
    """Terms are this function's own business: a suppressed request must not move any (facts: ovsdb-raft 2, 11.1)."""
    if suppressed(s, request):
        if s.profile.drops_disruptive:
            return
    elif request.term > s.term:
        new_term(s, request.term)
    elif request.term < s.term:
        return
    if decides(s, source, request):
        vote = source if request.pre_vote else s.vote
        assert vote is not None, "an answer to a real request names a vote"
        s.send(source, VoteReply(s.term, vote, request.pre_vote))


def decides(s: State, source: str, request: VoteRequest) -> bool:
    """Vote, if there is anything to decide; returns whether to answer. A log that is behind gets silence."""
    fresh = request.pre_vote and s.profile.pre_vote is PreVote.FULL
    if s.vote is not None and not fresh:
        return True
    if (request.last_term, request.last_index) < (s.log.last_term, s.log.end - 1):
        return False
    if not request.pre_vote:
        s.set_term(s.term, source)
        s.reset_election()
    return True


def vote_reply(s: State, source: str, reply: VoteReply) -> None:
    if s.role is not CANDIDATE:
        return
    if s.profile.drops_disruptive and reply.pre_vote and not s.pre_voting:
        return
    peer = s.peers.get(source)
    if peer is not None and source != s.sid and peer.vote != reply.vote:
        peer.vote = reply.vote
        if reply.vote == s.sid:
            count(s)


# -- transfer --------------------------------------------------------------------------------------------------------


def transfer(s: State, choose: int) -> None:
    """Ask one server to campaign at once; the caller steps down. ``choose`` picks among equals."""
    target = transfer_target(s, choose) if s.role is LEADER else None
    if target is not None:
        connection = s.route(target)
        assert connection is not None, "only connected servers are picked"
        s.send_on(connection, BecomeLeader(s.term))
        s.save(NoteRecord("transfer leadership"))


def transfer_target(s: State, choose: int) -> str | None:
    """Before the join fixes the first stable server in hash order; since then one of those with the longest log, or,
    if none of these is connected, one that has all that is committed, or anybody."""
    stable = [peer for peer in s.others if peer.phase == STABLE]
    able = [peer for peer in stable if s.route(peer.sid) is not None]
    if not able or not s.profile.join_by_commit:
        return able[0].sid if able else None
    start_at = choose % len(stable)
    able = [peer for peer in stable[start_at:] + stable[:start_at] if peer in able]
    longest = max(peer.match_index for peer in stable)
    for threshold in (longest, min(longest, s.commit), 0):
        for peer in able:
            if peer.match_index >= threshold:
                return peer.sid
    return None


def become_leader_request(s: State) -> None:
    if s.role is FOLLOWER:
        start(s, pre_vote=False, transfer=True)
