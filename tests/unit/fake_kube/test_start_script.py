"""The start script's decision tables, row by row (facts: kube-ovn 2)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from kube_support import VirtualClock

from fake_kube.profile import KubeOvnProfile, kube_ovn_profile
from fake_kube.start_script import (
    ArchiveFile,
    AwaitConnected,
    ConvertStandalone,
    CreateCluster,
    CreateStandalone,
    DatabaseFile,
    FileKind,
    FileState,
    FixCluster,
    Header,
    JoinCluster,
    Leader,
    LeaderAnswer,
    LiveClusterId,
    Print,
    Rejoin,
    RemoveFile,
    Request,
    ScriptRunner,
    Serve,
    Sleep,
    StartNorthd,
    StartServer,
    StopAll,
    WriteGlobal,
    start_script,
)

NO_HEADER = kube_ovn_profile("v1.13.15")
HEADER = kube_ovn_profile("v1.16.2")
LIVE = kube_ovn_profile("v1.15.24")
EVERY = (NO_HEADER, HEADER, LIVE)

MISSING = DatabaseFile(FileKind.MISSING)
GARBAGE = DatabaseFile(FileKind.GARBAGE)
STANDALONE = DatabaseFile(FileKind.STANDALONE)
MEMBER = DatabaseFile(FileKind.CLUSTERED, sid="5a5a")
JOINING = DatabaseFile(FileKind.CLUSTERED, joined=False, age=30, sid="5a5a")
STUCK = replace(JOINING, age=120)
BROKEN = DatabaseFile(FileKind.CLUSTERED, healthy=False, sid="5a5a")
LEFT = DatabaseFile(FileKind.CLUSTERED, left=True, sid="5a5a")
SAVED = Header("c1c1", "5a5a")
ZERO = "00000000-0000-0000-0000-000000000000"


@dataclass
class Host:
    """One node's files and what the others answer; plays the executor, without time."""

    own: str = "3"
    files: dict[str, DatabaseFile] = field(default_factory=lambda: {"nb": MISSING, "sb": MISSING})
    leaders: dict[str, str] = field(default_factory=dict)
    live: tuple[str, ...] = ()
    fixable: bool = False
    rejoinable: bool = True
    asked: list[Request] = field(default_factory=list)
    slept: float = 0.0
    serve: bool = False

    def run(self, node_ips: str, profile: KubeOvnProfile, env: dict[str, str] | None = None) -> int | None:
        """The exit code, or None if the script serves."""
        script = start_script({"NODE_IPS": node_ips, "POD_IP": self.own, **(env or {})}, profile)
        answer: object = None
        try:
            while True:
                request = script.send(answer)
                self.asked.append(request)
                if isinstance(request, Serve) and not self.serve:
                    return None
                answer = self.answer(request)
        except StopIteration as end:
            return int(end.value)

    def answer(self, request: Request) -> object:  # noqa: PLR0911
        match request:
            case FileState(db=db):
                return self.files[db]
            case Leader(address=address, db=db):
                return LeaderAnswer.LEADER if self.leaders.get(db) == address else LeaderAnswer.NOT_LEADER
            case LiveClusterId():
                return self.live
            case RemoveFile(db=db, header=header) | ArchiveFile(db=db, header=header):
                old = self.files[db]
                self.files[db] = replace(old, header=None) if header else replace(MISSING, header=old.header)
            case CreateCluster(db=db) | ConvertStandalone(db=db):
                self.files[db] = replace(MEMBER, header=self.files[db].header)
                return ""
            case CreateStandalone(db=db):
                self.files[db] = STANDALONE if self.files[db].kind is FileKind.MISSING else self.files[db]
                return ""
            case JoinCluster(db=db, remotes=remotes):
                if self.own in remotes:
                    return "ovsdb-tool: remote addresses cannot be the same as the local address"
                self.files[db] = replace(JOINING, header=self.files[db].header)
                return ""
            case Rejoin(db=db):
                if not self.rejoinable:
                    return "ovsdb-tool: failed"
                self.files[db] = replace(JOINING, header=self.files[db].header)
                return ""
            case FixCluster(db=db):
                if self.fixable:
                    self.files[db] = replace(self.files[db], healthy=True)
                return self.fixable
            case StartServer(db=db):
                left = self.files[db].left
                return "ovsdb-server: ovsdb error: server has left the cluster; it cannot be added back" if left else ""
            case AwaitConnected(db=db):
                return not self.files[db].left
            case Sleep(seconds=seconds):
                self.slept += seconds
        return None

    def of(self, *kinds: type) -> list[Request]:
        return [request for request in self.asked if isinstance(request, kinds)]

    def done_to_files(self, db: str = "nb") -> list[Request]:
        changing = (
            *(RemoveFile, ArchiveFile, FixCluster, CreateCluster, CreateStandalone, JoinCluster, Rejoin),
            ConvertStandalone,
        )
        return [request for request in self.of(*changing) if request.db == db]  # type: ignore[union-attr]


