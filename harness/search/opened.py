"""The cluster that a case begins with."""

from __future__ import annotations

from harness import executors, health
from harness.cluster import DATABASES
from harness.executor import LabExecutor
from harness.faults import Fault, FaultKind
from harness.search.case import Case
from harness.search.tape import Tape

SETTLES = 300.0
"""Cluster seconds in which a database gets another leader, and everything is in order again."""
LATER = 60.0
"""Cluster seconds after which a node's loss is no news any more."""
TRIES = 4
"""OVSDB offers leadership to one fixed server, so that it may come back in a circle."""


def opened(case: Case, backend: str = "sim", tape: Tape | None = None) -> LabExecutor:
    """A new lab for ``case``. The caller closes it. Raises as :func:`harness.executors.create` does, and
    :class:`harness.executor.WaitTimeout` if leadership does not move."""
    lab = executors.create(backend, case.spec, tape=tape if tape is not None else case.tape())
    try:
        if case.moved:
            _move(lab)
        if case.spec.down:
            _take_down(lab, case.spec.down)
    except BaseException:
        lab.close()
        raise
    return lab


def _take_down(lab: LabExecutor, nodes: tuple[str, ...]) -> None:
    """These nodes have no power, Kubernetes knows, and the others have elected whom they can."""
    for node in nodes:
        lab.inject(Fault(FaultKind.NODE_DOWN, (node,)))

    def noticed() -> bool:
        view = lab.view()
        down = [node for node in view.nodes if node.name in nodes]
        led = all(view.leader(database) is not None for database in DATABASES)
        return not any(node.ready for node in down) and (led or len(nodes) * 2 >= len(view.labelled()))

    lab.wait(noticed, SETTLES, f"{', '.join(nodes)} to be NotReady")
    lab.sleep(LATER)


def _move(lab: LabExecutor) -> None:
    """Another member than the first leads both databases."""
    first = lab.view().labelled()[0].name

    def moved() -> bool:
        view = lab.view()
        pairs = [view.leader(database) for database in DATABASES]
        return all(pair is not None and pair[0] != first for pair in pairs) and not health.all_problems(view)

    for _ in range(TRIES):
        view = lab.view()
        for database in DATABASES:
            pair = view.leader(database)
            if pair is not None and pair[0] == first:
                lab.move_leadership(database, first)
        lab.wait(lambda: not health.all_problems(lab.view()), SETTLES, "leadership to move")
        if moved():
            return
    lab.wait(moved, SETTLES, f"leadership to leave {first}")
