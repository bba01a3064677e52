"""The decisions of ovn-central's start script (start-db.sh), without doing any of them.

:func:`start_script` yields requests and gets answers; somebody else owns files, servers and time. Sources: facts,
kube-ovn 2; ovn-ctl(8).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any

from fake_kube.profile import KubeOvnProfile, ScriptGeneration
from fake_kube.script_requests import (
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
    Script,
    Serve,
    Sleep,
    StartNorthd,
    StartServer,
    StopAll,
    WriteGlobal,
)
from fake_kube.script_runner import ScriptRunner

__all__ = [
    "ArchiveFile",
    "AwaitConnected",
    "ConvertStandalone",
    "CreateCluster",
    "CreateStandalone",
    "DatabaseFile",
    "FileKind",
    "FileState",
    "FixCluster",
    "Header",
    "JoinCluster",
    "Leader",
    "LeaderAnswer",
    "LiveClusterId",
    "Print",
    "Rejoin",
    "RemoveFile",
    "Request",
    "Script",
    "ScriptRunner",
    "Serve",
    "Sleep",
    "StartNorthd",
    "StartServer",
    "StopAll",
    "WriteGlobal",
    "in_node_ips",
    "start_script",
    "usable",
]

LOOKUP_ATTEMPTS = 7
LOOKUP_PAUSE = 10.0
BOTH = ("nb", "sb")


class _Exit(Exception):
    """The script's ``exit``, whatever the code: the EXIT trap makes it 0."""


def start_script(env: Mapping[str, str], profile: KubeOvnProfile) -> Script:
    """The script of ``profile`` with ``env`` (NODE_IPS, and POD_IP or DB_CLUSTER_ADDR). Returns the exit code: 0.

    It ends by itself only when it has nothing to serve or the leader checker ended; what it started is stopped then.
    """
    node_ips = env.get("NODE_IPS", "")
    own = env.get("DB_CLUSTER_ADDR") or env.get("POD_IP", "")
    if profile.gate_strips_spaces:
        node_ips = "".join(node_ips.split())
    try:
        if node_ips:
            yield from _clustered(node_ips, own, profile)
        else:
            yield from _standalone()
        yield Serve()
    except _Exit:
        pass
    yield StopAll()
    return 0


def in_node_ips(node_ips: str, own: str, *, exact: bool) -> bool:
    """The gate. Blanks around an item spoil the exact match; a substring is enough for the inexact one."""
    return own in node_ips.split(",") if exact else own in node_ips


def _clustered(node_ips: str, own: str, profile: KubeOvnProfile) -> Generator[Request, Any, None]:
    if not in_node_ips(node_ips, own, exact=profile.gate_exact):
        yield Print(f"ERROR! host ip {own} not in env NODE_IPS {node_ips}")
        raise _Exit
    peers = tuple(node_ips.replace(",", " ").split())
    yield StopAll()
    for db in BOTH:
        yield from _pre_start(db, tuple(ip for ip in peers if ip != own), profile)
    nb_leader = yield from _find_leader("nb", peers)
    first = peers[0]
    remotes: dict[str, str | None] = dict.fromkeys(BOTH, first)
    if nb_leader is not None:
        for db in BOTH:
            remotes[db] = (yield from _find_leader(db, peers)) or first
    elif first == own:
        remotes = dict.fromkeys(BOTH)
    yield from _start_all(remotes, peers)


def _standalone() -> Generator[Request, Any, None]:
    """Empty NODE_IPS: serve whatever file is there, without raft if there is none."""
    for db in BOTH:
        yield CreateStandalone(db)
        yield StartServer(db)
    yield StartNorthd(())


def _find_leader(db: str, peers: tuple[str, ...]) -> Generator[Request, Any, str | None]:
    """The first address whose server says that it leads."""
    for address in peers:
        if (yield Leader(address, db)) is LeaderAnswer.LEADER:
            return address
    return None


def _start_all(remotes: Mapping[str, str | None], peers: tuple[str, ...]) -> Generator[Request, Any, None]:
    """ovn-ctl: both servers, northd. A server that does not run is noticed only when all has been started."""
    failed = False
    for db in BOTH:
        remote = remotes[db]
        error: str = yield from _prepare(db, remote)
        if error:
            failed = True
            yield Print(error)
            continue
        refused: str = yield StartServer(db, bootstrap=remote is None)
        if refused:
            failed = True
            yield Print(refused)
        yield AwaitConnected(db)
    yield StartNorthd(peers)
    if remotes["nb"] is None:
        yield WriteGlobal()
    if failed:
        raise _Exit


