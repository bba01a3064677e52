"""An ovn-central container: the start script's requests, carried out on a simulated machine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fake_kube import script_requests as script
from fake_kube.healthcheck import HealthFacts, central_healthy
from fake_kube.objects import container_env
from fake_kube.profile import KubeOvnProfile
from fake_kube.runtime import Clock
from fake_kube.script_runner import ScriptRunner
from fake_kube.start_script import start_script
from fake_raft import Process
from harness.cluster import Database
from harness.executors.simulation.clock import MICRO
from harness.executors.simulation.host import Machine

if TYPE_CHECKING:
    from fake_kube.objects import Pod
    from harness.executors.simulation.cluster import Machines

LOOK_AGAIN = 0.25
"""Seconds between two looks of something that waits for a server."""

KILLED = 137
"""Exit code of a container that died of SIGKILL."""

Answer = Callable[[object], None]


class Container:
    """One life of an ovn-central container."""

    def __init__(
        self,
        machines: Machines,
        machine: Machine,
        pod: Pod,
        profile: KubeOvnProfile,
        clock: Clock,
        exited: Callable[[int], None],
    ) -> None:
        self.machine = machine
        self.pod = pod
        self.northd = False
        self.printed: list[str] = []
        self._machines = machines
        self._profile = profile
        self._clock = clock
        self._exited = exited
        self._over = False
        self._runner = ScriptRunner(clock, start_script(container_env(pod), profile), self._perform, self._ended)

    @property
    def over(self) -> bool:
        """It was killed or ended by itself."""
        return self._over

    def kill(self) -> None:
        """PID 1 is gone, and with it everything that the script had started."""
        self._over = True
        self._runner.stop()
        self._stop()

    def crash(self, code: int = KILLED) -> None:
        """PID 1 is killed from outside, or ends by itself with ``code``: the kubelet sees the container end."""
        self.kill()
        self._exited(code)

    def stop(self) -> None:
        """PID 1 is asked to end: the start script's trap makes it a success (facts: kube-ovn 2). Its servers end as
        if they were killed (measured: SIGTERM hands nothing over)."""
        self.kill()
        self._exited(0)

    @property
    def stopped(self) -> bool:
        """Whether a server does not answer because it is stopped."""
        servers = (self.machine.server(db) for db in Database)
        return any(server is not None and server.paused for server in servers)

    def healthy(self) -> bool:
        """What ovn-healthcheck.sh would say now."""
        return central_healthy({db.value: self._facts(db) for db in Database}, self._profile)

    def _facts(self, database: Database) -> HealthFacts | None:
        server = self.machine.server(database)
        health = server.health if server is not None else None
        return HealthFacts(*health) if health is not None else None

    def _ended(self, code: int) -> None:
        self._over = True
        self._exited(code)

    def _stop(self) -> None:
        self.northd = False
        self.machine.kill_all()

    def _perform(self, request: script.Request, answer: Answer) -> None:
        if isinstance(request, script.Leader):
            self._ask_leader(request, answer)
        elif isinstance(request, script.AwaitConnected):
            self._await_connected(request, answer)
        elif isinstance(request, script.WriteGlobal):
            self._write_global(answer)
        elif isinstance(request, script.Serve):
            return
        else:
            answer(self._at_once(request))

    def _at_once(self, request: script.Request) -> object:
        """Requests about this machine's own files and processes: answered without delay."""
        match request:
            case script.FileState(db=db):
                return self._file_state(Database(db))
            case script.CreateCluster(db=db):
                return self.machine.create(Database(db))
            case script.JoinCluster(db=db, remotes=remotes, cid=cid, sid=sid):
                return self.machine.join(Database(db), remotes, cid, sid)
            case script.Rejoin(db=db, remotes=remotes):
                return self._rejoin(Database(db), remotes)
            case script.StartServer(db=db):
                return self.machine.start(Database(db))
            case script.LiveClusterId(db=db, addresses=addresses):
                return self._live_ids(Database(db), addresses)
            case script.RemoveFile(db=db, header=header) | script.ArchiveFile(db=db, header=header):
                files = self.machine.headers if header else self.machine.disks
                files.pop(Database(db), None)
            case script.StartNorthd():
                self.northd = True
            case script.StopAll():
                self._stop()
            case script.Print(text=text):
                self.printed.append(text)
            case script.FixCluster():
                return False  # stock ovsdb-tool has no fix-cluster
            case _:
                return f"{type(request).__name__} needs a standalone database, which is not simulated"
        return None

    def _file_state(self, database: Database) -> script.DatabaseFile:
        saved = self.machine.headers.get(database)
        header = script.Header(*saved) if saved is not None else None
        disk = self.machine.disks.get(database)
        if disk is None:
            return script.DatabaseFile(script.FileKind.MISSING, header=header)
        age = (self.machine.world.clock.now - disk.birth_us) / MICRO
        return script.DatabaseFile(
            script.FileKind.CLUSTERED,
            joined=disk.joined,
            age=age,
            healthy=disk.joining or disk.left or self.machine.healthy(database),
            left=disk.left,
            sid=disk.sid,
            header=header,
        )

    def _rejoin(self, database: Database, remotes: tuple[str, ...]) -> str:
        cid, sid = self.machine.headers[database]
        return self.machine.join(database, remotes, cid, sid)

    def _live_ids(self, database: Database, addresses: tuple[str, ...]) -> tuple[str, ...]:
        found: list[str] = []
        for address in addresses:
            machine = self._machines.at(address)
            status = None
            if machine is not None and self._machines.reachable(self.machine, machine):
                server = machine.server(database)
                status = server.status() if server is not None else None
            if status is not None and status.cid is not None and status.cid not in found:
                found.append(status.cid)
        return tuple(found)

    def _ask_leader(self, request: script.Leader, answer: Answer) -> None:
        machine = self._machines.at(request.address)
        if machine is None or not machine.powered or not self._machines.reachable(self.machine, machine):
            self._clock.call_later(request.timeout, lambda: answer(script.LeaderAnswer.TIMEOUT))
            return
        server = machine.server(Database(request.db))
        if server is None:
            answer(script.LeaderAnswer.REFUSED)
        elif server.paused:
            self._clock.call_later(request.timeout, lambda: answer(script.LeaderAnswer.TIMEOUT))
        else:
            answer(script.LeaderAnswer.LEADER if server.is_leader else script.LeaderAnswer.NOT_LEADER)

    def _await_connected(self, request: script.AwaitConnected, answer: Answer) -> None:
        database = Database(request.db)

        def connected() -> bool:
            server = self.machine.server(database)
            return server is not None and server.connected

        self._poll(connected, request.timeout, answer)

    def _write_global(self, answer: Answer) -> None:
        """``ovn-nbctl set NB_Global`` blocks until nb has a leader, then the same for sb: without a time limit."""

        def led() -> bool:
            servers = [self.machine.server(database) for database in Database]
            return all(server is not None and self._knows_leader(server) for server in servers)

        self._poll(led, None, answer)

    @staticmethod
    def _knows_leader(server: Process) -> bool:
        status = server.status()
        return status is not None and status.leader != "unknown"

    def _poll(self, condition: Callable[[], bool], timeout: float | None, answer: Answer) -> None:
        deadline = None if timeout is None else self._clock.now() + timeout

        def look() -> None:
            if self._over:
                return
            if condition():
                answer(True)
            elif deadline is not None and self._clock.now() >= deadline:
                answer(False)
            else:
                self._clock.call_later(LOOK_AGAIN, look)

        look()
