"""Every property of a procedure, of liveness and of runs is broken by acts, looks and ends that break it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from support_evidence import A, B, C, D, Files, address

from harness.cluster import DATABASES, Database, NodeFiles
from harness.invariants import (
    CATALOGUE,
    LIVENESS,
    META,
    PROCEDURE,
    Act,
    Ending,
    EndState,
    Grade,
    Monitor,
    World,
)
from harness.raft_events import Appended, Contents, Opened, RaftEvent, Source
from harness.workload import History, Write
from tests.unit.support_views import Cluster, healthy

FIRST, SECOND, THIRD = ("kube-ovn-control-plane", "kube-ovn-control-plane2", "kube-ovn-control-plane3")
HOSTS = {name: healthy(3).address(name) for name in (FIRST, SECOND, THIRD)}
SIDS = {name: healthy(3).raft[Database.NB].at(HOSTS[name])[0].sid for name in HOSTS}


class Run:
    """One run of a removal of the third node, by hand: acts, looks and endings in their order."""

    def __init__(self, world: World | None = None) -> None:
        self.monitor = Monitor(CATALOGUE, world if world is not None else World(leaves=HOSTS[THIRD], gated=True))

    def act(
        self, cluster: Cluster, what: str, *arguments: object, by: str = "operator", answer: str | None = ""
    ) -> Run:
        act = Act(cluster.at, by, what, arguments, cluster.view())
        self.monitor.act(act)
        self.monitor.answered(act, answer)
        return self

    def kick(self, cluster: Cluster, name: str = THIRD, *, by: str = "operator") -> Run:
        return self.act(cluster, "kick", Database.NB, FIRST, SIDS[name], by=by, answer="started removal")

    def look(self, cluster: Cluster) -> Run:
        self.monitor.observe(cluster.view())
        return self

    def ended(self, cluster: Cluster, how: str = "done", acts: int = 3, reason: str = "", comes: str = "") -> Run:
        leaves = self.monitor.world.leaves
        self.monitor.ended(Ending(cluster.at, how, acts, cluster.view(), leaves, comes, reason))
        return self

    @property
    def words(self) -> list[str]:
        return [str(violation) for violation in self.monitor.violations]

    def at_end(self, cluster: Cluster, **changes: object) -> list[str]:
        return self.words + [str(violation) for violation in self.monitor.at_end(end(cluster, **changes))]


def end(cluster: Cluster, **changes: object) -> EndState:
    view = cluster.view()
    rows = {(database, node.name): frozenset({"m1", "m2"}) for database in DATABASES for node in view.nodes}
    history = History(0.0, 10.0, tuple(Write(database, "m1", 1.0, 2.0) for database in DATABASES))
    expected = frozenset(node.address for node in view.labelled())
    return dataclasses.replace(EndState(view, expected, history=history, rows=rows), **changes)  # type: ignore[arg-type]


def without_third() -> Cluster:
    """The third node is out, everywhere."""
    cluster = healthy(3)
    rest = ",".join(HOSTS[name] for name in (FIRST, SECOND))
    for raft in cluster.raft.values():
        raft.remove(HOSTS[THIRD])
    cluster.label(THIRD, None)
    cluster.pods = [pod for pod in cluster.pods if pod.node != THIRD or pod.app != "ovn-central"]
    for name, workload in cluster.workloads.items():
        variable = "NODE_IPS" if name == "ovn-central" else "OVN_DB_IPS"
        cluster.set_env(name, variable, rest)
        for pod in [pod for pod in cluster.pods if pod.app == workload.app]:
            cluster.put_pod(pod.name, env={**pod.env, variable: rest})
    return cluster


def nb_without_third() -> Cluster:
    cluster = healthy(3)
    cluster.raft[Database.NB].remove(HOSTS[THIRD])
    return cluster


def pod(name: str) -> str:
    return healthy(3).pod_on(name).name


def test_files_that_a_fault_puts_back_on_a_cleared_node_have_not_stayed_behind() -> None:
    left = {THIRD: NodeFiles(THIRD, ("ovnnb_db.db",))}
    for put_back, broken in ((1.0, True), (without_third().at, False)):
        run = Run().act(without_third(), "remove_directory", THIRD)
        run.monitor.world.put_back[THIRD] = put_back
        told = run.at_end(without_third(), retired=(THIRD,), files=left)
        assert any("left on the retired node" in words for words in told) == broken
    never_cleared = Run()
    never_cleared.monitor.world.put_back[THIRD] = 5000.0
    assert any("left on" in words for words in never_cleared.at_end(without_third(), retired=(THIRD,), files=left))


# -- nothing is broken -------------------------------------------------------------------------------------------------


def test_a_removal_as_it_should_be_breaks_nothing() -> None:
    run = Run().look(healthy(3)).kick(healthy(3)).look(nb_without_third())
    run.act(nb_without_third(), "kick", Database.SB, FIRST, healthy(3).raft[Database.SB].at(HOSTS[THIRD])[0].sid)
    run.look(without_third()).act(without_third(), "remove_directory", THIRD)
    run.ended(without_third())
    assert run.at_end(without_third(), before=healthy(3).view(), retired=(THIRD,)) == []


def test_the_same_kick_again_is_no_other_act() -> None:
    assert Run().kick(healthy(3)).kick(healthy(3)).words == []


# -- everything is broken ----------------------------------------------------------------------------------------------


def paused_half_way() -> Cluster:
    """The rollout has replaced the second pod, whose server does not come up, and would go on with another."""
    cluster = healthy(3).crash(SECOND)
    central = cluster.workloads["ovn-central"]
    cluster.put_workload("ovn-central", paused=True, template="new", env={**central.env, "NODE_IPS": "10.0.0.9"})
    return cluster.put_pod(pod(SECOND), template="new", env={"NODE_IPS": "10.0.0.9"})


def lost_by_itself() -> list[str]:
    return Run().look(healthy(3)).look(healthy(3).crash(SECOND).crash(THIRD)).words


def changing() -> Cluster:
    return healthy(3).change_pending(Database.NB, SECOND)


def only_copy() -> list[str]:
    """The third leads, and nobody else has its last entries."""
    cluster = healthy(3).lead(Database.NB, THIRD).lagging(Database.NB, FIRST, 9).lagging(Database.NB, SECOND, 9)
    return Run().act(cluster, "kick", Database.NB, THIRD, SIDS[THIRD]).words


def joining(remotes: tuple[str, ...], world: World | None = None) -> list[str]:
    nobody = Contents(None, 0, 0, {}, (), 0, None, 0)
    return Files(world).open(D, nobody, joining=True, remotes=remotes).words


def back_beside_the_ghost(world: World | None = None) -> list[str]:
    """The third node's server comes back with another id, at an address that is still configured."""
    files = Files(world)
    other = "eeee0000-0000-4000-8000-000000000000"
    empty = Contents(None, 0, 0, {}, (), 0, None, 0)
    source = Source(Database.NB, "three", other)
    files.monitor.raft([RaftEvent(9.0, source, Opened(address(C), True, (address(A), address(B)), empty))])
    return files.words


