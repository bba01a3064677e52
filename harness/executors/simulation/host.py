"""One node's machine: its database directory and the servers that run on it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from fake_raft import Disk, Network, Process, Profile, StartRefused, VirtualClock, check_file
from fake_raft.journal import Journal
from harness.addresses import raft_address
from harness.cluster import DATABASES, Database
from harness.executors.simulation.clock import MICRO
from harness.search.tape import Tape


@dataclass(slots=True)
class World:
    """What all machines share. ``journal`` is where servers note what they write, if anybody wants to know."""

    clock: VirtualClock
    network: Network
    tape: Tape
    profile: Profile
    election_timer_ms: int
    journal: Journal | None = None


FULL = "No space left on device"


@dataclass(frozen=True, slots=True)
class Copy:
    """A database directory that was copied aside."""

    disks: dict[Database, Disk]
    headers: dict[Database, tuple[str, str]]


class Machine:
    """A node. ``disks`` is its directory: a database without an entry has no file. ``headers`` are saved raft headers
    (cluster id, server id).

    What faults do to it: its disk is ``full``, ``forgets``, or makes each sync ``slow`` seconds longer; its container
    starts ``late`` seconds later; its readiness probe ``says`` something of its own. ``made`` are all files there ever
    were; the counts say how often a tool was refused, a start was late, and a probe lied.
    """

    def __init__(self, world: World, name: str, address: str) -> None:
        self.world = world
        self.name = name
        self.address = address
        self.powered = True
        self.disks: dict[Database, Disk] = {}
        self.headers: dict[Database, tuple[str, str]] = {}
        self.servers: dict[Database, Process] = {}
        self._latest: dict[Database, Process] = {}
        self.full = self.forgets = False
        self.slow = self.late = 0.0
        self.says: bool | None = None
        self.kept: Copy | None = None
        self.made: list[Disk] = []
        self.refused = self.late_starts = self.lies = 0
        self._ids = 0

    def raft_address(self, database: Database) -> str:
        return raft_address(self.address, database.raft_port)

    def new_id(self, what: str) -> str:
        """A fresh uuid: random to the servers, the same in every run of the same schedule."""
        self._ids += 1
        text = f"{self.name}/{what}/{self._ids}/{self.world.clock.now}"
        return str(uuid.uuid5(uuid.NAMESPACE_OID, text))

    def create(self, database: Database) -> str:
        """``ovsdb-tool create-cluster``; returns the tool's refusal or ""."""
        if self.full:
            return self._no_room(database)
        self._put(
            database,
            Disk.create_cluster(
                database.schema,
                self.raft_address(database),
                self.new_id(f"{database} server"),
                self.new_id(f"{database} cluster"),
                election_timer_ms=self.world.election_timer_ms,
                birth_us=self.world.clock.now,
            ),
        )
        return ""

    def join(self, database: Database, remotes: tuple[str, ...], cid: str | None = None, sid: str | None = None) -> str:
        """``ovsdb-tool join-cluster``; returns the tool's refusal or "". ``remotes`` are bare addresses."""
        if self.address in remotes:
            return "ovsdb-tool: remote addresses cannot be the same as the local address"
        if self.full:
            self.disks.pop(database, None)
            return self._no_room(database)
        server = sid or self.new_id(f"{database} server")
        addresses = tuple(raft_address(remote, database.raft_port) for remote in remotes)
        disk = Disk.join_cluster(
            database.schema, self.raft_address(database), addresses, server, cid=cid, birth_us=self.world.clock.now
        )
        self._put(database, disk)
        return ""

    def _put(self, database: Database, disk: Disk) -> None:
        self.disks[database] = disk
        self.made.append(disk)
        self._afflict(disk)

    def _no_room(self, database: Database) -> str:
        self.refused += 1
        return f"ovsdb-tool: I/O error: {database.file}: write failed ({FULL})"

    def healthy(self, database: Database) -> bool:
        """What ``ovsdb-tool check-cluster`` says of the file."""
        return check_file(self.disks[database], self.world.profile) == ""

    def start(self, database: Database) -> str:
        """Start ovsdb-server; returns the text with which it refused its file, or ""."""
        disk = self.disks.get(database)
        if disk is None:
            return f"ovsdb-server: {database.file}: open failed (No such file or directory)"
        world = self.world
        address = self.raft_address(database)
        process = Process(
            world.clock, world.network, world.tape, world.profile, disk, address, name=f"{self.name}/{database}"
        )
        process.journal = world.journal
        try:
            process.start()
        except StartRefused as refused:
            return str(refused)
        self.servers[database] = self._latest[database] = process
        return ""

    def kill_all(self) -> bool:
        """SIGKILL both servers; returns whether any ran."""
        running = [server for server in self.servers.values() if server.alive]
        for server in running:
            server.kill()
        self.servers.clear()
        return bool(running)

    def lose_power(self) -> None:
        """Both servers die unheard, and what was not synced is lost."""
        for database, server in self._latest.items():
            if server.disk is self.disks.get(database):  # also one that was killed, whose kernel had not synced all
                server.lose_power()
        self.servers.clear()
        for disk in self.disks.values():
            disk.lose_power()

    def server(self, database: Database) -> Process | None:
        """The running server of ``database``, if there is one."""
        process = self.servers.get(database)
        return process if process is not None and process.alive else None

    def wipe(self) -> bool:
        """``rm -rf`` of the directory: a running server keeps its open file, and nothing it writes is found again."""
        had = bool(self.disks or self.headers)
        self.disks.clear()
        self.headers.clear()
        return had

    # -- faults -------------------------------------------------------------------------------------------------

    def hamper(self, *, full: bool = False, slow: float = 0.0, forgets: bool = False) -> bool:
        """Make the disk full, slow or forgetful besides what it is; whether that is new."""
        before = self.full, self.slow, self.forgets
        self.full, self.slow, self.forgets = self.full or full, self.slow or slow, self.forgets or forgets
        if (self.full, self.slow, self.forgets) == before:
            return False
        for disk in self.disks.values():
            self._afflict(disk)
        return True

    def mend(self) -> bool:
        """Disk, starts and probes are as they should be; whether they were not."""
        was = bool(self.full or self.slow or self.forgets or self.late or self.says is not None)
        self.full = self.forgets = False
        self.slow = self.late = 0.0
        self.says = None
        for disk in self.disks.values():
            self._afflict(disk)
        return was

    def _afflict(self, disk: Disk) -> None:
        disk.full = self.full
        disk.slow_us = round(self.slow * MICRO)
        if (disk.remembers is not None) != self.forgets:
            disk.forget(self.forgets)

    def keep_copy(self) -> bool:
        """``cp -a`` of the directory; whether there is anything in it."""
        self.kept = Copy({db: disk.clone() for db, disk in self.disks.items()}, dict(self.headers))
        return bool(self.disks)

    def put_back(self) -> None:
        """The copy that was kept, as new files."""
        assert self.kept is not None, "there is a copy"
        self.disks.clear()
        for database, old in self.kept.disks.items():
            disk = old.clone()
            disk.birth_us = self.world.clock.now
            self._put(database, disk)
        self.headers = dict(self.kept.headers)

    def file_names(self) -> tuple[str, ...]:
        names = [db.file for db in DATABASES if db in self.disks]
        names += [db.header for db in DATABASES if db in self.headers]
        return tuple(sorted(names))


def databases_differ(machine: Machine) -> bool:
    """Whether the copy that was kept of a machine's directory differs from what is there."""
    kept = machine.kept
    if kept is None:
        return False
    for database in DATABASES:
        old, new = kept.disks.get(database), machine.disks.get(database)
        if (old is None) != (new is None):
            return True
        if old is not None and new is not None and (old.header != new.header or old.records != new.records):
            return True
    return False
