"""P8: every member knows the same servers, one at each address, and they are the ones wanted."""

from __future__ import annotations

from collections.abc import Iterable

from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database
from harness.invariants.base import EndState, Grade, Property


class SameMembers(Property):
    id = "P8"
    statement = "On every member the configured servers are the expected addresses, each exactly once, in nb and in sb."
    source = "ovn-kubernetes #1717; kube-ovn #7112; facts: kube-ovn 10, oracle (ii); testing C"
    grade = Grade.ORDER

    def at_end(self, end: EndState) -> Iterable[str]:
        return [text for database in DATABASES for text in _wrong(end.view, database, end.expected)]


def _wrong(view: ClusterView, database: Database, expected: frozenset[str]) -> list[str]:
    found = []
    wanted = ",".join(sorted(expected))
    asked = {host_of(status.address): status for _, status in view.statuses(database)}
    for host in sorted(expected):
        status = asked.get(host)
        if status is None:
            found.append(f"{database} server at {host} does not answer")
            continue
        known = sorted(host_of(server.address) for server in status.servers)
        if known != sorted(expected):
            found.append(f"{database} server at {host} knows {','.join(known)}, wanted {wanted}")
        if not status.is_member:
            found.append(f"{database} server at {host} says: {status.status}")
    return found
