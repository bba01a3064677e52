"""Makes each trouble happen at its place: an executor that stands between the runner and the lab.

The runner knows nothing of it. It hears where the runner is (as its watcher), sees every change on its way to the lab,
and does what the case says: to a node by the lab's own faults, to the operator by what it lets through.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from harness.cluster import ClusterView
from harness.errors import Inconclusive
from harness.executor import LabExecutor
from harness.faults import Fault, FaultKind, FaultPlan, TimedFault
from harness.recording import Kind
from harness.runner import Progress
from harness.search import troubles
from harness.search.case import Hit, Position
from harness.search.ledger import Ledger
from harness.search.troubles import Hands
from harness.steps import CENTRAL

CHANGES = (
    *("kick", "move_leadership", "label_node", "annotate_pod", "scale", "set_env", "patch_rollout", "pause", "resume"),
    *("delete_pod", "delete_pods", "remove_directory"),
)
"""Methods of an executor that change a cluster."""

NOBODY_TYPES_FOR = 600.0
STALE_LOOKS = 3

T = TypeVar("T")


class OperatorDied(BaseException):
    """The run ends here, without a goodbye. No ``except Exception`` of a step may keep it from ending."""


class Director:
    """``node_ips`` is what automation would put back. ``bit`` tells of each hit that came whether it did anything."""

    def __init__(self, lab: LabExecutor, ledger: Ledger, hits: tuple[Hit, ...], node_ips: str) -> None:
        self._lab = lab
        self._ledger = ledger
        self._hits = list(hits)
        self._node_ips = node_ips
        self._step = 0
        self._changed = False
        self._dead = False
        self._answer_is_lost = False
        self._stale: list[ClusterView] = []
        self._before: ClusterView | None = None
        self._earlier: ClusterView | None = None
        self.bit: list[tuple[Hit, bool]] = []
        self.arrived: Callable[[int, Position], None] | None = None
        """Hears of each place of the first run, before anything befalls anybody there."""

    @property
    def executor(self) -> LabExecutor:
        """This object, for those who want an executor."""
        return cast(LabExecutor, self)

    def watch(self, progress: Progress) -> None:
        """Hear of the runner's progress."""
        self._ledger.told(progress)
        if progress.kind == "started":
            self._step, self._changed = progress.number, False
            self._earlier, self._before = self._before, self._lab.view()
            self._fire(Position.BEFORE)
        elif progress.kind in ("done", "skipped"):
            self._fire(Position.AFTER)

    def expect(self, hits: tuple[Hit, ...]) -> None:
        """What is still to come."""
        self._hits = list(hits)

    def revive(self) -> None:
        """Another operator, or the same one again, sits down: sees what is, and hears every answer."""
        self._dead = self._answer_is_lost = False
        self._stale.clear()
        self._hits.clear()
        self.arrived = None

    # -- what passes through ------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._lab, name)
        return self._change(attribute) if name in CHANGES else attribute

    def _change(self, act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*args: Any, **values: Any) -> Any:
            if self._dead:
                raise OperatorDied
            answer = act(*args, **values)
            first, self._changed = not self._changed, True
            if first:
                self._fire(Position.DURING)
            if self._answer_is_lost:
                self._answer_is_lost = False
                raise Inconclusive("no answer came", why="whether the change took effect is not known")
            return answer

        return acting

    def view(self) -> ClusterView:
        if self._dead:
            raise OperatorDied
        view = self._lab.view()
        self._ledger.observe(view)
        return self._stale.pop() if self._stale else view

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        def looked() -> T | None:
            if self._dead:
                raise OperatorDied
            self._ledger.observe(self._lab.view())
            return condition()

        return self._lab.wait(looked, timeout, reason)

    # -- troubles -----------------------------------------------------------------------------------------------

    def _fire(self, position: Position) -> None:
        if self.arrived is not None:
            self.arrived(self._step, position)
        due = [hit for hit in self._hits if hit.step == self._step and hit.position is position]
        for hit in due:
            self._hits.remove(hit)
            trouble = troubles.named(hit.trouble)
            kind = Kind.FAULT if trouble.hands is None else Kind.HANDS
            self._ledger.happened(self._lab.now(), f"{hit.node or 'operator'}: {trouble.words}", kind)
            if trouble.hands is None:
                self.bit.append((hit, self._to_node(trouble, hit.node)))
            else:
                self._to_operator(hit, trouble.hands)

    def _to_node(self, trouble: troubles.Trouble, node: str) -> bool:
        changed = False
        for after, kind in trouble.faults:
            fault = Fault(kind, () if kind is FaultKind.HEAL else (node,))
            if after:
                self._lab.arm(FaultPlan((TimedFault(after, fault),)))
            else:
                changed |= self._lab.inject(fault)
        return changed

    def _to_operator(self, hit: Hit, hands: Hands) -> None:
        changed = True
        match hands:
            case Hands.PAUSES:
                self._lab.sleep(NOBODY_TYPES_FOR)
            case Hands.LOST_ANSWER:
                self._answer_is_lost = True
            case Hands.STALE:
                old = self._earlier or self._before
                self._stale = [old] * STALE_LOOKS if old is not None else []
                changed = bool(self._stale)
            case Hands.RESET:
                central = self._lab.view().workload(CENTRAL)
                changed = central is not None and central.env.get("NODE_IPS") != self._node_ips
                if changed:
                    self._ledger.excuse(self._lab.now())  # a rollout that nobody steers
                    self._lab.set_env("Deployment", CENTRAL, "NODE_IPS", self._node_ips)
            case Hands.DIES:
                self._dead = True
        self.bit.append((hit, changed))
        if self._dead:
            raise OperatorDied
