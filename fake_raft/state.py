"""Everything one server knows (facts: ovsdb-raft 0), and the effects it asks its host for.

Nothing here reads a clock, draws a number, or does input or output.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from fake_raft.disk import EntryRecord, Header, Record, TermRecord
from fake_raft.log import Log
from fake_raft.messages import (
    AppendReply,
    AppendRequest,
    Entry,
    Envelope,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    Servers,
    VoteReply,
    VoteRequest,
)
from fake_raft.order import bucket_order
from fake_raft.profile import Profile

FOLLOWER, CANDIDATE, LEADER = "follower", "candidate", "leader"
STABLE, CATCHUP, CAUGHT_UP, COMMITTING, REMOVE = "stable", "catchup", "caught up", "committing", "removing"
DEFAULT_TIMER = 1000
JOINER_PROBE_MS = 601_000
NEVER = 1 << 60

new_tuple = tuple.__new__
"""Makes a named tuple from its class and a tuple of all fields, at half the price: for what is made at every event."""


class Sync(NamedTuple):
    """Make everything saved so far durable, then say so with the ticket (event Durable). Requests may be merged."""

    ticket: int


class Rewrite(NamedTuple):
    """Replace the file by a snapshot and the records that follow it, durably, before anything else happens."""

    header: Header
    records: list[Record]


Send: TypeAlias = tuple[int, Envelope, Message, bool]
"""Send on a connection: its number, what to send, and whether that is routine: a heartbeat that repeats the last one,
or the answer to it. A bare tuple, as nearly every event has one."""


class Dial(NamedTuple):
    """Keep a connection to ``address`` open, with retries, under this number, until :class:`HangUp`."""

    connection: int
    address: str


class HangUp(NamedTuple):
    """Close for good, after what was sent."""

    connection: int


class Redial(NamedTuple):
    """Close now; one that this server dialled is retried as after any failure."""

    connection: int


class Wake(NamedTuple):
    """Send a Tick at ``at`` (ms); replaces what was asked before."""

    at: int


class DrawElection(NamedTuple):
    """The shortest election timeout has passed: draw its random part and answer with ElectionArmed."""

    base: int


class Applied(NamedTuple):
    position: int
    data: str


class Completed(NamedTuple):
    """What became of a client's command: ``success``, or why it has to be tried again."""

    eid: str
    status: str


class Left(NamedTuple):
    """The database is dropped: its status is ``unknown cluster`` from now on."""


class Died(NamedTuple):
    """The process aborts with ``text``."""

    text: str


Effect: TypeAlias = (
    Record | Sync | Rewrite | Send | Dial | HangUp | Redial | Wake | DrawElection | Applied | Completed | Left | Died
)
"""A record by itself: append it to the file; nothing waits for it until a :class:`Sync`."""


class TermWait(NamedTuple):
    """Something that becomes true when its ticket is durable."""

    ticket: int
    term: int
    vote: str | None


class EntryWait(NamedTuple):
    ticket: int
    position: int


class MessageWait(NamedTuple):
    """A message that exposes what is not durable yet: it goes when everything before it in the queue is."""

    ticket: int
    sid: str
    message: Message


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

    def __init__(self, sid: str, address: str, next_index: int) -> None:
        self.sid = sid
        self.address = address
        self.phase = STABLE
        self.next_index = next_index
        self.match_index = 0
        self.replied = False
        self.vote: str | None = None
        self.last_msg: int | None = None
        self.requester: str | None = None
        self.snapshotting = False


class Connection:
    """One connection as the server sees it. ``sid`` is None until configured or learned; ``nickname`` is what status
    prints; ``address`` is "" for an incoming one. ``seen`` and ``envelope`` save repeated checks and tuples."""

    __slots__ = ("address", "envelope", "id", "nickname", "outgoing", "seen", "sid", "up")

    def __init__(self, number: int, address: str, sid: str | None, *, outgoing: bool, up: bool) -> None:
        self.id = number
        self.address = address
        self.sid = sid
        self.nickname = nickname_of(address, sid)
        self.outgoing = outgoing
        self.up = up
        self.seen: Envelope | None = None
        self.envelope: Envelope | None = None


class Command:
    """A client's command on its way. ``position`` is 0 while it is somebody else's log that it waits for; ``sid`` is
    the server that forwarded it, None for an own client's."""

    __slots__ = ("eid", "position", "sid", "stamp")

    def __init__(self, eid: str, position: int, stamp: int, sid: str | None) -> None:
        self.eid = eid
        self.position = position
        self.stamp = stamp
        self.sid = sid


