"""fake_raft, with the ids and addresses of a real world, so that answers, orders and texts compare as they are."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable

from fake_raft import Disk, Network, Process, StartRefused, VirtualClock, by_version
from fake_raft.messages import AppendReply, AppendRequest, InstallSnapshot, Message, VoteRequest
from fake_raft.network import Choices, End, Item, Parcel, split
from fake_raft.profile import Profile
from fake_raft.server import ElectionArmed, Event
from harness.cluster import MemberStatus
from harness.executors.simulated import member_status

from . import files
from .protocol import ACKNOWLEDGED, NAME, NO_ANSWER, REFUSED, Answer, Names

SECOND = 1_000_000


class Zeros:
    def choose(self, name: str, n: int) -> int:
        return 0


class Seeded:
    """Choices drawn anew: another one of the runs that the fake allows; ``calm``: the network and disks don't vary."""

    def __init__(self, seed: int, *, calm: bool = False) -> None:
        self._random = random.Random(seed)
        self._usual = ("delay", "fsync") if calm else ()

    def choose(self, name: str, n: int) -> int:
        return 0 if name.partition(": ")[0] in self._usual else self._random.randrange(n)


class Invented:
    """Ids and addresses of no real world."""

    def address(self, number: int) -> str:
        return f"tcp:127.0.1.{number}:6643"

    def sid(self, number: int, life: int = -1) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{number} {life}"))


class Server(Process):
    """A process with the failure test ``delay-election``: an election timer more until each campaign."""

    delays_election = False

    def _event(self, event: Event) -> None:
        if self.delays_election and isinstance(event, ElectionArmed):
            event = ElectionArmed(event.jitter + self._state.timer)
        super()._event(event)


class Words(Network):
    """A network on which a stream stops at a message with a certain word, as TCP does when a segment gets lost again
    and again; other streams of the same two hosts go on."""

    def __init__(self, clock: VirtualClock, choices: Choices) -> None:
        super().__init__(clock, choices)
        self.words: dict[tuple[str, str, str], None] = {}
        self._stuck: dict[End, None] = {}

    def heal(self, source: str | None = None, target: str | None = None) -> None:
        for word in [word for word in self.words if source is None or word[:2] == (source, target)]:
            del self.words[word]
        for end in [end for end in self._stuck if source is None or (end.host, end.peer.host) == (source, target)]:
            del self._stuck[end]
        self.skips_idle = not self.words
        super().heal(source, target)

    def stop_at(self, word: tuple[str, str, str]) -> None:
        """(sender's host, receiver's host, word): heartbeats have words too, so none is skipped meanwhile."""
        self.words[word] = None
        self.skips_idle = False

    def _deliver(self, parcel: Parcel) -> None:
        if self.words or self._stuck:
            self._arrive(parcel[0], parcel[1:])
        else:
            super()._deliver(parcel)

    def _arrive(self, source: End, item: Item) -> None:
        if item is None or source.held or not self._lost(source, item[1]):
            super()._arrive(source, item)
            return
        source.stuck_us = self._clock.now
        source.held.append(item)
        self._stuck[source] = None
        self._watch()

    def _lost(self, source: End, message: Message) -> bool:
        ways = (source.host, source.peer.host)
        return any(word[:2] == ways and contains(message, word[2]) for word in self.words)

    def _silent(self, end: End) -> bool:
        return end.peer in self._stuck or super()._silent(end)


