"""Cut off for a while: whole, one way, or past each other (facts: ovsdb-raft 2, 7.1, 11.2)."""

from __future__ import annotations

from language import (
    Bridge,
    Call,
    CheckCluster,
    Heal,
    Kick,
    Leave,
    Look,
    OneWay,
    Partition,
    Read,
    Run,
    Until,
    Wait,
    Write,
)
from play import formation

from .case import LASTING, Case, says, unseen

ALL = (1, 2, 3)

CASES = (
    Case(
        "P1",
        "7.1 P1, 2, 11.2, upstream 972",
        (
            *formation(3),
            Partition(((3,), (1, 2))),
            says(Until("disconnected", (3,)), "yes"),
            says(Until("term", (3,), 3, seconds=6), p31="yes", p35="no", newest="no"),
            says(Look(1, ("role", "term")), "role leader; term 1"),
            Heal(),
            says(Until("member", (3,), seconds=60), "yes"),
            says(Until("follows", ALL, seconds=60), "yes"),
            says(Until("term", (1,), 2, seconds=4), p31="yes", p35=("yes", "no"), newest="no"),
            says(Until("formed", ALL, seconds=60), "yes"),
        ),
        end=LASTING,
    ),
    Case(
        "P2-leader-unheard",
        "2",
        (
            *formation(3),
            OneWay(1, 3),
            says(Until("no leader", (3,)), "yes"),
            Run(2),
            says(Look(1, ("role", "term")), "role leader; term 1"),
            Heal(),
            says(Until("follows", ALL, seconds=60), "yes"),
            says(Until("formed", ALL, seconds=60), "yes"),
        ),
        end=LASTING,
    ),
    Case(
        "P3-bridge",
        "2",
        (
            *formation(3),
            Bridge((1,), (3,)),
            says(Until("no leader", (3,)), "yes"),
            says(Look(2, ("leader",)), "leader s1"),
            Heal(),
            says(Until("formed", ALL, seconds=60), "yes"),
        ),
        end=LASTING,
    ),
    Case(
        "P4-halves",
        "2, 9.9",
        (
            *formation(5),
            Write(1, "before"),
            says(Until("serves", (1, 2, 3, 4, 5), "before"), "yes"),
            Partition(((1, 2), (3, 4, 5))),
            says(Write(1, "lost", 1), "no answer"),
            Call("new", "leader", (3, 4, 5)),
            says(Write("new", "kept"), "acknowledged"),
            says(Until("no leader", (1, 2)), "yes"),
            says(Read(1, 1), "no answer"),  # its log has a command that is not applied
            says(Read(2, 1), "no answer"),
            Heal(),
            says(Until("formed", (1, 2, 3, 4, 5), seconds=60), "yes"),
            says(Read(1), "before kept"),
            says(Read("new"), "before kept"),
            says(CheckCluster((1, 2, 3, 4, 5)), "consistent"),
        ),
        end=LASTING,
    ),
    Case(
        "P5-removed-meanwhile",
        "3.6, 9.5, 9.27",
        (
            *formation(3),
            Partition(((1,), (2, 3))),
            Call("new", "leader", (2, 3)),
            says(Until("disconnected", (1,)), "yes"),
            says(Kick("new", 1), "started removal"),
            says(Until("formed", (2, 3)), "yes"),
            Heal(),
            unseen(Wait()),
            unseen(Leave(1)),
            says(Until("gone", (1,)), "yes"),
            says(Until("formed", (2, 3)), "yes"),
        ),
    ),
    Case(
        "P6-two-leaders",
        "6, 2",
        (
            *formation(3, 2000),
            Partition(((1,), (2, 3))),
            Call("new", "leader", (2, 3), now=True),
            says(Look(1, ("role", "term")), "role leader; term 2"),
            Heal(),
            says(Until("formed", ALL, seconds=60), "yes"),
        ),
        end=LASTING,
    ),
)
