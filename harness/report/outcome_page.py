"""A run of `ovnswap apply` as one page: what was done, what the cluster showed meanwhile, how it was left."""

from __future__ import annotations

from harness.recorder import Recorder
from harness.recording import Kind, Recording
from harness.report.outcome import Outcome, outcome_lines
from harness.report.page import Page, Run, Shown, Table
from harness.report.wording import clean, margin, short_subject


def outcome_page(run: Outcome) -> Page:
    """The page of ``run``, however it ended."""
    first, *lines = outcome_lines(run)
    subject = short_subject(run.plan)
    recording = _recording(run, run.recorder or Recorder())
    facts = [
        ("procedure", run.plan.procedure),
        ("plan's digest", run.plan.digest),
        ("where", run.where),
        ("began", run.began),
        ("ended", run.ended),
        ("journal", run.journal),
    ]
    facts += [(f"could still fail in {name}, at worst", margin(value)) for name, value in run.lowest.items()]
    return Page(
        title=f"{subject}, {run.plan.procedure} procedure",
        verdict=run.word,
        summary=first.partition("; ")[2] or first,
        facts=tuple(facts),
        replay=(f"ovnswap apply {subject.replace(' with ', ' --with ')}",) if run.error is not None else (),
        tables=(_end(lines),),
        runs=(Run(subject, (Shown(recording, run.where),)),),
    )


def _recording(run: Outcome, recorder: Recorder) -> Recording:
    reasons: tuple[str, ...] = run.broken
    if run.error is not None:
        reasons = (str(run.error), *reasons)
        recorder.ended(run.word)
        recorder.happened(_last(run), Kind.BAD, f"{run.word}: {run.error.seen}")
    return recorder.recording(run.backend, run.word, reasons, run.history)


def _last(run: Outcome) -> float:
    """When the last step was begun or ended."""
    last = run.steps[-1] if run.steps else None
    return 0.0 if last is None else last.started if last.ended is None else last.ended


def _end(lines: list[str]) -> Table:
    """The words of the console, in two columns; what stands in capitals is bad news."""
    rows = tuple((name.strip(), clean(rest)) for name, _, rest in (line.partition(":") for line in lines))
    bad = frozenset(n for n, (name, _) in enumerate(rows) if name.isupper() or name == "problem")
    return Table("How it was left", ("", ""), rows, bad)
