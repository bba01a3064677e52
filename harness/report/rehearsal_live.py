"""A rehearsal while it goes on, drawn again and again on a terminal."""

from __future__ import annotations

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.search.tally import Tally
from harness.search.trial import Verdict

WIDTH = 40
WAYS = 5
"""Kinds of failures that are shown."""


class RehearsalLive:
    """Runs, rate, ends, failures by invariant, coverage of the step x fault matrix and the worst figures so far.

    Without a console nothing is drawn.
    """

    def __init__(self, console: Console | None, runs: int, cells: int) -> None:
        self.drawn = console is not None
        self._runs = runs
        self._cells = cells
        self._tally: Tally | None = None
        self._seconds = 0.0
        self._live = Live(console=console, get_renderable=self.picture, refresh_per_second=4, transient=True)

    def __enter__(self) -> RehearsalLive:
        if self.drawn:
            self._live.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self.drawn:
            self._live.stop()

    def show(self, tally: Tally, seconds: float) -> None:
        """``seconds`` is how long it has taken."""
        self._tally, self._seconds = tally, seconds

    def picture(self) -> RenderableType:
        """What is on the screen now."""
        tally = self._tally
        if tally is None:
            return Text("rehearsing: the first runs are under way")
        rate = tally.runs / self._seconds if self._seconds else 0.0
        left = (self._runs - tally.runs) / rate if rate else 0.0
        table = Table.grid(padding=(0, 2))
        table.add_row("runs", Text(f"{tally.runs} of {self._runs}, {rate:.1f} a second, {left:.0f} s left"))
        table.add_row("", ProgressBar(total=self._runs, completed=tally.runs, width=WIDTH))
        table.add_row("ends", self._ends(tally))
        table.add_row("coverage", Text(f"{len(tally.tried)} of {self._cells} cells of step x fault"))
        table.add_row("", ProgressBar(total=self._cells, completed=len(tally.tried), width=WIDTH))
        table.add_row("failures", self._failures(tally))
        worst = "   ".join(f"{name} {worst.seconds:.0f} s" for name, worst in tally.worst.items())
        table.add_row("worst", Text(worst or "-"))
        return Group(Text(f"rehearsing for {self._seconds:.0f} s; Ctrl-C ends it, and what was tried counts"), table)

    def _ends(self, tally: Tally) -> Text:
        words = Text()
        for verdict in Verdict:
            if tally.verdicts[verdict]:
                style = "bold red" if verdict in (Verdict.UNSAFE, Verdict.STUCK) else ""
                words.append(f"{tally.verdicts[verdict]} {verdict.value}  ", style=style)
        return words

    def _failures(self, tally: Tally) -> Text:
        if not tally.by_invariant:
            return Text("none", style="green")
        common = tally.by_invariant.most_common(WAYS)
        return Text("  ".join(f"{name} {count}" for name, count in common), style="red")
