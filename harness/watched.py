"""An executor that is watched: whoever looks through it also keeps the books."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.executor import LabExecutor
from harness.forecast import Standing
from harness.invariants import ElectionSafety
from harness.recorder import Recorder

T = TypeVar("T")


class Watched:
    """Passes everything on to ``executor``, and learns from every view.

    ``lowest`` is the least number of servers that could still fail, of each database; ``tell`` hears it at every look,
    and ``recorder`` sees what was seen.
    """

    def __init__(
        self, executor: LabExecutor, tell: Callable[[Mapping[str, int]], None], recorder: Recorder | None = None
    ) -> None:
        self._inner = executor
        self._tell = tell
        self._recorder = recorder
        self.lowest: dict[str, int] = {}
        self.elections = ElectionSafety()

    @property
    def lab(self) -> LabExecutor:
        """This object, for those who want an executor."""
        return cast(LabExecutor, self)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)

    def view(self) -> ClusterView:
        """A look, noted."""
        view = self._inner.view()
        self.elections.observe(view)
        if self._recorder is not None:
            self._recorder.observe(view)
        now = {database.value: _margin(view, database) for database in DATABASES}
        for name, value in now.items():
            if value is not None:
                self.lowest[name] = min(value, self.lowest.get(name, value))
        self._tell({name: value for name, value in now.items() if value is not None})
        return view

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        """The same, with a look at each turn: also while a step waits for something else than raft."""

        def looked() -> T | None:
            self.view()
            return condition()

        return self._inner.wait(looked, timeout, reason)


def _margin(view: ClusterView, database: Database) -> int | None:
    """Servers that run and are configured, less the majority. An election does not count: a server without a leader
    still takes part. None where nobody knows a configuration."""
    standing = Standing(health.member_hosts(view, database), health.running_hosts(view, database))
    return standing.margin if standing.members else None
