"""Everything one server knows (facts: ovsdb-raft 0), and the effects it asks its host for.

Nothing here reads a clock, draws a number, or does input or output.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from fake_raft.disk import EntryRecord, Header, Record, TermRecord
from fake_raft.log import Log
from fake_raft.messages import Entry, Message, Servers
from fake_raft.profile import Profile

FOLLOWER, CANDIDATE, LEADER = "follower", "candidate", "leader"
STABLE, CATCHUP, CAUGHT_UP, COMMITTING, REMOVE = "stable", "catchup", "caught up", "committing", "removing"
JOIN_RETRY = 1000
UNIXCTL = "unixctl"


class Save(NamedTuple):
    """Append a record to the file; whatever is sent after it waits until it is durable."""

    record: Record


class Rewrite(NamedTuple):
    """Replace the file by a snapshot and the records that follow it."""

    header: Header
    records: list[Record]


class Send(NamedTuple):
    """Send to a server by its sid, over whichever live connection is known to lead there; else it is lost."""

    sid: str
    message: Message


class SendOn(NamedTuple):
    """Send on one connection."""

    connection: int
    message: Message


class CloseConnection(NamedTuple):
    connection: int


class ArmElection(NamedTuple):
    """Draw a new election timeout: ``base`` ms plus a random part that is the host's to draw."""

    base: int


class Reconnect(NamedTuple):
    """The set of addresses to keep connections to may have changed."""


class Applied(NamedTuple):
    position: int
    data: str
    eid: str | None


class CommandLost(NamedTuple):
    """Commands whose fate this server no longer follows (it lost leadership, or its leader)."""


class Executed(NamedTuple):
    eid: str


class Left(NamedTuple):
    """The database is dropped: its status is ``unknown cluster`` from now on."""


class Died(NamedTuple):
    """The process aborts with ``text``."""

    text: str


Effect: TypeAlias = (
    Save
    | Rewrite
    | Send
    | SendOn
    | CloseConnection
    | ArmElection
    | Reconnect
    | Applied
    | CommandLost
    | Executed
    | Left
    | Died
)


class Peer:
    """What a server remembers of another (or, as leader, of itself)."""

    __slots__ = (
        "address",
        "last_msg",
        "match_index",
        "next_index",
        "phase",
        "replied",
        "requester",
        "sid",
        "snapshotting",
        "vote",
    )

    def __init__(self, sid: str, address: str) -> None:
        self.sid = sid
        self.address = address
        self.phase = STABLE
        self.next_index = 1
        self.match_index = 0
        self.replied = False
        self.vote: str | None = None
        self.last_msg: int | None = None
        self.requester: str | int | None = None
        self.snapshotting = False


class Connection:
    """One TCP connection as the server sees it. ``sid`` is None until something told it."""

    __slots__ = ("address", "id", "outgoing", "sid", "up")

    def __init__(self, number: int, address: str, sid: str | None, *, outgoing: bool) -> None:
        self.id = number
        self.address = address
        self.sid = sid
        self.outgoing = outgoing
        self.up = False


class State:
    """One server."""

    def __init__(self, profile: Profile, header: Header) -> None:
        self.profile = profile
        self.sid = header.sid
        self.cid = header.cid
        self.name = header.name
        self.address = header.address
        # durable
        self.term = 0
        self.vote: str | None = None
        self.log = Log()
        self.commit = 0
        # volatile
        self.role = FOLLOWER
        self.leader: str | None = None
        self.joining = header.joining
        self.leaving = self.left = False
        self.candidate_retrying = self.had_leader = self.ever_had_leader = False
        self.pre_voting = False
        self.applied = 0
        self.rows: list[str] = []
        self.timer = header.timer
        self.timer_new: int | None = None
        self.remotes = list(header.remotes)
        self.servers: Servers = {}
        self.peers: dict[str, Peer] = {}
        self.adding: dict[str, Peer] = {}
        self.removing: Peer | None = None
        self.connections: dict[int, Connection] = {}
        self.disconnections = 0
        # times, in ms; None: not armed
        self.now = 0
        self.election_base = 0
        self.election_at: int | None = None
        self.ping_at = 0
        self.join_at = 0
        self.leave_at = 0
        self.election_started: int | None = None
        self.election_reason = "timeout"
        self.election_won: int | None = None
        self.out: list[Effect] = []

    # -- effects ------------------------------------------------------------------------------------------------

    def send(self, sid: str, message: Message) -> None:
        self.out.append(Send(sid, message))

    def send_all(self, message: Message) -> None:
        """To every other configured server, in hash order."""
        for sid in self.others():
            self.out.append(Send(sid, message))

    def save(self, record: Record) -> None:
        self.out.append(Save(record))

    def set_term(self, term: int, vote: str | None) -> None:
        self.term, self.vote = term, vote
        self.save(TermRecord(term, vote))

    def reset_election(self) -> None:
        """Start a new election timeout from now."""
        self.election_base = self.now
        self.out.append(ArmElection(self.timer))

    def append(self, entry: Entry) -> int:
        """Append to the own log and file; returns the index."""
        index = self.log.append(entry)
        self.save(EntryRecord(index, entry))
        if entry.servers is not None:
            self.use(entry.servers)
        return index

    # -- configuration ------------------------------------------------------------------------------------------

    def use(self, servers: Servers) -> None:
        """Put a configuration in force: what is known of servers that stay is kept."""
        self.servers = servers
        known = self.peers
        self.peers = {sid: known.get(sid) or Peer(sid, servers[sid]) for sid in hash_order(servers)}
        for sid, peer in self.peers.items():
            peer.address = servers[sid]
        self.out.append(Reconnect())

    def others(self) -> list[str]:
        return [sid for sid in self.peers if sid != self.sid]

    def peer(self, sid: str) -> Peer | None:
        """A configured server, or one that is being added."""
        return self.peers.get(sid) or self.adding.get(sid)

    @property
    def majority(self) -> int:
        return len(self.servers) // 2 + 1

    @property
    def is_connected(self) -> bool:
        """The ``connected`` column of ``_Server`` (facts: ovsdb-raft 1.4)."""
        return not (self.candidate_retrying or self.joining or self.leaving or self.left) and self.ever_had_leader

    def nickname(self, sid: str) -> str:
        """Four digits; for ``unix:`` sockets the name of the socket file (facts: ovsdb-raft 1.2)."""
        address = self.servers.get(sid) or (self.address if sid == self.sid else "")
        if address.startswith("unix:"):
            return address.rpartition("/")[2].removeprefix("unix:").partition(".")[0]
        return sid[:4]


def hash_order(sids: Iterable[str]) -> list[str]:
    """An order that depends on the ids alone and is neither sorted nor that of insertion, as a hash map's is."""
    return sorted(sids, key=lambda sid: (zlib.crc32(sid.encode()), sid))
