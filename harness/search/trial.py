"""One rehearsal from beginning to end: a pure function of its case.

The plan is run while a client writes and the troubles of the case happen. Then they are over, time passes, and the
operator runs the same command again until it is done or refuses, as the runner's errors tell people to do. At the end
the cluster is judged: safety always, convergence because nothing disturbs any more.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import closing
from dataclasses import dataclass

from harness.cluster import DATABASES, ClusterView, Database
from harness.errors import BadInput, NothingToDo, OvnswapError, Refused
from harness.executor import LabExecutor, WaitTimeout
from harness.plan import Plan
from harness.procedures.wanted import Wanted, make
from harness.recorder import Recorder
from harness.recording import Recording
from harness.runner import Pace, Progress, Runner
from harness.search import core, mutants, troubles
from harness.search.case import Case
from harness.search.director import Director, OperatorDied
from harness.search.judge import BAD, CONVERGES, Judge, Verdict, nodes_of
from harness.search.ledger import Ledger
from harness.search.moment import Moment
from harness.search.opened import opened
from harness.search.states import Seen
from harness.search.tape import Edit, Tape
from harness.workload import History

__all__ = ["BAD", "CONVERGES", "Summary", "Trial", "Verdict", "befallen", "parts", "recorded", "run", "traced"]

AGAIN = 3
"""How often the operator types the command again."""
LATER = 120.0
"""Cluster seconds until the operator types it again: Kubernetes and raft have noticed by then."""
OTHERS = 3600.0
"""Cluster seconds in which a second operator may finish what he began: three attempts, each of which may wait."""
FAIR = 1
"""The seed of what is drawn where a schedule without chance does not get anywhere."""
SPREADS = 10.0
"""Cluster seconds until followers have the last acknowledged row."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of one case. Times are cluster seconds, ``cpu`` seconds of CPU.

    ``reasons`` say why a verdict is bad, or why the operator was refused; ``stalls`` the longest time in which nb and
    sb acknowledged nothing; ``at_zero`` and ``without`` how long a database could spare nobody, or had no majority.
    ``digest`` names the run: the same case gives the same one in every process. ``states`` are the abstract states that
    it went through (:mod:`harness.search.states`), ``choices`` how many its tape made, ``elections`` the
    steps in which a new leader was seen. ``moments`` is what each fault found when it came.
    """

    case: Case
    verdict: Verdict
    reasons: tuple[str, ...]
    ends: tuple[str, ...]
    stalls: tuple[float, float]
    at_zero: float
    without: float
    lowest: int
    story: tuple[tuple[float, str], ...]
    digest: str
    cpu: float
    states: tuple[str, ...] = ()
    choices: int = 0
    elections: tuple[int, ...] = ()
    broken: tuple[str, ...] = ()
    sent: str = ""
    moments: tuple[Moment, ...] = ()

    @property
    def bad(self) -> bool:
        return self.verdict in BAD


def traced(case: Case) -> tuple[Summary, tuple[Edit, ...]]:
    """Rehearse ``case`` in the simulator; also every choice that was not 0, as edits of the happy schedule."""
    began = time.process_time()
    tape = case.tape()
    with closing(opened(case, tape=tape)) as lab:
        trial = Trial(case, lab, tape=tape)
        trial.play()
        return trial.ended(tape, began, tell=True), tape.deviations()


def run(case: Case, backend: str = "sim", *, tell: bool = False) -> Summary:
    """Rehearse ``case`` once; ``tell`` keeps the story of a good end too.

    Raises :class:`BadInput` if the procedure does not fit the cluster, or the backend can't run here.
    """
    began = time.process_time()
    tape = case.tape()
    with closing(opened(case, backend, tape)) as lab:
        trial = Trial(case, lab, tape=tape)
        trial.play()
        return trial.ended(tape, began, tell=tell)


def recorded(case: Case, backend: str = "sim") -> tuple[Summary, Recording]:
    """The same as :func:`run`, and what it showed over time. Costs more; the run itself is the same.

    Raises as :func:`run` does.
    """
    began = time.process_time()
    tape = case.tape()
    with closing(opened(case, backend, tape)) as lab:
        recorder = Recorder()
        lab.overhear(recorder.overheard)
        trial = Trial(case, lab, recorder, tape)
        trial.play()
        summary = trial.ended(tape, began, tell=True)
        return summary, recorder.recording(backend, summary.verdict.value, summary.reasons, trial.history)


class Trial:
    """The parts of one run, in their order: :meth:`play`, :meth:`judge`, :meth:`summary`."""

    def __init__(
        self, case: Case, lab: LabExecutor, recorder: Recorder | None = None, tape: Tape | None = None
    ) -> None:
        self._case = case
        self._lab = lab
        self._tape = tape
        view = lab.view()
        self._recorder = recorder
        self._judge = Judge(case, lab)
        self._ledger = Ledger(self._judge.witness, recorder)
        self._seen = Seen(lab, parts(case.wanted, view))
        self._director = Director(self._seen.lab, self._ledger, case)
        self._ends: list[str] = []
        self._last: str = ""
        self._history: History | None = None

    def ended(self, tape: Tape, began: float, *, tell: bool = False) -> Summary:
        """Judge what :meth:`play` has left. ``began`` is the process's time then."""
        verdict, reasons = self.judge()
        return self.summary(verdict, reasons, tape, time.process_time() - began, tell=tell or verdict in BAD)

    @property
    def history(self) -> History | None:
        """What the client wrote; None before :meth:`play` is over."""
        return self._history

    # -- play ---------------------------------------------------------------------------------------------------

    def play(self) -> None:
        client = self._lab.client()
        client.start()
        try:
            self._attempt()
            self._director.revive()
            if self._case.wanted.procedure == "guarded":
                self._until_done()
            self._calm()
        finally:
            self._history = client.stop()
            self._director.close()
        self._lab.sleep(SPREADS)

    def _attempt(self) -> None:
        """Make the plan and run it once; how it ended is kept in words."""
        try:
            plan = self._plan()
        except BadInput as error:
            if not self._ends:
                raise
            # The second time: nothing is left to do, or it can't be typed again, and that is no end.
            self._ended("done" if isinstance(error, NothingToDo) else "stopped", str(error))
            return
        attended = self._judge.witness.attended(self._director.executor)
        pace = Pace(self._case.pace)
        try:
            Runner(attended.lab, plan, watch=self._watch, pace=pace).run()
        except OperatorDied:
            self._ended("died", "", attended.acts)
        except OvnswapError as error:
            self._ended("refused" if isinstance(error, Refused) else "stopped", str(error), attended.acts)
        else:
            self._ended("done", "", attended.acts)

    def _watch(self, progress: Progress) -> None:
        self._seen.step = progress.number
        self._director.watch(progress)

    def _plan(self) -> Plan:
        view = self._lab.view()
        plan = make(self._case.wanted, view, self._lab.files)
        return mutants.mutated(plan, self._case.mutation, view) if self._case.mutation else plan

    def _ended(self, how: str, reason: str, acts: int = 0) -> None:
        self._last = how
        self._ends.append(how)
        if self._recorder is not None:
            self._recorder.ended(how)
        self._ledger.happened(self._lab.now(), f"the run ended: {how}" + (f": {reason}" if reason else ""))
        self._judge.ended(how, reason, acts)

    def _until_done(self) -> None:
        for attempt in range(AGAIN):
            if self._last == "done":
                return
            self._lab.sleep(LATER)
            if attempt == 1:
                self._end_troubles()  # a machine that is gone for good may be what the plan waits for
            self._ledger.happened(self._lab.now(), "the operator runs the same command again")
            self._attempt()

    def _calm(self) -> None:
        """Troubles are over. Wait until everything is in order, or longer than it may take."""
        if not self._case.core:  # else nothing ends by itself
            self._lab.sleep(max((troubles.named(hit.trouble).lasts for hit in self._case.hits), default=0.0))
        self._end_troubles()
        self._director.await_others(OTHERS)
        if not self._converges() and self._tape is not None and not self._led():
            # Timers that are never drawn anew may elect nobody for ever, where in the world the next one does.
            self._ledger.happened(self._lab.now(), "from here on every delay and timer is drawn")
            self._tape.wander(FAIR)
            self._converges()

    def _end_troubles(self) -> None:
        """All of them, or those of a core that the tape draws."""
        self._director.end_troubles(self._tape.choose if self._tape is not None else lambda _name, _n: 0)
        self._judge.left = self._director.left

    def _converges(self) -> bool:
        try:
            self._director.executor.wait(self._in_order, CONVERGES, "everything to be in order")
        except WaitTimeout:
            self._ledger.happened(self._lab.now(), f"still not in order: {'; '.join(self._disorder()[:3])}")
            return False
        return True

    def _led(self) -> bool:
        view = core.seen(self._lab.view(), self._director.left)
        return all(view.leader(database) is not None for database in DATABASES)

    def _in_order(self) -> bool:
        return not self._disorder()

    def _disorder(self) -> list[str]:
        return core.problems(self._lab.view(), self._director.left)

    # -- judge --------------------------------------------------------------------------------------------------

    def judge(self) -> tuple[Verdict, tuple[str, ...]]:
        """How it ended. A fault that never came changed nothing."""
        hits = [changed for _, changed in self._director.bit] or [False] * len(self._case.hits)
        return self._judge.verdict(hits, self._history, self._plan)

    # -- summary ------------------------------------------------------------------------------------------------

    def summary(self, verdict: Verdict, reasons: tuple[str, ...], tape: Tape, cpu: float, *, tell: bool) -> Summary:
        assert self._history is not None, "play() has stopped the client"
        told = getattr(self._lab, "told", None)
        story = tuple(sorted([*self._ledger.story, *(told() if told is not None else ())], key=lambda one: one[0]))
        trace = hashlib.sha256(repr((tape.taken, story, self._history.writes)).encode()).hexdigest()[:16]
        nb, sb = (self._history.longest_stall(database) for database in (Database.NB, Database.SB))
        return Summary(
            case=self._case,
            verdict=verdict,
            reasons=reasons,
            ends=tuple(self._ends),
            stalls=(nb, sb),
            at_zero=self._ledger.at_zero,
            without=self._ledger.without,
            lowest=self._ledger.lowest,
            story=story if tell else (),
            digest=trace,
            cpu=cpu,
            states=tuple(self._seen.states),
            choices=len(tape.taken),
            elections=tuple(self._seen.elections),
            broken=tuple(self._director.monitor.broken),
            moments=self._director.moments,
            sent=hashlib.sha256("\n".join(self._director.monitor.sent).encode()).hexdigest()[:16],
        )


def befallen(case: Case) -> tuple[str, ...]:
    """The nodes that something happens to, by name; by role where only the run will tell who that is."""
    return tuple(dict.fromkeys(hit.node for hit in case.hits if hit.node))


def parts(wanted: Wanted, view: ClusterView) -> dict[str, str]:
    """The letter of each address that has a part in the procedure: L leaves, N comes in."""
    gone, come = nodes_of(wanted)
    letters = [(name, "L") for name in gone] + [(name, "N") for name in come]
    return {node.address: letter for name, letter in letters if (node := view.node(name)) is not None}
