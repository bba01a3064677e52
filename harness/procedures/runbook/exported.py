"""Runbooks that ``ovnswap plan -o md`` wrote: every section names its step, and its commands must still be that step's.

A step is more than its lines (what it checks, what it waits for), so the file carries it in a comment that a reader
does not see. Sections may be removed, repeated and moved: that is a change to the procedure. A changed command is
reported, for the step would not do it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence

from harness.cluster import ClusterView
from harness.plan import Plan, Target
from harness.procedures.runbook.shell import Unclear
from harness.steps import Step, from_dict

PLAN = re.compile(r"<!-- ovnswap plan (\{.*\}) -->")
STEP = re.compile(r"<!-- ovnswap step (\{.*\}) -->")

_HELPER = re.compile(
    r"pod_on\(\) \{$|  kubectl get pod -n \S+ -l app=ovn-central \\$|    --field-selector \"spec\.nodeName|\}$"
)
"""The lines of the shell function that such a runbook begins with."""


def plan_mark(plan: Plan) -> str:
    """What a runbook says of its plan, unseen."""
    data = {key: value for key, value in plan.as_dict().items() if key in ("procedure", "verb", "old", "new", "order")}
    return f"<!-- ovnswap plan {_json(data)} -->"


def step_mark(step: Step, typed: tuple[str, ...]) -> str:
    """What a section says of its step, unseen; ``typed`` are its commands."""
    data = step.as_dict()
    return f"<!-- ovnswap step {_json({**data, 'seal': _seal(data, typed)})} -->"


def _seal(step: Mapping[str, object], typed: Sequence[str]) -> str:
    """Ties a step to its commands, so that neither can be changed alone."""
    return hashlib.blake2b(_json([step, *typed]).encode(), digest_size=6).hexdigest()


def _json(data: object) -> str:
    return json.dumps(data, sort_keys=True, ensure_ascii=True).replace(">", "\\u003e")


Found = tuple[Plan, list[tuple[int, str]], list[Unclear]]


def read(text: str, name: str, view: ClusterView | None) -> Found | None:
    """The plan, each step's line and title, and what does not fit; None if it is no such runbook. Without a ``view``
    nothing is said of whether its nodes are there."""
    lines = text.splitlines()
    head = next((found for line in lines if (found := PLAN.fullmatch(line))), None)
    if head is None:
        return None
    steps: list[Step] = []
    at: list[tuple[int, str]] = []
    unclear: list[Unclear] = []
    sections = [number for number, line in enumerate(lines) if line.startswith("## ")]
    head_lines = _typed(lines[: sections[0]] if sections else lines, 1)
    unclear += [Unclear(*one, "no command here but pod_on") for one in head_lines if not _HELPER.match(one[1])]
    for start, end in zip(sections, [*sections[1:], len(lines)], strict=True):
        step, wrong = _section(lines[start:end], start + 1)
        if step is not None:
            steps.append(step)
            at.append((start + 1, lines[start].removeprefix("## ")))
        unclear += wrong
    try:
        data = json.loads(head[1])
        old, new = (Target(**data[key]) if data[key] else None for key in ("old", "new"))
        for about in (old, new):
            node = view.node(about.node) if about is not None and view is not None else None
            if about is not None and view is not None and (node is None or node.address != about.address):
                unclear.insert(
                    0, Unclear(1, lines[0], f"a node of the cluster instead of {about.node} ({about.address})")
                )
        plan = Plan(data["procedure"], data["verb"], old, new, tuple(steps), data["order"])
    except (ValueError, KeyError, TypeError):
        return None
    return plan, at, unclear


def _section(lines: list[str], number: int) -> tuple[Step | None, list[Unclear]]:
    mark = next((found for line in lines if (found := STEP.fullmatch(line))), None)
    typed = _typed(lines, number)
    if mark is None:
        todo = "the comment <!-- ovnswap step ... --> below the title, as ovnswap plan -o md writes it"
        return None, [Unclear(number, lines[0], todo)]
    try:
        data = json.loads(mark[1])
        seal = data.pop("seal")
        step = from_dict(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return None, [Unclear(number, lines[0], f"a step as ovnswap plan -o md writes it ({error})")]
    if seal == _seal(data, [text for _, text in typed]):
        return step, []
    line, text = typed[0] if typed else (number, lines[0])
    return step, [Unclear(line, text, f"the step {step.title!r} with the commands that ovnswap plan -o md wrote here")]


def _typed(lines: list[str], number: int) -> list[tuple[int, str]]:
    """(line, command) of every fenced line."""
    found, inside = [], False
    for offset, line in enumerate(lines):
        if line.startswith("```"):
            inside = not inside
        elif inside:
            found.append((number + offset, line))
    return found
