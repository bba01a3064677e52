"""A look at a lab after a run: what its members serve, for invariants to judge."""

from __future__ import annotations

from harness import health
from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database
from harness.executor import LabExecutor
from harness.invariants import EndState
from harness.workload import History


def served(
    executor: LabExecutor,
    history: History | None,
    expected: frozenset[str] = frozenset(),
    retired: tuple[str, ...] = (),
    before: ClusterView | None = None,
) -> EndState:
    """The state of a cluster, also of one whose procedure stopped half-way: rows of the servers that are live members,
    and what lies on the ``retired`` nodes. ``before`` is what
    it was when it all began."""
    view = executor.view()
    rows = {
        (database, node): executor.rows(database, node)
        for database in DATABASES
        for node, status in view.statuses(database)
        if status.is_member and host_of(status.address) in health.live_hosts(view, database)
    }
    files = {name: executor.files(name) for name in retired}
    return EndState(view, expected, retired, history, rows, files, before)


def check_files(executor: LabExecutor) -> dict[Database, str]:
    """What ``ovsdb-tool check-cluster`` complains of in the files of each database; nothing where it finds nothing, or
    where there are no real files."""
    replies = {database: executor.check_files(database) for database in DATABASES}
    return {database: reply.text for database, reply in replies.items() if reply is not None and not reply.ok}