def host(own: str = "3", nb: DatabaseFile = MISSING, sb: DatabaseFile | None = None, **fields: object) -> Host:
    return Host(own, {"nb": nb, "sb": nb if sb is None else sb}, **fields)  # type: ignore[arg-type]


# -- the gate --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", EVERY)
def test_node_outside_node_ips_prints_and_ends_at_once_with_0(profile: KubeOvnProfile) -> None:
    here = host("5", MEMBER)
    assert here.run("3,4", profile) == 0
    assert here.asked == [Print("ERROR! host ip 5 not in env NODE_IPS 3,4"), StopAll()]


@pytest.mark.parametrize(("release", "passes"), [("v1.10.10", True), ("v1.12.0", False), ("v1.16.2", False)])
def test_part_of_an_address_passes_the_old_gate(release: str, passes: bool) -> None:
    here = host("10.0.0.3", MEMBER)
    assert (here.run("10.0.0.30,10.0.0.4", kube_ovn_profile(release)) is None) is passes


@pytest.mark.parametrize(
    ("release", "own", "passes"),
    [
        ("v1.12.0", "3", True),
        ("v1.12.0", "4", False),
        ("v1.16.2", "4", False),
        ("v1.10.10", "4", True),
        ("master", "4", True),
    ],
)
def test_blanks_in_node_ips_break_every_pod_but_the_first(release: str, own: str, passes: bool) -> None:
    here = host(own, MEMBER)
    assert (here.run("3, 4, 5", kube_ovn_profile(release)) is None) is passes


def test_cluster_address_overrides_the_pods() -> None:
    here = host("9", MEMBER)
    assert here.run("3,4", HEADER, {"DB_CLUSTER_ADDR": "3"}) is None


# -- who is asked, who may bootstrap ---------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", EVERY)
def test_first_address_bootstraps_when_no_leader_answers(profile: KubeOvnProfile) -> None:
    here = host("3")
    assert here.run("3,4,5", profile) is None
    assert here.done_to_files("nb") == [CreateCluster("nb")]
    assert here.done_to_files("sb") == [CreateCluster("sb")]
    assert here.of(StartServer) == [StartServer("nb", bootstrap=True), StartServer("sb", bootstrap=True)]
    assert here.of(StartNorthd, WriteGlobal, Serve) == [StartNorthd(("3", "4", "5")), WriteGlobal(), Serve()]


@pytest.mark.parametrize("profile", EVERY)
def test_other_addresses_join_the_first_one_when_no_leader_answers(profile: KubeOvnProfile) -> None:
    here = host("5")
    assert here.run("3,4,5", profile) is None
    assert here.done_to_files("nb") == [JoinCluster("nb", ("3",))]
    assert here.of(WriteGlobal) == []


@pytest.mark.parametrize("own", ["3", "5"])
def test_leader_found_is_joined_by_every_address(own: str) -> None:
    here = host(own, leaders={"nb": "4", "sb": "5" if own == "3" else "3"})
    assert here.run("3,4,5", HEADER) is None
    assert here.done_to_files("nb") == [JoinCluster("nb", ("4",))]
    assert here.done_to_files("sb") == [JoinCluster("sb", (here.leaders["sb"],))]


def test_whether_there_is_a_cluster_is_asked_of_nb_alone_and_stops_at_the_first_leader() -> None:
    here = host("5", MEMBER, leaders={"sb": "3"})
    here.run("3,4,5", HEADER)
    assert [request.db for request in here.of(Leader)] == ["nb"] * 3  # type: ignore[union-attr]
    here = host("5", MEMBER, leaders={"nb": "4", "sb": "3"})
    here.run("3,4,5", HEADER)
    assert [(request.db, request.address) for request in here.of(Leader)] == [  # type: ignore[union-attr]
        *[("nb", "3"), ("nb", "4")],
        *[("nb", "3"), ("nb", "4"), ("sb", "3")],
    ]
    assert {request.timeout for request in here.of(Leader)} == {10.0}  # type: ignore[union-attr]


