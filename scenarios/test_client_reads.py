"""What a client has read it does not miss later, unless what was acknowledged is lost."""

from __future__ import annotations

from harness.cluster import Database
from harness.faults import Fault, FaultKind
from harness.invariants import RAFT, EndState, violations
from scenarios import support

SOON = support.FORMS_WITHIN


def test_a_client_notices_that_all_servers_were_put_back(ovn: support.Maker) -> None:
    """Each of them forgets what it had acknowledged. A client turns away from servers that are behind what it has read;
    once they have come as far again, rows that it had read are not there (S18)."""
    three = support.cluster(ovn, 3)
    nodes = support.labelled(three)
    assert three.inject(Fault(FaultKind.KEEP_COPY, nodes))
    client = three.client()
    client.start()
    three.wait(lambda: len(client.history().acknowledged(Database.NB)) >= 5, SOON, "the first writes")
    three.sleep(25.0)  # it reads all rows, again and again
    told = client.history()
    read = set(told.acknowledged(Database.NB))
    assert told.regressions == ()
    assert three.inject(Fault(FaultKind.STALE_DISK, nodes))
    missed = three.wait(lambda: client.history().regressions, 2 * SOON, "the client to miss what it had read")
    assert {regression.row for regression in missed if regression.database is Database.NB} & read
    assert all(regression.seen < regression.missed for regression in missed)
    history = client.stop()
    view = three.view()
    end = EndState(view, frozenset(node.address for node in view.labelled()), history=history, rows={})
    assert "S18" in {violation.invariant for violation in violations(end, RAFT)}
