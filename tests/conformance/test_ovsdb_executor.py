"""The backend ``ovsdb`` on real servers: what it makes, what it can do to it, and that nothing of it stays."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from harness import health
from harness.addresses import raft_address
from harness.cluster import DATABASES, Database
from harness.errors import BadInput, StepFailed
from harness.executor import Capability, WaitTimeout
from harness.executors.ovsdb import OvsdbExecutor
from harness.executors.processes import janitor, linux
from harness.executors.processes.installed import LOOPBACK_VARIABLE, search_path
from harness.faults import Fault, FaultKind
from harness.spec import ClusterSpec

pytestmark = pytest.mark.real_ovsdb

ROOT = Path(__file__).parents[2]
SOON = 300.0
"""Cluster seconds for anything that must happen, and never takes a tenth of that."""

Maker = Callable[..., OvsdbExecutor]


@pytest.fixture
def make() -> Iterator[Maker]:
    made: list[OvsdbExecutor] = []

    def maker(members: int = 3, spares: int = 0, *, loopback: bool = False, **options: object) -> OvsdbExecutor:
        made.append(OvsdbExecutor(ClusterSpec(members=members, spares=spares, **options), loopback=loopback))  # type: ignore[arg-type]
        return made[-1]

    yield maker
    for executor in made:
        executor.close()
        assert executor.leftovers() == []


def names(executor: OvsdbExecutor) -> list[str]:
    return [node.name for node in executor.view().nodes]


def in_order(executor: OvsdbExecutor) -> None:
    executor.wait(lambda: not health.all_problems(executor.view()), SOON, "both databases to be in order")


def leader(executor: OvsdbExecutor, database: Database) -> str:
    def led() -> str | None:
        pair = executor.view().leader(database)
        return pair[0] if pair is not None else None

    return executor.wait(led, SOON, f"a {database} leader")


def alive(pids: list[int]) -> list[int]:
    """Those that still run; one that nobody has waited for yet does not."""
    return [pid for pid in pids if linux.start_ticks(pid) is not None]


# -- what is made -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loopback", [False, True], ids=["namespaces", "loopback"])
def test_three_members_form_and_rows_appear_everywhere(make: Maker, loopback: bool) -> None:
    executor = make(3, 1, loopback=loopback)
    view = executor.view()
    addresses = {node.address for node in view.nodes[:3]}
    for database in DATABASES:
        statuses = dict(view.statuses(database))
        assert len(statuses) == 3
        assert {status.status for status in statuses.values()} == {"cluster member"}
        assert len({status.cluster_id for status in statuses.values()}) == 1
        for node in statuses:
            found = executor.configuration(database, node)
            assert set(found.values()) == {raft_address(address, database.raft_port) for address in addresses}
            assert set(found) == {status.server_id for status in statuses.values()}
    assert [node.labels.get("kube-ovn/role") for node in view.nodes] == ["master"] * 3 + [None]
    assert all(pod.ready for pod in view.pods)
    assert executor.files(view.nodes[0].name).databases == ("ovnnb_db.db", "ovnsb_db.db")
    assert executor.files(view.nodes[3].name).names == ()

    client = executor.client()
    client.start()
    executor.wait(lambda: len(client.history().acknowledged(Database.SB)) > 5, SOON, "northd to copy rows")
    history = client.stop()
    executor.wait(
        lambda: (
            set(history.acknowledged(Database.NB)) <= (executor.rows(Database.SB, view.nodes[2].name) or frozenset())
        ),
        SOON,
        "the last row in sb",
    )
    for node in view.nodes[:3]:
        for database in DATABASES:
            assert set(history.acknowledged(database)) <= (executor.rows(database, node.name) or frozenset())
    assert executor.rows(Database.NB, view.nodes[3].name) is None


def test_one_and_five_members_form(make: Maker) -> None:
    for members in (1, 5):
        executor = make(members)
        assert [len(health.members(executor.view(), database)) for database in DATABASES] == [members] * 2
        assert not health.all_problems(executor.view())


def test_versions_are_those_of_the_servers_that_run(make: Maker) -> None:
    program = shutil.which("ovsdb-server", path=search_path())
    assert program is not None
    release = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    assert f"(Open vSwitch) {make(1).view().versions.ovs}" in release


def test_a_spec_that_no_profile_fits_is_refused() -> None:
    from harness.cluster import Versions

    for spec in (ClusterSpec(time_scale=0), ClusterSpec(versions=Versions(kube_ovn="v0.1.0"))):
        with pytest.raises(BadInput):
            OvsdbExecutor(spec)


# -- what operators do ------------------------------------------------------------------------------------------------


def test_a_kicked_server_is_told_and_its_pod_becomes_not_ready(make: Maker) -> None:
    executor = make()
    via = leader(executor, Database.NB)
    target = next(name for name in names(executor) if name != via)
    node = executor.view().node(target)
    assert node is not None
    assert executor.kick(Database.NB, via, "zzzz").text == "unknown server"
    reply = executor.kick(Database.NB, via, raft_address(node.address, 6643))
    assert (reply.code, reply.text) == (0, "started removal")
    executor.wait(lambda: executor.status_text(Database.NB, target).text == "unknown cluster", SOON, "it to be told")
    assert executor.status(Database.NB, target).status is None
    assert "unknown cluster" in executor.status(Database.NB, target).error
    assert set(executor.configuration(Database.NB, via).values()) == {
        raft_address(other.address, 6643) for other in executor.view().nodes if other.name != target
    }

    def not_ready() -> bool:
        pod = executor.view().central_pod(target)
        return pod is not None and not pod.ready

    executor.wait(not_ready, SOON, "its pod to be NotReady")
    again = executor.delete_pods("ovn-central-of-nobody")
    assert again == ()


def test_leadership_moves_and_a_backup_is_a_database(make: Maker) -> None:
    executor = make()
    before = leader(executor, Database.NB)
    assert executor.move_leadership(Database.NB, before).ok
    executor.wait(lambda: leader(executor, Database.NB) != before, SOON, "leadership to move")
    reply = executor.backup(Database.SB, before)
    assert reply.ok
    assert Path(reply.text).read_bytes().startswith(b"OVSDB JSON")


def test_what_the_api_refuses_is_a_failed_step(make: Maker) -> None:
    executor = make(1)
    with pytest.raises(StepFailed, match="not found"):
        executor.scale("no-such-thing", 2)
    with pytest.raises(StepFailed, match="is not paused"):
        executor.resume("ovn-central")
    with pytest.raises(BadInput, match="no node"):
        executor.files("nowhere")


def test_the_leaders_pod_comes_back_with_the_same_server_id(make: Maker) -> None:
    executor = make()
    client = executor.client()
    client.start()
    node = leader(executor, Database.NB)
    before = executor.status(Database.NB, node).status
    pod = executor.view().central_pod(node)
    assert before is not None
    assert pod is not None
    executor.delete_pod(pod.name)
    executor.wait(lambda: leader(executor, Database.NB) != node, SOON, "another leader")

    def back() -> bool:
        found = executor.view().central_pod(node)
        return found is not None and found.name != pod.name and found.ready

    executor.wait(back, SOON, "the replacement to be Ready")
    in_order(executor)
    after = executor.status(Database.NB, node).status
    assert after is not None
    assert after.server_id == before.server_id
    executor.sleep(5)
    history = client.stop()
    assert len(history.acknowledged(Database.NB)) > 3
    for name in names(executor):
        assert set(history.acknowledged(Database.NB)) <= (executor.rows(Database.NB, name) or frozenset())


def test_a_newcomer_joins_by_the_start_script(make: Maker) -> None:
    """Label, scale, NODE_IPS: the fourth node's own script finds the leader and joins both databases."""
    executor = make(3, 1)
    spare = executor.view().nodes[3]
    executor.label_node(spare.name, *executor.label)
    executor.scale("ovn-central", 4)
    central = executor.view().workload("ovn-central")
    assert central is not None
    executor.set_env("Deployment", "ovn-central", "NODE_IPS", central.env["NODE_IPS"] + "," + spare.address)

    def voter() -> bool:
        view = executor.view()
        return all(health.is_voter(view, database, spare.address) for database in DATABASES)

    executor.wait(voter, SOON, "the newcomer to vote")
    executor.wait(lambda: executor.rollout_status("Deployment", "ovn-central").done, SOON, "the rollout")
    in_order(executor)
    assert {pod.env["NODE_IPS"].count(",") for pod in executor.view().pods_of("ovn-central")} == {3}


