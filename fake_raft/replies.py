"""Answers to requests to add and remove servers: who gets them, and what they carry (facts: ovsdb-raft 3.2, 3.3)."""

from __future__ import annotations

from fake_raft.disk import NoteRecord
from fake_raft.messages import AddServerReply, RemoveServerReply
from fake_raft.state import State

UNIXCTL = None
"""The requester of a removal that a person asked for: that person has had the only answer there is."""


def add_server_reply(s: State, sid: str, *, success: bool, comment: str) -> None:
    """To the joiner, with the addresses of everybody else: this is how it learns them."""
    remotes = () if s.joining else tuple(peer.address for peer in s.others)
    s.send(sid, AddServerReply(success, comment, remotes))


def remove_server_reply(s: State, target: str, requester: str | None, *, success: bool, comment: str) -> None:
    """To the requester, if a server, and always to the target: it alone acts on it."""
    if requester is not None:
        remove_reply_to(s, requester, target, success, comment)
    if requester != target:
        remove_reply_to(s, target, target, success, comment)


def remove_reply_to(s: State, sid: str, target: str, success: bool, comment: str) -> None:
    if sid == s.sid:
        if success and target == s.sid:
            finish_leaving(s)
        return
    s.send(sid, RemoveServerReply(success, comment, None if sid == target else target))


def finish_leaving(s: State) -> None:
    """Out: the file says so for ever; the database is dropped when the current event has been dealt with."""
    s.save(NoteRecord("left"))
    s.leaving, s.left = False, True