def newcomer() -> World:
    return World(leaves=HOSTS[SECOND], comes=HOSTS[THIRD], gated=True)


def half_in() -> Cluster:
    return healthy(3).lagging(Database.NB, THIRD, 200)


def two_operators() -> list[str]:
    return Run().kick(healthy(3)).kick(healthy(3), SECOND, by="automation").words


def joins_for_ever() -> list[str]:
    run = Run()
    for at in (0.0, 300.0, 700.0):
        cluster = healthy(3).tell(Database.NB, THIRD, status="joining cluster")
        cluster.at = at
        run.look(cluster)
    return run.words


def silent_after_the_faults() -> list[str]:
    run = Run()
    run.monitor.world.disturbed = 5.0
    return run.at_end(healthy(3), history=History(0.0, 500.0, (Write(Database.NB, "m1", 1.0, 2.0),)))


def tool_alone() -> list[str]:
    words = "nb.db: record 7 is odd"
    return Run().at_end(healthy(3), tool={Database.NB: words})


def holes() -> list[str]:
    return Files().write(A, Appended(9, 1, "x")).words


CASES: list[tuple[str, Callable[[], list[str]], str]] = [
    (
        "S11",
        lambda: Run().kick(healthy(3).uncommitted(Database.NB, 2)).words,
        "before it committed anything of its term",
    ),
    ("S19", lambda: Run().ended(nb_without_third()).words, "done is true of nb and not of sb"),
    ("P1", lambda: Run().act(healthy(3).crash(SECOND), "delete_pod", pod(FIRST)).words, "leaves nb with 1 of 3 live"),
    ("P1", lambda: Run().act(healthy(3).crash(SECOND), "delete_pods", "ovn-central").words, "with 0 of 3 live"),
    ("P1", lambda: Run().act(healthy(3).crash(SECOND), "remove_directory", FIRST).words, "with 1 of 3 live"),
    ("P1", lambda: Run().act(paused_half_way(), "resume", "ovn-central").words, "resume ovn-central: leaves nb with"),
    ("P1", lambda: Run().kick(healthy(3).crash(SECOND)).words, "leaves nb with 1 of 2 live, 2 needed"),
    ("P1", lambda: Run().at_end(healthy(3).crash(SECOND).crash(THIRD)), "0 of 3 members live, 2 needed"),
    ("P2", lost_by_itself, "nb: 1 of 3 servers run: no majority"),
    ("P3", lambda: Run().kick(healthy(3), SECOND).words, f"{HOSTS[THIRD]} is the one that leaves"),
    ("P3", lambda: Run().kick(healthy(3).leaderless(Database.NB)).words, "led by nobody"),
    ("P3", lambda: Run().kick(healthy(3).two_leaders(Database.NB, SECOND)).words, "led by"),
    ("P3", lambda: Run().kick(changing()).words, "another change is pending"),
    ("P3", only_copy, "no other live server has all that is committed"),
    ("P4", lambda: Run().kick(healthy(3)).act(healthy(3), "scale", "ovn-central", 2).words, "scale ovn-central 2 came"),
    ("P4", lambda: Run().kick(healthy(3)).ended(healthy(3)).words, "called done before the removal"),
    (
        "P5",
        lambda: Run().act(nb_without_third(), "remove_directory", THIRD).words,
        "where a configured sb server lives",
    ),
    (
        "P5",
        lambda: Run().at_end(without_third(), retired=(THIRD,), files={THIRD: NodeFiles(THIRD, ("ovnnb_db.hdr",))}),
        "ovnnb_db.hdr left on the retired node",
    ),
    ("P6", lambda: joining(("tcp:[10.0.0.9]:6643",)), "none of which is a member"),
    ("P6", back_beside_the_ghost, "where cccc is still configured"),
    ("P7", lambda: Run(newcomer()).ended(half_in(), comes=HOSTS[THIRD]).words, "is no caught-up voter"),
    ("P7", lambda: Run(newcomer()).kick(half_in(), SECOND).words, "before the newcomer at"),
    ("P8", lambda: Run().at_end(healthy(3).ghost(Database.SB, THIRD)), "sb server at"),
    ("P9", lambda: Run().at_end(healthy(3).set_env("ovs-ovn", "OVN_DB_IPS", "10.0.0.9")), "daemonset/ovs-ovn has"),
    ("P10", lambda: Run().ended(healthy(3)).ended(healthy(3), acts=2).words, "it made 2 changes"),
    ("P10", lambda: Run().ended(healthy(3), "died").ended(healthy(3), "stopped").at_end(healthy(3)), "cut off"),
    ("P11", two_operators, "automation kicks"),
    ("P12", lambda: Run().ended(healthy(3), acts=0).at_end(healthy(3), before=healthy(3).view()), "changed nothing"),
    (
        "P12",
        lambda: Run().ended(without_third()).at_end(without_third(), before=without_third().view()),
        "had nothing to change",
    ),
    (
        "P12",
        lambda: (
            Run()
            .ended(without_third())
            .at_end(without_third(), before=healthy(3).view(), history=History(0.0, 9.0, ()))
        ),
        "no client's write to nb",
    ),
    ("P13", lambda: Run().at_end(healthy(3).put_workload("ovn-central", paused=True)), "is left paused"),
    ("L1", lambda: Run().at_end(healthy(3).leaderless(Database.NB)), "nb is led by nobody"),
    ("L1", lambda: Run().at_end(healthy(3).lagging(Database.NB, THIRD, 99)), "99 entries behind"),
    ("L1", silent_after_the_faults, "nb acknowledged nothing in the 495 s after the last fault"),
    (
        "L2",
        lambda: Run().ended(healthy(3), "stopped", reason="no leader").at_end(healthy(3)),
        "neither done nor refused",
    ),
    (
        "L2",
        lambda: Run().ended(healthy(3), "refused").at_end(healthy(3).leaderless(Database.SB)),
        "refused, and sb has no leader",
    ),
    ("L3", joins_for_ever, "joining cluster for ten minutes"),
    ("L3", lambda: Run().at_end(changing()), "removing"),
    ("M1", holes, "entry 9 follows none"),
    ("M1", tool_alone, "check-cluster says: nb.db: record 7 is odd"),
    ("M2", lambda: Run(World(hits=[False])).at_end(healthy(3)), "nothing was changed by the fault"),
]


