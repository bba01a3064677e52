"""What the start script asks for: frozen requests, and the values that answer them.

Addresses are plain IPs as in NODE_IPS, ``db`` is ``"nb"`` or ``"sb"``, times are seconds. Requests that are answered
"at most N seconds later" leave the waiting to whoever answers.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeAlias

QUERY_TIMEOUT = 10.0
CONNECT_TIMEOUT = 30.0


class FileKind(Enum):
    """What lies where the database file should be. GARBAGE is anything whose database name is not the right one."""

    MISSING = "missing"
    GARBAGE = "garbage"
    STANDALONE = "standalone"
    CLUSTERED = "clustered"


@dataclass(frozen=True, slots=True)
class Header:
    """A saved raft header (``.hdr``). An id is unusable when it is empty or all zeros."""

    cid: str
    sid: str


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """Answer to :class:`FileState`. All but ``kind`` and ``header`` speak of a clustered file.

    ``age`` is seconds since the inode was born (infinite where the file system keeps no birth time). ``healthy`` is
    what ``ovsdb-tool check-cluster`` says; a file with the note "left" is healthy to it. ``sid`` is "" if unreadable.
    """

    kind: FileKind
    joined: bool = True
    age: float = float("inf")
    healthy: bool = True
    left: bool = False
    sid: str = ""
    header: Header | None = None


class LeaderAnswer(Enum):
    """Answer to :class:`Leader`; REFUSED comes at once, TIMEOUT after the request's timeout."""

    LEADER = "leader"
    NOT_LEADER = "not leader"
    REFUSED = "refused"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class FileState:
    """Look at the database file and the header. Answer: :class:`DatabaseFile`."""

    db: str


@dataclass(frozen=True, slots=True)
class Leader:
    """Ask the server at ``address`` whether it leads. Answer: :class:`LeaderAnswer`, at most ``timeout`` later."""

    address: str
    db: str
    timeout: float = QUERY_TIMEOUT


@dataclass(frozen=True, slots=True)
class LiveClusterId:
    """Ask servers for their cluster id. Answer: the distinct ids found (a tuple; none when nobody answered)."""

    db: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RemoveFile:
    """Remove the database file, or the header when ``header``. No answer."""

    db: str
    header: bool = False


@dataclass(frozen=True, slots=True)
class ArchiveFile:
    """Move the database file, or the header when ``header``, aside within the directory. No answer."""

    db: str
    header: bool = False


@dataclass(frozen=True, slots=True)
class FixCluster:
    """``ovsdb-tool fix-cluster``. Answer: whether the file is healthy now."""

    db: str


@dataclass(frozen=True, slots=True)
class CreateCluster:
    """Write a new cluster's first file. Answer: "" or an error text."""

    db: str


@dataclass(frozen=True, slots=True)
class CreateStandalone:
    """Write an empty standalone database if the file is missing (empty NODE_IPS). Answer: "" or an error text."""

    db: str


@dataclass(frozen=True, slots=True)
class JoinCluster:
    """Write a joining file, replacing what is there. ``sid`` keeps an old server id. Answer: "" or an error text.

    ``ovsdb-tool`` refuses a remote that is the local address.
    """

    db: str
    remotes: tuple[str, ...]
    cid: str | None = None
    sid: str | None = None


@dataclass(frozen=True, slots=True)
class Rejoin:
    """Write a file from the header: its cluster id, its server id, ``remotes``. Answer: "" or an error text."""

    db: str
    remotes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConvertStandalone:
    """Make a standalone file a new cluster (keeping a backup). Answer: "" or an error text."""

    db: str


@dataclass(frozen=True, slots=True)
class StartServer:
    """Start ovsdb-server. ``bootstrap``: started without a remote. Answer: "" or the text with which it refused."""

    db: str
    bootstrap: bool = False


@dataclass(frozen=True, slots=True)
class AwaitConnected:
    """Wait until the local server says connected. Answer: bool, at most ``timeout`` later."""

    db: str
    timeout: float = CONNECT_TIMEOUT


@dataclass(frozen=True, slots=True)
class WriteGlobal:
    """``ovn-nbctl set NB_Global``: no timeout. Answer (anything) once a write to nb and sb has succeeded."""


@dataclass(frozen=True, slots=True)
class StartNorthd:
    """Start ovn-northd with connections to ``addresses`` (empty: the local sockets). No answer needed."""

    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopAll:
    """``ovn-ctl stop_northd``: stop northd and both servers. No answer needed."""


@dataclass(frozen=True, slots=True)
class Print:
    text: str


@dataclass(frozen=True, slots=True)
class Sleep:
    seconds: float


@dataclass(frozen=True, slots=True)
class Serve:
    """The leader checker runs in the foreground. Answer only if it ends; then the script ends too."""


Request: TypeAlias = (
    FileState
    | Leader
    | LiveClusterId
    | RemoveFile
    | ArchiveFile
    | FixCluster
    | CreateCluster
    | CreateStandalone
    | JoinCluster
    | Rejoin
    | ConvertStandalone
    | StartServer
    | AwaitConnected
    | WriteGlobal
    | StartNorthd
    | StopAll
    | Print
    | Sleep
    | Serve
)
Script: TypeAlias = Generator[Request, Any, int]
