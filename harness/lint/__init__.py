"""What can be said of a runbook without running it."""

from harness.lint.base import ERROR, NOTE, WARNING, Finding, Rule
from harness.lint.rules import RULES, lint

__all__ = ["ERROR", "NOTE", "RULES", "WARNING", "Finding", "Rule", "lint"]
