"""What a run has been through, as abstract states: few enough to be met again, fine enough to tell runs apart.

One for each database: the step at hand, the leader's part and phase, the configuration, the newcomer's part, and the
faults that are active (facts: testing D4). Servers go by their part in the procedure, not by name.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from harness.addresses import host_of
from harness.cluster import DATABASES, ClusterView, Database, MemberStatus
from harness.executor import LabExecutor
from harness.faults import Fault, FaultKind

T = TypeVar("T")

ENDS: Mapping[FaultKind, FaultKind] = {
    FaultKind.NODE_UP: FaultKind.NODE_DOWN,
    FaultKind.RESUME: FaultKind.PAUSE,
}
"""Which fault ends which, on the same nodes. HEAL ends every cut."""
LASTING = frozenset({FaultKind.NODE_DOWN, FaultKind.PAUSE, FaultKind.PARTITION, FaultKind.ONE_WAY})


class Seen:
    """Stands before a lab, and notes the states of every look through it. ``parts`` are the letters of addresses that
    have a part: L leaves, N comes in; all others are m. ``elections`` are the steps in which a new leader was seen."""

    def __init__(self, lab: LabExecutor, parts: Mapping[str, str]) -> None:
        self._lab = lab
        self._parts = parts
        self._looked: ClusterView | None = None
        self._fired = 0
        self._active: dict[tuple[FaultKind, tuple[str, ...]], None] = {}
        self._letters: dict[str, str] = {}
        self.step = 0
        self.states: dict[str, None] = {}
        self.elections: dict[int, None] = {}
        self._terms: dict[Database, int] = {}

    @property
    def lab(self) -> LabExecutor:
        """This object, for those who want an executor."""
        return cast(LabExecutor, self)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lab, name)

    def view(self) -> ClusterView:
        view = self._lab.view()
        if view is not self._looked:
            self._looked = view
            self._note(view)
        return view

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        return self._lab.wait(condition, timeout, reason)

    def _note(self, view: ClusterView) -> None:
        faults = self._faults(view)
        for database in DATABASES:
            self._elected(view, database)
            self.states[f"{self.step} {database} {self._state(view, database)}{faults}"] = None

    def _elected(self, view: ClusterView, database: Database) -> None:
        """Remember the step in which a later term than before has a leader."""
        pair = view.leader(database)
        if pair is not None and pair[1].term > self._terms.get(database, 0):
            if database in self._terms:
                self.elections[self.step] = None
            self._terms[database] = pair[1].term

    def _state(self, view: ClusterView, database: Database) -> str:
        told = list(view.statuses(database))
        leaders = sorted((status.term, node, status) for node, status in told if status.is_leader)
        newcomer = next((_standing(s) for _, s in told if self._part(s.address) == "N"), "-")
        if not leaders:
            return f"nobody leads, newcomer {newcomer}"
        leader = leaders[-1][2]
        members = "".join(sorted(self._part(server.address) for server in leader.servers))
        more = f" and {len(leaders) - 1} more" if len(leaders) > 1 else ""
        return f"{self._part(leader.address)}{more} leads {members} {_phase(leader)}, newcomer {newcomer}"

    def _part(self, address: str) -> str:
        letter = self._letters.get(address)
        if letter is None:
            letter = self._letters[address] = self._parts.get(host_of(address), "m")
        return letter

    def _faults(self, view: ClusterView) -> str:
        fired = self._lab.fired()
        for _, fault, changed in fired[self._fired :]:
            if changed:
                self._happened(fault)
        self._fired = len(fired)
        at = {node.name: node.address for node in view.nodes} if self._active else {}
        found = Counter(
            f"{kind.value} {''.join(sorted(self._part(at.get(node, '')) for node in nodes))}"
            for kind, nodes in self._active
        )
        return "".join(f", {words}" for words in sorted(found))

    def _happened(self, fault: Fault) -> None:
        if fault.kind in LASTING:
            self._active[fault.kind, fault.nodes] = None
        elif fault.kind is FaultKind.HEAL:
            for kind, nodes in [key for key in self._active if key[0] not in ENDS.values()]:
                del self._active[kind, nodes]
        elif fault.kind in ENDS:
            self._active.pop((ENDS[fault.kind], fault.nodes), None)


def _phase(leader: MemberStatus) -> str:
    if not leader.own_term_committed:
        return "new"
    if leader.change_pending:
        return "changing"
    return "writing" if leader.uncommitted else "settled"


def _standing(status: MemberStatus) -> str:
    return "joining" if "joining" in status.status else status.role
