"""``ovnswap rehearse PLAN`` and ``--from``: a lab like somebody's cluster, from what was pasted or copied there."""

from __future__ import annotations

import json
import shlex
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support_cli import PAGE, TEXT, complaint, ovnswap

from fake_raft.file import write
from fake_raft.file_data import Schema
from harness import health
from harness.cluster import DATABASES, Database
from harness.commands import twin
from harness.errors import BadInput, ExitCode
from harness.executors.simulated import SimulatedExecutor
from harness.executors.simulation import twins
from harness.faults import Fault, FaultKind
from harness.procedures.wanted import Wanted
from harness.search import trial
from harness.search.case import Case
from harness.search.opened import opened
from harness.search.trial import Verdict
from harness.spec import EXAMPLE_VERSIONS, ClusterSpec

LEAVER = "kube-ovn-control-plane2"
PASTED = [str(PAGE / name) for name in ("pods.txt", "nb.txt", "sb.txt")]
FROM = tuple(word for path in PASTED for word in ("--from", path))
NODES = """NAME STATUS ROLES AGE VERSION INTERNAL-IP
kube-ovn-control-plane Ready control-plane 1d v1.27.3 172.18.0.3
kube-ovn-control-plane2 Ready control-plane 1d v1.27.3 172.18.0.5
kube-ovn-control-plane3 NotReady control-plane 1d v1.27.3 172.18.0.4
spare Ready <none> 1d v1.27.3 172.18.0.9
"""


def values(**given: Any) -> dict[str, Any]:
    unsaid = dict.fromkeys(("ovs", "kubernetes", "kube_ovn", "node_ips", "namespace"))
    return {**unsaid, "time_scale": 0.1, **given}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("plans") / "plan.json"
    result = ovnswap("plan", "remove", LEAVER, *TEXT, "-f", str(path))
    assert result.exit_code == 0, result.stderr
    return str(path)


def schema(database: Database) -> Schema:
    columns = {"name": {"type": "string"}}
    text = {
        "name": database.schema,
        "version": "1.0.0",
        "tables": {"Address_Set": {"columns": columns, "isRoot": True}},
    }
    return Schema(json.dumps(text))


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, Database], Path]:
    """Database files of a cluster that has seen elections and writes, by host."""
    directory = tmp_path_factory.mktemp("files")
    found = {}
    with closing(SimulatedExecutor(ClusterSpec(members=3))) as lab:
        first = lab.view().nodes[0].name
        assert lab.inject(Fault(FaultKind.CRASH, (first,)))
        client = lab.client()
        client.start()
        lab.wait(lambda: lab.now() > 60 and not health.all_problems(lab.view()), 300.0, "an election")
        client.stop()
        lab.sleep(10.0)
        for machine in lab.machines:
            for database in DATABASES:
                path = directory / machine.name / database.file
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(write(machine.disks[database], schema(database)))
                found[machine.address, database] = path
    return found


# -- plans ------------------------------------------------------------------------------------------------------------


def test_a_saved_plan_is_rehearsed_in_a_lab_like_its_cluster_and_its_receipt_fits(plan: str, tmp_path: Path) -> None:
    report = tmp_path / "report"
    some = ("--faults", "crash,operator-dies", "--runs", "3", "--jobs", "1", "-o", "json", "--report", str(report))
    result = ovnswap("rehearse", plan, *FROM, *some)
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["procedure"], data["subject"], data["runs"]) == ("guarded", f"remove {LEAVER}", 3)
    assert data["planDigest"] == json.loads(Path(plan).read_text())["digest"]
    assert "assumed: NODE_IPS is 172.18.0.3,172.18.0.5,172.18.0.4" in result.stderr
    checked = ovnswap("rehearse", plan, "--check", str(report / "receipt.json"))
    assert checked.exit_code == ExitCode.FAILED, "three runs are not all of them"
    assert "passed: 3 of " in checked.stdout
    assert "not tried: stop, restart" in checked.stdout


def test_a_plan_for_another_cluster_than_the_lab_is_said_to_be(plan: str) -> None:
    result = ovnswap("rehearse", plan)
    assert result.exit_code == ExitCode.STALE
    assert f"the plan is for {LEAVER} at 172.18.0.5, which is not in the lab" in complaint(result)
    assert "--from" in complaint(result)
    other = ovnswap("rehearse", plan, *FROM, "--node-ips", "172.18.0.4,172.18.0.5,172.18.0.3")
    assert other.exit_code == ExitCode.STALE
    assert "are not those for the lab" in complaint(other)