def _prepare(db: str, remote: str | None) -> Generator[Request, Any, str]:
    """ovs-lib's create_cluster or join_cluster: only a missing or a standalone file is touched."""
    state: DatabaseFile = yield FileState(db)
    if state.kind is FileKind.CLUSTERED:
        return ""
    error: str
    if remote is None:
        if state.kind is FileKind.MISSING:
            error = yield CreateCluster(db)
        else:
            error = yield ConvertStandalone(db)
        return error
    if state.kind is not FileKind.MISSING:
        yield ArchiveFile(db)
    error = yield JoinCluster(db, (remote,))
    return error


# -- pre_start: what happens to a lost or bad file before anything is started ---------------------------------------


def _pre_start(db: str, others: tuple[str, ...], profile: KubeOvnProfile) -> Generator[Request, Any, None]:
    state: DatabaseFile = yield FileState(db)
    missing = state.kind is FileKind.MISSING
    if state.kind is FileKind.GARBAGE:
        yield Print(f"ovn db file /etc/ovn/ovn{db}_db.db is corrupted")
        yield ArchiveFile(db)
        missing = True
    if missing:
        if state.header is not None and profile.writes_header:
            yield from _from_header(db, state.header, others, profile)
        return
    if state.kind is not FileKind.CLUSTERED:
        return
    if not state.joined:
        yield from _purge(db, state, profile)
    elif not state.healthy:
        yield from _repair(db, state, others, profile)


def _purge(db: str, state: DatabaseFile, profile: KubeOvnProfile) -> Generator[Request, Any, None]:
    """A file that never joined is given up after a while; older scripts keep the header, and so the old server id."""
    if profile.purge_unjoined is None or state.age < profile.purge_unjoined:
        return
    if profile.generation is not ScriptGeneration.LIVE_CID:
        yield Print(f"ovn db file /etc/ovn/ovn{db}_db.db exists for more than 120s, remove it.")
        yield RemoveFile(db)
        return
    yield Print(f"ovn db file /etc/ovn/ovn{db}_db.db exists for more than 120s, archive it.")
    yield ArchiveFile(db)
    if state.header is not None:
        yield ArchiveFile(db, header=True)


def _repair(
    db: str, state: DatabaseFile, others: tuple[str, ...], profile: KubeOvnProfile
) -> Generator[Request, Any, None]:
    """check-cluster failed: fix in place, else rebuild under the old server id."""
    if profile.fix_cluster and (yield FixCluster(db)):
        return
    if profile.generation is ScriptGeneration.HEADER and state.header is not None:
        yield RemoveFile(db)
        if not (yield Rejoin(db, others)):
            return
    if not profile.rebuild_cluster:
        return
    if not usable(state.sid):
        yield Print(f"failed to get sid from db file /etc/ovn/ovn{db}_db.db")
        raise _Exit
    cid: str | None = None
    if profile.generation is ScriptGeneration.LIVE_CID:
        found: tuple[str, ...] = yield LiveClusterId(db, others)
        if len(found) != 1:
            yield Print(f"failed to get live cluster ID for {db}")
            raise _Exit
        cid = found[0]
    if not others:
        return
    if (yield JoinCluster(db, others, cid, state.sid)):
        raise _Exit
    if profile.generation is ScriptGeneration.LIVE_CID and state.header is not None:
        yield ArchiveFile(db, header=True)


def _from_header(
    db: str, header: Header, others: tuple[str, ...], profile: KubeOvnProfile
) -> Generator[Request, Any, None]:
    """The file is gone, the header is not."""
    if profile.generation is ScriptGeneration.HEADER:
        error: str = yield Rejoin(db, others)
        if error:
            yield Print(error)
            raise _Exit
        return
    if not others or not usable(header.sid):
        yield ArchiveFile(db, header=True)
        return
    live = yield from _live_cluster_id(db, others)
    if usable(header.cid) and live in (None, header.cid):
        if not (yield Rejoin(db, others)):
            return
        yield ArchiveFile(db)
    if live is None:
        yield Print(f"no reachable {db} cluster found; continue with clean bootstrap")
        yield ArchiveFile(db, header=True)
        return
    if (yield JoinCluster(db, others, live, header.sid)):
        raise _Exit
    yield ArchiveFile(db, header=True)


def _live_cluster_id(db: str, others: tuple[str, ...]) -> Generator[Request, Any, str | None]:
    """Seven tries, ten seconds apart. Two different ids end the script."""
    for attempt in range(LOOKUP_ATTEMPTS):
        if attempt:
            yield Sleep(LOOKUP_PAUSE)
        found: tuple[str, ...] = yield LiveClusterId(db, others)
        if len(found) > 1:
            yield Print(f"conflicting live cluster IDs {found[0]} and {found[1]} for {db}")
            raise _Exit
        if found:
            return found[0]
    return None


def usable(identity: str) -> bool:
    """Whether an id is there and not all zeros."""
    return bool(identity.strip("0-"))
