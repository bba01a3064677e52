"""One server of fake_raft that is moved by hand: an action is tried, and taken back if it did not do what was seen.

Time stands still, and everybody reaches everybody: a message that was really lost is one that nobody delivers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, NamedTuple

from fake_raft import elections, membership, replication
from fake_raft.disk import Disk, Header, Record
from fake_raft.messages import Envelope, Message, VoteRequest
from fake_raft.profile import Profile
from fake_raft.server import HANDLERS, TERM_CHECKED, Server
from fake_raft.state import NEVER, Connection, Rewrite, State

Action = Callable[["Node"], object]


class Mail(NamedTuple):
    target: str
    source: str
    message: Message


class Done(NamedTuple):
    """What an action wrote, sent, and (for a command) answered."""

    written: list[Record | Rewrite]
    sent: list[Mail]
    answer: object


class Routes(dict[str, "Connection | None"]):
    """To everybody."""

    def __missing__(self, sid: str) -> Connection:
        connection = self[sid] = Connection(0, "", sid, outgoing=False, up=True)
        return connection

    def clear(self) -> None:
        pass


class Node:
    """A server from the moment when it opened its file."""

    def __init__(self, header: Header, records: tuple[Record, ...], profile: Profile) -> None:
        """Raises :class:`fake_raft.StartRefused`."""
        self.server = Server(Disk(header, list(records)), profile)
        self.state.routes = Routes()

    @property
    def state(self) -> State:
        return self.server.state

    def begin(self) -> None:
        """As :meth:`Server.begin`: alone it elects itself at once."""
        s = self.state
        if not s.joining and len(s.peers) == 1:
            elections.start(s, pre_vote=False, transfer=False)
        s.reset_election()

    def tried(self, action: Action) -> tuple[Node, Done]:
        """This server after ``action``; this one itself has not changed."""
        other = copy.copy(self)
        other.server = copy.deepcopy(self.server)
        return other, other.do(action)

    def do(self, action: Action) -> Done:
        if self.state.left or self.state.died:
            return Done([], [], None)
        answer = action(self)
        written: list[Record | Rewrite] = []
        sent: list[Mail] = []
        self.state.tend = False
        for effect in self.server.finish():
            if isinstance(effect, Record | Rewrite):
                written.append(effect)
            elif type(effect) is tuple:
                _, envelope, message, _ = effect  # type: ignore[misc]
                if envelope.target is not None:
                    sent.append(Mail(envelope.target, self.state.sid, message))
        return Done(written, sent, answer)

    # -- actions ------------------------------------------------------------------------------------------------------

    def receive(self, envelope: Envelope, message: Message, *, calm: bool = False) -> None:
        """A message arrives; ``calm``: so soon after a leader's last one that a vote request is suppressed."""
        s = self.state
        s.now = s.election_base + (0 if calm else s.timer + 1)
        if s.cid is None:
            s.cid = envelope.cid
        kind = type(message)
        if kind not in TERM_CHECKED or message.term == s.term or self.server._new_term(message.term):  # type: ignore[union-attr]
            HANDLERS[kind](s, envelope.source, message)

    def suppresses(self, request: VoteRequest) -> bool:
        s = self.state
        s.now = s.election_base + s.timer + 1
        return elections.suppressed(s, request)

    def sync(self) -> None:
        """What was written is durable."""
        self.server._durable(self.state.ticket)

    def timeout(self) -> None:
        """The election timeout passes; a leader has heard nobody."""
        s = self.state
        if not s.joining and s.election_min != NEVER:
            for peer in s.peers.values():
                peer.replied = False
            elections.timeout(s)

    def had_campaigned_in_vain(self) -> None:
        """It had asked for pre-votes more than once before the term that it is in, and heard of no leader since."""
        self.state.candidate_retrying, self.state.had_leader = True, False

    def heartbeat(self) -> None:
        replication.heartbeat(self.state)

    def ask_to_leave(self) -> None:
        membership.ask_to_leave(self.state, 0, 0)

    def command(self, command: str, words: tuple[str, ...], choose: int) -> object:
        """An appctl command: exit code and text. ``choose`` picks the next leader."""
        s, server = self.state, self.server
        if s.left:
            return 2, "unknown cluster"
        actions: dict[str, Callable[[], Any]] = {
            "cluster/kick": lambda: server.kick(s.now, words[0], choose, 0),
            "cluster/leave": lambda: server.leave(s.now, choose, 0),
            "cluster/change-election-timer": lambda: server.change_election_timer(s.now, int(words[0])),
            "ovsdb-server/compact": lambda: server.compact(s.now),
            "cluster/failure-test": lambda: server.transfer_leadership(s.now, choose) or (0, "test engaged"),
        }
        return actions[command]()
