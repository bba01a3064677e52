"""What a property is, what it may look at, and how it says that it is broken.

A property listens: it overrides the ``on_...`` methods for the evidence that it takes, and calls
:meth:`Property.broken`. There are three kinds of evidence: what raft servers write (told in order by
:mod:`harness.invariants.chronicle`), views and the operator's acts while a procedure runs, and the end. Each is
a frozen value, or ghost state built of such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, ClassVar

from harness.cluster import ClusterView, Database, NodeFiles
from harness.workload import History

if TYPE_CHECKING:
    from harness.invariants.acts import Act, Ending
    from harness.invariants.chronicle import Replica
    from harness.invariants.world import World


@dataclass(frozen=True, slots=True)
class EndState:
    """A cluster after a procedure. ``expected`` are the addresses that should be members, ``retired`` the nodes that
    should be out; ``rows`` what each member serves (None: it did not answer); ``files`` what lies on retired nodes.
    ``before`` is the cluster as the procedure found it; ``tool`` what ``ovsdb-tool check-cluster`` says of the files
    of a database, where a backend has real ones."""

    view: ClusterView
    expected: frozenset[str]
    retired: tuple[str, ...] = ()
    history: History | None = None
    rows: Mapping[tuple[Database, str], frozenset[str] | None] = field(default_factory=dict)
    files: Mapping[str, NodeFiles] = field(default_factory=dict)
    before: ClusterView | None = None
    tool: Mapping[Database, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken property: its id, what happened in an operator's words, and where known the database and the moment
    (cluster seconds)."""

    invariant: str
    text: str
    database: Database | None = None
    at: float | None = None

    def __str__(self) -> str:
        when = f"{self.at:.0f} s: " if self.at is not None else ""
        return f"{self.invariant}: {when}{self.text}"


class Grade(Enum):
    """What a broken property means. SAFETY: something is lost or was at stake, whatever comes after. ORDER: the
    procedure did not leave what it should. RUN: the run itself says nothing, for it was not the run that was meant."""

    SAFETY = "safety"
    ORDER = "order"
    RUN = "run"


class Property:
    """A property in the field's terms. Subclasses give ``id``, ``statement`` and ``source`` (facts: testing C)."""

    id: ClassVar[str]
    statement: ClassVar[str]
    source: ClassVar[str]
    grade: ClassVar[Grade] = Grade.SAFETY
    end_grade: ClassVar[Grade | None] = None
    """The grade of what the end alone shows, where it is another one."""

    def __init__(self, world: World, tell: Callable[[Violation], None]) -> None:
        self.world = world
        self._tell = tell
        self._told: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """Make what this property remembers."""

    def broken(self, text: str, database: Database | None = None, once: str = "") -> None:
        """Say so. The same ``once`` (by default the text) is said only one time in a run."""
        key = once or text
        if key not in self._told:
            self._told.add(key)
            self._tell(Violation(self.id, text, database, self.world.at))

    # -- what raft servers write ----------------------------------------------------------------------------------

    def on_open(self, server: Replica, last: Replica | None, joining: bool, remotes: tuple[str, ...]) -> None:
        """A process began with this file; ``last`` is what was known of it before."""

    def on_found(self, server: Replica, first: bool) -> None:
        """A file of a cluster id that nobody has had in this database; ``first``: there was none before it."""

    def on_term(self, server: Replica, term: int) -> None:
        """The server writes ``term``; its own is still the one before."""

    def on_vote(self, server: Replica, term: int, vote: str) -> None:
        """The server votes for the server id ``vote``."""

    def on_lead(self, server: Replica, term: int) -> None:
        """The server takes office."""

    def on_leader(self, server: Replica, term: int, sid: str, known: str) -> None:
        """The server notes that ``sid`` leads ``term``, of which ``known`` was noted first (often the same)."""

    def on_append(self, server: Replica, index: int, term: int, data: str | None, before: int) -> None:
        """A new entry; ``before`` is the term of the one that it follows."""

    def on_configure(self, server: Replica, index: int, servers: Mapping[str, str], before: Mapping[str, str]) -> None:
        """A new entry is a configuration; ``before`` is the one in force until now, at :attr:`Replica.configured`."""

    def on_cut(self, server: Replica, index: int, end: int) -> None:
        """The log is cut off at ``index``; it reached to ``end`` (exclusive) and still does."""

    def on_commit(self, server: Replica, before: int, index: int) -> None:
        """The server's commit index moves from ``before`` to ``index``, which may be less."""

    def on_settle(self, server: Replica, index: int, servers: Mapping[str, str], before: Mapping[str, str]) -> None:
        """A configuration is committed for the first time anywhere in its cluster; ``before`` is the last that was."""

    def on_conflict(self, server: Replica, index: int, term: int, known: int) -> None:
        """The server commits, or has a snapshot up to, ``index`` with ``term``, where ``known`` had been committed."""

    def on_replace(self, server: Replica, base: int, commit: int, end: int) -> None:
        """A snapshot replaced the file; before, it had this base, commit index and end (exclusive)."""

    def on_strange(self, server: Replica, text: str) -> None:
        """Something that no file of a raft server says."""

    def on_stop(self, server: Replica, lost_votes: tuple[tuple[int, str], ...]) -> None:
        """The process is gone; votes that it lost with the machine's power and had never told anybody."""

    # -- while a procedure runs -----------------------------------------------------------------------------------

    def on_look(self, view: ClusterView) -> None:
        """A look at the cluster, about the cluster's or the procedure's state."""

    def on_status(self, view: ClusterView) -> None:
        """A look at the cluster where nothing else tells of raft: not in the simulator, which tells every event."""

    def on_act(self, act: Act) -> None:
        """The operator, or whoever, is about to change something."""

    def on_answer(self, act: Act, answer: str | None) -> None:
        """What came of it: text of the answer, None if none came."""

    def on_ending(self, ending: Ending) -> None:
        """One attempt at the procedure ended."""

    def at_end(self, end: EndState) -> Iterable[str]:
        """What is wrong at the end, each in words."""
        return ()