class FakeWorld:
    """``release``: which one is modelled; ``choices``: the tape, the usual run if None."""

    partitions = True

    def __init__(self, names: Names, release: str | Profile, choices: Choices | None = None) -> None:
        self._names = names
        self._profile = release if isinstance(release, Profile) else by_version(release)
        self._choices = choices or Zeros()
        self._clock = VirtualClock()
        self._network = Words(self._clock, self._choices)
        self._lives: dict[int, int] = {}
        self._disks: dict[int, Disk] = {}
        self._kept: dict[tuple[int, bool], Disk] = {}
        self._at: dict[int, Server] = {}

    # -- names ------------------------------------------------------------------------------------------------------

    def address(self, number: int) -> str:
        return self._names.address(number)

    def sid(self, number: int, life: int = -1) -> str:
        return self._names.sid(number, self._lives[number] - 1 if life == -1 else life)

    def lives(self, number: int) -> int:
        return self._lives.get(number, 0)

    def _cid(self, number: int) -> str:
        return f"{number:04x}{self._lives[number]:04x}-0000-4000-8000-000000000000"

    # -- files ------------------------------------------------------------------------------------------------------

    def create(self, number: int, timer: int | None = None) -> None:
        self.remove_file(number)
        self._lives[number] = self.lives(number) + 1
        self._disks[number] = Disk.create_cluster(
            NAME, self.address(number), self.sid(number), self._cid(number), election_timer_ms=timer
        )
        assert not self.start(number)

    def join(self, number: int, *via: int, cid: str = "", database: str = NAME) -> None:
        self.remove_file(number)
        self._lives[number] = self.lives(number) + 1
        remotes = tuple(self.address(other) for other in via)
        disk = Disk.join_cluster(database, self.address(number), remotes, self.sid(number), cid or None)
        self._disks[number] = disk
        self._kept[number, True] = disk.clone()
        assert not self.start(number)

    def remove_file(self, number: int) -> None:
        if self.alive(number):
            self.kill(number)
        self._disks.pop(number, None)

    def disk(self, number: int) -> Disk | None:
        """The file of a server, running or not."""
        return self._disks.get(number)

    def copy(self, number: int) -> None:
        self._kept[number, False] = self._disks[number].clone()

    def restore(self, number: int, *, pristine: bool) -> None:
        self.remove_file(number)
        self._disks[number] = self._kept[number, pristine].clone()

    # -- processes --------------------------------------------------------------------------------------------------

    def start(self, number: int) -> str:
        process = Server(
            self._clock,
            self._network,
            self._choices,
            self._profile,
            self._disks[number],
            self.address(number),
            name=f"s{number}",
        )
        try:
            process.start()
        except StartRefused as refused:
            return str(refused)
        self._at[number] = process
        return ""

    def kill(self, number: int) -> None:
        self._at.pop(number).kill()

    def stop(self, number: int) -> None:
        self.kill(number)

    def exit(self, number: int) -> None:
        self._at.pop(number).exit()

    def pause(self, number: int) -> None:
        self._at[number].pause()

    def resume(self, number: int) -> None:
        self._at[number].unpause()

    def alive(self, number: int) -> bool:
        return number in self._at and self._at[number].alive

    def death(self, number: int) -> str:
        process = self._at.get(number)
        return process.death or "" if process is not None else ""

    # -- network ----------------------------------------------------------------------------------------------------

    def isolate(self, number: int) -> None:
        for other in self._at:
            self.cut(number, other)
            self.cut(other, number)

    def rejoin(self, number: int) -> None:
        for other in self._at:
            self._network.heal(self._host(number), self._host(other))
            self._network.heal(self._host(other), self._host(number))

    def cut(self, source: int, target: int) -> None:
        self._network.cut(self._host(source), self._host(target))

    def cut_at(self, source: int, target: int, word: str) -> None:
        self._network.stop_at((self._host(source), self._host(target), word))

    def heal(self, *between: int) -> None:
        if not between:
            self._network.heal()
        for source in between:
            for target in between:
                self._network.heal(self._host(source), self._host(target))

    def _host(self, number: int) -> str:
        return split(self.address(number))[0]

    # -- questions --------------------------------------------------------------------------------------------------

    def ask(self, number: int, command: str, *words: str) -> Answer:
        process = self._at[number]
        if command == "cluster/failure-test":
            return self._failure_test(process, *words)
        answer = {
            "cluster/kick": lambda: process.kick(words[0]),
            "cluster/leave": process.leave,
            "cluster/change-election-timer": lambda: process.change_election_timer(int(words[0])),
            "ovsdb-server/compact": process.compact,
            "cluster/status": lambda: process.kick(""),
        }[command]()
        return answer.code, answer.text

    def _failure_test(self, process: Server, scenario: str) -> Answer:
        if scenario == "transfer-leadership":
            answer = process.transfer_leadership()
            return answer.code, answer.text
        assert scenario in ("delay-election", "clear"), f"not modelled: {scenario}"
        process.delays_election = scenario == "delay-election"
        return 0, "test engaged" if process.delays_election else "test dismissed"

    def status(self, number: int) -> MemberStatus | None:
        status = self._at[number].status()
        return member_status(status) if status is not None else None

    # -- clients ----------------------------------------------------------------------------------------------------

    def insert(self, number: int, row: str, seconds: float) -> str:
        process = self._at[number]
        if process.rows() is None:
            return REFUSED
        answers: list[bool | None] = []
        done = answers.append
        process.execute(row, done)
        self.until(lambda: answers, seconds)
        if not answers:
            process.hang_up(done)
        return NO_ANSWER if not answers else ACKNOWLEDGED if answers[0] else REFUSED

    def write(self, number: int, row: str, seconds: float) -> bool:
        return self.insert(number, row, seconds) == ACKNOWLEDGED

    def read(self, number: int, seconds: float) -> list[str] | str:
        process = self._at[number]
        if process.rows() is None:
            return REFUSED
        self.until(lambda: process.answers_reads, seconds)
        rows = self.rows(number)
        return NO_ANSWER if rows is None else rows

    def rows(self, number: int) -> list[str] | None:
        process = self._at[number]
        return sorted(process.rows() or ()) if process.answers_reads else None

    def connected(self, number: int) -> bool:
        return self._at[number].connected

    def check_cluster(self, *numbers: int) -> str:
        return files.check([self._disks[number] for number in numbers])

    # -- time -------------------------------------------------------------------------------------------------------

    def now(self) -> float:
        return self._clock.now / SECOND

    def run(self, seconds: float) -> None:
        self._clock.run_until(self._clock.now + round(seconds * SECOND))

    def until(self, condition: Callable[[], object], seconds: float) -> bool:
        return self._clock.run_while(lambda: not condition(), round(seconds * SECOND))


WORDS: dict[str, type] = {
    "append_request": AppendRequest,
    "append_reply": AppendReply,
    "install_snapshot_request": InstallSnapshot,
    "vote_request": VoteRequest,
}


def contains(message: Message, word: str) -> bool:
    """Whether the message has ``word`` on the wire (see :class:`language.CutAt`)."""
    if word == "servers":
        return isinstance(message, AppendRequest) and any(entry.servers is not None for entry in message.entries)
    if word in WORDS:
        return isinstance(message, WORDS[word])
    return isinstance(message, AppendRequest) and any(entry.data == word for entry in message.entries)