def test_sb_without_a_leader_is_joined_at_the_first_address() -> None:
    here = host("5", leaders={"nb": "4"})
    here.run("3,4,5", HEADER)
    assert here.done_to_files("sb") == [JoinCluster("sb", ("3",))]


def test_first_address_cannot_join_itself_and_runs_no_sb() -> None:
    here = host("3", MEMBER, MISSING, leaders={"nb": "4"})
    assert here.run("3,4,5", HEADER) == 0
    assert here.of(StartServer) == [StartServer("nb")]
    assert here.asked[-1] == StopAll()


def test_existing_files_are_started_as_they_are_in_every_branch() -> None:
    for own, leaders in (("3", {}), ("5", {}), ("5", {"nb": "4", "sb": "4"})):
        here = host(own, MEMBER, leaders=leaders)
        assert here.run("3,4,5", HEADER) is None
        assert here.done_to_files("nb") == here.done_to_files("sb") == []


@pytest.mark.parametrize("profile", EVERY)
def test_wiped_first_address_makes_a_second_cluster_while_no_leader_is_seen(profile: KubeOvnProfile) -> None:
    """H-SPLIT: quorum lost elsewhere, a wiped node listed first."""
    here = host("5")
    assert here.run("5,3,4", profile) is None
    assert CreateCluster("nb") in here.asked
    assert CreateCluster("sb") in here.asked


def test_only_the_lost_database_is_bootstrapped() -> None:
    here = host("3", MEMBER, MISSING)
    here.run("3,4,5", NO_HEADER)
    assert here.done_to_files("nb") == []
    assert here.done_to_files("sb") == [CreateCluster("sb")]


def test_header_keeps_the_first_address_from_bootstrapping() -> None:
    here = host("3", replace(MISSING, header=SAVED))
    here.run("3,4,5", HEADER)
    assert here.done_to_files() == [Rejoin("nb", ("4", "5"))]


# -- standalone files ------------------------------------------------------------------------------------------------


def test_standalone_file_is_converted_on_the_bootstrapping_node() -> None:
    here = host("3", STANDALONE)
    here.run("3,4,5", HEADER)
    assert here.done_to_files() == [ConvertStandalone("nb")]


@pytest.mark.parametrize("own", ["3", "5"])
def test_standalone_file_is_discarded_by_whoever_joins(own: str) -> None:
    here = host(own, STANDALONE, leaders={"nb": "4", "sb": "4"})
    here.run("3,4,5", HEADER)
    assert here.done_to_files() == [ArchiveFile("nb"), JoinCluster("nb", ("4",))]


def test_empty_node_ips_means_no_raft() -> None:
    here = host("3")
    assert here.run("", HEADER) is None
    assert here.done_to_files() == [CreateStandalone("nb")]
    assert here.of(Leader) == []


# -- a file with the note "left" -------------------------------------------------------------------------------------


@pytest.mark.parametrize("profile", EVERY)
def test_left_file_is_refused_and_the_script_ends_with_0_after_both_waits(profile: KubeOvnProfile) -> None:
    here = host("5", LEFT, leaders={"nb": "3", "sb": "3"})
    assert here.run("3,4,5", profile) == 0
    assert here.done_to_files() == []
    assert here.of(AwaitConnected) == [AwaitConnected("nb", 30.0), AwaitConnected("sb", 30.0)]
    assert any("left the cluster" in request.text for request in here.of(Print))  # type: ignore[union-attr]
    assert here.asked[-1] == StopAll()


def test_left_in_one_database_alone_ends_the_script_too() -> None:
    here = host("5", MEMBER, LEFT, leaders={"nb": "3", "sb": "3"})
    assert here.run("3,4,5", HEADER) == 0


# -- pre_start -------------------------------------------------------------------------------------------------------

ARCHIVED = [ArchiveFile("nb")]
JOINED = [JoinCluster("nb", ("4",))]
HDR = replace(MISSING, header=SAVED)


