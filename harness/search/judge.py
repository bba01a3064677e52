"""Judges one rehearsal: watches it by every property of the catalogue, and says how it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from enum import Enum

from harness.cluster import DATABASES, ClusterView
from harness.errors import BadInput, NothingToDo
from harness.executor import LabExecutor, WaitTimeout
from harness.invariants import CATALOGUE, Ending, EndState, Grade, Monitor, Violation, World
from harness.look import check_files, served
from harness.plan import Plan
from harness.procedures.wanted import Wanted
from harness.search import core
from harness.search.case import Case
from harness.witness import Witness
from harness.workload import History

CONVERGES = 600.0
"""Cluster seconds without any fault until everything must be in order."""


class Verdict(Enum):
    """DONE and REFUSED are good ends; UNSAFE and STUCK are not; VOID says that the trouble changed nothing.

    LAID is a bad end that is laid to the fault: the same fault ends the same way where no procedure is at work
    (:mod:`harness.search.control`). No run ends so by itself; it is neither survived nor the procedure's failure.
    """

    DONE = "done"
    REFUSED = "refused"
    VOID = "void"
    LAID = "laid"
    STUCK = "stuck"
    UNSAFE = "unsafe"


BAD = (Verdict.UNSAFE, Verdict.STUCK)


class Judge:
    """Watches ``lab`` from now on, while ``case`` is played. Give it every attempt's end; then ask for the verdict.

    ``left`` are nodes that are left broken at the end: the others are judged, and what is not as it should be because
    of these is a refusal that says so.
    """

    def __init__(self, case: Case, lab: LabExecutor) -> None:
        self._lab = lab
        self._before = view = lab.view()
        self._gone, self._come = nodes_of(case.wanted)
        self._members = frozenset(node.address for node in view.labelled())
        befallen = tuple(hit.node for hit in case.hits if hit.node)
        self.world = World(
            leaves="".join(_addresses(view, self._gone)),
            comes="".join(_addresses(view, self._come)),
            gated=case.wanted.procedure == "guarded",
            waived=case.wanted.accept_stall,
            forgiven=frozenset(_addresses(view, (*befallen, *case.spec.down))),
        )
        self.monitor = Monitor(CATALOGUE, self.world)
        self.witness = Witness(lab, self.monitor)
        self._last = self._reason = ""
        self._newcomer = case.newcomer
        self.left: tuple[str, ...] = ()

    def ended(self, how: str, reason: str, acts: int) -> None:
        """One attempt ended: ``how`` is done, refused, stopped or died, after so many changes."""
        self._last, self._reason = how, reason
        self.witness.catch_up()
        view = self._lab.view()
        self.monitor.ended(Ending(self._lab.now(), how, acts, view, self.world.leaves, self.world.comes, reason))

    def verdict(
        self, hits: Sequence[bool], history: History | None, plan: Callable[[], Plan]
    ) -> tuple[Verdict, tuple[str, ...]]:
        """Safety first, however the run ended; then whether it ended well. ``hits`` says of each fault whether it
        changed anything, ``plan`` makes the plan once more (or raises :class:`NothingToDo`)."""
        self.world.hits = list(hits)
        end = replace(self._end(history), tool=check_files(self._lab))
        self.witness.look(end.view)
        empty = self.monitor.at_end(end, (Grade.RUN,)) + self.monitor.broken(Grade.RUN)
        if any(violation.invariant == "M2" for violation in empty):
            return Verdict.VOID, ("nothing was changed by the fault",)
        unsafe = self.monitor.broken(Grade.SAFETY) + self.monitor.at_end(end, (Grade.SAFETY,))
        if unsafe:
            return Verdict.UNSAFE, _words(unsafe)
        leaderless = any(end.view.leader(database) is None for database in DATABASES)
        # Without a lost disk there is no reason for a core not to come in order, whatever the operator was told.
        demanded = bool(self.left) and not self.world.forgetful and bool(core.problems(end.view, self.left))
        if self._last == "refused" and not leaderless and not demanded:
            return Verdict.REFUSED, (self._reason,)  # the reason names what is not in order, and what to do
        wrong = core.problems(end.view, self.left) or _words(self._left(end, history))
        if not wrong:
            wrong = _words(empty + self._typed_again(plan))
        if excused := core.excuses(end.view, self.left, self._newcomer, wrong):
            return Verdict.REFUSED, excused
        return (Verdict.STUCK, tuple(wrong)) if wrong else (Verdict.DONE, ())

    def _left(self, end: EndState, history: History | None) -> list[Violation]:
        """What a run should have left and has not, and ends that are none."""
        if self._last == "done":
            try:  # the last pod that a probe has killed may still be on its way
                self._lab.wait(lambda: not self._disorder(history), CONVERGES, "what the procedure should have left")
            except WaitTimeout:
                return self.monitor.broken(Grade.ORDER) + self._disorder(history)
            return self.monitor.broken(Grade.ORDER)
        return self.monitor.broken(Grade.ORDER) + self.monitor.at_end(end, (Grade.ORDER,))

    def _disorder(self, history: History | None) -> list[Violation]:
        return self.monitor.at_end(self._end(history), (Grade.ORDER,))

    def _typed_again(self, plan: Callable[[], Plan]) -> list[Violation]:
        """A procedure that is done finds nothing to do: no step is left that would change anything."""
        try:
            steps = plan().steps
        except NothingToDo:
            return []
        except BadInput as error:
            return [Violation("P10", f"typed again after it was done, it says: {error}")]
        view = self._lab.view()
        left = [step.title for step in steps if not step.read_only and not step.satisfied(view)]
        return [Violation("P10", f"typed again after it was done, it would {left[0]}")] if left else []

    def _end(self, history: History | None) -> EndState:
        view = self._lab.view()
        gone = {*_addresses(view, self._gone), *self.world.taken_out}
        expected = (self._members | {*_addresses(view, self._come)}) - gone
        end = served(self._lab, history, frozenset(expected), self._gone, self._before)
        rows = {asked: rows for asked, rows in end.rows.items() if asked[1] not in self.left}
        return replace(end, view=core.seen(end.view, self.left), rows=rows)


def _addresses(view: ClusterView, names: Sequence[str]) -> list[str]:
    return [node.address for name in names if (node := view.node(name)) is not None]


def _words(violations: Sequence[Violation]) -> tuple[str, ...]:
    return tuple(str(violation) for violation in violations)


def nodes_of(wanted: Wanted) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(nodes that leave, nodes that come in)."""
    match wanted.verb:
        case "remove":
            return (wanted.node,), ()
        case "add":
            return (), (wanted.node,)
        case "look":
            return (), ()
    return (wanted.node,), (wanted.spare,)
