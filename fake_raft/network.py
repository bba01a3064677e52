"""TCP between servers: connections that carry messages in order, are refused, go silent, and die late.

A cut does not lose what was sent: the sender's kernel repeats it with growing pauses, so it arrives late if the cut
heals before either side's inactivity probe gives the connection up. A cut of one way soon stops the other way of a
connection, too. A killed process says goodbye through its kernel; a host that lost power does not. Probes of healthy
connections are not simulated: they change nothing.
Sources: facts, ovsdb-raft 4, 6, 9.27; RFC 6298 for the pauses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

from fake_raft.clock import VirtualClock
from fake_raft.ends import End, Host, Item, Parcel, split
from fake_raft.messages import Envelope, Message
from fake_raft.weather import Weather

__all__ = ["MS", "Choices", "End", "Host", "Item", "Network", "split"]

MS = 1000
LINK_DELAY_US = 300
EXTRA_DELAYS_US = (0, 100, 200, 400, 700, 1500, 4000, 12000)
"""Added to the link delay by a choice; 0 is the usual."""

RETRANSMIT_US = 200_000
"""Linux's shortest retransmission pause; each further one is twice as long."""

SYN_PAUSES_MS = (1000, 2000, 4000, 8000)
"""Pauses between attempts of a kernel to connect to somebody who does not answer."""


class Choices(Protocol):
    """A named choice in ``range(n)``; 0 means "nothing bad happens". A name says what is chosen and, after ": ", for
    whom."""

    def choose(self, name: str, n: int) -> int: ...


class Foresight(Protocol):
    """Choices that can say beforehand what they will be."""

    def happy(self, names: Sequence[str]) -> bool:
        """Whether the next choices are all 0 if they are called ``names``, in whatever order; then they are taken."""


