"""One raft server: ``handle(now, event) -> effects``. No clock, no randomness, no input or output inside.

Effects are in order, and whatever a message says of term, vote or log is saved by an earlier effect: durable before
sent. Times are milliseconds. Source: facts, ovsdb-raft appendix A.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from fake_raft import elections, membership, replication
from fake_raft.disk import CommitRecord, Disk, EntryRecord, NoteRecord, TermRecord
from fake_raft.messages import (
    AddServer,
    AddServerReply,
    AppendReply,
    AppendRequest,
    BecomeLeader,
    Envelope,
    Execute,
    ExecuteReply,
    Hello,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    RemoveServer,
    RemoveServerReply,
    VoteReply,
    VoteRequest,
)
from fake_raft.profile import Profile
from fake_raft.state import (
    LEADER,
    CloseConnection,
    CommandLost,
    Connection,
    Effect,
    Executed,
    Reconnect,
    SendOn,
    State,
)


class Tick(NamedTuple):
    """Time passed: look at every deadline."""


class ElectionArmed(NamedTuple):
    """The host drew the election timeout: it ends at ``at``."""

    at: int


class Durable(NamedTuple):
    """The own log up to ``index`` is on disk."""

    position: int


class Opened(NamedTuple):
    """A connection to (outgoing) or from ``address`` exists; ``up`` when it can carry messages."""

    connection: int
    address: str
    outgoing: bool
    up: bool


class Closed(NamedTuple):
    """A connection ended; an outgoing one is tried again by the host as long as its address is wanted."""

    connection: int
    gone: bool


class Received(NamedTuple):
    connection: int
    envelope: Envelope


Event: TypeAlias = Tick | ElectionArmed | Durable | Opened | Closed | Received


class StartRefused(Exception):
    """ovsdb-server can't open its file; the text is what it prints."""


def open_file(disk: Disk, profile: Profile) -> State:
    """The state of a server that has just read ``disk``.

    Raises :class:`StartRefused` for a file that says "left", lacks its own server, or goes below its commit index
    (facts: ovsdb-raft 3.6, 4, 5).
    """
    header = disk.header
    s = State(profile, header)
    s.log.reset(header.prev_index, header.prev_term, dict(header.servers), header.data, header.timer)
    s.commit = s.applied = header.prev_index
    s.rows = list(header.data)
    s.timer = header.timer
    for number, record in enumerate(disk.records, start=1):
        replay(s, number, record)
    if not s.joining:
        servers = s.log.servers()
        if s.sid not in servers:
            raise StartRefused("ovsdb-server: server does not belong to cluster")
        s.use(servers)
    for index in range(max(s.applied + 1, s.log.start), s.commit + 1):
        entry = s.log.entry(index)
        if entry.data is not None:
            s.rows.append(entry.data)
        if entry.timer is not None:
            s.timer = entry.timer
    s.applied = s.commit
    return s


def replay(s: State, number: int, record: object) -> None:
    """Take one record of the file."""
    if isinstance(record, TermRecord):
        s.term, s.vote = record.term, record.vote
    elif isinstance(record, EntryRecord):
        if record.position < s.log.end:
            if record.position < s.commit:
                raise StartRefused(
                    f"ovsdb-server: record {number} attempts to truncate log from {s.log.end} to {record.position} "
                    f"entries, but commit index is already {s.commit}"
                )
            s.log.truncate(record.position)
        s.log.append(record.entry)
        s.term = max(s.term, record.entry.term)
    elif isinstance(record, CommitRecord):
        s.commit = max(s.commit, min(record.position, s.log.end - 1))
    elif isinstance(record, NoteRecord) and record.note == "left":
        raise StartRefused(
            f"ovsdb-server: ovsdb error: error reading record {number} from DB log: record {number} indicates server "
            'has left the cluster; it cannot be added back (use "ovsdb-tool join-cluster" to add a new server)'
        )