@pytest.mark.parametrize(
    ("profile", "file", "expected"),
    [
        (NO_HEADER, MISSING, JOINED),
        (HEADER, MISSING, JOINED),
        (LIVE, MISSING, JOINED),
        (NO_HEADER, HDR, JOINED),
        (HEADER, HDR, [Rejoin("nb", ("3", "4"))]),
        (NO_HEADER, GARBAGE, ARCHIVED + JOINED),
        (HEADER, GARBAGE, ARCHIVED + JOINED),
        (HEADER, replace(GARBAGE, header=SAVED), [*ARCHIVED, Rejoin("nb", ("3", "4"))]),
        (LIVE, GARBAGE, ARCHIVED + JOINED),
        (NO_HEADER, JOINING, []),
        (NO_HEADER, STUCK, [RemoveFile("nb"), *JOINED]),
        (HEADER, replace(STUCK, header=SAVED), [RemoveFile("nb"), *JOINED]),
        (LIVE, STUCK, ARCHIVED + JOINED),
        (LIVE, replace(STUCK, header=SAVED), [*ARCHIVED, ArchiveFile("nb", header=True), *JOINED]),
        (kube_ovn_profile("v1.11.17"), STUCK, []),
        (NO_HEADER, BROKEN, [FixCluster("nb"), JoinCluster("nb", ("3", "4"), sid="5a5a")]),
        (kube_ovn_profile("v1.11.9"), BROKEN, [JoinCluster("nb", ("3", "4"), sid="5a5a")]),
        (kube_ovn_profile("v1.10.6"), BROKEN, []),
        (HEADER, BROKEN, [FixCluster("nb"), JoinCluster("nb", ("3", "4"), sid="5a5a")]),
        (HEADER, replace(BROKEN, header=SAVED), [FixCluster("nb"), RemoveFile("nb"), Rejoin("nb", ("3", "4"))]),
        (NO_HEADER, MEMBER, []),
        (HEADER, replace(MEMBER, header=SAVED), []),
        (LIVE, replace(MEMBER, header=SAVED), []),
    ],
)
def test_pre_start(profile: KubeOvnProfile, file: DatabaseFile, expected: list[Request]) -> None:
    here = host("5", file, leaders={"nb": "4", "sb": "4"})
    here.run("3,4,5", profile)
    assert here.done_to_files() == expected


@pytest.mark.parametrize("profile", EVERY)
def test_fixed_file_is_kept(profile: KubeOvnProfile) -> None:
    here = host("5", BROKEN, fixable=True)
    assert here.run("3,4,5", profile) is None
    assert here.done_to_files() == [FixCluster("nb")]


def test_file_without_birth_time_is_always_old_enough_to_be_removed() -> None:
    here = host("5", replace(JOINING, age=float("inf")))
    here.run("3,4,5", NO_HEADER)
    assert here.done_to_files()[0] == RemoveFile("nb")


def test_header_with_a_cluster_that_is_gone_is_used_all_the_same_before_live_lookup() -> None:
    here = host("5", HDR, live=("c2c2",))
    here.run("3,4,5", HEADER)
    assert here.of(LiveClusterId) == []
    assert here.done_to_files() == [Rejoin("nb", ("3", "4"))]


# -- pre_start with live cluster id ----------------------------------------------------------------------------------

DROP_HEADER = ArchiveFile("nb", header=True)


@pytest.mark.parametrize(
    ("header", "live", "expected"),
    [
        (SAVED, ("c1c1",), [Rejoin("nb", ("3", "4"))]),
        (SAVED, (), [Rejoin("nb", ("3", "4"))]),
        (SAVED, ("c2c2",), [JoinCluster("nb", ("3", "4"), "c2c2", "5a5a"), DROP_HEADER]),
        (Header(ZERO, "5a5a"), ("c2c2",), [JoinCluster("nb", ("3", "4"), "c2c2", "5a5a"), DROP_HEADER]),
        (Header(ZERO, "5a5a"), (), [DROP_HEADER, *JOINED]),
        (Header("c1c1", ZERO), ("c1c1",), [DROP_HEADER, *JOINED]),
    ],
)
def test_lost_file_with_a_header_and_lookup(header: Header, live: tuple[str, ...], expected: list[Request]) -> None:
    here = host("5", replace(MISSING, header=header), MEMBER, live=live, leaders={"nb": "4", "sb": "4"})
    assert here.run("3,4,5", LIVE) is None
    assert here.done_to_files() == expected


def test_unreachable_cluster_is_looked_for_seven_times() -> None:
    here = host("5", HDR, MEMBER)
    here.run("3,4,5", LIVE)
    assert len(here.of(LiveClusterId)) == 7
    assert here.slept == 60


