"""A model with one wrong rule is found out by the catalogue: each of these is a mistake that one could believe in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from catalogue import CASES
from catalogue.compare import fake_complaint

from fake_raft import elections, links, membership, opening, process, replication
from fake_raft.disk import NoteRecord
from fake_raft.messages import AppendRequest, Entry
from fake_raft.process import PERFORM, Process
from fake_raft.server import ElectionArmed
from fake_raft.state import COMMITTING, LEADER, STABLE, DrawElection, State

Patch = pytest.MonkeyPatch
BY_NAME = {case.name: case for case in CASES}


def random_part_scaled_with_the_timer(patch: Patch) -> None:
    def draw(self: Any, effect: DrawElection) -> None:
        drawn = (self._choices.choose("election jitter", 1000) + self._stagger) % 1000
        self._event(ElectionArmed(drawn * effect.base // 1000))

    patch.setitem(PERFORM, DrawElection, draw)


def removed_server_gets_the_entry(patch: Patch) -> None:
    def change(s: State, peers: Any) -> None:
        gone = [peer for sid, peer in s.peers.items() if sid not in peers]
        s.set_peers(peers)
        entry = Entry(s.term, servers=s.servers)
        index = elections.propose(s, entry)
        for peer in gone:
            s.send(peer.sid, AppendRequest(s.term, index - 1, s.log.term_at(index - 1), s.commit, (entry,)))

    patch.setattr(membership, "change", change)


def kick_that_would_stall_is_refused(patch: Patch) -> None:
    usual = membership.remove_server

    def remove(s: State, target: str, requester: str | None) -> str:
        stay = [sid for sid in s.peers if sid != target]
        alive = sum(1 for sid in stay if sid == s.sid or s.route(sid) is not None)
        return "no quorum" if 2 * alive <= len(stay) else usual(s, target, requester)

    patch.setattr(membership, "remove_server", remove)


def second_change_is_refused(patch: Patch) -> None:
    usual = membership.remove_server

    def remove(s: State, target: str, requester: str | None) -> str:
        return "in progress" if s.log.config_after(s.commit) else usual(s, target, requester)

    patch.setattr(membership, "remove_server", remove)


def voters_check_membership(patch: Patch) -> None:
    usual = elections.decides
    patch.setattr(
        elections, "decides", lambda s, source, rq: (not s.peers or source in s.peers) and usual(s, source, rq)
    )


def joiners_do_not_vote(patch: Patch) -> None:
    usual = elections.decides
    patch.setattr(elections, "decides", lambda s, source, rq: not s.joining and usual(s, source, rq))


def leader_never_steps_down(patch: Patch) -> None:
    usual = elections.timeout
    patch.setattr(elections, "timeout", lambda s: s.reset_election() if s.role is LEADER else usual(s))


def kicked_leader_hands_over(patch: Patch) -> None:
    usual = membership.remove_server

    def remove(s: State, target: str, requester: str | None) -> str:
        if target == s.sid:
            elections.transfer(s, 0)
        return usual(s, target, requester)

    patch.setattr(membership, "remove_server", remove)


def anything_must_match_a_little(patch: Patch) -> None:
    usual = membership.match

    def match(s: State, text: str) -> str | None:
        sid = usual(s, text)
        return sid if sid is not None and (sid.startswith(text) or s.peers[sid].address == text) else None

    patch.setattr(membership, "match", match)


def upper_case_matches(patch: Patch) -> None:
    usual = membership.match
    patch.setattr(membership, "match", lambda s, text: usual(s, text.lower()))


def last_server_may_not_leave(patch: Patch) -> None:
    usual = membership.leave
    patch.setattr(membership, "leave", lambda s, *more: usual(s, *more) if len(s.peers) > 1 else "last server")


def joiner_waits_for_the_commit(patch: Patch) -> None:
    usual = membership.add_server

    def add(s: State, source: str, request: Any) -> None:
        peer = s.peers.get(source)
        if peer is None or peer.phase != COMMITTING:
            usual(s, source, request)

    from fake_raft.messages import AddServer
    from fake_raft.server import HANDLERS

    patch.setitem(HANDLERS, AddServer, add)


def left_file_is_opened(patch: Patch) -> None:
    usual = opening.replay
    patch.setattr(opening, "replay", lambda s, n, record: isinstance(record, NoteRecord) or usual(s, n, record))


def joiner_with_a_snapshot_still_joins(patch: Patch) -> None:
    usual = replication.rewrite

    def rewrite(s: State) -> None:
        usual(s)
        if s.joining:
            last = s.out.pop()
            header = dataclasses.replace(last.header, joining=True, remotes=tuple(s.remotes))  # type: ignore[union-attr]
            s.out.append(last._replace(header=header))  # type: ignore[call-arg,union-attr]

    patch.setattr(replication, "rewrite", rewrite)


def timer_changes_at_append(patch: Patch) -> None:
    usual = membership.change_timer

    def change(s: State, value: int) -> tuple[int, str]:
        answer = usual(s, value)
        if s.timer_new is not None:
            s.timer, s.timer_new = s.timer_new, None
        return answer

    patch.setattr(membership, "change_timer", change)


def foreign_clusters_are_listened_to(patch: Patch) -> None:
    patch.setattr(links, "accept_message", lambda s, connection, envelope, message: True)


def phases_go_with_leadership(patch: Patch) -> None:
    usual = elections.become_follower

    def become(s: State) -> None:
        usual(s)
        for peer in s.peers.values():
            peer.phase = STABLE

    patch.setattr(elections, "become_follower", become)


def reads_need_a_leader(patch: Patch) -> None:
    usual = Process.answers_reads.fget
    assert usual is not None
    patch.setattr(Process, "answers_reads", property(lambda self: usual(self) and self._state.leader is not None))


def compaction_moves_leadership(patch: Patch) -> None:
    usual = process.Process.compact

    def compact(self: Process) -> object:
        self.transfer_leadership()
        return usual(self)

    patch.setattr(Process, "compact", compact)


def match_index_is_lowered(patch: Patch) -> None:
    usual = replication.catch_up

    def catch_up(s: State, peer: Any) -> None:
        peer.match_index = min(peer.match_index, max(peer.next_index - 1, 0))
        usual(s, peer)

    patch.setattr(replication, "catch_up", catch_up)


def later_commits_are_guarded(patch: Patch) -> None:
    """A server does not truncate what it has committed."""
    usual = replication.write_entries

    def write(s: State, first: int, entries: tuple[Entry, ...]) -> None:
        for offset, entry in enumerate(entries):
            index = first + offset
            if index <= s.commit and index < s.log.end and s.log.term_at(index) != entry.term:
                return
        usual(s, first, entries)

    patch.setattr(replication, "write_entries", write)


def candidate_at_once_after_a_restart(patch: Patch) -> None:
    """A restarted server counts as one that had a leader."""
    usual = opening.open_file

    def open_file(disk: Any, profile: Any) -> State:
        s = usual(disk, profile)
        s.had_leader = True
        return s

    from fake_raft import server

    patch.setattr(server, "open_file", open_file)


WRONG: tuple[tuple[Callable[[Patch], None], str], ...] = (
    (random_part_scaled_with_the_timer, "timeouts-spread-over-a-second"),
    (removed_server_gets_the_entry, "K4"),
    (kick_that_would_stall_is_refused, "K4"),
    (second_change_is_refused, "J8-drains"),
    (voters_check_membership, "voters-do-not-ask-who-is-a-member"),
    (joiners_do_not_vote, "R2"),
    (leader_never_steps_down, "candidate"),
    (kicked_leader_hands_over, "K2"),
    (anything_must_match_a_little, "K5"),
    (upper_case_matches, "names"),
    (last_server_may_not_leave, "K5"),
    (joiner_waits_for_the_commit, "J8-stranded"),
    (left_file_is_opened, "K1"),
    (joiner_with_a_snapshot_still_joins, "J7"),
    (timer_changes_at_append, "timer-pending"),
    (foreign_clusters_are_listened_to, "R3"),
    (phases_go_with_leadership, "phases-stay"),
    (reads_need_a_leader, "K3"),
    (compaction_moves_leadership, "install-snapshot"),
    (match_index_is_lowered, "what-a-server-once-had-counts"),
    (later_commits_are_guarded, "O1"),
    (candidate_at_once_after_a_restart, "initially-disconnected"),
)


def found_out(case: str) -> str:
    """What is wrong; a model that breaks is found out too."""
    try:
        return fake_complaint.__wrapped__(BY_NAME[case], "3.1")
    except (AssertionError, IndexError, KeyError) as error:
        return repr(error)


@pytest.mark.parametrize(("rule", "case"), WRONG, ids=[rule.__name__ for rule, _ in WRONG])
def test_a_wrong_rule_is_found_out(rule: Callable[[Patch], None], case: str, monkeypatch: Patch) -> None:
    rule(monkeypatch)
    assert found_out(case), "the model is wrong and the case does not show it"
