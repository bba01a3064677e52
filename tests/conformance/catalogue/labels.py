"""What the catalogue has to hold, label by label, and which case shows it: so that nothing is left out unnoticed."""

from __future__ import annotations

import re

from . import CASES

STUDIED = (
    *(f"K{n}" for n in range(1, 9)),
    *(f"J{n}" for n in range(1, 9)),
    *("R1", "R2", "R3", "P1", "O1"),
)
"""Cases of facts ovsdb-raft 7.1."""

UPSTREAM = (
    *(35, 203, 208, 213, 218, 255, 346, 424, 476, 530, 584, 825, 830, 835, 840, 845, 850, 855, 860, 879, 884, 903, 908),
    *(913, 919, 972, 1026, *range(1276, 1305, 4), 1309, 1313, 1317, 1321, 1325, 1329, 1333, 1337),
)
"""Lines of tests/ovsdb-cluster.at whose tests a model should match, wholly or partly (facts: ovsdb-raft 7). Those at
865, 872, 889 and 896 are skipped by OVS itself: their outcome is undefined."""

SUBTLE = tuple(f"9.{n}" for n in range(1, 29))
"""What a naive simulator gets wrong (facts: ovsdb-raft 9)."""

SAMPLES: dict[str, tuple[str, ...]] = {
    "single leader": ("one-server",),
    "leader of three servers": ("three-servers",),
    "follower that joined in this term": ("three-servers",),
    "candidate without quorum, retrying": ("candidate",),
    "candidate with a vote but short of a majority": ("a-vote-short",),
    "joining, remotes down": ("joining-alone",),
    "joining a cluster without quorum": ("J2",),
    "leader while a joiner catches up": ("J3",),
    "stalled addition with a queue": ("stalled-queue", "J8-drains"),
    "stalled removal": ("stalled-removal", "K4"),
    "leaving": ("leaving", "kick-self"),
    "left, or kicked and informed": ("K1", "leave"),
    "removed but not informed": ("K3",),
    "restarted, no leader heard yet": ("all-killed", "back-within-the-timeout"),
}
"""Captured statuses (facts: ovsdb-raft 1.3), and the cases that look at them."""


def of_study(label: str) -> list[str]:
    """The cases that name a label of 7.1 as their source."""
    return [case.name for case in CASES if re.search(rf"7\.1 (?:\w+, )*{label}\b", case.source)]


def of_point(label: str) -> list[str]:
    """The cases that name a point of section 9."""
    return [case.name for case in CASES if re.search(rf"(?<![\d.]){re.escape(label)}(?!\d)", case.source)]


def of_line(line: int) -> list[str]:
    """The cases whose lines of OVS's suite, one or from one to another, have this one."""
    found = []
    for case in CASES:
        for first, last in re.findall(r"upstream (\d+)(?:-(\d+))?", case.source):
            if int(first) <= line <= int(last or first):
                found.append(case.name)
    return found
