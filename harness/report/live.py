"""A run while it goes on: plain lines for logs, or a picture that is drawn again and again for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from harness.plan import Plan
from harness.report.wording import clean, margin
from harness.runner import Progress

BEFORE, AFTER = 4, 6
"""Steps that the picture shows around the one that runs: it must fit into a small terminal."""

STYLES = {"done": "green", "skipped": "dim", "failed": "bold red", "running": "bold", "to do": "dim"}


class Reporter(Protocol):
    """Whoever tells the user what a run does. Never raises for output that nobody reads any more."""

    def __enter__(self) -> Reporter: ...

    def __exit__(self, *error: object) -> None: ...

    def __call__(self, progress: Progress) -> None:
        """The runner did something."""

    def margins(self, values: Mapping[str, int]) -> None:
        """How many servers of each database may fail, as seen just now."""


class PlainReporter:
    """One line for each thing that happened."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._margins: Mapping[str, int] = {}

    def __enter__(self) -> PlainReporter:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def margins(self, values: Mapping[str, int]) -> None:
        self._margins = dict(values)

    def __call__(self, progress: Progress) -> None:
        if progress.kind == "started" and progress.step.read_only:
            return  # its outcome follows, and there is nothing that could go wrong in between
        text = clean(progress.text.split("\n")[0]) if progress.kind in ("waiting", "failed", "done") else ""
        place = f"{progress.number:>{len(str(progress.total))}}/{progress.total}"
        line = f"[{progress.at:6.1f} s] {place} {progress.kind:<8} {clean(progress.step.title)}"
        more = f": {text}" if text else ""
        self._say(f"{line}{more}{self._tail(progress.kind)}")

    def _tail(self, kind: str) -> str:
        if kind == "started" or not self._margins:
            return ""
        return "  [" + " ".join(f"{name} {margin(value)}" for name, value in self._margins.items()) + "]"


class LiveReporter:
    """The steps around the one that runs, what it waits for, and how many servers may fail now."""

    def __init__(self, console: Console, plan: Plan) -> None:
        self._titles = [clean(step.title) for step in plan.steps]
        self._states = ["to do"] * len(self._titles)
        self._current = 0
        self._waiting = ""
        self._at = 0.0
        self._margins: Mapping[str, int] = {}
        self._live = Live(console=console, get_renderable=self.picture, refresh_per_second=8, transient=True)

    def __enter__(self) -> LiveReporter:
        self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._live.stop()

    def margins(self, values: Mapping[str, int]) -> None:
        self._margins = dict(values)

    def __call__(self, progress: Progress) -> None:
        self._at = progress.at
        self._current = progress.number - 1
        self._waiting = clean(progress.text) if progress.kind == "waiting" else ""
        self._states[self._current] = progress.kind if progress.kind in STYLES else "running"

    def picture(self) -> RenderableType:
        """What is on the screen now."""
        first = max(0, min(self._current - BEFORE, len(self._titles) - BEFORE - AFTER - 1))
        last = min(len(self._titles), first + BEFORE + AFTER + 1)
        lines = [self._step(number) for number in range(first, last)]
        if first:
            lines.insert(0, Text(f"    {first} before", style="dim"))
        if last < len(self._titles):
            lines.append(Text(f"    {len(self._titles) - last} after", style="dim"))
        return Group(*lines, self._footer())

    def _step(self, number: int) -> Text:
        state = self._states[number]
        return Text(f"{number + 1:>3} {state:<8} {self._titles[number]}", style=STYLES[state], overflow="ellipsis")

    def _footer(self) -> Text:
        may_fail = "  ".join(f"{name} {margin(value)}" for name, value in self._margins.items()) or "not seen yet"
        line = f"\n{self._at:.0f} cluster seconds   servers that may fail: {may_fail}"
        return Text(line + (f"\nwaiting: {self._waiting}" if self._waiting else "\n"))