class State:
    """One server."""

    __slots__ = (
        *("profile", "sid", "cid", "name", "address", "term", "vote", "log", "commit"),
        *("role", "leader", "joining", "leaving", "left", "died", "candidate_retrying", "had_leader"),
        *("ever_had_leader", "pre_voting", "applied", "applied_eid", "rows", "timer", "timer_new", "remotes"),
        *("servers", "peers", "others", "adding", "removing", "connections", "routes", "disconnections"),
        *("connections_made", "tend", "now", "election_base", "election_min", "election_at", "ping_at"),
        *("join_at", "leave_at", "wake", "election_started", "election_reason", "election_won", "out"),
        *("ticket", "waiters", "synced_term", "synced_vote", "log_synced", "commands", "beat", "beat_reply", "beats"),
        *("beats_key", "repeats", "_served"),
    )

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
        # durable up to here
        self.ticket = 0
        self.waiters: list[TermWait | EntryWait | MessageWait] = []
        self.synced_term = 0
        self.synced_vote: str | None = None
        self.log_synced = 0
        # volatile
        self.role = FOLLOWER
        self.leader: str | None = None
        self.joining = header.joining
        self.leaving = self.left = self.died = False
        self.candidate_retrying = self.had_leader = self.ever_had_leader = False
        self.pre_voting = False
        self.applied = 0
        self.applied_eid: str | None = None
        self.rows: list[str] = []
        self._served: tuple[list[str], tuple[str, ...]] = ([], ())
        self.timer = DEFAULT_TIMER
        self.timer_new: int | None = None
        self.remotes = list(header.remotes)
        self.servers: Servers = {}
        self.peers: dict[str, Peer] = {}
        self.others: tuple[Peer, ...] = ()
        self.adding: dict[str, Peer] = {}
        self.removing: Peer | None = None
        self.commands: dict[str, Command] = {}
        self.connections: dict[int, Connection] = {}
        self.routes: dict[str, Connection | None] = {}
        self.connections_made = 0
        self.disconnections = 0
        self.tend = True
        self._init_times()
        # the heartbeats that were sent or answered last, as they come again and again
        self.beat: AppendRequest | None = None
        self.beat_reply: AppendReply | None = None
        self.beats: dict[int, AppendRequest] = {}
        self.beats_key = (0, 0, 0)
        self.repeats = 0  # how many messages changed nothing but times
        self.out: list[Effect] = []

    def _init_times(self) -> None:
        """All in ms."""
        self.now = 0
        self.election_base = 0
        self.election_min = NEVER
        self.election_at: int | None = None
        self.ping_at = 0
        self.join_at = 0
        self.leave_at = 0
        self.wake = NEVER
        self.election_started: int | None = None
        self.election_reason = "timeout"
        self.election_won: int | None = None

    # -- durability ---------------------------------------------------------------------------------------------

    def save(self, record: Record) -> None:
        self.out.append(record)

    def sync(self) -> int:
        """Ask for durability of everything saved so far; returns the ticket."""
        self.ticket = ticket = self.ticket + 1
        self.out.append(new_tuple(Sync, (ticket,)))
        return ticket

    def set_term(self, term: int, vote: str | None) -> None:
        self.term, self.vote = term, vote
        self.save(TermRecord(term, vote))
        self.waiters.append(TermWait(self.sync(), term, vote))

    def write(self, entry: Entry) -> int:
        """Append to the own log and file; returns the index."""
        index = self.log.append(entry)
        self.out.append(new_tuple(EntryRecord, (index, entry)))
        return index

    def is_synced(self, message: Message) -> bool:
        """Whether everything that ``message`` tells is durable."""
        kind = type(message)
        if kind is AppendReply:
            return message.term <= self.synced_term and message.log_end - 1 <= self.log_synced  # type: ignore[union-attr]
        if kind is VoteReply:
            return message.term <= self.synced_term and (  # type: ignore[union-attr]
                message.pre_vote or message.vote == self.synced_vote  # type: ignore[union-attr]
            )
        if isinstance(message, VoteRequest | InstallSnapshot | InstallSnapshotReply):
            return message.term <= self.synced_term and message.last_index <= self.log_synced
        return getattr(message, "term", 0) <= self.synced_term

    # -- sending ------------------------------------------------------------------------------------------------

    def route(self, sid: str) -> Connection | None:
        """The first live connection that leads to ``sid``; none leads to oneself."""
        try:
            return self.routes[sid]
        except KeyError:
            found = None
            for connection in self.connections.values():
                if connection.sid == sid and connection.up and sid != self.sid:
                    found = connection
                    break
            self.routes[sid] = found
            return found

    def send(self, sid: str, message: Message, routine: bool = False) -> bool:
        """Send to a server; False if no connection leads there. Waits for durability where it must."""
        try:
            connection = self.routes[sid]
        except KeyError:
            connection = self.route(sid)
        if connection is None:
            return False
        if self.waiters and not self.is_synced(message):
            self.waiters.append(new_tuple(MessageWait, (0, sid, message)))
            return True
        envelope = connection.envelope or self.address_to(connection)
        self.out.append((connection.id, envelope, message, routine))
        return True

    def address_to(self, connection: Connection) -> Envelope:
        """The envelope of everything that goes to the server at the other end from now on."""
        envelope = connection.envelope = new_tuple(Envelope, (self.cid, self.sid, connection.sid))
        return envelope

    def send_on(self, connection: Connection, message: Message) -> None:
        """Send on one connection, to whoever is there."""
        if connection.up:
            envelope = new_tuple(Envelope, (self.cid, self.sid, connection.sid))
            self.out.append((connection.id, envelope, message, False))

    # -- time ---------------------------------------------------------------------------------------------------

    def reset_election(self) -> None:
        """Start a new election timeout from now; its random part is drawn when the rest has passed."""
        now = self.now
        self.election_base = now
        self.election_min = at = now + self.timer
        self.election_at = None
        if at < self.wake:
            self.want(at)

    def want(self, at: int) -> None:
        """Be woken at ``at`` (ms) or before."""
        if at < self.wake:
            self.wake = at
            self.out.append(new_tuple(Wake, (at,)))

    def ping_later(self) -> None:
        self.ping_at = self.now + self.timer // 3
        if self.role is LEADER or self.commands:
            self.want(self.ping_at)

    def deadline(self) -> int:
        """When something is to be done next (ms)."""
        if self.left or self.died:
            return NEVER
        if self.joining:
            due = self.join_at
        else:
            election_at = self.election_at
            due = self.election_min if election_at is None else election_at
        if (self.role is LEADER or self.commands) and self.ping_at < due:
            due = self.ping_at
        return min(due, self.leave_at) if self.leaving else due

    # -- configuration ------------------------------------------------------------------------------------------

    def use(self, servers: Servers) -> None:
        """Put a configuration in force: what is known of servers that stay is kept."""
        known = self.peers
        end = self.log.end
        self.set_peers({sid: known.get(sid) or Peer(sid, address, end) for sid, address in servers.items()})

    def set_peers(self, peers: dict[str, Peer]) -> None:
        """Put these servers in force."""
        self.servers = {sid: peer.address for sid, peer in peers.items()}
        self.peers = {sid: peers[sid] for sid in bucket_order(peers)}
        self.others = tuple(peer for sid, peer in self.peers.items() if sid != self.sid)
        self.tend = True

    @property
    def majority(self) -> int:
        return len(self.peers) // 2 + 1

    @property
    def is_connected(self) -> bool:
        """The ``connected`` column of ``_Server`` (facts: ovsdb-raft 1.4)."""
        out = self.candidate_retrying or self.joining or self.leaving or self.left or self.died
        return not out and self.ever_had_leader

    @property
    def lacks_database(self) -> bool:
        """Whether nothing was received yet, not even the schema: so is one that came with the file of its join and was
        told that it is a member already (measured on 3.1.0 and 4.0: clients are refused, compacting crashes)."""
        return self.log.end == 1

    @property
    def served(self) -> tuple[str, ...]:
        """What was applied; the same tuple until there is more."""
        rows, copy = self._served
        if rows is not self.rows or len(copy) != len(rows):
            rows, copy = self._served = (self.rows, tuple(self.rows))
        return copy

    @property
    def probe_ms(self) -> int:
        """The inactivity probe of this server's connections (facts: ovsdb-raft 4, 6)."""
        return JOINER_PROBE_MS if self.joining and self.profile.join_by_commit else self.timer + 1000

    def nickname(self, sid: str) -> str:
        """Four digits; for ``unix:`` sockets the name of the socket file (facts: ovsdb-raft 1.2)."""
        peer = self.peers.get(sid) or self.adding.get(sid)
        return nickname_of(self.address if sid == self.sid else peer.address if peer else "", sid)


def nickname_of(address: str, sid: str | None) -> str:
    """What logs and status call a server."""
    if address.startswith("unix:"):
        return address.removeprefix("unix:").rpartition("/")[2].partition(".")[0]
    return "0000" if sid is None else sid[:4]