class Network:
    """All links between hosts, all listeners and all connections."""

    def __init__(self, clock: VirtualClock, choices: Choices, link_delay_us: int = LINK_DELAY_US) -> None:
        self._clock = clock
        self._choose = choices.choose
        self.foresight = cast(Foresight, choices) if hasattr(choices, "happy") else None
        self.delay_us = link_delay_us
        self._listeners: dict[str, Host] = {}
        self._ends: dict[End, None] = {}
        self._cuts: dict[tuple[str, str], dict[str, None]] = {}
        self._down: dict[str, None] = {}
        self._trouble = False
        self.calm = True
        """Whether nothing can be in the way of a message but a closed end: False is never wrong, only slower."""
        self.messages = 0
        self.changes = 0
        """Grows with every process's ``changes``: while it is the same, nobody's status has changed but in ages."""
        self._delivery = self._deliver  # bound once
        self.drop: Callable[[str, str, Message], bool] | None = None
        """A test may lose single messages: called with (source address, target address, message)."""
        self.tap: Callable[[str, str, Message, bool], None] | None = None
        """Somebody may listen: called with (source address, target address, message, whether the way is cut)."""
        self.weather = Weather(clock, self._pass_on)
        self.skips_idle = True
        """Whether heartbeats that change nothing may be skipped (:mod:`fake_raft.idle`)."""

    # -- who reaches whom ---------------------------------------------------------------------------------------

    def cut(self, source: str, target: str, port: str | int = "") -> None:
        """Lose what host ``source`` sends to host ``target``: on all connections, or on those of one raft port."""
        self._cuts.setdefault((source, target), {})[str(port)] = None
        self._trouble, self.calm = True, False
        self._watch()

    def worsen(self, host: str, kind: str) -> None:
        """What ``host`` sends and gets is late from now on, as :mod:`fake_raft.weather` says of ``kind``."""
        self.weather.hosts[host] = kind
        self._trouble, self.calm = True, False

    def heal(self, source: str | None = None, target: str | None = None) -> None:
        """End every cut and bad weather, or the cuts from ``source`` to ``target``."""
        if source is None or target is None:
            self._cuts.clear()
            self.weather.clear()
        else:
            self._cuts.pop((source, target), None)
        self._relax()

    def host_down(self, host: str) -> None:
        """The host loses power: its processes die unheard and with what was not synced; peers learn by probes."""
        self._down[host] = None
        self._trouble, self.calm = True, False
        for end in self._ends:
            if end.host == host:
                end.gone, end.open = True, False
        for process in [p for p in self._listeners.values() if split(p.address)[0] == host]:
            process.lose_power()
        self._watch()

    def host_up(self, host: str) -> None:
        """Power is back. What still talks to the old processes is reset when it next says something."""
        self._down.pop(host, None)
        self._relax()

    def blocked(self, source: str, target: str, port: str) -> bool:
        """Whether nothing gets from host ``source`` to host ``target`` now, on the connections of ``port``."""
        if not self._trouble:
            return False
        if source in self._down or target in self._down:
            return True
        ports = self._cuts.get((source, target))
        return ports is not None and ("" in ports or port in ports)

    @property
    def undisturbed(self) -> bool:
        """Whether all links work, nobody looks at single messages, and some may be skipped."""
        return self.skips_idle and self.drop is None and self.tap is None and not self._trouble

    def _relax(self) -> None:
        self._trouble = bool(self._cuts or self._down or self.weather.hosts)
        for end in list(self._ends):
            if end.unacked and not self.blocked(end.peer.host, end.host, end.port):
                end.unacked = 0
            if end.held and not end.gone and not self._obstructed(end):
                self._retransmit_later(end)
            if end.watched and not self._silent(end):
                end.heard_us = self._clock.now
        self._calm_down()

    def _calm_down(self) -> None:
        """See whether the last trouble is over."""
        self.calm = not self._trouble and not any(
            end.gone or end.held or end.owner.paused or (end.open and not end.number) for end in self._ends
        )

    # -- connecting -----------------------------------------------------------------------------------------------

    def listen(self, process: Host) -> bool:
        """Take the process's address; False while another process has it."""
        holder = self._listeners.get(process.address)
        if holder is not None and holder is not process and holder.alive:
            return False
        self._listeners[process.address] = process
        return True

    def unlisten(self, process: Host) -> None:
        if self._listeners.get(process.address) is process:
            del self._listeners[process.address]

    def connect(self, process: Host, number: int, address: str, until_us: int, attempt: int = 0) -> None:
        """Try until ``until_us``: ``process.established(number, end)`` or ``refused(number)`` follows, or nothing."""
        host, port = split(address)
        own = split(process.address)[0]
        now = self._clock.now
        if self.blocked(own, host, port) or self.blocked(host, own, port):
            again = now + SYN_PAUSES_MS[min(attempt, len(SYN_PAUSES_MS) - 1)] * MS
            if again < until_us:
                self._clock.post(again, self._connect_again, (process, number, address, until_us, attempt + 1))
            return
        late = self.weather.handshake_us(own, host) if self._trouble else 0
        self._clock.post(now + 2 * self.delay_us + late, self._answer, (process, number, address))

    def _connect_again(self, call: tuple[Host, int, str, int, int]) -> None:
        if call[0].alive:
            self.connect(*call)

    def _answer(self, call: tuple[Host, int, str]) -> None:
        process, number, address = call
        if not process.alive:
            return
        server = self._listeners.get(address)
        if server is None or not server.alive:
            process.refused(number)
            return
        now = self._clock.now
        port = split(address)[1]
        near, far = End(process, number, port, now), End(server, 0, port, now)
        near.peer, far.peer = far, near
        near.choice, far.choice = f"delay: {near.host}>{far.host}:{port}", f"delay: {far.host}>{near.host}:{port}"
        self._ends[near] = self._ends[far] = None
        if not server.paused:
            server.accepted(far)
        process.established(number, near)
        if server.paused:
            self._watch()  # only its kernel has answered

    # -- carrying ---------------------------------------------------------------------------------------------------

    def send(self, end: End, envelope: Envelope, message: Message, routine: bool) -> None:
        """Deliver to the other end, after everything sent before. Routine messages draw no choice."""
        if not end.open:
            end.sends -= 1
            return
        if (self.drop or self.tap) and self._loses(end, message):
            return
        clock = self._clock
        at = clock.now + self.delay_us
        if not routine:
            extra = self._choose(end.choice, 8)
            if extra:
                at += EXTRA_DELAYS_US[extra]
        if at < end.tail_us:
            at = end.tail_us
        else:
            end.tail_us = at
        self.messages += 1
        clock.post(at, self._delivery, (end, envelope, message))

    def _loses(self, end: End, message: Message) -> bool:
        """Let those know who look at single messages; whether one of them takes this one away."""
        if self.drop is not None and self.drop(end.owner.address, end.peer.owner.address, message):
            return True
        if self.tap is not None:
            cut = bool(end.held) or self.blocked(end.host, end.peer.host, end.port)
            self.tap(end.owner.address, end.peer.owner.address, message, cut)
        return False

    def close(self, end: End) -> None:
        """The owner closes: the other end hears of it after everything that was sent."""
        if not end.open:
            return
        end.open = False
        end.tail_us = max(end.tail_us, self._clock.now + self.delay_us)
        self._clock.post(end.tail_us, self._end_arrives, end)

    def _deliver(self, parcel: Parcel) -> None:
        """Where nothing is in the way, which is nearly always; else :meth:`_arrive` says what becomes of it."""
        source, envelope, message = parcel
        end = source.peer
        if self.calm and end.open:
            end.heard_us = self._clock.now
            end.owner.received(end, envelope, message)
        else:
            self._arrive(source, (envelope, message))

    def _end_arrives(self, source: End) -> None:
        self._arrive(source, None)
        if not self.calm:
            self._calm_down()

    def _arrive(self, source: End, item: Item) -> None:
        """Something gets to the other side, when the weather lets it."""
        if not (self.weather.hosts and self.weather.delays(source, source.host, source.peer.host, item)):
            self._pass_on(source, item)

    def _pass_on(self, source: End, item: Item) -> None:
        """Something gets to the other side, unless the way is cut; then the sender's kernel keeps it."""
        end = source.peer
        if source.gone:
            return
        if source.held or (
            self._trouble and (self.blocked(source.host, end.host, source.port) or self._stalls(source))
        ):
            if not source.held:
                source.stuck_us = self._clock.now
            source.held.append(item)
            return
        if not end.open:
            if item is None or not source.open:
                self._ends.pop(source, None)
                self._ends.pop(end, None)
            elif end.gone or end.held:  # a dead host's kernel, or that of a dead process whose last word is still held
                self._clock.post(self._clock.now + self.delay_us, self._reset, source)
            return
        end.heard_us = self._clock.now
        owner = end.owner
        if owner.paused or not end.number:
            end.inbox.append((self._clock.now, item))
        elif item is None:
            self.end_of_stream(end)
        else:
            owner.received(end, item[0], item[1])

    def _obstructed(self, end: End) -> bool:
        """Whether a way is cut, there or back: without acknowledgements TCP does not go on."""
        return self.blocked(end.host, end.peer.host, end.port) or self.blocked(end.peer.host, end.host, end.port)

    def _stalls(self, source: End) -> bool:
        """Whether the kernel keeps what ``source`` sends, as acknowledgements are lost: new data still goes out until a
        retransmission is due, 200 ms after the first or the second that was not acknowledged (measured on Linux with
        heartbeats every 167 and 333 ms: three and one of them arrived)."""
        if not self.blocked(source.peer.host, source.host, source.port):
            return False
        now = self._clock.now
        if source.unacked and now >= source.patient_us:
            return True
        source.unacked += 1
        if source.unacked <= 2:
            source.patient_us = now + RETRANSMIT_US
        return False

    def end_of_stream(self, end: End) -> None:
        """The owner reads that there is no more."""
        if end.open:
            end.open = False
            self._ends.pop(end, None)
            self._ends.pop(end.peer, None)
            if end.owner.alive:
                end.owner.closed(end)

    def _reset(self, end: End) -> None:
        """The other side's kernel knows nothing of this connection."""
        if not self.blocked(end.peer.host, end.host, end.port):
            self.end_of_stream(end)

    def _retransmit_later(self, end: End) -> None:
        """The kernel tries again at pauses that doubled while the way was cut."""
        pause, at = RETRANSMIT_US, end.stuck_us + RETRANSMIT_US
        while at <= self._clock.now:
            pause *= 2
            at += pause
        self._clock.post(at, self._retransmit, end)

    def _retransmit(self, end: End) -> None:
        if not end.held:
            return
        if self._obstructed(end):
            return
        held, end.held = end.held, []
        for item in held:
            self._pass_on(end, item)
        self._calm_down()

    # -- processes ----------------------------------------------------------------------------------------------------

    def died(self, process: Host) -> None:
        """The process is gone: its kernel closes what it had."""
        self.unlisten(process)
        for end in [end for end in self._ends if end.owner is process]:
            self.close(end)

    def stopped(self) -> None:
        """Some process is paused: it answers no probe."""
        self.calm = False
        self._watch()

    def ends_of(self, process: Host) -> list[End]:
        """Its open connections, the oldest first."""
        return [end for end in self._ends if end.owner is process and end.open]

    def resumed(self) -> None:
        """Some process goes on: others may have been silent for it."""
        self._calm_down()
        self._watch()

    # -- silence ------------------------------------------------------------------------------------------------------

    def _silent(self, end: End) -> bool:
        """Whether nothing comes from the other end, or soon will not."""
        peer = end.peer
        return peer.gone or peer.owner.paused or (self._trouble and self._obstructed(end))

    def _watch(self) -> None:
        """Somebody may have gone silent: each end that hears nothing gives up after two probe intervals."""
        now = self._clock.now
        for end in list(self._ends):
            if end.open and not end.watched and self._silent(end):
                interval = end.owner.probe_ms * MS
                # An idle connection was alive at each probe: the last sign of life is at most one interval old.
                shortest = min(interval, end.peer.owner.probe_ms * MS)
                heard = now - (now - end.heard_us) % shortest
                end.heard_us = max(end.heard_us, heard)
                end.watched = True
                self._clock.post(max(now, end.heard_us + 2 * interval), self._give_up, end)

    def _give_up(self, end: End) -> None:
        end.watched = False
        if not end.open or not end.owner.alive or end.owner.paused or not self._silent(end):
            return
        due = end.heard_us + 2 * end.owner.probe_ms * MS
        if due > self._clock.now:
            end.watched = True
            self._clock.post(due, self._give_up, end)
            return
        self.close(end)
        end.owner.closed(end)
