"""Operations on a small cluster as values: what a script is made of, and its form as plain JSON.

Servers are numbers from 1 on, or names that :class:`Call` has given. A script does not know on which world it runs.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias, get_args

Server: TypeAlias = int | str


@dataclass(frozen=True, slots=True)
class Create:
    """``ovsdb-tool create-cluster`` in place of whatever file there is, and start. ``timer``: --election-timer, ms."""

    server: Server
    timer: int | None = None


@dataclass(frozen=True, slots=True)
class Join:
    """``ovsdb-tool join-cluster`` in place of whatever file there is, and start; a new id each time.

    ``cid`` and ``database`` are what the file says if not the truth.
    """

    server: Server
    via: tuple[Server, ...]
    cid: str = ""
    database: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """Start on the file that is there. Replies with the reason if the server refuses it."""

    server: Server


@dataclass(frozen=True, slots=True)
class Stop:
    """SIGTERM, until the process has ended."""

    server: Server


@dataclass(frozen=True, slots=True)
class Exit:
    """``exit``, until the process has ended: unlike SIGTERM this lets a leader hand over."""

    server: Server


@dataclass(frozen=True, slots=True)
class Kill:
    """SIGKILL."""

    server: Server


@dataclass(frozen=True, slots=True)
class Pause:
    """SIGSTOP."""

    server: Server


@dataclass(frozen=True, slots=True)
class Resume:
    """SIGCONT."""

    server: Server


@dataclass(frozen=True, slots=True)
class Kick:
    """``cluster/kick`` asked of ``at``: names ``target`` by ``id``, ``prefix`` (8 digits), ``ID`` (upper case),
    ``garbage`` (a prefix and more), ``address``, or ``text`` itself.

    ``life``: which of the ids that the target has had, -1 the latest.
    """

    at: Server
    target: Server
    by: str = "id"
    life: int = -1
    text: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """``cluster/leave``."""

    server: Server


@dataclass(frozen=True, slots=True)
class ChangeTimer:
    """``cluster/change-election-timer``, ms."""

    server: Server
    milliseconds: int


@dataclass(frozen=True, slots=True)
class Compact:
    """``ovsdb-server/compact``."""

    server: Server


@dataclass(frozen=True, slots=True)
class Write:
    """A client's transaction that inserts ``row``; given up after ``seconds``: the row may appear all the same."""

    server: Server
    row: str
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Read:
    """A client's transaction that reads all rows, as far as this server has them."""

    server: Server
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class FailureTest:
    """``cluster/failure-test``: ``transfer-leadership``, ``delay-election`` or ``clear`` on both worlds."""

    server: Server
    scenario: str


@dataclass(frozen=True, slots=True)
class Partition:
    """Nothing gets from one group to another; a server of no group stays connected with all."""

    groups: tuple[tuple[Server, ...], ...]


@dataclass(frozen=True, slots=True)
class OneWay:
    """Nothing that ``source`` sends gets to ``target``."""

    source: Server
    target: Server


@dataclass(frozen=True, slots=True)
class Bridge:
    """``left`` and ``right`` don't reach each other; who is in neither reaches both."""

    left: tuple[Server, ...]
    right: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class CutAt:
    """From the first one on that contains ``word``, no message gets from ``source`` to ``target``.

    Words: the names of messages (``append_request``), ``servers`` (an entry with a configuration), and rows (an
    entry that inserts one of that name).
    """

    source: Server
    target: Server
    word: str


@dataclass(frozen=True, slots=True)
class Heal:
    """End every partition, one-way cut, bridge and CutAt: all of them, or those between two of these servers."""

    between: tuple[Server, ...] = ()


@dataclass(frozen=True, slots=True)
class Wipe:
    """Kill the server if it runs, and remove its file."""

    server: Server


@dataclass(frozen=True, slots=True)
class Copy:
    """Keep a copy of the server's file, running or not."""

    server: Server


@dataclass(frozen=True, slots=True)
class Restore:
    """Kill the server if it runs; its file is the kept copy again."""

    server: Server


@dataclass(frozen=True, slots=True)
class RestoreJoinFile:
    """Kill the server if it runs; its file is the one that its latest Join made, of the same id."""

    server: Server


