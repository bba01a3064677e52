"""One end of a connection between servers, and what the network asks of the server that has it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Protocol, TypeAlias

from fake_raft.messages import Envelope, Message
from fake_raft.state import State

if TYPE_CHECKING:
    from fake_raft.idle import Routine


class Host(Protocol):
    """A running server, as the network sees it."""

    address: str
    alive: bool
    paused: bool
    port: str
    ends: dict[int, End]
    changes: int
    skipped: int
    routine: Routine | None

    def accepted(self, end: End) -> None: ...

    def established(self, number: int, end: End) -> None: ...

    def refused(self, number: int) -> None: ...

    def closed(self, end: End) -> None: ...

    def received(self, end: End, envelope: Envelope, message: Message) -> None: ...

    def lose_power(self) -> None: ...

    def woken(self, wake: int) -> None: ...

    def draw_election(self) -> int: ...

    @property
    def probe_ms(self) -> int: ...

    @property
    def idle(self) -> State | None: ...


Item: TypeAlias = tuple[Envelope, Message] | None
"""What travels: a message, or None for the end of the stream."""

Parcel: TypeAlias = "tuple[End, Envelope, Message]"
"""A message on its way, with the end that sent it."""


@lru_cache(maxsize=1024)
def split(address: str) -> tuple[str, str]:
    """(host, port) of ``tcp:[10.0.0.1]:6643``; a unix socket is its own host."""
    scheme, _, rest = address.partition(":")
    if scheme not in ("tcp", "ssl"):
        return address, ""
    host, _, port = rest.rpartition(":")
    return host.strip("[]"), port


class End:
    """One end of a connection. ``number`` is its owner's; ``open`` until the owner closes or gives up; ``gone`` when
    the owner's machine lost power. ``held`` is what this end sent and a cut keeps back since ``stuck_us``; ``inbox``
    is what arrived when while its owner was stopped; ``sends`` is how often its owner may send to a peer that closed
    (fake_raft.backlog). ``unacked`` counts what went out while acknowledgements were lost, ``patient_us`` is when the
    kernel ceases to send more of it."""

    __slots__ = (
        *("host", "port", "owner", "peer", "number", "open", "gone", "tail_us", "heard_us", "held", "stuck_us"),
        *("inbox", "sends", "watched", "unacked", "patient_us", "choice"),
    )

    def __init__(self, owner: Host, number: int, port: str, now: int) -> None:
        self.host = split(owner.address)[0]
        self.port = port
        self.owner = owner
        self.number = number
        self.peer: End = self
        self.open = True
        self.gone = False
        self.tail_us = now
        self.heard_us = now
        self.held: list[Item] = []
        self.stuck_us = 0
        self.inbox: list[tuple[int, Item]] = []
        self.sends = 0
        self.unacked = 0
        self.patient_us = 0
        self.watched = False
        self.choice = "delay"
