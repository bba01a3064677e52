"""TCP between servers: connections that carry messages in order, are refused, go silent, and die late.

A cut does not lose what was sent: TCP keeps it and delivers it late, if the cut heals before either side's inactivity
probe gives the connection up. Sources: facts, ovsdb-raft 4, 6, 9.27.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from fake_raft.clock import VirtualClock
from fake_raft.messages import Envelope

MS = 1000
LINK_DELAY_US = 300
PAUSED_LOOK_US = 250_000
EXTRA_DELAYS_US = (0, 100, 200, 400, 700, 1500, 4000, 12000)
"""Added to the link delay by a choice; 0 is the usual."""


class Choices(Protocol):
    def choose(self, name: str, n: int) -> int: ...


class Endpoint(Protocol):
    """A running server, as the network sees it."""

    address: str
    alive: bool
    paused: bool

    def accepted(self, pipe: Pipe) -> None: ...

    def established(self, pipe: Pipe) -> None: ...

    def closed(self, pipe: Pipe) -> None: ...

    def received(self, pipe: Pipe, envelope: Envelope) -> None: ...

    @property
    def probe_ms(self) -> int: ...


def split(address: str) -> tuple[str, str]:
    """(host, port) of ``tcp:[10.0.0.1]:6643``; a unix socket is its own host."""
    scheme, _, rest = address.partition(":")
    if scheme not in ("tcp", "ssl"):
        return address, ""
    host, _, port = rest.rpartition(":")
    return host.strip("[]"), port


class Pipe:
    """One connection: ``client`` opened it, ``server`` accepted it. ``held`` is what a cut keeps back, by direction."""

    __slots__ = ("client", "client_ends", "held", "open", "sent_at", "server", "server_ends")

    def __init__(self, client: Endpoint, server: Endpoint) -> None:
        self.client = client
        self.server = server
        self.open = True
        self.client_ends = self.server_ends = True
        self.sent_at = [0, 0]
        self.held: tuple[list[Envelope], list[Envelope]] = ([], [])

    def other(self, end: Endpoint) -> Endpoint:
        return self.server if end is self.client else self.client


class Network:
    """All links between hosts, all listeners and all connections."""

    def __init__(self, clock: VirtualClock, choices: Choices, link_delay_us: int = LINK_DELAY_US) -> None:
        self._clock = clock
        self._choices = choices
        self._delay = link_delay_us
        self._listeners: dict[str, Endpoint] = {}
        self._pipes: dict[Pipe, None] = {}
        self._cuts: dict[tuple[str, str], set[str]] = {}
        self._down: set[str] = set()
        self.messages = 0
        self.drop: Callable[[str, str, Envelope], bool] | None = None
        """A test may lose single messages: called with (source address, target address, envelope)."""

    # -- who reaches whom ---------------------------------------------------------------------------------------

    def cut(self, source: str, target: str, port: str = "") -> None:
        """Drop what host ``source`` sends to host ``target``, on one port of either end or on all."""
        self._cuts.setdefault((source, target), set()).add(port)
        self._give_up_later()

    def heal(self, source: str | None = None, target: str | None = None) -> None:
        """End every cut, or those from ``source`` to ``target``."""
        if source is None or target is None:
            self._cuts.clear()
        else:
            self._cuts.pop((source, target), None)
        self._flush()

    def host_down(self, host: str) -> None:
        """The host loses power: its processes die unheard, its peers find out by their probes."""
        self._down.add(host)
        for endpoint in [e for e in self._listeners.values() if split(e.address)[0] == host]:
            endpoint.alive = False
        self._give_up_later()

    def host_up(self, host: str) -> None:
        """Power is back: whatever still talks to the old processes is reset."""
        self._down.discard(host)
        self._flush()

    def blocked(self, source: str, target: str) -> bool:
        """Whether nothing gets from address ``source`` to address ``target`` now."""
        if not self._cuts and not self._down:
            return False
        (source_host, source_port), (target_host, target_port) = split(source), split(target)
        if source_host in self._down or target_host in self._down:
            return True
        ports = self._cuts.get((source_host, target_host))
        return ports is not None and ("" in ports or target_port in ports or source_port in ports)

    # -- connections --------------------------------------------------------------------------------------------

    def listen(self, endpoint: Endpoint) -> None:
        self._listeners[endpoint.address] = endpoint

    def unlisten(self, endpoint: Endpoint) -> None:
        if self._listeners.get(endpoint.address) is endpoint:
            del self._listeners[endpoint.address]

    def connect(self, client: Endpoint, address: str) -> bool | None:
        """Try to open a connection: True when one is being made, False when refused, None when nothing answers."""
        if self.blocked(client.address, address) or self.blocked(address, client.address):
            return None
        server = self._listeners.get(address)
        if server is None or not server.alive:
            return False
        pipe = Pipe(client, server)
        self._pipes[pipe] = None
        self._clock.call_later(2 * self._delay, self._establish, pipe)
        return True

    def _establish(self, pipe: Pipe) -> None:
        if not pipe.open:
            return
        if not pipe.server.alive or not pipe.client.alive:
            self.close(pipe, pipe.server if not pipe.server.alive else pipe.client)
            return
        if pipe.server.paused or pipe.client.paused:
            self._clock.call_later(PAUSED_LOOK_US, self._establish, pipe)
            return
        pipe.server.accepted(pipe)
        pipe.client.established(pipe)

    def send(self, pipe: Pipe, source: Endpoint, envelope: Envelope, not_before_us: int) -> None:
        """Deliver ``envelope`` to the other end, after everything sent before it."""
        if not pipe.open:
            return
        target = pipe.other(source)
        if self.drop is not None and self.drop(source.address, target.address, envelope):
            return
        direction = 0 if source is pipe.client else 1
        extra = EXTRA_DELAYS_US[self._choices.choose("delay", len(EXTRA_DELAYS_US))]
        at = max(not_before_us, self._clock.now) + self._delay + extra
        at = max(at, pipe.sent_at[direction])
        pipe.sent_at[direction] = at
        self.messages += 1
        self._clock.call_at(at, self._deliver, pipe, source, target, envelope)

    def _deliver(self, pipe: Pipe, source: Endpoint, target: Endpoint, envelope: Envelope) -> None:
        if not pipe.open:
            return
        direction = 0 if source is pipe.client else 1
        held = pipe.held[direction]
        if held or target.paused or ((self._cuts or self._down) and self.blocked(source.address, target.address)):
            held.append(envelope)
            return
        if target.alive:
            target.received(pipe, envelope)

    def close(self, pipe: Pipe, who: Endpoint) -> None:
        """``who`` closes its end; the other end hears of it unless the way there is cut."""
        if not pipe.open:
            return
        other = pipe.other(who)
        if self.blocked(who.address, other.address):
            self._half_close(pipe, who)
            return
        pipe.open = False
        self._pipes.pop(pipe, None)
        if who.alive:
            who.closed(pipe)
        self._clock.call_later(self._delay, self._tell_closed, other, pipe)

    def _half_close(self, pipe: Pipe, who: Endpoint) -> None:
        """Only one end knows: the other keeps sending into nothing until its probe, or a reset after the heal."""
        if who is pipe.client:
            if not pipe.client_ends:
                return
            pipe.client_ends = False
        else:
            if not pipe.server_ends:
                return
            pipe.server_ends = False
        if who.alive:
            who.closed(pipe)
        if not pipe.client_ends and not pipe.server_ends:
            pipe.open = False
            self._pipes.pop(pipe, None)

    @staticmethod
    def _tell_closed(end: Endpoint, pipe: Pipe) -> None:
        if end.alive:
            end.closed(pipe)

    def died(self, endpoint: Endpoint) -> None:
        """The process is gone: its kernel closes what it had."""
        endpoint.alive = False
        self.unlisten(endpoint)
        if split(endpoint.address)[0] in self._down:
            self._give_up_later()
            return
        for pipe in [pipe for pipe in self._pipes if endpoint in (pipe.client, pipe.server)]:
            self.close(pipe, endpoint)

    def stopped(self, endpoint: Endpoint) -> None:
        """The process is paused: it answers no probe."""
        self._give_up_later()

    def resumed(self, endpoint: Endpoint) -> None:
        self._flush()

    # -- silence ------------------------------------------------------------------------------------------------

    def _silent(self, pipe: Pipe, listener: Endpoint) -> bool:
        """Whether ``listener`` hears nothing from the other end."""
        other = pipe.other(listener)
        return other.paused or not other.alive or self.blocked(other.address, listener.address)

    def _give_up_later(self) -> None:
        """Somebody may have gone silent: each end that hears nothing gives up after two probe intervals."""
        for pipe in list(self._pipes):
            for end in (pipe.client, pipe.server):
                if end.alive and self._silent(pipe, end):
                    wait = 2 * end.probe_ms * MS
                    self._clock.call_later(wait, self._give_up, pipe, end, self._clock.now)

    def _give_up(self, pipe: Pipe, end: Endpoint, since: int) -> None:
        heard = pipe.sent_at[1 if end is pipe.client else 0]
        ends = pipe.client_ends if end is pipe.client else pipe.server_ends
        if pipe.open and ends and end.alive and not end.paused and self._silent(pipe, end) and heard is not None:
            self._half_close(pipe, end)

    def _flush(self) -> None:
        """Ways are open again: deliver what was held, reset what is half dead."""
        for pipe in list(self._pipes):
            for direction, (source, target) in enumerate(((pipe.client, pipe.server), (pipe.server, pipe.client))):
                if not pipe.open or self.blocked(source.address, target.address):
                    continue
                ended = not (pipe.client_ends if source is pipe.client else pipe.server_ends)
                if ended or not source.alive:
                    pipe.open = False
                    self._pipes.pop(pipe, None)
                    self._clock.call_later(self._delay, self._tell_closed, target, pipe)
                elif not target.paused:
                    self._clock.call_later(self._delay, self._deliver_held, pipe, source, target, direction)

    def _deliver_held(self, pipe: Pipe, source: Endpoint, target: Endpoint, direction: int) -> None:
        held = pipe.held[direction]
        while held and pipe.open and target.alive and not target.paused:
            if self.blocked(source.address, target.address):
                return
            target.received(pipe, held.pop(0))
