"""Plays a script on a world, and says what came of it in words that are the same on both."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from language import (
    Bridge,
    Call,
    ChangeTimer,
    CheckCluster,
    Compact,
    Copy,
    Create,
    CutAt,
    Exit,
    FailureTest,
    Heal,
    Join,
    Kick,
    Kill,
    Leave,
    Look,
    OneWay,
    Operation,
    Outcome,
    Partition,
    Pause,
    Read,
    Restore,
    RestoreJoinFile,
    Resume,
    Run,
    Script,
    Server,
    Start,
    Stop,
    Until,
    View,
    Views,
    Wait,
    Wipe,
    Write,
)
from worlds.protocol import NAME, Answer, World

from harness.cluster import MemberStatus, PendingServer, ServerEntry

STEP = 0.1
"""Seconds between two looks of :class:`Wait`: far below its ``quiet``."""

REFUSALS = (
    r"indicates server has left the cluster.*?new server\)",
    "server does not belong to cluster",
    r"attempts to truncate log from \d+ to \d+ entries, but commit index is already \d+",
)
"""What servers say of files that they don't open, in the words that all releases have."""


def play(world: World, script: Sequence[Operation], before_each: Callable[[], object] = lambda: None) -> Outcome:
    """Every operation in turn, then one look at every server. ``before_each`` may let time pass, as real ones do.

    An operation on a server that is not there, or is paused, does nothing and says so.
    """
    player = Player(world)
    replies, settled = [], []
    for place, operation in enumerate(script):
        before_each()
        replies.append(player.do(operation))
        if isinstance(operation, Wait) and player.settled is not None:
            settled.append((place, player.settled))
    before_each()
    return Outcome(tuple(replies), player.views(), tuple(settled))