@pytest.mark.parametrize("release", ["v1.14.41", "v1.16.2"])
def test_a_lost_file_comes_back_under_its_old_server_id_where_headers_are_saved(make: Maker, release: str) -> None:
    from harness.cluster import Versions

    executor = make(versions=Versions(kube_ovn=release))
    node = names(executor)[1]
    executor.wait(
        lambda: {"ovnnb_db.hdr", "ovnsb_db.hdr"} <= set(executor.files(node).names or ()), SOON, "saved headers"
    )
    before = executor.status(Database.SB, node).status
    assert before is not None
    (executor.machines.hosts[node].file(Database.SB)).unlink()
    assert executor.inject(Fault(FaultKind.CRASH, (node,)))

    def joined() -> bool:
        status = executor.status(Database.SB, node).status
        return status is not None and status.is_member and status.has_leader and status.log_end >= before.log_end

    executor.wait(joined, SOON, "the server to be a member again")
    after = executor.status(Database.SB, node).status
    assert after is not None
    assert (after.server_id, after.cluster_id) == (before.server_id, before.cluster_id)


# -- faults -----------------------------------------------------------------------------------------------------------


def test_a_node_without_power_is_noticed_and_comes_back_on_loopback(make: Maker) -> None:
    executor = make(loopback=True)
    node = names(executor)[1]
    assert executor.inject(Fault(FaultKind.NODE_DOWN, (node,)))
    assert not executor.inject(Fault(FaultKind.NODE_DOWN, (node,)))
    assert executor.files(node).names is None
    assert not executor.remove_directory(node).ok
    assert "cannot connect" in executor.status(Database.NB, node).error
    executor.wait(lambda: not executor.view().node(node).ready, SOON, "the node to be NotReady")  # type: ignore[union-attr]
    leader(executor, Database.NB)
    assert executor.inject(Fault(FaultKind.NODE_UP, (node,)))
    executor.wait(lambda: executor.view().node(node).ready, SOON, "the node to be Ready")  # type: ignore[union-attr]
    in_order(executor)


