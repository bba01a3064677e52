"""What is on the screen while a rehearsal goes on."""

from __future__ import annotations

import io

from rich.console import Console

from harness.procedures.wanted import Wanted
from harness.report.rehearsal_live import RehearsalLive
from harness.search.case import Case, Hit
from harness.search.tally import Tally
from harness.search.trial import Summary, Verdict

NODE = "kube-ovn-control-plane3"
CASE = Case(Wanted("guarded", "remove", NODE), hits=(Hit.parse(f"3:before:wipe@{NODE}"),))


def drawn(live: RehearsalLive) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    console.print(live.picture())
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_it_shows_runs_rate_failures_coverage_and_the_worst_figures() -> None:
    live, tally = RehearsalLive(None, 40, 20), Tally()
    assert "the first runs are under way" in drawn(live)
    tally.add(
        Summary(CASE, Verdict.UNSAFE, ("S15: nb has 2 cluster ids",), (), (31.0, 7.0), 12.0, 5.0, -1, (), "", 0.0)
    )
    live.show(tally, 2.0)
    shown = drawn(live)
    for words in ("1 of 40, 0.5 a second, 78 s left", "1 unsafe", "1 of 20 cells of step x fault", "S15 1"):
        assert words in shown
    assert "stall 31 s   tolerance 0 12 s   no quorum 5 s" in shown


def test_nothing_is_drawn_without_a_terminal() -> None:
    with RehearsalLive(None, 1, 1) as live:
        assert not live.drawn
