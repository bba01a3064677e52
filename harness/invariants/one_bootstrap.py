"""S16: a database is founded once."""

from __future__ import annotations

from harness.invariants.base import Property
from harness.invariants.chronicle import Replica


class OneBootstrap(Property):
    """Manual recovery founds a database anew, and first stops every server of the old one (ovsdb(7))."""

    id = "S16"
    statement = "A database is created once, unless all its servers have been stopped first."
    source = "ovsdb(7), recovering from permanent loss of a quorum, step 1; facts: kube-ovn 2 and testing C"

    def on_found(self, server: Replica, first: bool) -> None:
        if first:
            return
        replicas = self.world.chronicle.replicas.values()
        old = [o for o in replicas if o.database is server.database and o.raft is not server.raft]
        if any(o.running and not o.left and not o.joining for o in old):
            text = f"{server.database} was created again on {server.source.node} while servers of it were running"
            self.broken(text, server.database)
