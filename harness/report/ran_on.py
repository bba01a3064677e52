"""What ran where: the one line in which a test run ends, so that a skip can't pass for a pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

BACKENDS = ("sim", "ovsdb", "kind", "kube")
ALWAYS_LISTED = ("sim", "ovsdb", "kind")
"""Named even when they were not asked for, so that nobody takes silence for a pass."""


@dataclass(slots=True)
class Count:
    """How many tests ran and were skipped on one backend, and why it could not be used ("" if it could)."""

    ran: int = 0
    skipped: int = 0
    reason: str = ""
    asked: bool = False
    required: bool = False

    def __str__(self) -> str:
        if self.reason and not self.ran:
            return f"0 ({'required' if self.required else 'skipped'}: {self.reason})"
        if self.skipped:
            return f"{self.ran} ({self.skipped} skipped)"
        return f"{self.ran}" if self.ran or self.asked else "0 (not asked for)"


def merged(runs: Iterable[Mapping[str, Count]]) -> dict[str, Count]:
    """The counts of several runs as of one."""
    total = {name: Count() for name in BACKENDS}
    for counts in runs:
        for name, count in counts.items():
            into = total[name]
            into.ran += count.ran
            into.skipped += count.skipped
            into.reason = into.reason or count.reason
            into.asked |= count.asked
            into.required |= count.required
    return total


def summary_line(counts: Mapping[str, Count]) -> str:
    """``ran on: sim 214, ovsdb 38, kind 0 (skipped: docker not found)``."""
    listed = [name for name in BACKENDS if name in ALWAYS_LISTED or counts[name].asked or counts[name].ran]
    return "ran on: " + ", ".join(f"{name} {counts[name]}" for name in listed)
