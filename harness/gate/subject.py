"""What is gated: one procedure of a runbook's file, or one of ours by its name, and how it looks on a given cluster."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace

from harness import lint
from harness.addresses import split_list
from harness.cluster import ClusterView, Versions
from harness.errors import BadInput
from harness.gate import translated
from harness.gate.shapes import FIRST, FIRST_LEADS, NEW, PROFILES, Shape, shapes, target
from harness.lint import Finding
from harness.plan import Plan
from harness.procedures import runbook
from harness.procedures.runbook import Runbook, Written
from harness.procedures.wanted import Wanted, make
from harness.search.case import Case
from harness.search.opened import opened
from harness.steps import CENTRAL, SetEnv

BY_NAME = re.compile(r"(guarded|documented)(?::(remove|add|replace))?")
VERBS = {"guarded": ("remove", "add", "replace"), "documented": ("remove", "add", "replace")}
_ANY = Wanted("guarded", "remove", "")


def by_name(text: str) -> list[tuple[str, str]]:
    """(procedure, verb) of each of our procedures that ``guarded`` or ``documented:add`` names; [] if it names none."""
    match = BY_NAME.fullmatch(text)
    if match is None:
        return []
    if match[2] and match[2] not in VERBS[match[1]]:
        raise BadInput(f"there is no procedure {text}", todo=f"{match[1]} has {', '.join(VERBS[match[1]])}")
    return [(match[1], verb) for verb in VERBS[match[1]] if match[2] in (None, verb)]


@dataclass(slots=True)
class Subject:
    """``label`` is how people call it; ``file`` and ``line`` where its procedure begins ("" and 0 for one of ours).

    ``data`` is the file's content; ``node`` the node that the user named for it. ``sizes`` are the members before.
    """

    label: str
    verb: str
    procedure: str = ""
    file: str = ""
    line: int = 0
    data: bytes = b""
    node: str = ""
    sizes: tuple[int, ...] = ()
    own: bool = False
    _made: dict[tuple[Shape, int | None], Case] = field(default_factory=dict)

    def shapes(self, profiles: Sequence[Versions] = PROFILES) -> list[Shape]:
        """The clusters that it is tried on. A runbook that is written for one node of one cluster has only that."""
        found = shapes(self.verb, self.sizes, profiles)
        if not self.own:
            return found
        fitting = []
        for shape in found:
            view = self._view(shape, None)
            if shape.part == NEW or self.node == target(shape, view):
                fitting.append(shape)
        part = FIRST if self.node == self._view(found[0], None).labelled()[0].name else found[0].part
        return fitting or [replace(found[0], part=part, moved=part == FIRST)]

    def case(self, shape: Shape, seed: int | None = None, pace: float = 0.0) -> Case:
        """The procedure on that cluster. Raises :class:`BadInput` if it does not fit there."""
        if (shape, seed) not in self._made:
            blank = Case(_ANY, shape.spec, seed=seed, moved=shape.moved)
            with closing(opened(blank)) as lab:
                view = lab.view()
                node = self.node if self.own else target(shape, view)
                wanted = self.bound(view, node)
                make(wanted, view, lab.files)
            self._made[shape, seed] = replace(blank, wanted=wanted)
        return replace(self._made[shape, seed], pace=pace)

    def plan(self, shape: Shape) -> tuple[Plan, ClusterView]:
        """The steps on that cluster, and the cluster."""
        case = self.case(shape)
        with closing(opened(case)) as lab:
            view = lab.view()
            return make(case.wanted, view, lab.files), view

    def book(self, shape: Shape) -> tuple[Runbook, ClusterView]:
        """The same as a runbook with its lines, for lint: one of ours has its steps' numbers."""
        plan, view = self.plan(shape)
        if not self.file:
            return as_book(plan, view, self.label), view
        saved = runbook.saved(self.data, self.file)
        return (as_book(plan, view, self.file, saved[1]) if saved else self._read(view, plan.target.node)), view

    def findings(self, shape: Shape) -> list[Finding]:
        """What lint says of it there."""
        return list(lint.lint(*self.book(shape)))

    def line_of(self, step: int, shape: Shape) -> int:
        """Where step ``step`` (from 1) stands in the file; the procedure's own line if it can't be told."""
        steps = self.book(shape)[0].steps if self.file else ()
        return steps[step - 1].line if 0 < step <= len(steps) else self.line

    def _view(self, shape: Shape, seed: int | None) -> ClusterView:
        with closing(opened(Case(_ANY, shape.spec, seed=seed, moved=shape.moved))) as lab:
            return lab.view()

    def _read(self, view: ClusterView, node: str) -> Runbook:
        books = runbook.read(self.data, self.file, view, node)
        return next(book for book in books if book.verb == self.verb)

    def bound(self, view: ClusterView, node: str) -> Wanted:
        """The procedure for ``node`` in that cluster. Raises :class:`BadInput` if it does not fit there."""
        spare = next((n.name for n in view.nodes if n not in view.labelled()), "")
        if self.procedure:
            return Wanted(self.procedure, self.verb, node, spare if self.verb == "replace" else "")
        saved = runbook.saved(self.data, self.file)
        if saved is None:
            return Wanted.exactly(self._read(view, node).plan())
        old, new = "" if self.verb == "add" else node, spare if self.verb == "replace" else node
        plan = translated.translate(saved[0], view, old, new)
        again = replace(Wanted.like(plan), given=None)
        return again if _is_ours(again, plan, view) else Wanted.exactly(plan)