def test_a_receipt_of_another_plan_is_refused(plan: str, tmp_path: Path) -> None:
    path = tmp_path / "receipt.json"
    kept = {"kind": "RehearsalReceipt", "format": 2, "planDigest": "feed", "verdict": "passed", "faults": []}
    path.write_text(json.dumps(kept))
    result = ovnswap("rehearse", plan, "--check", str(path))
    assert result.exit_code == ExitCode.USAGE
    assert "is for plan 'feed', not for" in complaint(result)


def test_a_page_is_rehearsed_as_it_is(tmp_path: Path) -> None:
    page = tmp_path / "page.sh"
    page.write_text("kubectl ko nb kick 172.18.0.5\nkubectl ko sb kick 172.18.0.5\n")
    result = ovnswap("rehearse", str(page), "--node", "kube-ovn-control-plane3", "--runs", "2", "--jobs", "1")
    assert result.exit_code == ExitCode.FAILED, result.stderr
    assert "rehearsed: runbook procedure: remove kube-ovn-control-plane3" in result.stdout
    assert (
        "failures:  P4 2" in result.stdout
    )  # the second kick is typed before anybody has seen the first one committed
    line = next(line for line in result.stdout.splitlines() if "replay: ovnswap" in line)
    again = ovnswap(*shlex.split(line.partition("replay: ovnswap ")[2]))
    assert again.exit_code == ExitCode.FAILED


# -- twins from text --------------------------------------------------------------------------------------------------


