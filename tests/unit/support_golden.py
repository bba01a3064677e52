"""Golden files below ``tests/transcripts``: compared, or rewritten when OVN_REWRITE=1 is in the environment."""

from __future__ import annotations

import os
from pathlib import Path

from harness.cluster import ClusterView
from harness.plan import Plan

TRANSCRIPTS = Path(__file__).parents[1] / "transcripts"
REWRITE = os.environ.get("OVN_REWRITE") == "1"


def check(name: str, intent: str, text: str) -> None:
    """``text`` is what the file says below its first line, a comment with the intent."""
    path = TRANSCRIPTS / name
    wanted = f"# {intent}\n{text}"
    if REWRITE:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == wanted, f"{path}: rewrite with OVN_REWRITE=1 if the change is meant"


def commands(name: str) -> tuple[str, ...]:
    """The lines of a transcript without its comments."""
    lines = (TRANSCRIPTS / name).read_text(encoding="utf-8").splitlines()
    return tuple(line for line in lines if line and not line.startswith("#"))


def render(plan: Plan, view: ClusterView) -> str:
    """Each step with its tolerance (worst instant within it > after it) of nb and sb, and the lines to type."""
    lines = [f"order: {plan.order}"]
    lines += [f"note: {note}" for note in plan.notes]
    lines += [f"refused: {check.id}: {check.seen}" for check in plan.refusals]
    for number, row in enumerate(plan.forecast(view), start=1):
        margins = "  ".join(f"{db} {_span(row.during[db], row.after[db])}" for db in ("nb", "sb"))
        lines.append(f"{number:2} {row.step.title}  [{margins}]")
        lines += [f"     {line}" for line in row.step.commands(view)]
    return "\n".join(lines) + "\n"


def _span(during: int, after: int) -> str:
    return str(after) if during == after else f"{during}>{after}"
