"""What an invariant is, and what it may look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from harness.cluster import ClusterView, Database, NodeFiles
from harness.workload import History


@dataclass(frozen=True, slots=True)
class EndState:
    """A cluster after a procedure. ``expected`` are the addresses that should be members, ``retired`` the nodes that
    should be out; ``rows`` what each member serves (None: it did not answer); ``files`` what lies on retired nodes."""

    view: ClusterView
    expected: frozenset[str]
    retired: tuple[str, ...] = ()
    history: History | None = None
    rows: Mapping[tuple[Database, str], frozenset[str] | None] = field(default_factory=dict)
    files: Mapping[str, NodeFiles] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Invariant:
    """A property of an end state: ``check`` returns every violation in words, none if it holds."""

    id: str
    statement: str
    source: str
    check: Callable[[EndState], list[str]]


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken property."""

    invariant: str
    text: str
