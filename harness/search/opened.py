"""The cluster that a case begins with."""

from __future__ import annotations

from harness import executors, health
from harness.cluster import DATABASES
from harness.executor import LabExecutor
from harness.search.case import Case
from harness.search.tape import Tape

SETTLES = 300.0
"""Cluster seconds in which a database gets another leader, and everything is in order again."""
TRIES = 4
"""OVSDB offers leadership to one fixed server, so that it may come back in a circle."""


def opened(case: Case, backend: str = "sim", tape: Tape | None = None) -> LabExecutor:
    """A new lab for ``case``. The caller closes it. Raises as :func:`harness.executors.create` does, and
    :class:`harness.executor.WaitTimeout` if leadership does not move."""
    lab = executors.create(backend, case.spec, tape=tape if tape is not None else Tape(seed=case.seed))
    if case.moved:
        try:
            _move(lab)
        except BaseException:
            lab.close()
            raise
    return lab


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