def test_conflicting_cluster_ids_end_the_script() -> None:
    here = host("5", HDR, MEMBER, live=("c1c1", "c2c2"))
    assert here.run("3,4,5", LIVE) == 0
    assert here.done_to_files() == []
    assert here.of(StartServer) == []


def test_failed_rejoin_falls_back_to_the_live_cluster() -> None:
    here = host("5", HDR, MEMBER, live=("c1c1",), rejoinable=False)
    here.run("3,4,5", LIVE)
    assert here.done_to_files() == [
        Rejoin("nb", ("3", "4")),
        ArchiveFile("nb"),
        JoinCluster("nb", ("3", "4"), "c1c1", "5a5a"),
        DROP_HEADER,
    ]


def test_failed_rejoin_ends_the_script_before_live_lookup() -> None:
    here = host("5", HDR, MEMBER, rejoinable=False)
    assert here.run("3,4,5", HEADER) == 0
    assert here.of(StartServer) == []


def test_damaged_file_is_rebuilt_only_with_a_live_cluster() -> None:
    here = host("5", BROKEN, MEMBER, live=("c1c1",))
    assert here.run("3,4,5", LIVE) is None
    assert here.done_to_files() == [FixCluster("nb"), JoinCluster("nb", ("3", "4"), "c1c1", "5a5a")]
    here = host("5", BROKEN, MEMBER)
    assert here.run("3,4,5", LIVE) == 0
    assert here.done_to_files() == [FixCluster("nb")]


def test_damaged_file_without_a_server_id_ends_the_script() -> None:
    here = host("5", replace(BROKEN, sid=""), MEMBER)
    assert here.run("3,4,5", NO_HEADER) == 0


# -- the runner ------------------------------------------------------------------------------------------------------


class Desk:
    """Answers at once or later, as told."""

    def __init__(self, here: Host, delays: Callable[[Request], float | None]) -> None:
        self.clock = VirtualClock()
        self.here = here
        self.delays = delays
        self.codes: list[int] = []

    def run(self, node_ips: str, profile: KubeOvnProfile) -> ScriptRunner:
        script = start_script({"NODE_IPS": node_ips, "POD_IP": self.here.own}, profile)
        return ScriptRunner(self.clock, script, self.perform, self.codes.append)

    def perform(self, request: Request, answer: Callable[[object], None]) -> None:
        self.here.asked.append(request)
        delay = self.delays(request)
        if delay is None:
            return
        value = self.here.answer(request)
        if delay == 0:
            answer(value)
            answer(value)
        else:
            self.clock.call_later(delay, lambda: answer(value))


def kicked(request: Request) -> float | None:
    return 30.0 if isinstance(request, AwaitConnected) else 0


def test_kicked_server_ends_by_itself_after_a_minute() -> None:
    desk = Desk(host("5", LEFT, leaders={"nb": "3", "sb": "3"}), kicked)
    desk.run("3,4,5", HEADER)
    assert desk.codes == []
    desk.clock.run(59)
    assert desk.codes == []
    desk.clock.run(2)
    assert desk.codes == [0]


def test_runner_serves_until_the_foreground_ends() -> None:
    desk = Desk(host("3", MEMBER), lambda request: 100.0 if isinstance(request, Serve) else 0)
    runner = desk.run("3,4,5", HEADER)
    desk.clock.run(99)
    assert runner.running
    desk.clock.run(2)
    assert desk.codes == [0]
    assert desk.here.asked[-1] == StopAll()
    assert not runner.running


def test_stopped_runner_ignores_late_answers_and_does_not_exit() -> None:
    desk = Desk(host("5", MEMBER), lambda request: 10.0 if isinstance(request, Leader) else 0)
    runner = desk.run("3,4,5", HEADER)
    desk.clock.run(15)
    asked = len(desk.here.asked)
    runner.stop()
    desk.clock.run(100)
    assert len(desk.here.asked) == asked
    assert desk.codes == []


def test_runner_sleeps_by_itself() -> None:
    desk = Desk(host("5", HDR, MEMBER), lambda request: None if isinstance(request, Serve) else 0)
    desk.run("3,4,5", LIVE)
    desk.clock.run(59)
    assert desk.here.of(StartServer) == []
    desk.clock.run(2)
    assert len(desk.here.of(StartServer)) == 2
    assert desk.here.of(Sleep) == []
