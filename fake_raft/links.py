"""Which connections a server keeps, and what it accepts from them (facts: ovsdb-raft 3.6, 4)."""

from __future__ import annotations

from fake_raft.messages import AddServer, Envelope, Hello, Message, RemoveServer
from fake_raft.state import Connection, Dial, HangUp, Redial, State, nickname_of


def tend(s: State) -> None:
    """Close what is not needed, open what is: one connection for each address, however many servers are there."""
    s.tend = False
    own = [connection for connection in s.connections.values() if connection.outgoing]
    for connection in own:
        if not stays(s, connection):
            s.out.append(HangUp(connection.id))
            forget(s, connection)
    dialled = [connection.address for connection in own if connection.id in s.connections]
    wanted: list[tuple[str, str | None]] = [(peer.address, peer.sid) for peer in s.peers.values()]
    if s.joining:
        wanted += [(address, None) for address in s.remotes]
    for address, sid in wanted:
        if address != s.address and address not in dialled:
            dialled.append(address)
            number = new_number(s)
            s.connections[number] = Connection(number, address, sid, outgoing=True, up=False)
            s.out.append(Dial(number, address))


def stays(s: State, connection: Connection) -> bool:
    """Whether an own connection is still of use."""
    if s.joining and connection.address in s.remotes:
        return True
    if s.profile.patient_leave and s.removing is not None and connection.sid == s.removing.sid:
        return True  # until the removed server has its answer
    return s.sid not in s.peers or connection.sid in s.peers


def new_number(s: State) -> int:
    s.connections_made += 1
    return s.connections_made


def forget(s: State, connection: Connection) -> None:
    """A connection is gone for good; a joiner whose connection this was has to start over."""
    del s.connections[connection.id]
    s.routes.clear()
    s.disconnections += 1
    if connection.sid is not None:
        s.adding.pop(connection.sid, None)


def accepted(s: State, number: int) -> None:
    """Somebody connected to us; who, its first message will tell."""
    s.connections[number] = Connection(number, "", None, outgoing=False, up=True)
    s.routes.clear()


def came_up(s: State, number: int) -> None:
    """A connection that we dialled is there: introduce ourselves."""
    connection = s.connections.get(number)
    if connection is None:
        return
    connection.up = True
    connection.seen = None
    s.routes.clear()
    reconnected(s, connection)
    if s.joining:
        s.send_on(connection, AddServer(s.address))
    elif s.leaving:
        s.send_on(connection, RemoveServer(s.sid))
    else:
        s.send_on(connection, Hello(s.address))


def went_down(s: State, number: int) -> None:
    """A connection ended: an incoming one for good, an own one until it is up again."""
    connection = s.connections.get(number)
    if connection is None:
        return
    connection.up = False
    s.routes.clear()
    reconnected(s, connection)
    if not connection.outgoing:
        forget(s, connection)


def reconnected(s: State, connection: Connection) -> None:
    """A snapshot that was on its way may not have arrived."""
    peer = s.peers.get(connection.sid) if connection.sid is not None else None
    if peer is not None:
        peer.snapshotting = False


def accept_message(s: State, connection: Connection, envelope: Envelope, message: Message) -> bool:
    """Whether a message may be looked at: the cluster must be ours, the address right, the sender the expected one.

    All this comes before any term, so that strangers never move one.
    """
    cid, source, target = envelope
    foreign = cid is not None and s.cid is not None and cid != s.cid
    if cid is None and not isinstance(message, AddServer):
        foreign = True
    if not foreign and s.cid is None and cid is not None:
        s.cid = cid
        for known in s.connections.values():
            known.envelope = None
    misrouted = target is not None and target != s.sid
    if connection.sid is None and not foreign and not misrouted:
        connection.sid = source
        s.routes.clear()
    if foreign or misrouted or connection.sid != source:
        if s.profile.resets_strangers:
            s.out.append(Redial(connection.id))
        return False
    if isinstance(message, Hello | AddServer):
        connection.nickname = nickname_of(message.address, source)
    connection.seen = envelope
    return True
