"""Wrong rules for the modelled raft: each a mistake that somebody has made, or could believe in.

A rule is planted with :class:`pytest.MonkeyPatch` and changes nothing else; the harness is not told.
"""

from __future__ import annotations

from typing import Any

import pytest

from fake_raft import commands, elections, membership, replication, server
from fake_raft.messages import AppendRequest, Entry, VoteRequest
from fake_raft.process import Process
from fake_raft.state import LEADER, Peer, State

Patch = pytest.MonkeyPatch


# -- elections -----------------------------------------------------------------------------------------------------


def half_elects(patch: Patch) -> None:
    """Half of the members elect a leader."""
    patch.setattr(State, "majority", property(lambda s: max(1, len(s.peers) // 2)))


def votes_twice(patch: Patch) -> None:
    """A server votes for whoever asks, also twice in a term."""
    usual = elections.decides

    def decides(s: State, source: str, request: VoteRequest) -> bool:
        if s.vote not in (None, s.sid):
            s.vote = None
        return usual(s, source, request)

    patch.setattr(elections, "decides", decides)


def votes_for_any_log(patch: Patch) -> None:
    """A server votes for a candidate whose log is behind its own."""
    usual = elections.decides

    def decides(s: State, source: str, request: VoteRequest) -> bool:
        return usual(s, source, request._replace(last_term=1 << 30))

    patch.setattr(elections, "decides", decides)


def longer_log_wins(patch: Patch) -> None:
    """The longer log counts as the newer one, whatever its last term is."""
    usual = elections.decides

    def decides(s: State, source: str, request: VoteRequest) -> bool:
        newer = request.last_index >= s.log.end - 1
        return usual(s, source, request._replace(last_term=1 << 30 if newer else -1))

    patch.setattr(elections, "decides", decides)


def new_leader_tidies_up(patch: Patch) -> None:
    """A new leader drops what it does not know to be committed."""
    usual = elections.become_leader

    def become_leader(s: State) -> None:
        if s.log.end - 1 > s.commit >= s.log.start - 1:
            s.log.truncate(s.commit + 1)
            s.log_synced = min(s.log_synced, s.commit)
            s.use(s.log.servers())
        usual(s)

    patch.setattr(elections, "become_leader", become_leader)


# -- replication ---------------------------------------------------------------------------------------------------


def half_commits(patch: Patch) -> None:
    """Copies on half of the members commit an entry."""
    _counting(patch, lambda s: (list(s.peers.values()), max(1, len(s.peers) // 2)))


def who_answers_is_a_quorum(patch: Patch) -> None:
    """A majority of the servers that are connected commits an entry."""

    def counted(s: State) -> tuple[list[Peer], int]:
        near = [peer for peer in s.peers.values() if peer.sid == s.sid or s.route(peer.sid) is not None]
        return near, len(near) // 2 + 1

    _counting(patch, counted)


def _counting(patch: Patch, counted: Any) -> None:
    """Commit what enough of the servers have: ``counted(state)`` gives those who count, and how many are enough."""

    def consider(s: State) -> None:
        servers, enough = counted(s)
        have = sorted((peer.match_index for peer in servers), reverse=True)
        if len(have) < enough:
            return
        index = min(have[enough - 1], s.log.end - 1)
        if index > s.commit and s.log.term_at(index) == s.term and replication.update_commit(s, index):
            replication.heartbeat(s)

    patch.setattr(replication, "consider", consider)


def overwrites_what_it_has(patch: Patch) -> None:
    """A follower cuts its log off at what it is sent, also where both are the same."""
    usual = replication.write_entries

    def write_entries(s: State, first: int, entries: tuple[Entry, ...]) -> None:
        if first < s.log.end and s.log.truncate(first):
            s.use(s.log.servers())
        usual(s, first, entries)

    patch.setattr(replication, "write_entries", write_entries)


def commits_without_a_match(patch: Patch) -> None:
    """A follower takes over the leader's commit index although its log does not match."""
    usual = replication.answer

    def answer(s: State, source: str, request: AppendRequest, *, ok: bool) -> None:
        if not ok and s.role is not LEADER and request.term == s.term:
            replication.update_commit(s, min(request.commit, s.log.end - 1))
        usual(s, source, request, ok=ok)

    patch.setattr(replication, "answer", answer)


def deposed_leader_is_obeyed(patch: Patch) -> None:
    """Entries of a leader of an earlier term are taken."""

    def append_request(s: State, source: str, request: AppendRequest) -> None:
        if request.term > s.term:
            elections.new_term(s, request.term)
        replication.append_request(s, source, request)

    patch.setitem(server.HANDLERS, AppendRequest, append_request)


# -- what is promised ----------------------------------------------------------------------------------------------


def answers_before_the_commit(patch: Patch) -> None:
    """A leader acknowledges a client's row as soon as it has written it into its own log."""
    usual = commands.propose

    def propose(s: State, data: str, eid: str, prereq: str | None, sid: str | None) -> str:
        status = usual(s, data, eid, prereq, sid)
        if status == commands.INCOMPLETE:
            commands.complete(s, s.commands[eid], commands.SUCCESS)
        return status

    patch.setattr(commands, "propose", propose)


def serves_before_the_commit(patch: Patch) -> None:
    """A server shows rows that are in its log and not committed."""
    usual = Process.rows

    def rows(self: Process) -> tuple[str, ...] | None:
        served = usual(self)
        if served is None:
            return None
        log = self._state.log
        ahead = log.slice(max(self._state.applied + 1, log.start), log.end)
        return (*served, *(entry.data for entry in ahead if entry.data is not None))

    patch.setattr(Process, "rows", rows)


# -- members -------------------------------------------------------------------------------------------------------


def ghost_is_replaced(patch: Patch) -> None:
    """A newcomer at the address of a member takes its place, in one change."""
    usual = membership.change

    def change(s: State, peers: dict[str, Peer]) -> None:
        new = [peer for sid, peer in peers.items() if sid not in s.peers]
        addresses = {peer.address for peer in new}
        kept = {sid: peer for sid, peer in peers.items() if peer in new or peer.address not in addresses}
        usual(s, kept)

    patch.setattr(membership, "change", change)
