"""An ovn-central container: the start script's requests, carried out with real tools and servers on one node."""

from __future__ import annotations

import contextlib
import functools
import json
import math
import re
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from fake_kube import start_script as script
from fake_kube.healthcheck import HealthFacts, central_healthy
from fake_kube.leader_checker import LeaderFlags, Peers
from fake_kube.objects import Pod, container_env
from fake_kube.profile import KubeOvnProfile
from fake_kube.script_requests import QUERY_TIMEOUT
from harness.addresses import raft_address
from harness.cluster import DATABASES, Database
from harness.executors.processes import files, jsonrpc
from harness.executors.processes.database import ServerState, server_state
from harness.executors.processes.host import Host, Output, Over, Processes
from harness.executors.processes.real_clock import RealClock
from harness.executors.processes.servers import await_started, northd_command, schema, server_command
from harness.executors.processes.workers import Workers

LOOK_AGAIN = 0.2
"""Cluster seconds between two looks of something that waits for a server."""

QUICK = 1.0
"""Real seconds that a question to a local server may take: one that answers at all takes milliseconds."""

SHORTEST_ELECTION = 100
"""Milliseconds; ovsdb-tool takes no shorter election timer (facts: ovsdb-raft 2)."""

SHORTEST_PROBE = 1000
"""Milliseconds; ovn-northd takes no shorter probe interval."""

NORTHD_PROBE = 5000
"""Milliseconds of cluster time; OVN_NORTHD_PROBE_INTERVAL as shipped (facts: kube-ovn 1.1)."""

Answer = Callable[[object], None]
_LINE = re.compile(r"^(Status|Role): (.*)$", re.MULTILINE)


