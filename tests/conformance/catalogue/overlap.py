"""Two configuration changes at once lose acknowledged writes (facts: ovsdb-raft 10, 7.1 O1)."""

from __future__ import annotations

from language import (
    Call,
    CheckCluster,
    CutAt,
    FailureTest,
    Heal,
    Join,
    Kick,
    Look,
    Partition,
    Start,
    Until,
    Wait,
    Write,
)
from play import formation

from .case import Case, Step, says, unseen

OVERLAP: tuple[Step, ...] = (
    *formation(4, 2000),
    Write(1, "base"),
    says(Until("serves", (1, 2, 3, 4), "base"), "yes"),
    says(FailureTest(3, "delay-election"), "test engaged"),
    says(FailureTest(4, "delay-election"), "test engaged"),
    # Server 4 is to vote for 2 and to learn nothing from it.
    CutAt(2, 4, "append_request"),
    Partition(((1,), (2, 3, 4))),
    Join(5, (1,)),
    says(Until("stalled", (1,)), "yes"),
    says(Look(1, ("members",)), "members s1 s2 s3 s4 s5 (adding: committing)"),
    says(Until("leads", (2,)), "yes"),
    says(Kick(2, 1), "started removal"),
    says(Until("committed", (2,)), "yes"),
    says(Look(2, ("members",)), "members s2 s3 s4"),
    says(Write(2, "ACKED_BY_S2"), "acknowledged"),
    Partition(((2, 3), (1, 4, 5))),
    Heal((1, 4, 5)),
    Call("old", "leader", (1, 5), seconds=60),
    says(Write("old", "ACKED_BY_OLD"), "acknowledged"),
    says(Look("old", ("role",)), "role leader"),
    says(Look(2, ("role",)), "role leader"),
    says(Write(2, "ACKED_BY_S2_AGAIN"), "acknowledged"),
)

CASES = (
    Case(
        "O1",
        "7.1 O1, 10, 9.28",
        (
            *OVERLAP,
            says(CheckCluster((1, 2, 3, 4, 5)), "inconsistent"),
            says(FailureTest(3, "clear"), "test dismissed"),
            says(FailureTest(4, "clear"), "test dismissed"),
            Heal(),
            # One side's writes are gone: its servers abort, or serve on what the others don't have.
            says(Until("dead", (2,), seconds=10), "yes", "no"),
            unseen(Wait()),
            # A file that was truncated below what it has as committed is not opened again.
            says(
                Start(2),
                "running",
                "refused: attempts to truncate log from 12 to 8 entries, but commit index is already 11",
            ),
            says(CheckCluster((1, 2, 3, 4, 5)), "inconsistent"),
        ),
        tapes=500,
    ),
)
