"""Whether a member can be spared for a moment."""

from __future__ import annotations

from harness import health
from harness.cluster import DATABASES, ClusterView
from harness.quorum import majority
from harness.steps.base import Problem

SETTLE = 120.0
"""Cluster seconds that a step waits for one pod's fate to show: a removal may take a minute (kubernetes 0.10)."""


def needed(view: ClusterView, host: str) -> Problem | None:
    """Why the server on ``host`` can't be spared for a moment; None if it can, or is no member."""
    for database in DATABASES:
        hosts = health.member_hosts(view, database)
        alive, needed = len((health.live_hosts(view, database) - {host}).intersection(hosts)), majority(len(hosts))
        if host in hosts and alive < needed:
            seen = f"{database}: without {host} {alive} of {len(hosts)} servers live, {needed} are needed"
            return Problem(seen, why="restarting it stops every write", todo="add a member first", fatal=True)
    return None