@pytest.mark.parametrize(("identity", "made", "text"), CASES, ids=[f"{c[0]}-{c[2][:30]}" for c in CASES])
def test_it_is_broken(identity: str, made: Callable[[], list[str]], text: str) -> None:
    found = made()
    assert any(w.startswith(identity + ":") and text in w for w in found), found


def test_every_property_of_procedures_liveness_and_runs_is_broken_here() -> None:
    wanted = {prop.id for prop in (*PROCEDURE, *LIVENESS, *META)}
    assert wanted <= {case[0] for case in CASES}


# -- what is excused ---------------------------------------------------------------------------------------------------


def test_what_a_fault_takes_is_not_the_procedures_doing() -> None:
    world = World(leaves=HOSTS[THIRD], forgiven=frozenset({HOSTS[SECOND]}))
    run = Run(world).look(healthy(3)).look(healthy(3).crash(SECOND).crash(THIRD))
    assert run.words == []
    assert world.excused_until > 0, "nor what the kubelet does because of it"


def test_an_accepted_stall_is_a_waiver() -> None:
    run = Run(World(leaves=HOSTS[THIRD], waived=True)).kick(healthy(3).crash(SECOND))
    run.look(healthy(3)).look(healthy(3).crash(SECOND).crash(THIRD))
    assert [w for w in run.words if w.startswith(("P1", "P2"))] == []


