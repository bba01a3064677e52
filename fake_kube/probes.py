"""Readiness and liveness probes of one container, as a kubelet runs them (facts: kubernetes 2)."""

from __future__ import annotations

from collections.abc import Callable

from fake_kube.objects import ProbeSpec
from fake_kube.runtime import ProbeKind, Timer
from fake_kube.timers import Timers


class Probe:
    """One probe of one pod.

    Its ticks go on with the same phase over restarts of the container, and so does the count of equal results: only
    the opposite result or a reported liveness failure clears it (facts: kubernetes 0.12).
    """

    __slots__ = (
        "_ask",
        "_asked",
        "_busy",
        "_held",
        "_last",
        "_now",
        "_report",
        "_run",
        "_started",
        "_ticker",
        "_timers",
        "kind",
        "spec",
    )

    def __init__(
        self,
        kind: ProbeKind,
        spec: ProbeSpec,
        *,
        timers: Timers,
        now: Callable[[], float],
        ask: Callable[[ProbeKind, Callable[[bool], None]], None],
        report: Callable[[ProbeKind, bool], None],
    ) -> None:
        """``report`` gets every success, and False when ``failures`` probes in a row have failed."""
        self.kind = kind
        self.spec = spec
        self._timers = timers
        self._now = now
        self._ask = ask
        self._report = report
        self._ticker: Timer | None = None
        self._started: float | None = None
        self._held = False
        self._last: bool | None = None
        self._run = 0
        self._asked = 0
        self._busy = False

    def start(self, first: float) -> None:
        """Begin to tick after ``first`` seconds. A new kubelet knows nothing of the results before."""
        self.stop()
        self._held = False
        self._last = None
        self._run = 0
        self._tick_in(first)

    def resume(self, first: float) -> None:
        """Tick again after a freeze, with the counts as they were."""
        self.stop()
        self._tick_in(first)

    def stop(self) -> None:
        self._forget()
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None

    def container_started(self, at: float) -> None:
        self._started = at
        self._held = False

    def container_stopped(self) -> None:
        self._started = None
        self._forget()

    def _tick_in(self, seconds: float) -> None:
        self._ticker = self._timers.later(seconds, self._tick)

    def _tick(self) -> None:
        self._tick_in(self.spec.period)
        if self._busy or self._held or self._started is None:
            return
        if int(self._now() - self._started) < self.spec.initial_delay:
            return
        self._busy = True
        asked = self._asked
        timeout: Timer | None = None

        def answered(ok: bool) -> None:
            if timeout is not None:
                timeout.cancel()
            if asked == self._asked:
                self._forget()
                self._result(ok)

        self._ask(self.kind, answered)
        if asked == self._asked:
            timeout = self._timers.later(self.spec.timeout, lambda: answered(False))

    def _forget(self) -> None:
        """No answer to anything asked so far counts any more."""
        self._asked += 1
        self._busy = False

    def _result(self, ok: bool) -> None:
        self._run = self._run + 1 if ok == self._last else 1
        self._last = ok
        if ok:
            self._report(self.kind, True)
        elif self._run >= self.spec.failures:
            if self.kind is ProbeKind.LIVENESS:
                self._held = True
                self._run = 0
            self._report(self.kind, False)