class Server:
    """The state machine of one server."""

    def __init__(self, disk: Disk, profile: Profile) -> None:
        """Raises :class:`StartRefused` as :func:`open_file`."""
        self.state = open_file(disk, profile)

    def begin(self, now: int) -> list[Effect]:
        """The first effects: a cluster of one elects itself at once, everybody else arms an election timeout."""
        s = self.state
        s.now = now
        s.reset_election()
        s.out.append(Reconnect())
        s.join_at = now
        if not s.joining and len(s.servers) == 1:
            elections.start(s, pre_vote=False, transfer=False)
        return self.effects()

    def effects(self) -> list[Effect]:
        """What has been asked for since the last call."""
        out = self.state.out
        self.state.out = []
        return out

    def handle(self, now: int, event: Event) -> list[Effect]:
        """React to ``event`` at ``now`` (ms)."""
        s = self.state
        s.now = now
        if s.left:
            return []
        if isinstance(event, Received):
            self._receive(event.connection, event.envelope)
        elif isinstance(event, Tick):
            self._tick()
        elif isinstance(event, Durable):
            replication.durable(s, event.position)
        elif isinstance(event, ElectionArmed):
            s.election_at = event.at
            return []
        elif isinstance(event, Opened):
            self._opened(event)
        else:
            self._closed(event)
        return self.effects()

    # -- time ---------------------------------------------------------------------------------------------------

    def deadline(self) -> int | None:
        """When the next :class:`Tick` has something to do (ms)."""
        s = self.state
        if s.left:
            return None
        if s.joining:
            return s.join_at
        due = s.election_at
        if s.role == LEADER and (due is None or s.ping_at < due):
            due = s.ping_at
        if s.leaving and (due is None or s.leave_at < due):
            due = s.leave_at
        return due

    def _tick(self) -> None:
        s = self.state
        if not s.joining and s.election_at is not None and s.now >= s.election_at:
            if s.leaving and not s.profile.patient_leave:
                s.election_at = None
            else:
                elections.tick(s)
        if s.leaving and s.now >= s.leave_at:
            membership.ask_to_leave(s)
        if s.joining and s.now >= s.join_at:
            membership.ask_to_join(s)
        if s.role == LEADER and s.now >= s.ping_at:
            replication.heartbeat(s)

    # -- connections --------------------------------------------------------------------------------------------

    def wanted(self) -> list[str]:
        """Addresses to keep a connection to: one for each address, however many servers are configured there."""
        s = self.state
        found: dict[str, None] = {}
        for sid, address in s.servers.items():
            if sid != s.sid:
                found[address] = None
        for peer in s.adding.values():
            found[peer.address] = None
        if s.joining:
            found.update(dict.fromkeys(address for address in s.remotes if address != s.address))
        return list(found)

    def sid_at(self, address: str) -> str | None:
        """The first configured server at ``address``."""
        return next((sid for sid, at in self.state.servers.items() if at == address and sid != self.state.sid), None)

    def _opened(self, event: Opened) -> None:
        s = self.state
        connection = s.connections.get(event.connection)
        if connection is None:
            sid = self.sid_at(event.address) if event.outgoing else None
            connection = Connection(event.connection, event.address, sid, outgoing=event.outgoing)
            s.connections[event.connection] = connection
        if event.up and not connection.up:
            connection.up = True
            s.out.append(SendOn(event.connection, Hello(s.address)))
            if s.joining and event.outgoing:
                s.out.append(SendOn(event.connection, AddServer(s.address)))

    def _closed(self, event: Closed) -> None:
        s = self.state
        connection = s.connections.get(event.connection)
        if connection is None:
            return
        if connection.up:
            s.disconnections += 1
        connection.up = False
        if event.gone:
            del s.connections[event.connection]
        for sid, peer in list(s.adding.items()):
            if peer.requester == event.connection and event.gone:
                del s.adding[sid]

    # -- messages -----------------------------------------------------------------------------------------------

    def _receive(self, number: int, envelope: Envelope) -> None:
        s = self.state
        connection = s.connections.get(number)
        if connection is None:
            return
        cid = envelope.cid
        if cid is not None and s.cid is not None and cid != s.cid:
            self._stranger(number)  # wrong cluster: before any term is looked at
            return
        if envelope.target is not None and envelope.target != s.sid:
            self._stranger(number)  # misrouted: somebody else used to live here
            return
        if s.cid is None and cid is not None:
            s.cid = cid
        source = envelope.source
        if connection.sid is None or connection.sid not in s.servers:
            connection.sid = source
        peer = s.peers.get(source)
        if peer is not None:
            peer.last_msg = s.now
        self._dispatch(number, source, envelope.message)

    def _stranger(self, number: int) -> None:
        if self.state.profile.resets_strangers:
            self.state.out.append(CloseConnection(number))

    def _dispatch(self, number: int, source: str, message: Message) -> None:
        s = self.state
        if isinstance(message, AppendRequest):
            replication.append_request(s, source, message)
        elif isinstance(message, AppendReply):
            replication.append_reply(s, source, message)
        elif isinstance(message, VoteRequest):
            elections.vote_request(s, source, message)
        elif isinstance(message, VoteReply):
            elections.vote_reply(s, source, message)
        elif isinstance(message, InstallSnapshot):
            replication.install_snapshot(s, source, message)
        elif isinstance(message, InstallSnapshotReply):
            replication.install_snapshot_reply(s, source, message)
        elif isinstance(message, BecomeLeader):
            elections.become_leader_request(s, message)
        elif isinstance(message, AddServer):
            membership.add_server(s, source, number, message)
            s.out.append(Reconnect())
        elif isinstance(message, AddServerReply):
            membership.add_server_reply(s, message)
            s.out.append(Reconnect())
        elif isinstance(message, RemoveServer):
            membership.remove_server_request(s, source, number, message)
        elif isinstance(message, RemoveServerReply):
            membership.remove_server_reply(s, message)
        elif isinstance(message, Execute):
            membership.execute_request(s, message)
        elif isinstance(message, ExecuteReply):
            s.out.append(Executed(message.eid))


def lost_leader(effects: list[Effect]) -> bool:
    """Whether commands in flight may have been lost."""
    return any(isinstance(effect, CommandLost) for effect in effects)
