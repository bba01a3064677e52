"""The control of an experiment: the same fault on a cluster that nobody changes.

A member that loses its disk comes back beside its own ghost, whatever was typed before. What happens without a
procedure is not the procedure's doing.
"""

from __future__ import annotations

from dataclasses import replace

from harness.gate.shapes import Shape
from harness.gate.verdict import Story
from harness.search import trial, troubles
from harness.search.case import Case
from harness.search.control import CHANGES, case_at_rest
from harness.search.tally import kind_of
from harness.search.trial import Verdict

SEEDS = (None, 1)
"""Schedules of the control: who stays without a leader depends on which of the two is a moment earlier."""


def excuse(story: Story, verb: str) -> str:
    """Why a run that stayed stuck after one fault does not count, in words; "" if it counts."""
    hits = story.shortest.case.hits
    if story.verdict is not Verdict.STUCK or len(hits) != 1 or troubles.named(hits[0].trouble).hands is not None:
        return ""
    for size in dict.fromkeys((story.shape.members + CHANGES.get(verb, 0), story.shape.members)):
        for node in replace(story.shape.spec, members=size, spares=0).node_names():
            for seed in SEEDS:
                summary = trial.run(_case(story.shape, size, hits[0].trouble, node, seed))
                if summary.verdict is Verdict.STUCK and kind_of(summary.reasons[0]) == story.words:
                    return f"{hits[0].trouble} does the same to {size} members of which nothing is asked"
    return ""


def _case(shape: Shape, size: int, trouble: str, node: str, seed: int | None) -> Case:
    spec = replace(shape.spec, members=size, spares=0)
    return case_at_rest(spec, trouble, node, seed=seed, moved=shape.moved)
