"""What a process finds when it goes on after SIGSTOP: connections that wait, messages, and streams that have ended.

As ovsdb-server's main loop: each turn takes one waiting connection, reads all of them in their order, looks at the
timers, and only then notices which have ended. To a connection that the other side has closed the first thing that is
sent still goes out, and is answered with a reset; the second one fails, and what had not been read by then is never
read: a server that slept while its leader sent heartbeats loses what came after the first of them (measured on 3.1.0:
entries behind two heartbeats are lost, those behind one are not, nor any while the other side is still there; nor what
is behind an entry, as what acknowledges it waits for the disk).
"""

from __future__ import annotations

from fake_raft.network import MS, End, Host, Network


class Backlog:
    """Of ``process``, which was stopped at ``since_us``."""

    def __init__(self, network: Network, process: Host, since_us: int) -> None:
        self._network = network
        self._process = process
        self._since_us = since_us
        ends = network.ends_of(process)
        self._old = [end for end in ends if end.number]
        self._waiting = [end for end in ends if not end.number]
        self._ended: list[End] = []
        for end in ends:
            if end.inbox and end.inbox[-1][1] is None:
                end.open = False
                end.sends = 1

    def read(self) -> None:
        """A turn up to the timers."""
        if self._old:
            for end in self._old:
                self._read(end, self._since_us)
            self._old = []
        if self._waiting:
            end = self._waiting.pop(0)
            self._process.accepted(end)
            if end.inbox:
                self._read(end, end.inbox[0][0])

    def _read(self, end: End, since_us: int) -> None:
        inbox, end.inbox = end.inbox, []
        ended = not end.open
        if ended:
            self._ended.append(end)
        probe_us = end.peer.owner.probe_ms * MS
        asked_us = since_us + probe_us
        for at, item in inbox:
            if ended and at >= asked_us:  # the other side had asked as well, and is answered
                asked_us += probe_us
                end.sends -= 1
            if item is None or not self._process.alive or (ended and end.sends < 0):
                return
            self._process.received(end, item[0], item[1])

    def close(self) -> bool:
        """The turn's end; whether another one follows."""
        ended, self._ended = self._ended, []
        for end in ended:
            end.open = True
            self._network.end_of_stream(end)
        return bool(self._waiting) and self._process.alive