def test_loopback_declares_that_it_can_cut_nobody_off(make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LOOPBACK_VARIABLE, "1")
    first, second = make(1), make(1)
    assert Capability.PARTITIONS not in first.capabilities
    assert FaultKind.PARTITION not in first.faults
    with pytest.raises(BadInput, match="partition"):
        first.inject(Fault(FaultKind.PARTITION, (names(first)[0],)))
    one, other = (executor.view().nodes[0].address for executor in (first, second))
    assert one.startswith("127.")
    assert one != other, "two runs must not meet"


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_a_wait_ends_and_says_why_it_waited(make: Maker) -> None:
    executor = make(1)
    with pytest.raises(WaitTimeout, match="pigs to fly"):
        executor.wait(lambda: None, 1.0, "pigs to fly")


def test_an_error_in_the_machinery_ends_a_wait(make: Maker) -> None:
    executor = make(1)

    def break_down() -> None:
        raise LookupError("broken")

    executor._clock.call_later(0, break_down)
    with pytest.raises(LookupError, match="broken"):
        executor.wait(lambda: None, SOON, "nothing")


# -- nothing stays ----------------------------------------------------------------------------------------------------


def test_close_leaves_nothing(make: Maker) -> None:
    executor = make()
    pids = list(executor.machines.pids())
    assert len(pids) == 9, "three nodes with two servers and one northd each"
    assert len(executor.leftovers()) > 9
    executor.client().start()
    executor.inject(Fault(FaultKind.PAUSE, (names(executor)[0],)))
    executor.close()
    executor.close()
    assert alive(pids) == []
    assert executor.leftovers() == []


def test_kept_clusters_stay_until_they_are_removed() -> None:
    executor = OvsdbExecutor(ClusterSpec(members=1), keep=True)
    pids = list(executor.machines.pids())
    executor.close()
    try:
        assert executor.where().is_dir()
        assert alive(pids) == pids
        assert janitor.sweep() == ()
    finally:
        janitor.remove(executor.where())
    assert executor.leftovers() == []


RUN = """
import sys
from harness.executors.ovsdb import OvsdbExecutor
from harness.executors.processes import janitor
from harness.spec import ClusterSpec

made = janitor.make_run_directory
def tell():
    directory = made()
    print(directory, flush=True)
    return directory
janitor.make_run_directory = tell
executor = OvsdbExecutor(ClusterSpec(members=3))
print("formed", *executor.machines.pids(), flush=True)
executor.client().start()
executor.wait(lambda: None, 36000, "the end")
"""


class Run:
    """A run in a process of its own."""

    def __init__(self, temporary: Path) -> None:
        """``temporary`` is its own, so that no other run sweeps what it leaves."""
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUN],
            env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.directory = Path(self._line().strip())

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def formed(self) -> list[int]:
        word, *pids = self._line().split()
        assert word == "formed"
        return [int(pid) for pid in pids]

    def end(self, number: int) -> str:
        self.process.send_signal(number)
        _, complaint = self.process.communicate(timeout=20)
        return complaint


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    with tempfile.TemporaryDirectory(prefix="own-") as temporary:  # short: sockets have long names already
        monkeypatch.setattr(janitor, "base", lambda: Path(temporary))
        run = Run(Path(temporary))
        yield run
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate()
        janitor.remove(run.directory)


def test_interrupted_while_it_works_it_cleans_up(run: Run) -> None:
    pids = run.formed()
    assert len(pids) == 9
    assert "KeyboardInterrupt" in run.end(signal.SIGINT)
    assert alive(pids) == []
    assert not run.directory.exists()


def test_interrupted_while_it_forms_it_cleans_up(run: Run) -> None:
    while not linux.processes_with("OVNSWAP_RUN", str(run.directory)):
        assert run.process.poll() is None
    assert "KeyboardInterrupt" in run.end(signal.SIGINT)
    assert linux.processes_with("OVNSWAP_RUN", str(run.directory)) == []
    assert not run.directory.exists()


def test_killed_outright_its_processes_die_with_it_and_the_next_run_sweeps(run: Run) -> None:
    pids = run.formed()
    run.end(signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=10)
    assert alive(pids) == [], "the kernel kills children when their starter dies"
    assert run.directory.exists()
    assert run.directory in janitor.sweep()
    assert not run.directory.exists()
