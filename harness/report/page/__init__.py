"""One self-contained HTML page of a verdict: it opens from a file, without a network and without scripts."""

from harness.report.page.document import Page, Run, Shown, Table, render

__all__ = ["Page", "Run", "Shown", "Table", "render"]