class Container:
    """One life of an ovn-central container. Everything that blocks runs on ``workers``."""

    def __init__(
        self,
        host: Host,
        pod: Pod,
        profile: KubeOvnProfile,
        election_timer_ms: int,
        *,
        clock: RealClock,
        workers: Workers,
        exited: Callable[[int], None],
    ) -> None:
        self.host = host
        self.pod = pod
        self.serving = False
        self.processes = Processes(host)
        self._profile = profile
        self._election_timer_ms = max(SHORTEST_ELECTION, round(election_timer_ms * clock.scale))
        self._clock = clock
        self._workers = workers
        self._exited = exited
        self._over = False
        self._servers: dict[Database, subprocess.Popen[bytes]] = {}
        self._runner = script.ScriptRunner(
            clock, script.start_script(container_env(pod), profile), self._perform, self._ended
        )

    @property
    def over(self) -> bool:
        return self._over

    def kill(self) -> bool:
        """PID 1 is gone and takes everything with it. Returns whether any process ran."""
        self._over = True
        self._runner.stop()
        return self.processes.kill()

    def crash(self, code: int) -> bool:
        """All processes die and the kubelet is told; False if there was nothing left to die."""
        if self._over:
            return False
        self.kill()
        self._exited(code)
        return True

    def crash_again(self, code: int) -> None:
        """The kubelet is told of a container that was killed with :meth:`kill`."""
        self._exited(code)

    def stop(self) -> bool:
        """PID 1 and the servers get SIGTERM; the start script's trap makes it a success (facts: kube-ovn 2)."""
        if self._over:
            return False
        self._over = True
        self._runner.stop()
        self.processes.stop()
        self.processes.kill()
        self._exited(0)
        return True

    def servers(self) -> list[tuple[Database, int]]:
        """The ovsdb-servers that run: database and process id."""
        return [(db, process.pid) for db, process in self._servers.items() if process.poll() is None]

    def _ended(self, code: int) -> None:
        self._over = True
        self.processes.kill()
        self._exited(code)

    # -- probes and the leader checker --------------------------------------------------------------------------

    def healthy(self, limit: float) -> bool:
        """What ovn-healthcheck.sh would say, if it is given ``limit`` real seconds. Blocks."""
        return central_healthy({db.value: self._facts(db, limit) for db in DATABASES}, self._profile)

    def _facts(self, db: Database, limit: float) -> HealthFacts | None:
        try:
            text = jsonrpc.control(self.host.control(db), "cluster/status", db.schema, timeout=limit)
        except (OSError, jsonrpc.Refused):
            return None
        lines = dict(_LINE.findall(text))
        return HealthFacts(lines.get("Status", ""), lines.get("Role", ""))

    def flags(self) -> LeaderFlags | None:
        """What the leader checker sees of its own servers and northd; None if it can't look. Blocks."""
        if not self.serving or self._over:
            return None
        try:
            nb, sb = (self._leads(db) for db in DATABASES)
            northd = jsonrpc.control(self.host.northd_control, "status", timeout=QUICK)
        except (OSError, jsonrpc.Refused):
            return None
        return LeaderFlags(nb, sb, "active" in northd)

    def _leads(self, db: Database) -> bool:
        state = self._local_state(db)
        return state is not None and state.leader

    def _local_state(self, db: Database) -> ServerState | None:
        connection = self.host.local(db, QUICK)
        try:
            return server_state(connection, db, QUICK)
        finally:
            connection.close()

    def peers(self, db: Database, limit: float) -> Peers:
        """What this node sees of the other addresses in NODE_IPS, ``limit`` real seconds for each. Blocks."""
        listed = (item.strip() for item in self.pod.env.get("NODE_IPS", "").split(","))
        others = [address for address in listed if address and address != self.host.address]
        leaders = tuple(a for a in others if self._ask_leader(a, db, limit) is script.LeaderAnswer.LEADER)
        servers = None
        with contextlib.suppress(OSError, jsonrpc.Refused):
            text = jsonrpc.control(self.host.control(db), "cluster/status", db.schema, timeout=QUICK)
            servers = len(text.partition("\nServers:\n")[2].splitlines())
        return Peers(db.value, leaders, servers)

    def save_headers(self) -> None:
        """``ovsdb-tool db-raft-header`` of Kube-OVN's patched tool: who this server is, to outlive its file."""
        for db in DATABASES:
            log = files.read(self.host.file(db))
            if log is not None and log.format is files.Format.CLUSTERED and log.joined and not self._over:
                self.host.header(db).write_text(json.dumps({"cluster_id": log.cid, "server_id": log.sid}))

    # -- requests of the start script ---------------------------------------------------------------------------

    def _perform(self, request: script.Request, answer: Answer) -> None:
        match request:
            case script.Print(text=text):
                with (self.host.log / "start-db.log").open("a", encoding="utf-8") as log:
                    log.write(f"{self._clock.now():.2f} {self.pod.name}: {text}\n")
                answer(None)
            case script.Serve():
                self.serving = True
            case script.AwaitConnected(db=db, timeout=timeout):
                self._await_connected(Database(db), self._clock.now() + timeout, answer)
            case script.WriteGlobal():
                # It may wait for ever, and workers are few.
                threading.Thread(target=self._in_background, args=(self._write_global, answer), daemon=True).start()
            case _:
                self._workers.run(lambda: self._in_background(functools.partial(self._do, request), answer))

    def _in_background(self, work: Callable[[], object], answer: Answer) -> None:
        try:
            value = work()
        except Over:
            return
        except Exception as error:
            if not self._over:
                self._clock.failed(error)
            return
        self._clock.call_later(0, lambda: answer(value))

    def _do(self, request: script.Request) -> object:
        if self._over:
            raise Over
        match request:
            case script.FileState(db=db):
                return self._file_state(Database(db))
            case script.Leader(address=address, db=db, timeout=timeout):
                return self._ask_leader(address, Database(db), timeout * self._clock.scale)
            case script.LiveClusterId(db=db, addresses=addresses):
                return self._live_ids(Database(db), addresses)
            case script.RemoveFile(db=db, header=header):
                self._path(Database(db), header).unlink(missing_ok=True)
            case script.ArchiveFile(db=db, header=header):
                self._archive(self._path(Database(db), header))
            case script.FixCluster():
                return False  # stock ovsdb-tool has no fix-cluster
            case script.CreateCluster(db=db):
                return self._create_cluster(Database(db), schema(Database(db)))
            case script.CreateStandalone(db=db):
                return self._create_standalone(Database(db))
            case script.JoinCluster(db=db, remotes=remotes, cid=cid, sid=sid):
                return self._join(Database(db), remotes, cid, sid)
            case script.Rejoin(db=db, remotes=remotes):
                return self._rejoin(Database(db), remotes)
            case script.ConvertStandalone(db=db):
                return self._convert(Database(db))
            case script.StartServer(db=db):
                return self._start_server(Database(db))
            case script.StartNorthd(addresses=addresses):
                self.processes.start(northd_command(self.host, addresses), log="ovn-northd.out")
            case script.StopAll():
                self.processes.stop()
            case _:
                raise NotImplementedError(f"start script request {request}")
        return None

    # -- files --------------------------------------------------------------------------------------------------

    def _path(self, db: Database, header: bool = False) -> Path:
        return self.host.header(db) if header else self.host.file(db)

    def _file_state(self, db: Database) -> script.DatabaseFile:
        header = self._header(db)
        path = self.host.file(db)
        log = files.read(path)
        if log is None:
            return script.DatabaseFile(script.FileKind.MISSING, header=header)
        if log.format is files.Format.OTHER or log.name != db.schema:
            return script.DatabaseFile(script.FileKind.GARBAGE, header=header)
        if log.format is files.Format.STANDALONE:
            return script.DatabaseFile(script.FileKind.STANDALONE, header=header)
        verdict = self._tool("ovsdb-tool", "check-cluster", str(path))
        return script.DatabaseFile(
            script.FileKind.CLUSTERED,
            joined="has not joined the cluster" not in verdict.error,
            age=self._age(path),
            healthy=verdict.code == 0,
            left=log.left,
            sid=log.sid,
            header=header,
        )

    def _header(self, db: Database) -> script.Header | None:
        try:
            content = self.host.header(db).read_text(encoding="utf-8")
        except OSError:
            return None
        try:
            saved = json.loads(content)
            return script.Header(str(saved["cluster_id"]), str(saved["server_id"]))
        except (ValueError, KeyError, TypeError):
            return script.Header("", "")

    def _age(self, path: Path) -> float:
        """Cluster seconds since the inode was born (``stat %W``: 0 where that is not known)."""
        answer = self._tool("stat", "-c", "%.6W", str(path))
        born = float(answer.out) if answer.code == 0 else 0.0
        return max(0.0, time.time() - born) / self._clock.scale if born else math.inf

    def _archive(self, path: Path) -> None:
        if path.exists():
            path.rename(path.with_name(f"{path.name}.backup-{time.time_ns()}"))

    def _create_cluster(self, db: Database, contents: Path) -> str:
        timer = f"--election-timer={self._election_timer_ms}"
        path = self.host.file(db)
        return _error(
            self._tool("ovsdb-tool", timer, "create-cluster", str(path), str(contents), self.host.raft_address(db))
        )

    def _create_standalone(self, db: Database) -> str:
        path = self.host.file(db)
        return "" if path.exists() else _error(self._tool("ovsdb-tool", "create", str(path), str(schema(db))))

    def _convert(self, db: Database) -> str:
        path = self.host.file(db)
        aside = path.with_name(f"{path.name}.backup-{time.time_ns()}")
        path.rename(aside)
        return self._create_cluster(db, aside)

    def _join(self, db: Database, remotes: tuple[str, ...], cid: str | None, sid: str | None) -> str:
        path = self.host.file(db)
        path.unlink(missing_ok=True)
        addresses = [raft_address(remote, db.raft_port) for remote in remotes]
        option = [f"--cid={cid}"] if cid else []
        local = self.host.raft_address(db)
        error = _error(self._tool("ovsdb-tool", *option, "join-cluster", str(path), db.schema, local, *addresses))
        if not error and sid:
            files.set_server_id(path, sid)
        return error

    def _rejoin(self, db: Database, remotes: tuple[str, ...]) -> str:
        header = self._header(db)
        if header is None or not script.usable(header.sid):
            return "ovsdb-tool: no usable raft header"
        return self._join(db, remotes, header.cid if script.usable(header.cid) else None, header.sid)

    # -- servers ------------------------------------------------------------------------------------------------

    def _tool(self, *command: str) -> Output:
        return self.processes.tool(command)

    def _start_server(self, db: Database) -> str:
        words = f"ovsdb-server-{db}.out"
        self.host.control(db).unlink(missing_ok=True)
        process = self._servers[db] = self.processes.start(server_command(self.host, db), log=words)
        self.host.disk.started(db, process.pid)
        error = await_started(process, self.host.control(db), self.host.log / words)
        if self._over:
            raise Over
        return error

    def _ask_leader(self, address: str, db: Database, limit: float) -> script.LeaderAnswer:
        try:
            state = self.host.ask(db, address, limit)
        except ConnectionRefusedError:
            return script.LeaderAnswer.REFUSED
        except (OSError, jsonrpc.Refused):
            return script.LeaderAnswer.TIMEOUT
        return script.LeaderAnswer.LEADER if state is not None and state.leader else script.LeaderAnswer.NOT_LEADER

    def _live_ids(self, db: Database, addresses: tuple[str, ...]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for address in addresses:
            with contextlib.suppress(OSError, jsonrpc.Refused):
                state = self.host.ask(db, address, QUERY_TIMEOUT * self._clock.scale)
                if state is not None and state.cluster_id is not None:
                    found[state.cluster_id] = None
        return tuple(found)

    def _await_connected(self, db: Database, deadline: float, answer: Answer) -> None:
        """Look, and look again by the clock: a server that joins may take as long as it likes without a thread."""

        def look() -> bool:
            try:
                state = self._local_state(db)
            except (OSError, jsonrpc.Refused):
                return False
            return state is not None and state.connected

        def looked(connected: object) -> None:
            if connected or self._clock.now() >= deadline:
                answer(bool(connected))
            elif not self._over:
                self._clock.call_later(LOOK_AGAIN, again)

        def again() -> None:
            self._workers.run(lambda: self._in_background(look, looked))

        again()

    def _write_global(self) -> None:
        """``init`` makes the one row of each database; probe intervals are shortened with everything else."""
        probe = max(SHORTEST_PROBE, round(NORTHD_PROBE * self._clock.scale))
        options = ("set", "NB_Global", ".", f"options:northd_probe_interval={probe}")
        nb, sb = (f"--db=unix:{self.host.socket(db)}" for db in DATABASES)
        self.processes.tool(("ovn-nbctl", "--no-leader-only", nb, "init", "--", *options), patience=None)
        self.processes.tool(("ovn-sbctl", "--no-leader-only", sb, "init"), patience=None)


def _error(output: Output) -> str:
    return "" if output.code == 0 else output.error or output.out or f"exit code {output.code}"