def _is_ours(wanted: Wanted, plan: Plan, view: ClusterView) -> bool:
    """Whether ``ovnswap plan`` says the same for this cluster. Then whoever is interrupted makes a new plan, as it is
    told; a runbook that was changed can only be typed again."""
    try:
        return make(wanted, view, lambda name: None).digest == plan.digest
    except BadInput:
        return False


def as_book(plan: Plan, view: ClusterView, name: str, lines: Sequence[int] = ()) -> Runbook:
    """A plan as lint reads it; each step's line is its number, unless ``lines`` has it."""
    lines = lines if len(lines) == len(plan.steps) else range(1, len(plan.steps) + 1)
    steps = tuple(Written(step, line, step.title) for step, line in zip(plan.steps, lines, strict=True))
    node = view.node(plan.target.node)
    assert node is not None, "the plan was made for this cluster"
    exported = plan if plan.procedure == "guarded" else None
    return Runbook(name, plan.verb, lines[0] if lines else 0, node, steps, (), exported)


def ours(text: str, sizes: tuple[int, ...] = ()) -> list[Subject]:
    """The subjects that a name such as ``guarded`` or ``documented:remove`` stands for."""
    return [Subject(f"{name}:{verb}", verb, name, sizes=sizes) for name, verb in by_name(text)]


def of_file(data: bytes, name: str, node: str = "", verb: str = "", sizes: tuple[int, ...] = ()) -> list[Subject]:
    """The procedures of a file. Raises :class:`BadInput` for what is no runbook, has no such procedure, or has a line
    that is not understood."""
    saved = runbook.saved(data, name)
    if saved is not None:
        plan, lines = saved
        members = (translated.sizes(plan),)
        found = [Subject(name, plan.verb, "", name, lines[0] if lines else 1, data, "", members)]
    else:
        found = list(_of_page(data, name, node, sizes))
    chosen = [subject for subject in found if verb in ("", subject.verb)]
    if not chosen:
        raise BadInput(f"{name} has no procedure to {verb} a node", todo="leave --verb out")
    return chosen


def _of_page(data: bytes, name: str, node: str, sizes: tuple[int, ...]) -> Iterator[Subject]:
    """Read it once, on a cluster of three and a spare, to see what is in it."""
    blank = Case(_ANY, Shape(sizes[0] if sizes else 3, FIRST_LEADS, False, PROFILES[0]).spec)
    with closing(opened(blank)) as lab:
        view = lab.view()
    books = runbook.read(data, name, view, node or view.labelled()[-1].name)
    for book in books:
        if book.unclear:
            book.plan()  # refuses, with the line: what is not understood may be what says which node it is about
        about = node or (_left_out(book, view) if book.own else "")
        again = runbook.read(data, name, view, about or view.labelled()[-1].name)
        next(one for one in again if one.line == book.line).plan()  # refuses what is not understood, line by line
        members = (len(view.labelled()),) if book.own else sizes
        label = f"{name}: {book.verb}" if len(books) > 1 else name
        yield Subject(label, book.verb, "", name, book.line, data, about, members, book.own)


def _left_out(book: Runbook, view: ClusterView) -> str:
    """The node that a runbook for this very cluster is about: the one whose address its last NODE_IPS leaves out, or
    has more."""
    steps = [one.step for one in book.steps if isinstance(one.step, SetEnv) and one.step.workload == CENTRAL]
    listed = set(steps[-1].addresses) if steps else set()
    central = view.workload(CENTRAL)
    before = set(split_list(central.env.get("NODE_IPS", ""))) if central is not None else set()
    changed = before - listed if book.verb == "remove" else listed - before
    found = [node.name for node in view.nodes if node.address in changed]
    if len(found) != 1:
        raise BadInput(f"{book.name}:{book.line}: nothing says which node it is about", todo="--node NAME")
    return found[0]
