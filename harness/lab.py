"""Clusters for the length of a test.

A backend may offer two methods beyond the executor interface: ``leftovers()`` names what is still there after ``close``
(processes, namespaces, files), ``where()`` says where a kept cluster's files are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from harness import executors
from harness.executor import LabExecutor
from harness.search.tape import Tape
from harness.spec import ClusterSpec


class Lab:
    """Makes clusters on the backend of the running test; they are gone when the test is over.

    Calling it makes one that lives until the end of the test. :meth:`closing` makes one for a ``with`` block, as a
    Hypothesis test needs, whose examples share one fixture.
    """

    def __init__(self, backend: str, *, keep: bool = False, time_scale: float | None = None, nodes: int = 3) -> None:
        """``keep`` leaves clusters and files behind, and ``kept`` says where; ``time_scale`` overrides every spec's."""
        self.backend = backend
        self.kept: list[str] = []
        self._keep = keep
        self._time_scale = time_scale
        self._nodes = nodes
        self._open = ExitStack()

    def __call__(self, spec: ClusterSpec | None = None, tape: Tape | None = None) -> LabExecutor:
        """A new cluster: formed, settled, every member a caught-up voter. See :func:`harness.executors.create`.

        Without ``spec`` it has as many members as the marker ``ovn(nodes=...)`` says. ``tape`` decides the choices of a
        simulation (default: nothing bad happens).
        """
        executor = self._make(spec, tape)
        self._open.callback(self._remove, executor)
        return executor

    @contextmanager
    def closing(self, spec: ClusterSpec | None = None, tape: Tape | None = None) -> Iterator[LabExecutor]:
        """The same for the length of a ``with`` block."""
        executor = self._make(spec, tape)
        try:
            yield executor
        finally:
            self._remove(executor)

    def close(self) -> None:
        """Remove every cluster, each even if another can't be removed or the run is being interrupted."""
        self._open.close()

    def _make(self, spec: ClusterSpec | None, tape: Tape | None) -> LabExecutor:
        spec = spec or ClusterSpec(members=self._nodes)
        if self._time_scale is not None:
            spec = replace(spec, time_scale=self._time_scale)
        return executors.create(self.backend, spec, tape=tape, keep=self._keep)

    def _remove(self, executor: LabExecutor) -> None:
        executor.close()
        if self._keep:
            where = getattr(executor, "where", None)
            self.kept.append(str(where() if where else executor))
            return
        leftovers = getattr(executor, "leftovers", None)
        left = [str(thing) for thing in leftovers()] if leftovers else []
        if left:
            raise AssertionError(f"left behind on {self.backend}: {', '.join(left)}")
