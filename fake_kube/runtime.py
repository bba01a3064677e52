"""What the modelled Kubernetes needs from outside: a clock, a source of choices, and something that runs containers.

``sim`` hands in virtual time and simulated servers, ``ovsdb`` real (scaled) time and real processes. All times are in
seconds of cluster time.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from fake_kube.objects import Pod


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """Calls are made one at a time, in order of their time; never from within ``call_later`` itself."""

    def now(self) -> float: ...

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer: ...


class Choices(Protocol):
    """A named choice in ``range(n)``; 0 means "nothing bad happens"."""

    def choose(self, name: str, n: int) -> int: ...


class ProbeKind(Enum):
    READINESS = "readiness"
    LIVENESS = "liveness"


class Runtime(Protocol):
    """The container runtime of all nodes.

    A pod has one container. ``exited`` may be called once for each start, never after ``kill`` of that start, never
    from within ``start``.
    """

    def start(self, pod: Pod, exited: Callable[[int], None]) -> None:
        """Start the container of ``pod`` on ``pod.node`` with ``pod.env``; ``exited(code)`` if it ends by itself."""

    def kill(self, pod: Pod) -> None:
        """The container's processes are gone when this returns (SIGKILL: a bash PID 1 takes its children with it)."""

    def probe(self, pod: Pod, kind: ProbeKind, done: Callable[[bool], None]) -> None:
        """Run the probe command; ``done(healthy)`` now or later."""