@dataclass(frozen=True, slots=True)
class Run:
    """Let time pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Wait:
    """Until nothing that an outcome shows has changed for ``quiet`` seconds; at most ``limit``. Replies whether."""

    quiet: float = 3.0
    limit: float = 30.0


@dataclass(frozen=True, slots=True)
class Until:
    """Until ``condition`` holds of all of ``servers``; replies whether it came within ``seconds``.

    Conditions: ``member`` (says so, and knows a leader), ``formed`` (one leader, and these are the configuration, for
    all of them, all committed), ``leads``, ``campaigns``, ``follows`` (knows a leader, of the same term as the others),
    ``disconnected``, ``joining``, ``gone`` (the database is dropped), ``dead`` (the process ended by itself),
    ``serves`` and ``lacks`` (row ``value``), ``size`` (its configuration has ``value`` servers), ``committed``,
    ``stalled`` (there is something uncommitted), ``adding`` and ``removing`` (has such a line), ``idle`` (has none),
    ``caught up`` (all that are being added), ``no leader``, ``timer`` (ms), ``term`` (at least ``value``),
    ``remotes`` (knows ``value`` of them).
    """

    condition: str
    servers: tuple[Server, ...]
    value: str | int = ""
    seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class Look:
    """Replies with what the server's status says of ``fields``: those of MemberStatus, and ``members`` (of its
    configuration, with phases), ``configuration`` (without), ``order`` (as printed), ``voted`` (who voted for whom),
    ``indexes`` (next and match of each), and ``connected``, which is what clients read in the database ``_Server``.
    """

    server: Server
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckCluster:
    """``ovsdb-tool check-cluster`` on the files of ``servers``: ``consistent``, or not."""

    servers: tuple[Server, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """Give a name to the server of ``among`` that leads (``role`` leader, once there is one with everything committed
    or at once if ``now``), or to the first of ``among`` that has no name yet (``other``). If nobody leads within
    ``seconds``, the reply says so, and the name goes to the first of ``among``."""

    name: str
    role: str
    among: tuple[Server, ...]
    now: bool = False
    seconds: float = 20.0


Operation: TypeAlias = (
    Create
    | Join
    | Start
    | Stop
    | Exit
    | Kill
    | Pause
    | Resume
    | Kick
    | Leave
    | ChangeTimer
    | Compact
    | Write
    | Read
    | FailureTest
    | Partition
    | OneWay
    | Bridge
    | CutAt
    | Heal
    | Wipe
    | Copy
    | Restore
    | RestoreJoinFile
    | Run
    | Wait
    | Until
    | Look
    | CheckCluster
    | Call
)
Script: TypeAlias = tuple[Operation, ...]
KINDS: dict[str, type[Any]] = {kind.__name__: kind for kind in get_args(Operation)}


@dataclass(frozen=True, slots=True)
class View:
    """What one server shows in the end.

    ``process``: ``up``, ``stopped``, ``paused``, ``refused: WHY`` (its file) or ``died: LAST LOG MESSAGE``. The rest is
    empty unless it is up and has its database (``status`` is then the error). ``role`` is ``leader``, ``follower``
    (of the server ``leader``), or ``leaderless``: which of follower and candidate that is changes all the time.
    ``members``: its configuration, with phases. ``rows``: what it serves, None if nothing.
    """

    process: str
    status: str = ""
    role: str = ""
    leader: str = ""
    members: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    rows: tuple[str, ...] | None = None

    SHORT: ClassVar[tuple[str, ...]] = ("process", "status", "role", "leader", "members")


Views: TypeAlias = tuple[tuple[str, View], ...]
"""Each server's, by name."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The reply to each operation, "" where there is none, and each server in the end, by name.

    ``settled``: place of each Wait that replied "quiet", and what was seen then.
    """

    replies: tuple[str, ...]
    servers: Views
    settled: tuple[tuple[int, Views], ...] = ()


def to_json(value: Any) -> Any:
    """An operation, a script, a view or an outcome as plain JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return {"op": type(value).__name__, **fields} if type(value).__name__ in KINDS else fields
    if isinstance(value, tuple | list):
        return [to_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    return value


def operation(value: dict[str, Any]) -> Operation:
    """The operation whose JSON this is. Raises KeyError for an unknown one, TypeError for a wrong field."""
    fields = {name: _tuples(item) for name, item in value.items() if name != "op"}
    found: Operation = KINDS[value["op"]](**fields)
    return found


def script(values: list[dict[str, Any]]) -> Script:
    return tuple(operation(value) for value in values)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def servers_of(steps: Script) -> tuple[int, ...]:
    """The numbers of all servers of a script."""
    found = {step.server for step in steps if isinstance(step, Create | Join) and isinstance(step.server, int)}
    return tuple(sorted(found))
