"""The moment in which a server is elected, before anybody hears from it as their leader."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fake_raft import VirtualClock
from fake_raft.messages import AppendRequest, Message
from fake_raft.network import Network, split


def at_next_election(network: Network, clock: VirtualClock, terms: Mapping[str, int], act: Callable[[], None]) -> None:
    """Call ``act`` once, when a leader of a term above that of its port has sent its first entry and before it arrives.

    The run stays the same until then, but costs more.
    """
    listened = network.tap

    def tap(source: str, target: str, message: Message, cut: bool) -> None:
        if listened is not None:
            listened(source, target, message, cut)
        if isinstance(message, AppendRequest) and message.entries and network.tap is tap:
            before = terms.get(split(source)[1])
            if before is None or message.term <= before:
                return
            network.tap = listened
            clock.call_later(0, act)

    network.tap = tap