def test_a_wiped_server_may_come_back_beside_its_ghost() -> None:
    assert back_beside_the_ghost(World(forgetful={"three"})) == []


def test_what_a_colleague_does_is_not_the_procedures_doing() -> None:
    assert Run().act(healthy(3).crash(SECOND), "delete_pod", pod(FIRST), by="the second operator").words == []


COLLEAGUE = "the second operator"
MOVES = ("move_leadership", Database.NB, THIRD)
MOVES_SB = ("move_leadership", Database.SB, THIRD)


def disturbed_newcomer() -> World:
    return dataclasses.replace(newcomer(), disturbed=healthy(3).at - 1)


def restarting(cluster: Cluster) -> Cluster:
    """The third node's pod is just being replaced."""
    return cluster.crash(THIRD).put_pod(pod(THIRD), ready=False)


def test_a_leadership_that_a_colleague_moves_as_the_run_ends_is_no_join_that_failed() -> None:
    """Nobody leads then, so nobody can be asked who votes; P8 asks at the end."""
    moves = Run(newcomer()).act(healthy(3), "move_leadership", Database.NB, THIRD, by=COLLEAGUE)
    assert moves.ended(healthy(3).leaderless(Database.NB), comes=HOSTS[THIRD]).words == []


def test_nor_is_a_newcomer_that_voted_and_that_a_colleague_restarts() -> None:
    restarts = Run(newcomer()).act(healthy(3), "delete_pod", pod(THIRD), by=COLLEAGUE)
    assert restarts.ended(restarting(healthy(3)), comes=HOSTS[THIRD]).words == []


