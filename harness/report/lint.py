"""Findings of a lint as text, JSON and SARIF 2.1.0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness import __version__
from harness.lint import ERROR, NOTE, RULES, WARNING, Finding
from harness.plan import API_VERSION
from harness.procedures.runbook import Runbook
from harness.report.wording import clean


def lines(books: Sequence[Runbook], found: Sequence[Finding]) -> list[str]:
    """One line for each finding, ``file:line: level: ID``, with why and what to do below it, and a count."""
    out = [
        f"{book.name}:{book.line}: {book.verb} {book.node.name}: {len(book.steps)} steps, "
        f"{len(book.unclear)} lines not understood"
        for book in books
    ]
    for one in found:
        out.append(f"{one.file}:{one.line}: {one.level}: {one.rule}: {clean(one.seen)}")
        out.append(f"    why: {one.why} ({one.fact})")
        out.append(f"    fix: {clean(one.fix)}")
    counts = ", ".join(f"{sum(one.level == level for one in found)} {level}s" for level in (ERROR, WARNING, NOTE))
    return [*out, counts]


def as_data(books: Sequence[Runbook], found: Sequence[Finding]) -> dict[str, Any]:
    """The same as plain data."""
    keys = ("rule", "level", "file", "line", "seen", "why", "fact", "fix")
    return {
        "apiVersion": API_VERSION,
        "kind": "Lint",
        "procedures": [
            {"file": b.name, "line": b.line, "verb": b.verb, "node": b.node.name, "steps": len(b.steps)} for b in books
        ],
        "findings": [{key: getattr(one, key) for key in keys} for one in found],
    }


def sarif(found: Sequence[Finding]) -> dict[str, Any]:
    """SARIF 2.1.0, as code hosts show it beside the lines of a change."""
    ids = [rule.id for rule in RULES] + ["NOT-UNDERSTOOD"]
    rules = [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.why},
            "help": {"text": f"{rule.fix} ({rule.fact})"},
            "defaultConfiguration": {"level": rule.level},
        }
        for rule in RULES
    ]
    rules.append({"id": "NOT-UNDERSTOOD", "shortDescription": {"text": "a command that is not understood"}})
    results = [
        {
            "ruleId": one.rule,
            "ruleIndex": ids.index(one.rule),
            "level": one.level,
            "message": {"text": f"{clean(one.seen)}: {one.why}. {clean(one.fix)}"},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": one.file},
                        "region": {"startLine": one.line},
                    }
                }
            ],
        }
        for one in found
    ]
    driver = {"name": "ovnswap", "version": __version__, "rules": rules}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return {"$schema": schema, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
