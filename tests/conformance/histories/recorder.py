"""Collects a history while a script plays: a world like the one that it holds, which takes notes."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from worlds.fake import FakeWorld
from worlds.protocol import NAME, Answer
from worlds.real import RealWorld

from fake_raft.disk import Header, Record
from harness.cluster import MemberStatus

from . import files
from .evidence import Asked, History, Logged, Opened, Rewritten, Shown, Trail, Written

Content = tuple[Header, list[Record]]
LINE = re.compile(r"\d{4}-\d\d-\d\dT\S+\|\d+\|raft\|\w+\|(.*)")


class Recorder:
    """``read`` gives a server's file or None, ``log`` the lines that its processes printed, oldest first."""

    def __init__(self, world: Any, read: Callable[[int], Content | None], log: Callable[[int], list[str]]) -> None:
        self.world = world
        self._read = read
        self._log = log
        self._trails: dict[int, Trail] = {}
        self._known: dict[int, Content] = {}
        self._stale: dict[int, list[Record]] = {}
        self._lines: dict[int, int] = {}
        self._history = History()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.world, name)

    def history(self) -> History:
        """All that there is by now."""
        for number in self._trails:
            self.note(number)
        return self._history

    # -- files --------------------------------------------------------------------------------------------------------

    def create(self, number: int, timer: int | None = None) -> None:
        self._leave(number)
        self.world.create(number, timer)
        content = self._read(number)
        assert content is not None, "it was just made"
        self._new(number, content[0], content[1][: 0 if timer is None else 1])

    def join(self, number: int, *via: int, cid: str = "", database: str = NAME) -> None:
        self._leave(number)
        self.world.join(number, *via, cid=cid, database=database)
        # The file may be another one already.
        address, remotes = self.world.address(number), tuple(self.world.address(other) for other in via)
        header = Header(database or NAME, address, self.world.sid(number), cid or None, joining=True, remotes=remotes)
        self._new(number, header, [])

    def _leave(self, number: int) -> None:
        """The file is about to go."""
        if number in self._trails:
            self.note(number)

    def _new(self, number: int, header: Header, records: list[Record]) -> None:
        """A file of a new id, as it was before the process."""
        life = self.world.lives(number)
        trail = Trail(header.sid, f"s{number}" + (f".{life}" if life > 1 else ""))
        self._history.trails[header.sid] = self._trails[number] = trail
        self._begin(number, header, records, "")
        self.note(number)

    def _begin(self, number: int, header: Header, records: list[Record], refusal: str) -> None:
        self._trails[number].file.append(Opened(header, tuple(records), refusal))
        self._stale[number] = records if header.joining else []
        self._known[number] = (header, [] if header.joining else records)

    def note(self, number: int) -> None:
        """Write down what is new in the file and in the log."""
        trail = self._trails[number]
        lines = self._log(number)
        for line in lines[self._lines.get(number, 0) :]:
            match = LINE.match(line)
            if match:
                trail.log.append(Logged(match[1]))
        self._lines[number] = len(lines)
        content = self._read(number)
        if content is None or content[0].sid != trail.sid:
            return
        header, records = content
        old, known = self._known[number]
        if header.joining and old.joining:
            old = header  # remotes have no order
        if header == old and header.joining and records == self._stale[number] != []:
            return
        if header == old and records[: len(known)] == known:
            trail.file += [Written(record) for record in records[len(known) :]]
        else:
            trail.file.append(Rewritten(header, tuple(records)))
        self._stale[number] = []
        self._known[number] = (header, records)

    # -- processes ----------------------------------------------------------------------------------------------------

    def remove_file(self, number: int) -> None:
        self._leave(number)
        self.world.remove_file(number)

    def restore(self, number: int, *, pristine: bool) -> None:
        self._leave(number)
        self.world.restore(number, pristine=pristine)

    def start(self, number: int) -> str:
        content = self._read(number)
        trail = self._trails[number]
        refusal: str = self.world.start(number)
        if content is not None and content[0].sid == trail.sid:
            self._begin(number, *content, refusal)
        return refusal

    def kill(self, number: int) -> None:
        self.world.kill(number)
        self._leave(number)

    def stop(self, number: int) -> None:
        self.world.stop(number)
        self._leave(number)

    # -- questions ----------------------------------------------------------------------------------------------------

    def _place(self, number: int) -> tuple[int, int]:
        file = self._trails[number].file
        return sum(isinstance(event, Opened) for event in file), len(file)

    def _see(self, number: int, event: Asked | Shown) -> None:
        seen = self._trails[number].seen
        if not seen or not same(seen[-1], event):
            seen.append(event)

    def ask(self, number: int, command: str, *words: str) -> Answer:
        self.note(number)
        place = self._place(number)
        code, text = self.world.ask(number, command, *words)
        if (command, *words) not in (("cluster/failure-test", "clear"), ("cluster/failure-test", "delay-election")):
            self._see(number, Asked(*place, command, words, code, text))
        self.note(number)
        return code, text

    def status(self, number: int) -> MemberStatus | None:
        self.note(number)
        place = self._place(number)
        status: MemberStatus | None = self.world.status(number)
        if status is not None:
            self._see(number, Shown(*place, status))
        return status


def same(last: Asked | Shown, event: Asked | Shown) -> bool:
    """Whether a status says nothing new."""
    if isinstance(last, Asked) and isinstance(event, Asked) and event.command == "cluster/status":
        return (last.life, last.command, last.text) == (event.life, event.command, event.text)
    if not (isinstance(last, Shown) and isinstance(event, Shown)) or last.life != event.life:
        return False
    return essence(last.status) == essence(event.status)


def essence(status: MemberStatus) -> dict[str, object]:
    """What a status says of raft: no times, no connections, nothing of peers but who they are."""
    return {
        "status": status.status,
        "role": status.role,
        "term": status.term,
        "leader": status.leader,
        "vote": status.vote,
        "election timer": status.election_timer,
        "log": (status.log_start, status.log_end),
        "uncommitted": status.uncommitted,
        "servers": sorted((entry.sid4, entry.address) for entry in status.servers),
    }


def of_real(world: RealWorld) -> Recorder:
    directory: Path = world.directory

    def log(number: int) -> list[str]:
        path = world.log(number)
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []

    def read(number: int) -> Content | None:
        path = directory / f"s{number}.db"
        return files.read(path) if path.exists() else None

    return Recorder(world, read, log)


def of_fake(world: FakeWorld) -> Recorder:
    """The fake writes no log; its disks are its files."""

    def read(number: int) -> Content | None:
        disk = world.disk(number)
        return (disk.header, list(disk.records)) if disk is not None else None

    return Recorder(world, read, lambda _number: [])
