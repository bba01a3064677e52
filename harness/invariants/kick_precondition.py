"""P3: who may be kicked, and when."""

from __future__ import annotations

from harness.cluster import ClusterView, MemberStatus
from harness.invariants.acts import Act
from harness.invariants.base import Property
from harness.invariants.kicked import entry_of


class KickPrecondition(Property):
    """Judged by the cluster as it is when the kick is made, which the operator may not have seen (a stale view)."""

    id = "P3"
    statement = (
        "A kick is asked of the one leader, with no other change pending, for the server that is to leave, and not for "
        "the only one that has all that is committed."
    )
    source = "ovsdb-server(1), cluster/kick; raft.c; Kube-OVN documentation; facts: ovsdb-raft 3.3 and 9, testing C"

    def on_act(self, act: Act) -> None:
        if act.what != "kick" or not act.own or act.database is None:
            return
        host = entry_of(act)
        if host is None:
            return  # nobody, or nobody any more: the leader refuses
        for problem in self._problems(act, host):
            self.broken(f"{act.database}: kick of {host}: {problem}", act.database)

    def _problems(self, act: Act, host: str) -> list[str]:
        database, view = act.database, act.view
        assert database is not None, "a kick has one"
        found = []
        leaves = self.world.leaves
        if leaves and host != leaves:
            found.append(f"{leaves} is the one that leaves")
        leaders = view.leaders(database)
        if len(leaders) != 1:
            claims = ", ".join(f"{node} in term {status.term}" for node, status in leaders) or "nobody"
            return [*found, f"led by {claims}"]
        leader = leaders[0][1]
        if leader.change_pending:
            found.append("another change is pending")
        if _only_copy(view, leader, host):
            found.append("no other live server has all that is committed")
        return found


def _only_copy(view: ClusterView, leader: MemberStatus, host: str) -> bool:
    """Whether only the server at ``host`` is up to date, as the leader counts what others have."""
    committed = leader.log_end - 1 - leader.uncommitted
    gone = {entry.sid4 for entry in leader.entry_at(host)}
    others = [entry for entry in leader.servers if entry.sid4 not in gone]
    return not any(entry.is_self or (entry.match_index or 0) >= committed for entry in others)
