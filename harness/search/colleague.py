"""Somebody else at another keyboard: a second run of the runner that takes turns with the first.

Only one of the two does something at any time: the second goes on, until it waits again, whenever the first one looks
while it waits. So a run stays repeatable, and both are as interleaved as two people who wait for the same pods.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

from harness.errors import NothingToDo, OvnswapError
from harness.executor import Executor, LabExecutor, WaitTimeout
from harness.plan import Plan
from harness.runner import Pace, Progress, Runner

T = TypeVar("T")

AGAIN = 3
"""How often the second operator types the command again after it stopped, as its errors say."""
LATER = 150.0
"""Cluster seconds until then: not in step with the first operator."""


class _Left(BaseException):
    """The second operator is sent home. No ``except Exception`` of a step may keep it from ending."""


class Colleague:
    """Makes a plan and runs it. ``tell`` hears what it does; ``changed`` says whether it has changed anything,
    ``done`` whether it got to the end."""

    def __init__(self, lab: LabExecutor, make: Callable[[], Plan], tell: Callable[[str], None]) -> None:
        self._lab = lab
        self._make = make
        self._tell = tell
        self._mine, self._theirs = threading.Semaphore(0), threading.Semaphore(0)
        self._leaves = False
        self._failure: BaseException | None = None
        self.over = False
        self.done = False
        self.changed = False
        self._thread = threading.Thread(target=self._work, name="second operator", daemon=True)
        self._thread.start()

    def turn(self) -> None:
        """Go on until it waits again or is done. Raises what broke its machinery."""
        if self.over:
            return
        self._mine.release()
        self._theirs.acquire()
        if self._failure is not None:
            raise self._failure

    def send_home(self) -> None:
        """It does nothing more. Safe to call twice."""
        self._leaves = True
        self._mine.release()
        self._thread.join()

    def _work(self) -> None:
        self._mine.acquire()
        try:
            for attempt in range(1 + AGAIN if not self._leaves else 0):
                if attempt:
                    self.sleep(LATER)
                    self._tell("runs the same command again")
                if self._typed(again=attempt > 0):
                    return
        except _Left:
            pass
        except BaseException as error:
            self._failure = error
        finally:
            self.over = True
            self._theirs.release()

    def _typed(self, *, again: bool) -> bool:
        """Make the plan and run it once; whether nothing is left to do. What can't be planned for another reason is no
        end: he says so, and types it again like anything that stopped."""
        try:
            plan = self._make()
            Runner(cast(Executor, self), plan, watch=self._watch, pace=Pace()).run()
        except NothingToDo as error:
            self._tell(f"has nothing left to do: {error}" if again else f"stops: {error}")
            self.done = again
            return again
        except OvnswapError as error:
            self._tell(f"stops: {error}")
            return False
        self._tell("is done")
        self.done = True
        return True

    def _watch(self, progress: Progress) -> None:
        if progress.kind == "started" and not progress.step.read_only:
            self._tell(progress.step.title)
        elif progress.kind == "done" and not progress.step.read_only:
            self.changed = True

    # -- the executor that its runner knows -----------------------------------------------------------------------

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lab, name)

    def wait(self, condition: Callable[[], T | None], timeout: float, reason: str) -> T:
        deadline = self._lab.now() + timeout
        while True:
            found = condition()
            if found:
                return found
            if self._lab.now() >= deadline:
                raise WaitTimeout(reason, timeout)
            self._pause()

    def sleep(self, seconds: float) -> None:
        until = self._lab.now() + seconds
        while self._lab.now() < until:
            self._pause()

    def _pause(self) -> None:
        self._theirs.release()
        self._mine.acquire()
        if self._leaves:
            raise _Left
