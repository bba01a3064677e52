"""A plan as a shell script: to be pasted step by step, or run as a whole, when it asks after every step."""

from __future__ import annotations

import shlex

from harness.cluster import ClusterView
from harness.plan import Plan, StepForecast
from harness.report.text import head_lines
from harness.report.typed import Typed, definition, typed_steps
from harness.report.wording import clean, done_when, margins, safe_points
from harness.steps import Step

_ASK = """\
ask() {
  # Nothing to ask where lines are pasted into an interactive shell: the reader looks.
  case $- in *i*) return 0 ;; esac
  printf '%s\\nEnter goes on, Ctrl-C stops: ' "$1" >/dev/tty
  read -r _ </dev/tty
}"""

_HOW = (
    "Paste one step at a time into a shell of its own (type `bash` first: `set -eu` ends it at the first command",
    "that fails), and look until the step is done. Run as a whole, it asks after each step, and needs a terminal.",
    "A line that begins with `#>` is for you to type: on another node, or only in the case that it names.",
)


def script(plan: Plan, rows: tuple[StepForecast, ...], view: ClusterView) -> str:
    """The whole file. One that a check refuses ends with status 3 before its first command."""
    out = ["#!/bin/sh"]
    out += [f"# {line}" for line in head_lines(plan, rows)]
    out += [f"# digest:  {plan.digest}", "#", *(f"# {line}" for line in _HOW), "", "set -eu", ""]
    for check in plan.refusals:
        out.append(f"echo {shlex.quote(clean(f'refused: {check.id}: {check.seen}'))} >&2")
    if plan.refusals:
        out += ["exit 3", ""]
    out += [_ASK, "", definition(view), ""]
    total = len(rows)
    typed, safe = typed_steps(plan.steps, view), safe_points(plan.steps)
    for number, (row, lines) in enumerate(zip(rows, typed, strict=True), start=1):
        out += [*_step(f"step {number} of {total}", row, lines, safe[number - 1], view), ""]
    return "\n".join(out)


def _step(name: str, row: StepForecast, lines: tuple[Typed, ...], safe: bool, view: ClusterView) -> list[str]:
    step = row.step
    out = [
        f"# -- {name}: {clean(step.title)}",
        f"# tolerates: nb/sb {margins(row.during)} during it, {margins(row.after)} after it",
        f"# safe point: {'yes' if safe else 'NO: do not stop here'}",
        f"# undo: {clean(step.undo(view))}",
    ]
    for typed in lines:
        out += _line(typed)
    return [*out, _ask(f"{name} is done when {done_when(step, view)} (within {_limit(step)})")]


def _line(typed: Typed) -> list[str]:
    if typed.by_hand:
        return [f"# {typed.by_hand}:", f"#> {typed.command}"]
    if typed.until:
        return [typed.command, _ask(f"look until: {typed.until}")]
    return [typed.command]


def _ask(text: str) -> str:
    return f"ask {shlex.quote(clean(text))}"


def _limit(step: Step) -> str:
    return f"{step.deadline:g} s"
