"""What modelled servers say to each other, in words. Heartbeats that carry nothing are left out."""

from __future__ import annotations

from collections.abc import Callable

from fake_raft import messages as m
from fake_raft.messages import Entry, Message
from fake_raft.network import Network, split
from harness.cluster import DATABASES, Database
from harness.recording import Letter

_BY_PORT = {str(database.raft_port): database for database in DATABASES}


def overhear(network: Network, now: Callable[[], float], listen: Callable[[Letter], None]) -> None:
    """Tell ``listen`` of every message that says something. The run stays the same, but costs more."""

    def tap(source: str, target: str, message: Message, cut: bool) -> None:
        words = described(message)
        if words:
            (sender, port), (receiver, _) = split(source), split(target)
            listen(Letter(now(), _BY_PORT.get(port, Database.NB), sender, receiver, words, cut))

    network.tap = tap


def described(message: Message) -> str:
    """A few words for a message; "" for a heartbeat and its answer."""
    match message:
        case m.AppendRequest(entries=entries) if entries:
            return _entries(message)
        case m.AppendReply(n_entries=count) if count or not message.ok:
            return f"has up to {message.log_end - 1}, term {message.term}" if message.ok else f"no: term {message.term}"
        case m.InstallSnapshot():
            return f"snapshot up to {message.last_index}, {len(message.servers)} members"
        case m.InstallSnapshotReply():
            return f"has the snapshot up to {message.last_index}"
        case m.Execute():
            return "a client's write"
    return _of_elections(message) or _of_members(message)


def _of_elections(message: Message) -> str:
    match message:
        case m.VoteRequest():
            ask = "would you vote?" if message.pre_vote else "vote for me"
            return f"{ask} term {message.term}, log {message.last_index}"
        case m.VoteReply():
            return f"{'would vote for' if message.pre_vote else 'vote:'} {message.vote[:4]}, term {message.term}"
        case m.BecomeLeader():
            return f"lead in my place, term {message.term}"
    return ""


def _of_members(message: Message) -> str:
    match message:
        case m.AddServer():
            return "add me"
        case m.AddServerReply():
            return "you are in" if message.success else f"not added: {message.comment}"
        case m.RemoveServer():
            return f"remove {message.sid[:4]}"
        case m.RemoveServerReply():
            return "removed" if message.success else f"not removed: {message.comment}"
    return ""


def _entries(message: m.AppendRequest) -> str:
    first, last = message.prev_index + 1, message.prev_index + len(message.entries)
    which = f"entry {first}" if first == last else f"entries {first}-{last}"
    changes = [_kind(entry) for entry in message.entries if entry.servers is not None or entry.data is None]
    return f"{which}, term {message.term}" + (f": {changes[-1]}" if changes else "")


def _kind(entry: Entry) -> str:
    if entry.servers is not None:
        return "members " + " ".join(sid[:4] for sid in entry.servers)
    return f"timer {entry.timer}" if entry.timer is not None else "a term begins"
