"""Makes each trouble happen at its place: an executor that stands between the runner and the lab.

The runner knows nothing of it. It hears where the runner is (as its watcher), sees every change on its way to the lab,
and does what the case says: to a node by the lab's own faults, to the operator by what it lets through, and by the
hands of colleagues and programs.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar, cast

from harness.cluster import DATABASES, ClusterView, Database
from harness.errors import BadInput, Inconclusive
from harness.executor import LabExecutor, WaitTimeout
from harness.faults import LATENT, Fault, FaultKind, FaultPlan, TimedFault
from harness.procedures.wanted import Wanted, make
from harness.recording import Kind
from harness.runner import Progress
from harness.search import automation, core, troubles
from harness.search.case import Case, Hit, Position
from harness.search.colleague import Colleague
from harness.search.ledger import Ledger
from harness.search.moment import Moment, moment
from harness.search.monitor import Monitor
from harness.search.targets import other_end, resolve
from harness.search.troubles import Hands, Trouble

EXECS = ("kick", "move_leadership", "remove_directory")
"""Changes that are commands in a pod or on a node."""

CHANGES = (
    *EXECS,
    *("label_node", "annotate_pod", "scale", "set_env", "patch_rollout", "pause", "resume"),
    *("delete_pod", "delete_pods"),
)
"""Methods of an executor that change a cluster."""

NOBODY_TYPES_FOR = 600.0
STALE_LOOKS = 3
KICKS_FOR = 60.0
"""Cluster seconds in which automation goes on looking for strangers."""

T = TypeVar("T")
Choose = Callable[[str, int], int]
"""Draws a number below the given one, for the choice of this name."""


class OperatorDied(BaseException):
    """The run ends here, without a goodbye. No ``except Exception`` of a step may keep it from ending."""


class Bite:
    """A hit that came, and whether it did anything: at once, or, for what lies in wait, later."""

    def __init__(self, lab: LabExecutor, hit: Hit, moment: Moment) -> None:
        self.hit = hit
        self.moment = moment
        self.changed = False
        self._lab = lab
        self._waiting: list[tuple[Fault, int]] = []

    def inject(self, fault: Fault) -> None:
        """Do it, and find out whether it changes anything, now or until somebody asks."""
        if fault.kind in LATENT:
            self._waiting.append((fault, self._lab.felt(fault)))
            self._lab.inject(fault)
        else:
            self.changed |= self._lab.inject(fault)

    def bit(self) -> bool:
        return self.changed or any(self._lab.felt(fault) > before for fault, before in self._waiting)


class Director:
    """Plays the hits of ``case`` on ``lab``. ``bit`` tells of each hit that came whether it did anything; ``befallen``
    are the nodes that were hurt, by name, ``left`` those that were left broken in the end, where only a core is healed.

    Raises :class:`BadInput` if the lab can't do one of the troubles.
    """

    def __init__(self, lab: LabExecutor, ledger: Ledger, case: Case) -> None:
        self._lab = lab
        self._ledger = ledger
        self.monitor = Monitor()
        self._case = case
        self._hits = list(case.hits)
        self._before_all = automation.Before(lab.view())
        self._step = 0
        self._over = False
        self._changed = False
        self._dead = False
        self._answer_is_lost: tuple[str, ...] = ()
        self._losing: Bite | None = None
        self._stale: list[ClusterView] = []
        self._staling: Bite | None = None
        self._before: ClusterView | None = None
        self._earlier: ClusterView | None = None
        self._awaited: list[Hit] = []
        self._colleagues: list[tuple[Bite, Colleague, str]] = []
        self._kicks_until = -1.0
        self._kicking: Bite | None = None
        self._bites: list[Bite] = []
        self.befallen: dict[str, None] = {}
        self.left: tuple[str, ...] = ()
        self._broken: dict[str, None] = {}
        self._ended = False
        self.arrived: Callable[[int, Position], None] | None = None
        """Hears of each place of the first run, before anything befalls anybody there."""
        self.expect(case.hits)
        for kind in dict.fromkeys(trouble.prepares for trouble in troubles.TROUBLES.values()):
            if kind is not None and kind in lab.faults:
                lab.inject(Fault(kind, tuple(node.name for node in self._before_all.view.nodes)))

    @property
    def executor(self) -> LabExecutor:
        """This object, for those who want an executor."""
        return cast(LabExecutor, self)

    @property
    def bit(self) -> list[tuple[Hit, bool]]:
        return [(bite.hit, bite.bit()) for bite in self._bites]

    @property
    def moments(self) -> tuple[Moment, ...]:
        """What each hit that came has found."""
        return tuple(bite.moment for bite in self._bites)

    def watch(self, progress: Progress) -> None:
        """Hear of the runner's progress."""
        self._ledger.told(progress)
        if progress.kind == "started":
            self._step, self._changed, self._over = progress.number, False, False
            self.monitor.begins(progress.step)
            self._earlier, self._before = self._before, self._lab.view()
            self._fire(Position.BEFORE)
            self._expect_election(getattr(progress.step, "database", None))
        elif progress.kind in ("done", "skipped"):
            if progress.kind == "done":
                self.monitor.done(self._lab.view())
            self._over = progress.number == progress.total
            self._fire(Position.AFTER)

    def expect(self, hits: tuple[Hit, ...]) -> None:
        """What is still to come. Raises :class:`BadInput` if the lab can't do it."""
        for hit in hits:
            missing = sorted(kind.value for kind in troubles.named(hit.trouble).kinds - self._lab.faults)
            if missing:
                todo = "choose another fault, or --backend sim"
                raise BadInput(f"{self._lab.name} can't do {', '.join(missing)} here", todo=todo)
        self._hits = list(hits)

    def revive(self) -> None:
        """Another operator, or the same one again, sits down: sees what is, and hears every answer."""
        self._dead = False
        self._answer_is_lost = ()
        self._stale.clear()
        self._hits.clear()
        self._awaited.clear()
        self.arrived = None

    def end_troubles(self, choose: Choose) -> None:
        """Whatever was done to networks, machines and disks is undone; of a case with a core only for the nodes of one
        that ``choose`` draws, and once: the others stay as they are."""
        if self._case.core and self._ended:
            return
        self._ended = True
        done = [fault for _, fault, _ in self._lab.fired()]
        if self._case.core and self._broken:
            self._leave(choose)
        ends = [Fault(FaultKind.HEAL)]
        for name in self.befallen:
            if name not in self.left:
                ends += [Fault(kind, (name,)) for kind in (FaultKind.RESUME, FaultKind.NODE_UP, FaultKind.MEND)]
        for fault in (*ends, *core.cuts_again(done, self.left)):
            if fault.kind in self._lab.faults:
                self._lab.inject(fault)

    def _leave(self, choose: Choose) -> None:
        """Draw who stays broken."""
        may = core.left_broken(self._lab.view(), [*self._broken])
        self.left = may[choose(core.CHOICE, len(may))]
        words = f"left broken: {', '.join(self.left)}" if self.left else "all that is broken is mended"
        self._ledger.happened(self._lab.now(), words, Kind.FAULT)

    def await_others(self, seconds: float) -> None:
        """Let colleagues type until they are done or give up, for so many cluster seconds at most."""
        with suppress(WaitTimeout):
            self.wait(
                lambda: all(one.over for _, one, _ in self._colleagues), seconds, "the second operator to be done"
            )

    def close(self) -> None:
        """Nobody else is at work any more."""
        for _, colleague, _ in self._colleagues:
            colleague.send_home()

    # -- what passes through ------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._lab, name)
        return self._change(name, attribute) if name in CHANGES else attribute

    def _change(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*args: Any, **values: Any) -> Any:
            if self._dead:
                raise OperatorDied
            if not self._changed:
                self.monitor.acts(self._lab.view())
            self.monitor.sent.append(f"{act.__name__}{args}{values}")
            answer = act(*args, **values)
            first, self._changed = not self._changed, True
            if first:
                self._fire(Position.DURING)
            if name in self._answer_is_lost:
                self._answer_is_lost = ()
                if self._losing is not None:
                    self._losing.changed = True
                raise Inconclusive("no answer came", why="whether the change took effect is not known")
            return answer

        return acting

    def view(self) -> ClusterView:
        if self._dead:
            raise OperatorDied
        view = self._lab.view()
        self._ledger.observe(view)
        if not self._stale:
            return view
        if self._staling is not None:
            self._staling.changed = True
        return self._stale.pop()

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        def looked() -> T | None:
            if self._dead:
                raise OperatorDied
            self._others()
            self._ledger.observe(self._lab.view())
            return condition()

        return self._lab.wait(looked, timeout, reason)

    def _others(self) -> None:
        """Colleagues and programs do something too."""
        for bite, colleague, leaver in self._colleagues:
            self._turn(bite, colleague, leaver)
        if self._kicking is not None and self._lab.now() <= self._kicks_until:
            self._kick(self._kicking)

    # -- troubles -----------------------------------------------------------------------------------------------

    def _fire(self, position: Position) -> None:
        if self.arrived is not None:
            self.arrived(self._step, position)
        due = [hit for hit in self._hits if hit.step == self._step and hit.position is position]
        for hit in due:
            self._hits.remove(hit)
            self._happens(hit)

    def _happens(self, hit: Hit) -> None:
        trouble, view = troubles.named(hit.trouble), self._lab.view()
        node = resolve(hit.node, view, leaver=self._case.leaver, newcomer=self._case.newcomer) if hit.node else ""
        bite = Bite(self._lab, hit, moment(view, node, over=self._over))
        self._bites.append(bite)
        if trouble.hands is None:
            self._to_node(trouble, bite)
        else:
            self._ledger.happened(self._lab.now(), f"operator: {trouble.words}", Kind.HANDS)
            self._to_operator(bite, trouble.hands)

    def _expect_election(self, database: Database | None) -> None:
        """Hits of this step that wait for its database to elect a leader, be it in a later one; for any where it is
        about none. None comes after the run."""
        for hit in [hit for hit in self._hits if hit.step == self._step and hit.position is Position.ELECTED]:
            self._hits.remove(hit)
            self._awaited.append(hit)
            databases = (database,) if database is not None else DATABASES
            node = resolve(hit.node, self._lab.view(), leaver=self._case.leaver, newcomer=self._case.newcomer)
            self._lab.at_next_election(databases, (node,) if node else (), partial(self._elected, hit))

    def _elected(self, hit: Hit) -> None:
        if hit in self._awaited:
            self._awaited.remove(hit)
            self._happens(hit)

    def _to_node(self, trouble: Trouble, bite: Bite) -> None:
        view = self._lab.view()
        leaver, newcomer = self._case.leaver, self._case.newcomer
        node = resolve(bite.hit.node, view, leaver=leaver, newcomer=newcomer)
        if not node:
            self._ledger.happened(self._lab.now(), f"nobody is {bite.hit.node} now: {trouble.name} befalls nobody")
            return
        ends: tuple[str, ...] = (node,)
        if FaultKind.BRIDGE in trouble.kinds:
            ends = (node, other_end(node, view))
            if not ends[1]:
                return
        self._befall(ends)
        if core.lasts(trouble.kinds):
            self._broken.update(dict.fromkeys(ends))
        self._ledger.happened(self._lab.now(), f"{' and '.join(ends)}: {trouble.words}", Kind.FAULT)
        for after, kind in trouble.faults:
            fault = Fault(kind, () if kind is FaultKind.HEAL else ends)
            if kind is FaultKind.PARTITION and not after:
                fault = self._one_side(node)
            if kind in core.ENDS and self._case.core:
                continue  # the core is healed at the end
            if after:
                self._lab.arm(FaultPlan((TimedFault(after, fault),)))
            else:
                bite.inject(fault)

    def _one_side(self, node: str) -> Fault:
        """Who is cut off while others are, is on their side of the cut."""
        fired = [fault for _, fault, _ in self._lab.fired() if fault.kind in (FaultKind.PARTITION, FaultKind.HEAL)]
        apart = fired[-1].nodes if fired and fired[-1].kind is FaultKind.PARTITION else ()
        return Fault(FaultKind.PARTITION, tuple(dict.fromkeys((*apart, node))))

    def _befall(self, nodes: tuple[str, ...]) -> None:
        for name in nodes:
            self.befallen[name] = None
            node = self._lab.view().node(name)
            if node is not None:
                self._ledger.forgive(node.address)

    def _to_operator(self, bite: Bite, hands: Hands) -> None:
        match hands:
            case Hands.PAUSES:
                bite.changed = True
                self._nobody_types()
            case Hands.LOST_ANSWER | Hands.LOST_EXEC:
                self._losing = bite
                self._answer_is_lost = CHANGES if hands is Hands.LOST_ANSWER else EXECS
            case Hands.STALE:
                old = self._earlier or self._before
                self._staling = bite
                self._stale = [old] * STALE_LOOKS if old is not None else []
            case Hands.SECOND | Hands.OTHER:
                self._second(bite, hands)
            case Hands.KICKS:
                self._kicking, self._kicks_until = bite, self._lab.now() + KICKS_FOR
                self._kick(bite)
            case Hands.RESET | Hands.HELM | Hands.REINSTALL:
                self._put_back(bite, hands)
            case Hands.DIES:
                bite.changed = self._dead = True
                raise OperatorDied

    def _nobody_types(self) -> None:
        """Nobody at this keyboard: colleagues and programs go on."""
        until = self._lab.now() + NOBODY_TYPES_FOR
        while self._colleagues and self._lab.now() < until:
            self._lab.sleep(1.0)
            self._others()
        self._lab.sleep(max(0.0, until - self._lab.now()))

    def _put_back(self, bite: Bite, hands: Hands) -> None:
        before = self._before_all
        acts = {
            Hands.RESET: before.put_back_node_ips,
            Hands.HELM: before.put_back_chart,
            Hands.REINSTALL: before.put_back_all,
        }
        bite.changed = acts[hands](self._lab)
        if bite.changed:
            self._ledger.excuse(self._lab.now())  # a rollout that nobody steers

    def _kick(self, bite: Bite) -> None:
        if self._before_all.kick_strangers(self._ledger.attended(self._lab, "automation")):
            bite.changed = True
            self._ledger.happened(self._lab.now(), "automation kicks who is not in its list", Kind.HANDS)
            self._ledger.excuse(self._lab.now())

    def _second(self, bite: Bite, hands: Hands) -> None:
        wanted, leaver = self._case.wanted, ""
        if hands is Hands.OTHER:
            about, view = (wanted.node, wanted.spare), self._before_all.view
            wanted = Wanted("guarded", "remove", automation.bystander(view, about))
            leaver = node.address if (node := view.node(wanted.node)) is not None else ""

        def tell(words: str) -> None:
            self._ledger.happened(self._lab.now(), f"the second operator: {words}", Kind.HANDS)

        lab = self._ledger.attended(self._lab, "the second operator")
        colleague = Colleague(lab, lambda: make(wanted, self._lab.view(), self._lab.files), tell)
        self._colleagues.append((bite, colleague, leaver))
        self._turn(bite, colleague, leaver)

    def _turn(self, bite: Bite, colleague: Colleague, leaver: str) -> None:
        colleague.turn()
        bite.changed |= colleague.changed
        if colleague.done and leaver:
            self._ledger.taken_out(leaver)
