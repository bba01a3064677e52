"""The few ways in which a run can end other than well.

Each error says what was seen, why it matters and what to do next, and carries the exit code that the command line
uses for it (kubectl-like conventions: 0 done, 1 failed, 2 usage, 3 refused, 4 stopped at a safe point, 5 stopped and
needs attention, 6 locked, 7 inconclusive, 8 drift or plan stale, 130 interrupted).
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the ``ovnswap`` command; the README documents them."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    STOPPED_SAFE = 4
    NEEDS_ATTENTION = 5
    LOCKED = 6
    INCONCLUSIVE = 7
    STALE = 8
    INTERRUPTED = 130


class OvnswapError(Exception):
    """Base of the errors that a user sees.

    Attributes: ``seen`` (what was observed), ``why`` (why it matters), ``todo`` (what to do or type next).
    """

    exit_code: ExitCode = ExitCode.FAILED

    def __init__(self, seen: str, *, why: str = "", todo: str = "") -> None:
        super().__init__(seen)
        self.seen = seen
        self.why = why
        self.todo = todo

    def __str__(self) -> str:
        return " ".join(
            part for part in (self.seen, self.why and f"({self.why})", self.todo and f"-> {self.todo}") if part
        )


class BadInput(OvnswapError):
    """What the user gave can't be used; nothing was touched."""

    exit_code = ExitCode.USAGE


class NothingToDo(BadInput):
    """What was asked for is so already; nothing was touched."""


class Refused(OvnswapError):
    """A preflight check said no; nothing was changed."""

    exit_code = ExitCode.REFUSED


class Locked(OvnswapError):
    """Somebody else works on this cluster; nothing was changed."""

    exit_code = ExitCode.LOCKED


class StepFailed(OvnswapError):
    """A step was carried out, or begun, and did not reach its "done when"."""

    exit_code = ExitCode.NEEDS_ATTENTION


class Inconclusive(OvnswapError):
    """The outcome of a mutation is unknown: look at the cluster before anything is tried again."""

    exit_code = ExitCode.INCONCLUSIVE


class Interrupted(OvnswapError):
    """The operator stopped the run; the journal says where."""

    exit_code = ExitCode.INTERRUPTED
