"""Every property of raft is broken by a history of files that breaks it, and by no healthy one."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import closing

import pytest
from support_evidence import CID, A, B, C, D, E, Files, address, contents, servers

from harness import executors, health
from harness.cluster import DATABASES, ClusterView, Database
from harness.faults import Fault, FaultKind
from harness.invariants import RAFT, EndState, Monitor, World, violations
from harness.raft_events import (
    Appended,
    Committed,
    Contents,
    Led,
    Opened,
    RaftEvent,
    Rewritten,
    Source,
    Stopped,
    Term,
)
from harness.search.tape import Tape
from harness.spec import ClusterSpec
from harness.watched import Watched
from harness.workload import History, Regression, Write
from tests.unit.support_views import Cluster, healthy

OTHER_CID = "d2d2d2d2-0000-4000-8000-000000000000"


def grow(*, ordered: bool = True) -> Files:
    """Healthy: writes, an election, a fourth server that joins, the first that leaves, a snapshot, a restart."""
    files = Files(ordered=ordered).commit(A, 3, 1, B, C, data="x").elect(B, 2, C).commit(B, 4, 2, C)
    files.write(A, Term(2, None), Led(2, B), Appended(4, 2), Committed(4))
    files.open(D, Contents(None, 0, 0, {}, (), 0, None, 0), joining=True, remotes=(address(B),))
    files.write(D, Term(2, None), Rewritten(contents(Appended(4, 2), base=3, base_term=1, term=2, commit=4)))
    for sid in (B, A, C, D):
        files.write(sid, Appended(5, 2, None, servers(A, B, C, D)))
    for sid in (B, A, C, D):
        files.write(sid, Committed(5))
    for sid in (B, C, D):
        files.write(sid, Appended(6, 2, None, servers(B, C, D)))
    for sid in (B, C, D):
        files.write(sid, Committed(6))
    lost = (Appended(7, 2, "never synced"), Term(3, C))
    files.write(C, *lost, Stopped(lost, 2, None))
    whole = contents(*(Appended(i, 2) for i in (4, 5, 6)), base=3, base_term=1, term=2, commit=6)
    files.open(C, whole._replace(servers=servers(A, B, C)))
    return files.write(C, Term(3, D), Appended(7, 3))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_healthy_history_breaks_nothing(ordered: bool) -> None:
    assert grow(ordered=ordered).words == []


def two_leaders_of_a_term() -> Files:
    return Files().elect(B, 2, C).write(A, Term(2, A), Led(2, A))


def two_votes_in_a_term() -> Files:
    return Files().write(C, Term(2, B), Term(2, A))


def two_votes_across_a_restart() -> Files:
    """The disk was honest: what was told to be durable is there, and the server does not read it."""
    files = Files().write(C, Term(2, B), Stopped((), 2, B))
    return files.open(C, contents(Appended(2, 1), commit=2, term=2)).write(C, Term(2, A))


def another_entry_of_the_same_term() -> Files:
    return Files().write(B, Appended(3, 1, "x")).write(C, Appended(3, 1, "y"))


def the_same_entry_after_another() -> Files:
    return (
        Files()
        .write(A, Term(2, A), Appended(3, 2))
        .write(B, Term(2, A), Appended(3, 1), Appended(4, 2))
        .write(A, Appended(4, 2))
    )


def an_entry_of_an_old_term() -> Files:
    return Files().write(B, Term(2, A), Appended(3, 2), Appended(4, 1))


def a_leader_that_takes_back() -> Files:
    return Files().write(A, Appended(3, 1, "x"), Appended(4, 1, "y"), Appended(3, 1, "z"))


def a_leader_without_what_was_committed() -> Files:
    return Files().commit(A, 3, 1, B, data="x").elect(C, 2, B)


def an_old_leader_that_commits_what_the_new_one_lacks() -> Files:
    return Files().elect(C, 2, B).write(A, Appended(3, 1)).write(B, Appended(3, 1)).write(A, Committed(3))


def two_entries_committed_at_one_index() -> Files:
    files = Files().commit(A, 3, 1, B, data="x").elect(C, 2)
    return files.write(C, Appended(3, 2, "y"), Committed(3))


def what_was_committed_is_cut_off() -> Files:
    return Files().commit(A, 3, 1, B, C, data="x").write(B, Term(2, None), Appended(3, 2, "y"))


def a_snapshot_of_something_else() -> Files:
    whole = contents(base=3, base_term=7, term=7, commit=3)
    return Files().commit(A, 3, 1, B, data="x").write(C, Rewritten(whole))


def a_commit_that_one_has() -> Files:
    return Files().write(A, Appended(3, 1), Committed(3))


def a_vote_for_who_lacks_it() -> Files:
    return Files().commit(A, 3, 1, B, data="x").write(C, Term(2, C)).write(B, Term(2, C))


def a_term_that_falls() -> Files:
    return Files().write(C, Term(5, None), Term(4, None))


def a_commit_that_falls() -> Files:
    return Files().commit(A, 3, 1, B, data="x").write(B, Committed(2))


def a_term_forgotten_by_a_restart() -> Files:
    files = Files().write(C, Term(5, None), Stopped((), 5, None))
    return files.open(C, contents(Appended(2, 1), commit=2, term=1))


def a_commit_beyond_the_log() -> Files:
    return Files().write(C, Committed(9))


def a_change_before_the_last_is_committed() -> Files:
    files = Files().write(A, Appended(3, 1, None, servers(A, B, C, D)))
    return files.write(A, Appended(4, 1, None, servers(A, B, C, D, E)), Appended(5, 1, "x"))


def a_change_before_anything_of_the_term_is_committed() -> Files:
    files = Files(World(own_term=True)).elect(B, 2, C).write(B, Appended(3, 2))
    return files.write(B, Appended(4, 2, None, servers(B, C)), Appended(5, 2, "x"))


def a_leader_whose_majority_need_not_meet_the_last() -> Files:
    """Two different servers taken out of four, by two leaders: the hole of OVSDB (facts: testing 0.2)."""
    files = grow()
    files.write(B, Appended(7, 2, None, servers(B, C, D, E)))
    for sid in (C, D):
        files.write(sid, Appended(7, 2, None, servers(B, C, D, E)))
    files.write(B, Committed(7), Appended(8, 2, None, servers(B, C, D)))
    files.elect(C, 4, D).write(C, Appended(8, 4, None, servers(C, D, E))).write(
        D, Appended(8, 4, None, servers(C, D, E))
    )
    files.write(C, Committed(8))
    return files.elect(B, 5)


def two_servers_at_once() -> Files:
    return Files().write(A, Appended(3, 1, None, servers(A)))


def a_removed_server_comes_back() -> Files:
    files = Files()
    for index, members in ((3, servers(A, B)), (4, servers(A, B, C))):
        for sid in (A, B):
            files.write(sid, Appended(index, 1, None, members))
        for sid in (A, B):
            files.write(sid, Committed(index))
    return files


def a_second_cluster() -> Files:
    return Files().open(D, contents(cid=OTHER_CID, members=servers(D)))


def a_server_that_changes_its_cluster() -> Files:
    files = Files().write(C, Stopped((), 1, None))
    return files.open(C, contents(cid=OTHER_CID, members=servers(C)))


CASES: list[tuple[str, Callable[[], Files], str]] = [
    ("S1", two_leaders_of_a_term, "nb term 2 was led by bbbb and by aaaa"),
    ("S2", two_votes_in_a_term, "voted for bbbb and for aaaa in term 2"),
    ("S2", two_votes_across_a_restart, "voted for bbbb and for aaaa in term 2"),
    ("S3", another_entry_of_the_same_term, "has another entry 3 of term 1"),
    ("S3", the_same_entry_after_another, "has another entry 4 of term 2"),
    ("S3", an_entry_of_an_old_term, "has entry 4 of term 1 after one of term 2"),
    ("S4", a_leader_that_takes_back, "cut its log off at 3"),
    ("S5", a_leader_without_what_was_committed, "leads term 2 without entry 3 of term 1"),
    ("S5", an_old_leader_that_commits_what_the_new_one_lacks, "leads term 2 without entry 3"),
    ("S6", two_entries_committed_at_one_index, "committed entry 3 of term 2, another server that of term 1"),
    ("S6", what_was_committed_is_cut_off, "cut its log off at 3, and had committed up to 3"),
    ("S6", a_snapshot_of_something_else, "committed entry 3 of term 7"),
    ("S7", a_commit_that_one_has, "committed entry 3, which 1 of 3 servers have, 2 needed"),
    ("S8", a_vote_for_who_lacks_it, "voted for cccc, which lacks entry 3"),
    ("S9", a_term_that_falls, "from term 5 back to 4"),
    ("S9", a_commit_that_falls, "from commit index 3 back to 2"),
    ("S9", a_term_forgotten_by_a_restart, "began again in term 1, and had been in 5"),
    ("S9", a_commit_beyond_the_log, "its log reaches to 2"),
    ("S10", a_change_before_the_last_is_committed, "while that at 3 was not committed"),
    ("S11", a_change_before_anything_of_the_term_is_committed, "before an entry of its term was committed"),
    ("S12", a_leader_whose_majority_need_not_meet_the_last, "they need not meet"),
    ("S13", two_servers_at_once, "changes 2 servers at once"),
    ("S14", a_removed_server_comes_back, "is configured again under the same id"),
    ("S15", a_second_cluster, "nb has 2 cluster ids"),
    ("S15", a_server_that_changes_its_cluster, "went from cluster id c1c1"),
    ("S16", a_second_cluster, "was created again on four while servers of it were running"),
]


@pytest.mark.parametrize(("identity", "history", "text"), CASES, ids=[f"{c[0]}-{c[1].__name__}" for c in CASES])
def test_a_history_breaks_it(identity: str, history: Callable[[], Files], text: str) -> None:
    files = history()
    assert any(w.startswith(identity + ":") and text in w for w in files.words), files.words


def test_ovsdb_may_change_before_its_own_term_unless_it_is_asked_not_to() -> None:
    files = Files().elect(B, 2, C).write(B, Appended(3, 2), Appended(4, 2, None, servers(B, C)), Appended(5, 2, "x"))
    assert "S11" not in files.broken


def test_a_leader_may_write_the_next_change_with_the_record_that_commits_the_last() -> None:
    files = Files().write(A, Appended(3, 1, None, servers(A, B, C, D)))
    for sid in (B, C):
        files.write(sid, Appended(3, 1, None, servers(A, B, C, D)))
    files.write(A, Appended(4, 1, None, servers(A, B, C)), Committed(3))
    assert files.words == []


def test_a_database_may_be_founded_again_when_all_its_servers_are_stopped() -> None:
    files = Files()
    for sid in (A, B, C):
        files.write(sid, Stopped((), 1, None))
    files.open(D, contents(cid=OTHER_CID, members=servers(D)))
    assert files.words == []


def test_what_a_disk_forgets_is_its_own_doing() -> None:
    files = Files(World(forgetful={"three"})).write(C, Term(5, B), Stopped((), 5, B))
    files.open(C, contents(Appended(2, 1), commit=2, term=1)).write(C, Term(5, A))
    assert files.words == []


def test_databases_are_told_apart() -> None:
    files = Files()
    sb = Source(Database.SB, "two", B)
    whole = contents(Appended(2, 1), cid=OTHER_CID, commit=2, led=((1, B),))
    files.monitor.raft([RaftEvent(9.0, sb, Opened(address(B), False, (), whole))])
    assert files.words == []


# -- by statuses, where nobody can read files -------------------------------------------------------------------------

THIRD = "kube-ovn-control-plane3"


def looks(*clusters: Cluster) -> list[str]:
    monitor = Monitor(RAFT)
    for cluster in clusters:
        monitor.observe(cluster.view())
    return [str(violation) for violation in monitor.violations]


def removed_and_back() -> list[str]:
    before, after = healthy(3), healthy(3)
    after.raft[Database.NB].servers = [s for s in after.raft[Database.NB].servers if s.node != THIRD]
    return looks(before, after, healthy(3))


BY_STATUS: list[tuple[str, Callable[[], list[str]], str]] = [
    ("S1", lambda: looks(healthy(3), healthy(3).lead(Database.NB, THIRD)), "nb term 7 was led by"),
    ("S2", lambda: looks(healthy(3), healthy(3).tell(Database.NB, THIRD, vote="9999")), "and for 9999 in term 7"),
    ("S9", lambda: looks(healthy(3), healthy(3).tell(Database.NB, THIRD, term=6)), "from term 7 back to 6"),
    ("S14", removed_and_back, "is configured again under the same id"),
    ("S15", lambda: looks(healthy(3).tell(Database.NB, THIRD, cluster_id=CID)), "nb has 2 cluster ids"),
]


@pytest.mark.parametrize(("identity", "seen", "text"), BY_STATUS, ids=[case[0] for case in BY_STATUS])
def test_statuses_show_it_too(identity: str, seen: Callable[[], list[str]], text: str) -> None:
    found = seen()
    assert any(w.startswith(identity + ":") and text in w for w in found), found


def test_a_healthy_cluster_looked_at_twice_breaks_nothing() -> None:
    assert looks(healthy(3), healthy(3)) == []


# -- by what clients saw ----------------------------------------------------------------------------------------------


def ended(history: History, rows: frozenset[str]) -> EndState:
    view: ClusterView = healthy(3).view()
    served = {(database, node.name): rows for database in DATABASES for node in view.nodes}
    return EndState(view, frozenset(node.address for node in view.labelled()), history=history, rows=served)


def test_an_acknowledged_row_that_is_gone_breaks_s17() -> None:
    history = History(0.0, 9.0, (Write(Database.NB, "m1", 1.0, 2.0),))
    assert {v.invariant for v in violations(ended(history, frozenset()), RAFT)} == {"S17"}
    assert violations(ended(history, frozenset({"m1"})), RAFT) == []


def test_a_row_that_was_read_and_is_missed_breaks_s18() -> None:
    history = History(0.0, 9.0, ())
    missed = dataclasses.replace(history, regressions=(Regression(Database.SB, "m1", 3.0, 4.0),))
    assert [v.invariant for v in violations(ended(missed, frozenset()), RAFT)] == ["S18"]
    assert violations(ended(history, frozenset()), RAFT) == []


def test_every_property_of_raft_is_broken_here() -> None:
    here = {case[0] for case in CASES} | {"S17", "S18"}
    assert {prop.id for prop in RAFT} - here == {"S19"}, "S19 is a procedure's to break: test_properties_of_procedures"


def test_what_a_killed_server_had_not_synced_goes_with_the_power() -> None:
    """Its kernel still had the commit index; that it is gone afterwards breaks nothing."""
    with closing(executors.create("sim", ClusterSpec(members=3, spares=1), tape=Tape())) as lab:
        watched = Watched(lab, lambda margins: None)
        watched.view()
        lab.client().start()
        for kind in (FaultKind.CRASH, FaultKind.NODE_DOWN):
            assert lab.inject(Fault(kind, ("kube-ovn-control-plane",)))
            watched.view()
        lab.sleep(60.0)
        lab.inject(Fault(FaultKind.NODE_UP, ("kube-ovn-control-plane",)))
        lab.wait(lambda: not health.all_problems(watched.view()), 600.0, "the node to be back")
        assert watched.monitor.violations == []
