"""P6: who joins asks members, and takes no member's place."""

from __future__ import annotations

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class JoinSource(Property):
    """Judged when a server begins with a file that has not joined. A server whose disk a fault has wiped comes back
    beside its own ghost: that is Kube-OVN's start script, with or without a procedure."""

    id = "P6"
    statement = (
        "A joining server asks at least one member of the cluster, and no other server id is configured at its address."
    )
    source = "ovsdb-tool(1), join-cluster; kube-ovn #6907; OVS adc588f96; facts: testing C"

    def on_open(self, server: Replica, last: Replica | None, joining: bool, remotes: tuple[str, ...]) -> None:
        members = self.world.chronicle.members(server.database)
        if not joining or not members or server.source.node in self.world.forgetful:
            return
        if not set(remotes) & set(members.values()):
            text = f"{server.words} joins through {','.join(remotes)}, none of which is a member"
            self.broken(text, server.database)
        for sid, address in members.items():
            if address == server.address and sid != server.sid:
                text = f"{server.words} joins at {address}, where {sid[:4]} is still configured"
                self.broken(text, server.database)
