"""One node's machine: its database directory and the servers that run on it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from fake_raft import Disk, Network, Process, Profile, StartRefused, VirtualClock
from fake_raft.journal import Journal
from harness.addresses import raft_address
from harness.cluster import DATABASES, Database
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


class Machine:
    """A node. ``disks`` is its directory: a database without an entry has no file. ``headers`` are saved raft headers
    (cluster id, server id)."""

    def __init__(self, world: World, name: str, address: str) -> None:
        self.world = world
        self.name = name
        self.address = address
        self.powered = True
        self.disks: dict[Database, Disk] = {}
        self.headers: dict[Database, tuple[str, str]] = {}
        self.servers: dict[Database, Process] = {}
        self._made = 0

    def raft_address(self, database: Database) -> str:
        return raft_address(self.address, database.raft_port)

    def new_id(self, what: str) -> str:
        """A fresh uuid: random to the servers, the same in every run of the same schedule."""
        self._made += 1
        text = f"{self.name}/{what}/{self._made}/{self.world.clock.now}"
        return str(uuid.uuid5(uuid.NAMESPACE_OID, text))

    def create(self, database: Database) -> None:
        """``ovsdb-tool create-cluster``."""
        self.disks[database] = Disk.create_cluster(
            database.schema,
            self.raft_address(database),
            self.new_id(f"{database} server"),
            self.new_id(f"{database} cluster"),
            election_timer_ms=self.world.election_timer_ms,
            birth_us=self.world.clock.now,
        )

    def join(self, database: Database, remotes: tuple[str, ...], cid: str | None = None, sid: str | None = None) -> str:
        """``ovsdb-tool join-cluster``; returns the tool's refusal or "". ``remotes`` are bare addresses."""
        if self.address in remotes:
            return "ovsdb-tool: remote addresses cannot be the same as the local address"
        server = sid or self.new_id(f"{database} server")
        addresses = tuple(raft_address(remote, database.raft_port) for remote in remotes)
        self.disks[database] = Disk.join_cluster(
            database.schema, self.raft_address(database), addresses, server, cid=cid, birth_us=self.world.clock.now
        )
        return ""

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
        self.servers[database] = process
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
        for server in self.servers.values():
            if server.alive:
                server.lose_power()
        self.servers.clear()

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

    def file_names(self) -> tuple[str, ...]:
        names = [db.file for db in DATABASES if db in self.disks]
        names += [db.header for db in DATABASES if db in self.headers]
        return tuple(sorted(names))
