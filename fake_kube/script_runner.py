"""Run a start script on a clock."""

from __future__ import annotations

from collections.abc import Callable

from fake_kube.runtime import Clock, Timer
from fake_kube.script_requests import Request, Script, Sleep


class ScriptRunner:
    """Drive a script: ``perform(request, answer)`` does one thing and answers now or later, ``exited`` gets the code.

    Sleeping is done here; everything else, :class:`Print` and :class:`Serve` included, goes to ``perform``. ``exited``
    is never called from within the constructor.
    """

    def __init__(
        self,
        clock: Clock,
        script: Script,
        perform: Callable[[Request, Callable[[object], None]], None],
        exited: Callable[[int], None],
    ) -> None:
        self._clock = clock
        self._script: Script | None = script
        self._perform = perform
        self._exited = exited
        self._asked = 0
        self._answers: list[object] = [None]
        self._advancing = False
        self._timer: Timer | None = clock.call_later(0, self._advance)

    @property
    def running(self) -> bool:
        return self._script is not None

    def stop(self) -> None:
        """The script is killed: nothing of it runs any more, late answers are ignored, ``exited`` is not called."""
        self._script = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _advance(self) -> None:
        """Go on while answers are there; an answer from within ``perform`` must not nest."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._script is not None and self._answers:
                answer = self._answers.pop()
                try:
                    request = self._script.send(answer)
                except StopIteration as end:
                    self._script = None
                    self._exited(end.value)
                    return
                self._ask(request)
        finally:
            self._advancing = False

    def _ask(self, request: Request) -> None:
        self._asked += 1
        asked = self._asked

        def answer(value: object) -> None:
            if self._script is not None and asked == self._asked:
                self._asked += 1
                self._answers.append(value)
                self._advance()

        if isinstance(request, Sleep):
            self._timer = self._clock.call_later(request.seconds, lambda: answer(None))
        else:
            self._perform(request, answer)
