"""A gate's verdict as JUnit XML: a suite for each subject, a case for lint and for each stage, one for each story."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from harness.gate.verdict import Gated, Story
from harness.report.gate_text import headline, real_lines
from harness.report.rehearsal import story_lines

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd]")
"""What XML 1.0 can't hold."""


def junit(all_found: Sequence[Gated]) -> str:
    root = ElementTree.Element("testsuites", name="ovnswap gate")
    for found in all_found:
        root.append(_suite(found))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _suite(found: Gated) -> ElementTree.Element:
    cases = [_lint(found)]
    for stage in found.stages:
        own = [story for story in found.stories if stage.name in story.stages]
        text = "\n\n".join(_text(story) for story in own)
        message = f"{stage.bad} of {stage.tried} runs end badly"
        cases.append(_case(found, f"{stage.name}: {stage.words}", message if own else "", text, stage.cpu))
        if not stage.tried:
            ElementTree.SubElement(cases[-1], "skipped", message="there was no time for it")
    if found.base:
        cases.append(_case(found, f"no worse than {found.base}", "; ".join(found.worse), "\n".join(found.worse), 0.0))
    failed = sum(case.find("failure") is not None for case in cases)
    suite = ElementTree.Element("testsuite", name=_legal(found.subject.label), tests=str(len(cases)))
    suite.set("failures", str(failed))
    suite.set("errors", "0")
    suite.set("skipped", str(sum(case.find("skipped") is not None for case in cases)))
    suite.set("time", f"{found.seconds:.1f}")
    suite.extend(cases)
    return suite


def _lint(found: Gated) -> ElementTree.Element:
    text = "\n".join(f"{one.file}:{one.line}: {one.rule}: {one.seen} ({one.why}) -> {one.fix}" for one in found.errors)
    return _case(found, "lint", f"{len(found.errors)} errors" if found.errors else "", text, 0.0)


def _case(found: Gated, name: str, failure: str, text: str, seconds: float) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_legal(found.subject.label), name=_legal(name))
    case.set("time", f"{seconds:.2f}")
    if found.subject.file:
        case.set("file", _legal(found.subject.file))
        case.set("line", str(found.subject.line))
    if failure:
        ElementTree.SubElement(case, "failure", message=_legal(failure)).text = _legal(text)
    return case


def _text(story: Story) -> str:
    return "\n".join([headline(story), f"on {story.shape}:", *story_lines(story.shortest), *real_lines(story)])


def _legal(text: str) -> str:
    return _ILLEGAL.sub("?", text)
