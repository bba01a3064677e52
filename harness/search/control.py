"""The control of an experiment: the same fault where no procedure is at work.

A member of three that loses its disk comes back beside its own ghost, whatever anybody types. What ends as badly on a
cluster that is left alone is laid to the fault: neither survived, nor the procedure's failure. It is told apart, never
hidden. A run is laid to its fault only if

* it had one fault, which befell a node that had a part in ovn-central, and
* on a cluster at rest, of the size that the procedure found or leaves, the same fault on a node of the same role breaks
  all that the run has broken; or
* the fault was somebody else's hand after the last step: there is no procedure any more that could look.

Of the two sizes it is the smallest that has as many members as ran when the fault came: a procedure that has taken
more of them down than it leaves down is not excused by what happens to a smaller cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from harness.plan import Plan
from harness.procedures.wanted import Wanted
from harness.search import trial, troubles
from harness.search.case import Case, Hit, Position
from harness.search.moment import OUT, Moment
from harness.search.tally import broken_by, kind_of
from harness.search.trial import Summary, Verdict
from harness.spec import ClusterSpec
from harness.steps import ListPods

LOOKS = Plan("control", "look", None, None, (ListPods(),), order="nothing is changed")
SCHEDULES: tuple[tuple[int | None, bool], ...] = ((None, False), (None, True), (1, False), (1, True))
"""Seeds, and whether leadership was moved away from the first: who leads, and who is a moment earlier, may decide."""
CHANGES = {"remove": -1, "add": 1}
"""What a verb does to the number of members."""
AFTERWARDS = (troubles.Hands.KICKS, troubles.Hands.RESET, troubles.Hands.HELM, troubles.Hands.REINSTALL)
"""Programs that come by, whether or not anybody is at work."""

FOLLOWS = {"S15": ("S17", "S18")}
"""Of two clusters each lacks what the other has acknowledged; which of them a client finds, and when, is chance."""

Control = tuple[Moment, Summary]


class Controls:
    """Runs controls when they are asked for, in the simulator and in this process, and remembers them.

    ``run`` rehearses a case; a test may give another.
    """

    def __init__(self, run: Callable[[Case], Summary] = trial.run) -> None:
        self._run = run
        self._known: dict[tuple[ClusterSpec, str], list[Control]] = {}

    def judged(self, summary: Summary) -> Summary:
        """``summary`` itself, or, if its bad end is laid to the fault, one that says so: LAID, with the reason first
        and what happened after it."""
        reason = self.reason(summary)
        return replace(summary, verdict=Verdict.LAID, reasons=(reason, *summary.reasons)) if reason else summary

    def reason(self, summary: Summary) -> str:
        """Why a bad end is laid to the fault, in words; "" if it is not."""
        case = summary.case
        if not summary.bad or len(case.hits) != 1 or len(summary.moments) != 1:
            return ""
        hit, moment = case.hits[0], summary.moments[0]
        trouble = troubles.named(hit.trouble)
        if trouble.hands is not None:
            late = moment.over and trouble.hands in AFTERWARDS
            return f"{hit.trouble} comes when the procedure is over, and nobody looks any more" if late else ""
        if moment.role == OUT:
            return ""
        size = size_like(case, moment)
        same = "wipe" if hit.trouble == "stale-disk" and hit.node in (case.newcomer, "newcomer") else hit.trouble
        for found, control in self._controls(_at_rest(case.spec, size), same):
            if alike(summary, moment, found) and as_bad(summary, control):
                what = hit.trouble if same == hit.trouble else f"{hit.trouble} (empty, so like {same})"
                return f"{what} does the same to {size} members at rest, without a procedure"
        return ""

    def _controls(self, spec: ClusterSpec, trouble: str) -> list[Control]:
        key = spec, trouble
        if key not in self._known:
            self._known[key] = list(self._made(spec, trouble))
        return self._known[key]

    def _made(self, spec: ClusterSpec, trouble: str) -> Iterator[Control]:
        for seed, moved in SCHEDULES if spec.members > 1 else SCHEDULES[::2]:
            for node in spec.node_names():
                summary = self._run(case_at_rest(spec, trouble, node, seed=seed, moved=moved))
                if summary.bad and summary.moments:
                    yield summary.moments[0], summary


def case_at_rest(spec: ClusterSpec, trouble: str, node: str, *, seed: int | None = None, moved: bool = False) -> Case:
    """``trouble`` befalls ``node`` while somebody only looks."""
    hits = (Hit(1, Position.BEFORE, trouble, node),)
    return Case(Wanted("control", "look", "", given=LOOKS), spec, hits, seed=seed, moved=moved)


def size_like(case: Case, moment: Moment) -> int:
    """How many members the cluster at rest has that a run of ``case`` is compared with at ``moment``."""
    before = case.spec.members
    sizes = sorted({before, before + CHANGES.get(case.wanted.verb, 0)})
    return next((size for size in sizes if size >= moment.running), sizes[-1])


def alike(summary: Summary, moment: Moment, other: Moment) -> bool:
    """Whether the node had the same role. Being first in NODE_IPS is a part of it where a second cluster was founded:
    nobody else can do that."""
    founded = "S15" in broken_by(summary)
    return moment.role == other.role and (not founded or moment.first == other.first)


def as_bad(summary: Summary, control: Summary) -> bool:
    """Whether ``control`` ends as badly, in the same way: all that the run broke is broken there too, and what is told
    of the run first is told there."""
    if summary.verdict is Verdict.UNSAFE and control.verdict is not Verdict.UNSAFE:
        return False
    told = {kind_of(reason) for reason in control.reasons}
    broken = {*broken_by(control), Verdict.STUCK.value}
    broken |= {follows for one in broken for follows in FOLLOWS.get(one, ())}
    return set(broken_by(summary)) <= broken and kind_of(summary.reasons[0]) in told


def _at_rest(spec: ClusterSpec, size: int) -> ClusterSpec:
    """``spec`` with so many members and nobody else; names and files of a twin have no part in it."""
    return replace(spec, members=size, spares=0, nodes=(), down=(), files=())