class Player:
    """One script on one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.numbers: list[int] = []
        self.settled: Views | None = None  # what the latest Wait has seen
        self.named: dict[str, int] = {}
        self._stopped: dict[int, str] = {}
        self._paused: dict[int, None] = {}
        self._copied: dict[int, None] = {}

    def do(self, operation: Operation) -> str:
        return DO[type(operation)](self, operation)

    # -- names ------------------------------------------------------------------------------------------------------

    def number(self, server: Server) -> int:
        return self.named[server] if isinstance(server, str) else server

    def name(self, number: int, life: int = 0) -> str:
        name = next((name for name, known in self.named.items() if known == number), f"s{number}")
        return f"{name}.{life + 1}" if life else name

    def _ids(self) -> dict[str, str]:
        """Every id that there has been -> name."""
        lives = [(number, life) for number in self.numbers for life in range(self.world.lives(number))]
        return {self.world.sid(number, life): self.name(number, life) for number, life in lives}

    def who(self, sid4: str) -> str:
        """The server that a nickname means."""
        return next((name for sid, name in self._ids().items() if sid[:4] == sid4), sid4)

    def readable(self, text: str) -> str:
        """``text`` with names in place of ids and addresses."""
        for number in self.numbers:
            text = text.replace(self.world.address(number), f"@{self.name(number)}")
        text = re.sub(r"\bcluster [0-9a-f]{4}\b", "cluster CID", text)
        for sid, name in self._ids().items():
            text = re.sub(rf"\b{sid}\b|\b{sid[:4]}\b", name, text)
        return text

    # -- who is there -----------------------------------------------------------------------------------------------

    def answers(self, server: Server) -> bool:
        number = self.number(server)
        return self.world.alive(number) and number not in self._paused

    def absent(self, server: Server) -> str:
        return "paused" if self.number(server) in self._paused else "not running"

    def status(self, server: Server) -> MemberStatus | None:
        return self.world.status(self.number(server)) if self.answers(server) else None

    def _began(self, number: int, refusal: str) -> str:
        self._paused.pop(number, None)
        if not refusal:
            self._stopped.pop(number, None)
            return ""
        self._stopped[number] = f"refused: {shortened(refusal)}"
        return self._stopped[number]

    def _new(self, number: int) -> None:
        if number not in self.numbers:
            self.numbers.append(number)

    def create(self, op: Create) -> str:
        number = self.number(op.server)
        self._new(number)
        self.world.create(number, op.timer)
        return self._began(number, "")

    def join(self, op: Join) -> str:
        number = self.number(op.server)
        self._new(number)
        via = (self.number(other) for other in op.via)
        self.world.join(number, *via, cid=op.cid, database=op.database or NAME)
        return self._began(number, "")

    def start(self, op: Start) -> str:
        number = self.number(op.server)
        if self.world.alive(number):
            return "running"
        if self._stopped.get(number) == "wiped":
            return "no file"
        return self._began(number, self.world.start(number))

    def _end(self, server: Server, how: Callable[[int], None], state: str = "stopped") -> str:
        number = self.number(server)
        died = self.world.death(number)
        if self.world.alive(number) and not died:
            how(number)
        elif state == "stopped":
            return self.absent(server)
        self._paused.pop(number, None)
        self._stopped[number] = state
        return ""

    def kill(self, op: Kill) -> str:
        return self._end(op.server, self.world.kill)

    def stop(self, op: Stop) -> str:
        return self._end(op.server, self.world.stop) if self.answers(op.server) else self.absent(op.server)

    def exit(self, op: Exit) -> str:
        return self._end(op.server, self.world.exit) if self.answers(op.server) else self.absent(op.server)

    def pause(self, op: Pause) -> str:
        if not self.answers(op.server):
            return self.absent(op.server)
        self.world.pause(self.number(op.server))
        self._paused[self.number(op.server)] = None
        return ""

    def resume(self, op: Resume) -> str:
        if self.number(op.server) not in self._paused:
            return "not paused"
        del self._paused[self.number(op.server)]
        self.world.resume(self.number(op.server))
        return ""

    # -- files ------------------------------------------------------------------------------------------------------

    def wipe(self, op: Wipe) -> str:
        self._end(op.server, self.world.kill, "wiped")
        self.world.remove_file(self.number(op.server))
        return ""

    def copy(self, op: Copy) -> str:
        number = self.number(op.server)
        if self._stopped.get(number) == "wiped":
            return "no file"
        self.world.copy(number)
        self._copied[number] = None
        return ""

    def restore(self, op: Restore | RestoreJoinFile) -> str:
        number = self.number(op.server)
        if isinstance(op, Restore) and number not in self._copied:
            return "no copy"
        self._end(op.server, self.world.kill, "restored")
        self.world.restore(number, pristine=isinstance(op, RestoreJoinFile))
        return ""

    # -- network ----------------------------------------------------------------------------------------------------

    def partition(self, op: Partition) -> str:
        for group in op.groups:
            for other in op.groups:
                if other is not group:
                    self._cut_all(group, other)
        return ""

    def bridge(self, op: Bridge) -> str:
        self._cut_all(op.left, op.right)
        self._cut_all(op.right, op.left)
        return ""

    def _cut_all(self, sources: Sequence[Server], targets: Sequence[Server]) -> None:
        for source in sources:
            for target in targets:
                self.world.cut(self.number(source), self.number(target))

    def one_way(self, op: OneWay) -> str:
        self.world.cut(self.number(op.source), self.number(op.target))
        return ""

    def cut_at(self, op: CutAt) -> str:
        self.world.cut_at(self.number(op.source), self.number(op.target), op.word)
        return ""

    def heal(self, op: Heal) -> str:
        self.world.heal(*(self.number(server) for server in op.between))
        return ""

    # -- questions --------------------------------------------------------------------------------------------------

    def _ask(self, server: Server, command: str, *words: str) -> str:
        if not self.answers(server):
            return self.absent(server)
        return self._reply(self.world.ask(self.number(server), command, *words))

    def _reply(self, answer: Answer) -> str:
        code, text = answer
        return self.readable(text) if code == 0 else f"error: {self.readable(text)}"

    def kick(self, op: Kick) -> str:
        number = self.number(op.target)
        sid = self.world.sid(number, op.life) if op.by != "text" else ""
        words = {
            "id": sid,
            "prefix": sid[:8],
            "ID": sid.upper(),
            "garbage": f"{sid[:8]}zz",
            "address": self.world.address(number),
        }
        return self._ask(op.at, "cluster/kick", words.get(op.by, op.text))

    def leave(self, op: Leave) -> str:
        return self._ask(op.server, "cluster/leave")

    def change_timer(self, op: ChangeTimer) -> str:
        return self._ask(op.server, "cluster/change-election-timer", str(op.milliseconds))

    def compact(self, op: Compact) -> str:
        return self._ask(op.server, "ovsdb-server/compact")

    def failure_test(self, op: FailureTest) -> str:
        return self._ask(op.server, "cluster/failure-test", op.scenario)

    def write(self, op: Write) -> str:
        if not self.answers(op.server):
            return self.absent(op.server)
        return self.world.insert(self.number(op.server), op.row, op.seconds)

    def read(self, op: Read) -> str:
        if not self.answers(op.server):
            return self.absent(op.server)
        rows = self.world.read(self.number(op.server), op.seconds)
        return rows if isinstance(rows, str) else " ".join(rows)

    def look(self, op: Look) -> str:
        status = self.status(op.server)
        if status is None:
            return self._ask(op.server, "cluster/status")
        return "; ".join(f"{field} {self.field(op, status, field)}".rstrip() for field in op.fields)

    def field(self, op: Look, status: MemberStatus, field: str) -> str:
        known = FIELDS.get(field)
        if known is not None:
            return known(self, status)
        if field == "connected":
            return str(self.world.connected(self.number(op.server)))
        return self.readable(str(getattr(status, field)))

    def connections(self, status: MemberStatus) -> str:
        found = []
        for connection in status.connections:
            name = f"{'->' if connection.outgoing else '<-'}{self.who(connection.nickname)}"
            found.append(name if connection.connected else f"({name})")
        return " ".join(sorted(found))

    def members(self, status: MemberStatus) -> tuple[str, ...]:
        return tuple(sorted(self.entry(entry) for entry in status.servers))

    def entry(self, entry: ServerEntry) -> str:
        return self.who(entry.sid4) + (f" ({entry.phase})" if entry.phase else "")

    def pending(self, lines: Sequence[PendingServer]) -> list[str]:
        return sorted(f"{self.who(line.sid4)} ({line.phase})" for line in lines)

    def check_cluster(self, op: CheckCluster) -> str:
        complaint = self.world.check_cluster(*(self.number(server) for server in op.servers))
        return "inconsistent" if complaint else "consistent"

    def call(self, op: Call) -> str:
        if op.role == "other":
            found = [n for n in map(self.number, op.among) if n not in self.named.values()]
            self.named[op.name] = found[0]
            return ""
        found = []

        def leads(number: int) -> bool:
            status = self.status(number)
            return status is not None and status.is_leader and (op.now or not status.uncommitted)

        def look() -> bool:
            found[:] = [number for number in map(self.number, op.among) if leads(number)]
            return bool(found)

        came = self.world.until(look, op.seconds)
        self.named[op.name] = found[0] if came else self.number(op.among[0])
        return "" if came else "nobody leads"

    # -- time -------------------------------------------------------------------------------------------------------

    def run(self, op: Run) -> str:
        self.world.run(op.seconds)
        return ""

    def until(self, op: Until) -> str:
        came = self.world.until(lambda: CONDITIONS[op.condition](self, op), op.seconds)
        return "yes" if came else "no"

    def wait(self, op: Wait) -> str:
        """Looks again and again: what is seen must have been so for as long as is asked for."""
        began = since = self.world.now()
        self.settled = None
        last = self.views()
        while self.world.now() < began + op.limit:
            self.world.run(STEP)
            seen, now = self.views(), self.world.now()
            if seen != last:
                last, since = seen, now
            elif now >= since + op.quiet:
                self.settled = seen
                return "quiet"
        return "restless"

    # -- the end ----------------------------------------------------------------------------------------------------

    def views(self) -> Views:
        return tuple((self.name(number), self.view(number)) for number in sorted(self.numbers))

    def view(self, number: int) -> View:
        died = self.world.death(number)
        if died and number not in self._stopped:
            return View(f"died: {shortened(died)}")
        if not self.answers(number):
            return View("paused" if number in self._paused else self._stopped.get(number, "stopped"))
        status = self.world.status(number)
        if status is None:
            return View("up", self._reply(self.world.ask(number, "cluster/status")))
        leads = "leader" if status.is_leader else "follower" if status.has_leader else "leaderless"
        rows = self.world.rows(number)
        return View(
            "up",
            status.status,
            leads,
            self.who(status.leader) if leads == "follower" else "",
            self.members(status),
            tuple(self.pending((*status.adding, *status.removing))),
            None if rows is None else tuple(rows),
        )


def shortened(text: str) -> str:
    """What a process says before it ends, without file names, record numbers and addresses in memory."""
    text = text.replace("\n", " ")
    for known in REFUSALS:
        found = re.search(known, text)
        if found:
            return found.group(0)
    return re.sub(r"^(ovsdb-server: )?\S+\.c:\d+: ", "", text.strip())


# -- conditions ------------------------------------------------------------------------------------------------------


def formed(player: Player, op: Until) -> bool:
    """One leader; these servers and no others are the configuration, for all of them; nothing is under way."""
    found = [player.status(server) for server in op.servers]
    wanted = sorted(player.world.sid(player.number(server))[:4] for server in op.servers)
    settled = all(
        s is not None
        and s.is_member
        and s.has_leader
        and not (s.uncommitted or s.unapplied or s.change_pending)
        and sorted(entry.sid4 for entry in s.servers) == wanted
        for s in found
    )
    return settled and follows(player, op) and len({s.log_end for s in found if s is not None}) == 1


def follows(player: Player, op: Until) -> bool:
    found = [player.status(server) for server in op.servers]
    return all(s is not None and s.has_leader for s in found) and len({s.term for s in found if s is not None}) == 1


def gone(player: Player, op: Until) -> bool:
    return all(player.answers(server) and player.status(server) is None for server in op.servers)


def dead(player: Player, op: Until) -> bool:
    return all(player.world.death(player.number(server)) for server in op.servers)


def serves(player: Player, op: Until) -> bool:
    found = [player.world.rows(player.number(server)) for server in op.servers if player.answers(server)]
    present = [rows is not None and str(op.value) in rows for rows in found]
    return len(found) == len(op.servers) and all(here == (op.condition == "serves") for here in present)


def each(condition: Callable[[MemberStatus, int], object]) -> Callable[[Player, Until], bool]:
    """Holds if every server has a status, and that is so."""

    def holds(player: Player, op: Until) -> bool:
        found = [player.status(server) for server in op.servers]
        return all(s is not None and condition(s, int(op.value or 0)) for s in found)

    return holds


CONDITIONS: dict[str, Callable[[Player, Until], bool]] = {
    "formed": formed,
    "follows": follows,
    "gone": gone,
    "dead": dead,
    "serves": serves,
    "lacks": serves,
    "member": each(lambda s, _: s.is_member and s.has_leader),
    "leads": each(lambda s, _: s.is_leader),
    "campaigns": each(lambda s, _: s.role == "candidate"),
    "no leader": each(lambda s, _: not s.has_leader),
    "disconnected": each(lambda s, _: s.status.startswith("disconnected")),
    "joining": each(lambda s, _: s.status == "joining cluster"),
    "committed": each(lambda s, _: not s.uncommitted and not s.unapplied),
    "stalled": each(lambda s, _: s.uncommitted),
    "adding": each(lambda s, _: s.adding),
    "removing": each(lambda s, _: s.removing),
    "size": each(lambda s, value: len(s.servers) == value),
    "caught up": each(lambda s, _: s.adding and all(joiner.phase.endswith("caught up") for joiner in s.adding)),
    "idle": each(lambda s, _: not s.adding and not s.removing),
    "timer": each(lambda s, value: s.election_timer == value),
    "term": each(lambda s, value: s.term >= value),
    "remotes": each(lambda s, value: len(s.remotes) == value),
}

FIELDS: dict[str, Callable[[Player, MemberStatus], str]] = {
    "members": lambda p, s: " ".join(p.members(s)),
    "configuration": lambda p, s: " ".join(sorted(p.who(entry.sid4) for entry in s.servers)),
    "order": lambda p, s: " ".join(p.who(entry.sid4) for entry in s.servers),
    "voted": lambda p, s: " ".join(sorted(f"{p.who(e.sid4)}>{p.who(e.voted_for)}" for e in s.servers if e.voted_for)),
    "indexes": lambda p, s: " ".join(sorted(f"{p.who(e.sid4)}:{e.next_index}/{e.match_index}" for e in s.servers)),
    "log": lambda _, s: f"[{s.log_start}, {s.log_end}]",
    "remotes": lambda p, s: " ".join(sorted(p.readable(remote) for remote in s.remotes)),
    "adding": lambda p, s: " ".join(p.pending(s.adding)),
    "removing": lambda p, s: " ".join(p.pending(s.removing)),
    "connections": Player.connections,
    "leader": lambda p, s: p.who(s.leader),
    "vote": lambda p, s: p.who(s.vote),
    "cluster_id": lambda _, s: "known" if s.cluster_id else "unknown",
}

DO: dict[type[Any], Callable[[Player, Any], str]] = {
    Create: Player.create,
    Join: Player.join,
    Start: Player.start,
    Stop: Player.stop,
    Exit: Player.exit,
    Kill: Player.kill,
    Pause: Player.pause,
    Resume: Player.resume,
    Kick: Player.kick,
    Leave: Player.leave,
    ChangeTimer: Player.change_timer,
    Compact: Player.compact,
    Write: Player.write,
    Read: Player.read,
    FailureTest: Player.failure_test,
    Partition: Player.partition,
    OneWay: Player.one_way,
    Bridge: Player.bridge,
    CutAt: Player.cut_at,
    Heal: Player.heal,
    Wipe: Player.wipe,
    Copy: Player.copy,
    Restore: Player.restore,
    RestoreJoinFile: Player.restore,
    Run: Player.run,
    Wait: Player.wait,
    Until: Player.until,
    Look: Player.look,
    CheckCluster: Player.check_cluster,
    Call: Player.call,
}


def formation(size: int, timer: int | None = None) -> Script:
    """The operations that make servers 1 to ``size`` one cluster, which 1 leads."""
    steps: list[Operation] = [Create(1, timer), Until("formed", (1,))]
    for number in range(2, size + 1):
        steps += [Join(number, (1,)), Until("formed", tuple(range(1, number + 1)))]
    return tuple(steps)
