"""What both worlds offer. Servers are numbered; each life of a server (Create or Join) has an id of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from harness.cluster import MemberStatus

NAME = "OVN_Northbound"
Answer = tuple[int, str]
ACKNOWLEDGED, NO_ANSWER, REFUSED = "acknowledged", "no answer", "refused"


class World(Protocol):
    partitions: bool
    """Whether :meth:`cut` and :meth:`cut_at` are possible."""

    def create(self, number: int, timer: int | None = None) -> None: ...

    def join(self, number: int, *via: int, cid: str = "", database: str = NAME) -> None: ...

    def start(self, number: int) -> str:
        """Returns the reason why the server does not start, or ""."""

    def kill(self, number: int) -> None: ...

    def stop(self, number: int) -> None:
        """SIGTERM, until the process has ended."""

    def exit(self, number: int) -> None:
        """``ovs-appctl exit``, until the process has ended."""

    def pause(self, number: int) -> None:
        """SIGSTOP."""

    def resume(self, number: int) -> None:
        """SIGCONT."""

    def alive(self, number: int) -> bool:
        """Whether its process is there, paused or not."""

    def death(self, number: int) -> str:
        """Why its process ended by itself, or ""."""

    def isolate(self, number: int) -> None:
        """Let nothing get from or to this server, which goes on otherwise."""

    def rejoin(self, number: int) -> None:
        """End that."""

    def cut(self, source: int, target: int) -> None:
        """Lose what ``source`` sends to ``target``."""

    def cut_at(self, source: int, target: int, word: str) -> None:
        """The same, from the first message on that contains ``word``."""

    def heal(self, *between: int) -> None:
        """End every cut, or those between two of these servers."""

    def remove_file(self, number: int) -> None: ...

    def copy(self, number: int) -> None:
        """Keep a copy of its file."""

    def restore(self, number: int, *, pristine: bool) -> None:
        """Its file is the kept copy again; ``pristine``: the one that its latest join made."""

    def ask(self, number: int, command: str, *words: str) -> Answer:
        """An appctl command: exit code, and its words without the tool's own."""

    def status(self, number: int) -> MemberStatus | None: ...

    def sid(self, number: int, life: int = -1) -> str: ...

    def lives(self, number: int) -> int: ...

    def address(self, number: int) -> str: ...

    def insert(self, number: int, row: str, seconds: float) -> str:
        """ACKNOWLEDGED, NO_ANSWER or REFUSED."""

    def write(self, number: int, row: str, seconds: float) -> bool: ...

    def read(self, number: int, seconds: float) -> list[str] | str:
        """All rows, sorted; NO_ANSWER or REFUSED."""

    def rows(self, number: int) -> list[str] | None:
        """The same; None if there is no answer at once."""

    def connected(self, number: int) -> bool:
        """The column of that name in ``_Server``."""

    def check_cluster(self, *numbers: int) -> str:
        """What ``ovsdb-tool check-cluster`` has against these servers' files; "" if nothing."""

    def now(self) -> float:
        """Seconds since whenever."""

    def run(self, seconds: float) -> None: ...

    def until(self, condition: Callable[[], object], seconds: float) -> bool: ...


class Names(Protocol):
    """Whose ids and addresses a fake world takes."""

    def address(self, number: int) -> str: ...

    def sid(self, number: int, life: int = -1) -> str: ...
