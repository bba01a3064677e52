"""A plan as a Markdown runbook: a box to tick, commands to paste, "done when", undo and tolerance for each step."""

from __future__ import annotations

from harness.cluster import ClusterView
from harness.plan import Plan, StepForecast
from harness.procedures.runbook.exported import plan_mark, step_mark
from harness.report.text import check_lines
from harness.report.typed import Typed, definition, typed_steps
from harness.report.wording import clean, done_when, lowest_line, margin, safe_points, subject


def runbook(plan: Plan, rows: tuple[StepForecast, ...], view: ClusterView) -> str:
    """The whole file."""
    out = [f"# ovn-central: {clean(subject(plan))}", ""]
    if plan.refusals:
        out += ["**REFUSED: do not run this plan on the cluster as it is.**", ""]
    out += [f"- Procedure: {plan.procedure}"]
    if plan.order:
        out.append(f"- Order: {clean(plan.order)}")
    out += [f"- Note: {clean(note)}" for note in plan.notes]
    out += [f"- Check: {line.removeprefix('check:').strip()}" for line in check_lines(plan.checks)]
    if rows:
        out.append(f"- Servers that may still fail at the worst moment: {lowest_line(rows)}")
    out += [f"- Digest: `{plan.digest}`", "", plan_mark(plan), ""]
    parts = zip(rows, typed_steps(plan.steps, view), safe_points(plan.steps), strict=True)
    steps = [_step(number, *part, view) for number, part in enumerate(parts, start=1)]
    if any("pod_on " in line for step in steps for line in step):
        out += ["A restarted pod has another name. Paste this first; it finds the pod on a node:", ""]
        out += ["```bash", definition(view), "```", ""]
    for step in steps:
        out += step
    return "\n".join(out)


def _step(number: int, row: StepForecast, lines: tuple[Typed, ...], safe: bool, view: ClusterView) -> list[str]:
    step = row.step
    out = [f"## {number}. {clean(step.title)}", step_mark(step, tuple(typed.command for typed in lines)), ""]
    for typed in lines:
        out += _block(typed)
    after = ", ".join(f"{name} {margin(value)}" for name, value in row.after.items())
    during = ", ".join(f"{name} {margin(value)}" for name, value in row.during.items())
    out.append(f"- [ ] Done when: {done_when(step, view)} (within {step.deadline:g} s)")
    out.append(f"- Tolerates: {after}" + (f"; during it {during}" if during != after else ""))
    out.append("- Safe point: yes" if safe else "- Safe point: **NO**, do not stop here")
    undo = clean(step.undo(view))
    out.append(f"- Undo: `{undo}`" if undo.startswith("kubectl ") else f"- Undo: {undo}")
    return [*out, ""]


def _block(typed: Typed) -> list[str]:
    out = [f"{typed.by_hand[0].upper()}{typed.by_hand[1:]}:", ""] if typed.by_hand else []
    out += ["```bash", typed.command, "```", ""]
    return [*out, f"Look until: {typed.until}.", ""] if typed.until else out