NOT_EXCUSED: list[tuple[str, Callable[[], Run]]] = [
    ("somebody leads, and does not count it", lambda: Run(newcomer()).act(healthy(3), *MOVES, by=COLLEAGUE)),
    ("it has never voted", lambda: Run(newcomer()).act(half_in(), *MOVES, by=COLLEAGUE)),
    ("it was about another database", lambda: Run(newcomer()).act(healthy(3), *MOVES_SB, by=COLLEAGUE)),
    ("it can't unsettle anybody", lambda: Run(newcomer()).act(healthy(3), "label_node", FIRST, by=COLLEAGUE)),
    ("a fault, but it has never voted", lambda: Run(disturbed_newcomer())),
]


@pytest.mark.parametrize(("why", "made"), NOT_EXCUSED, ids=[why for why, _ in NOT_EXCUSED])
def test_a_join_that_failed_is_found_although_somebody_else_did_something(why: str, made: Callable[[], Run]) -> None:
    now = half_in() if "leads" in why or "never" in why else healthy(3).leaderless(Database.NB)
    found = made().ended(now, comes=HOSTS[THIRD]).words
    assert any(words.startswith("P7") and "nb: called done" in words for words in found), found


def out_by(*databases: Database, name: str = THIRD) -> list[str]:
    """What P12 says of a removal that calls itself done without a change of its own, while somebody else kicks."""
    run = Run()
    for database in databases:
        sid = healthy(3).raft[database].at(HOSTS[name])[0].sid
        run.act(healthy(3), "kick", database, FIRST, sid, by=COLLEAGUE, answer="started removal").look(without_third())
    run.act(without_third(), "label_node", FIRST, "a", "b", by=COLLEAGUE).ended(without_third(), acts=0)
    return [words for words in run.at_end(without_third(), before=healthy(3).view()) if words.startswith("P12")]


def test_what_somebody_else_did_is_done_only_if_it_is_what_was_asked_for() -> None:
    assert out_by(*DATABASES) == []
    for other in (out_by(), out_by(Database.NB), out_by(*DATABASES, name=SECOND)):
        assert any("changed nothing" in words for words in other)


def in_by(*arguments: str) -> list[str]:
    run = Run(World(comes=HOSTS[THIRD], gated=True)).act(without_third(), "set_env", *arguments, by=COLLEAGUE)
    run.ended(healthy(3), acts=0, comes=HOSTS[THIRD])
    return [words for words in run.at_end(healthy(3), before=without_third().view()) if words.startswith("P12")]


def test_somebody_else_has_brought_a_node_in_only_if_he_has_listed_it() -> None:
    listed = ",".join(HOSTS.values())
    assert in_by("Deployment", "ovn-central", "NODE_IPS", listed) == []
    without = ",".join(HOSTS[name] for name in (FIRST, SECOND))
    for other in (("ovn-central", "NODE_IPS", without), ("kube-ovn-controller", "OVN_DB_IPS", listed)):
        assert any("changed nothing" in words for words in in_by("Deployment", *other))


def test_a_removal_that_was_seen_committed_stays_confirmed_when_servers_die() -> None:
    gone = nb_without_third()
    run = Run().kick(healthy(3)).look(gone).act(nb_without_third().crash(SECOND), "scale", "ovn-central", 2)
    assert run.words == []


def test_what_the_end_shows_may_be_asked_again() -> None:
    monitor = Monitor(CATALOGUE)
    broken = end(healthy(3).leaderless(Database.NB))
    assert monitor.at_end(broken, (Grade.ORDER,)) == monitor.at_end(broken, (Grade.ORDER,)) != []
    assert monitor.violations == []