def test_the_twin_has_the_nodes_their_order_timer_and_releases(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.txt"
    nodes.write_text(NODES.replace("NotReady", "Ready"))
    found = twin.of([*PASTED, str(nodes)], values(kube_ovn="v1.12.0")).spec
    assert found.nodes == (
        ("kube-ovn-control-plane", "172.18.0.3"),
        ("kube-ovn-control-plane2", "172.18.0.5"),
        ("kube-ovn-control-plane3", "172.18.0.4"),
        ("spare", "172.18.0.9"),
    )
    assert (found.members, found.spares, found.down) == (3, 1, ())
    assert (found.election_timer_ms, found.versions.kubernetes, found.versions.kube_ovn) == (5000, (1, 27), "v1.12.0")
    with closing(SimulatedExecutor(found)) as lab:
        view = lab.view()
        assert [(node.name, node.address) for node in view.nodes] == list(found.nodes)
        central = view.workload("ovn-central")
        assert central is not None
        assert central.env["NODE_IPS"] == "172.18.0.3,172.18.0.5,172.18.0.4"


def test_statuses_alone_name_nodes_by_their_addresses() -> None:
    found = twin.of(PASTED[1:], values()).spec
    assert [name for name, _ in found.nodes] == ["172.18.0.3", "172.18.0.4", "172.18.0.5"]


def test_a_node_that_is_down_is_down_in_the_twin(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.txt"
    nodes.write_text(NODES)
    found = twin.of([*PASTED, str(nodes)], values()).spec
    assert found.down == ("kube-ovn-control-plane3",)
    with closing(opened(Case(Wanted("guarded", "remove", LEAVER), found))) as lab:
        node = lab.view().node("kube-ovn-control-plane3")
        assert node is not None
        assert not node.ready
        assert all(lab.view().leader(database) is not None for database in DATABASES)


def test_a_cluster_of_ipv6_addresses_has_a_twin_too(tmp_path: Path) -> None:
    paths = []
    for path in PASTED:
        paths.append(tmp_path / Path(path).name)
        paths[-1].write_text(Path(path).read_text().replace("172.18.0.", "fd00:10::"))
    found = twin.of([str(path) for path in paths], values()).spec
    assert found.nodes == (
        ("kube-ovn-control-plane", "fd00:10::3"),
        ("kube-ovn-control-plane2", "fd00:10::5"),
        ("kube-ovn-control-plane3", "fd00:10::4"),
    )
    summary = trial.run(Case(Wanted("guarded", "remove", LEAVER), found))
    assert summary.verdict is Verdict.DONE, summary.reasons
    unnamed = twin.of([str(path) for path in paths[1:]], values()).spec
    assert [name for name, _ in unnamed.nodes] == ["fd00-10--3", "fd00-10--4", "fd00-10--5"]


# -- twins from database files ----------------------------------------------------------------------------------------


def test_a_twin_goes_on_from_the_files(copied: dict[tuple[str, Database], Path]) -> None:
    found = twin.of([str(path) for path in copied.values()], values()).spec
    assert len(found.files) == 6
    assert [address for _, address in found.nodes] == ["172.18.0.3", "172.18.0.4", "172.18.0.5"]
    told = {(host, db): twins.tell(path, "3.1") for (host, db), path in copied.items()}
    with closing(SimulatedExecutor(found)) as lab:
        for database in DATABASES:
            for node, status in lab.view().statuses(database):
                before = told[node, database]
                assert status.cluster_id == before.cluster
                assert status.term > before.term, "they were started, so there was an election"
            kept = {
                row for (_, db), p in copied.items() if db is database for row in twins.rows([disk_of(p, database)])
            }
            first = lab.view().nodes[0].name
            assert kept <= (lab.rows(database, first) or frozenset())
    summary = trial.run(Case(Wanted("guarded", "remove", "172.18.0.5"), found))
    assert summary.verdict is Verdict.DONE, summary.reasons


def disk_of(path: Path, database: Database) -> Any:
    spec = ClusterSpec(files=(twins.tell(path, "3.1").file,))
    host = twins.tell(path, "3.1").host
    return twins.disks(spec)[host, database]


def test_one_file_of_each_database_is_enough(copied: dict[tuple[str, Database], Path]) -> None:
    paths = [str(copied["172.18.0.4", database]) for database in DATABASES]
    found = twin.of([*paths, PASTED[0]], values()).spec
    assert [name for name, _ in found.nodes] == [
        "kube-ovn-control-plane",
        "kube-ovn-control-plane2",
        "kube-ovn-control-plane3",
    ]
    with closing(SimulatedExecutor(found)) as lab:
        assert not health.all_problems(lab.view())


def test_the_same_files_give_the_same_run(copied: dict[tuple[str, Database], Path]) -> None:
    found = twin.of([str(path) for path in copied.values()], values()).spec
    case = Case(Wanted("guarded", "remove", "172.18.0.3"), found, seed=3)
    assert trial.run(case).digest == trial.run(case).digest


def test_a_file_that_changes_meanwhile_is_noticed(copied: dict[tuple[str, Database], Path], tmp_path: Path) -> None:
    path = tmp_path / "ovnnb_db.db"
    content = copied["172.18.0.3", Database.NB].read_bytes()
    path.write_bytes(content)
    file = twins.tell(path, "3.1").file
    path.write_bytes(content + b"x")
    twins._disk.cache_clear()
    with pytest.raises(BadInput, match="has changed since"):
        twins.disks(ClusterSpec(files=(file,)))


def test_addresses_of_ssl_are_taken_for_those_of_the_lab(
    copied: dict[tuple[str, Database], Path], tmp_path: Path
) -> None:
    from fake_raft.file import read

    disk = read(copied["172.18.0.3", Database.NB].read_bytes())
    header = replace(disk.header, address=disk.header.address.replace("tcp:[172.18.0.3]", "ssl:172.18.0.3"))
    disk.header = header
    path = tmp_path / "ssl.db"
    path.write_bytes(write(disk, schema(Database.NB)))
    assert twins.tell(path, "3.1").host == "172.18.0.3"


# -- what can't be a twin ---------------------------------------------------------------------------------------------


def refused(*paths: str, **given: Any) -> str:
    with pytest.raises(BadInput) as caught:
        twin.of(paths, values(**given))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_tells_nothing_is_named(tmp_path: Path) -> None:
    path = tmp_path / "shopping.txt"
    path.write_text("milk, bread\n")
    assert f"--from {path} tells nothing of a cluster" in refused(str(path))
    assert "No such file" in refused(str(tmp_path / "gone"))
    assert "neither a status nor a database's file" in refused(PASTED[0])


def test_a_missing_database_is_named(copied: dict[tuple[str, Database], Path]) -> None:
    assert "no sb file" in refused(str(copied["172.18.0.3", Database.NB]))
    assert "no status of sb" in refused(PASTED[0], PASTED[1])


def test_a_damaged_file_is_named_with_the_place(copied: dict[tuple[str, Database], Path], tmp_path: Path) -> None:
    path = tmp_path / "damaged.db"
    path.write_bytes(b"OVSDB JSON 3 0000000000000000000000000000000000000000\n{}\n")
    assert f"{path} is no database of a cluster" in refused(str(path))


def test_files_of_one_server_twice_and_of_other_clusters(copied: dict[tuple[str, Database], Path]) -> None:
    one = str(copied["172.18.0.3", Database.NB])
    assert "two nb files are of the server at 172.18.0.3" in refused(one, one)


def test_node_ips_that_are_not_the_members(copied: dict[tuple[str, Database], Path]) -> None:
    assert "and the members are" in refused(*PASTED, node_ips="172.18.0.3,172.18.0.4")


@pytest.mark.parametrize("option", ["--members", "--spares"])
def test_the_files_say_who_there_is(option: str) -> None:
    result = ovnswap("rehearse", "remove", LEAVER, *FROM, option, "5")
    assert result.exit_code == ExitCode.USAGE
    assert f"{option} has no effect with --from" in complaint(result)


def test_example_releases_are_assumed_and_said() -> None:
    found = twin.of(PASTED, values())
    assert found.spec.versions == EXAMPLE_VERSIONS
    assert any("Kube-OVN is v1.13.15" in words for words in found.assumptions)
