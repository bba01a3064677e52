"""What OVS's own test suite expects of clusters (tests/ovsdb-cluster.at; facts: ovsdb-raft 7), as far as operations
from outside bring it about. Sources name the suite's lines."""

from __future__ import annotations

from language import (
    Call,
    ChangeTimer,
    CheckCluster,
    Compact,
    CutAt,
    FailureTest,
    Heal,
    Join,
    Kill,
    Leave,
    Look,
    OneWay,
    Read,
    Start,
    Stop,
    Until,
    Wipe,
    Write,
)
from play import formation

from .case import LASTING, Case, Step, says, unseen

ALL = (1, 2, 3)
ENGAGED = "test engaged"


def served(size: int) -> tuple[Step, ...]:
    """Servers that join at the same time, and a write through each."""
    everyone = tuple(range(1, size + 1))
    rows = " ".join(f"x{n}" for n in everyone)
    return (
        *formation(1),
        *(Join(n, (1,)) for n in everyone[1:]),
        says(Until("formed", everyone, seconds=40), "yes"),
        *(says(Write(n, f"x{n}"), "acknowledged") for n in everyone),
        *(says(Until("serves", everyone, f"x{n}"), "yes") for n in everyone),
        *(says(Read(n), rows) for n in everyone),
        *(Stop(n) for n in reversed(everyone)),
        says(CheckCluster(everyone), "consistent"),
    )


def restarted(size: int, victim: int) -> tuple[Step, ...]:
    """One server is stopped while writes go on through all, and started again; 1 leads at first."""
    everyone = tuple(range(1, size + 1))
    others = tuple(n for n in everyone if n != victim)
    rows = [f"before{n}" for n in everyone] + [f"while{n}" for n in others] + [f"after{n}" for n in everyone]
    return (
        *formation(size),
        *(says(Write(n, f"before{n}"), "acknowledged") for n in everyone),
        Stop(victim),
        *(says(Write(n, f"while{n}", 20), "acknowledged") for n in others),
        Start(victim),
        says(Until("formed", everyone, seconds=60), "yes"),
        *(says(Write(n, f"after{n}", 20), "acknowledged") for n in everyone),
        *(says(Until("serves", everyone, row), "yes") for row in rows),
        *(says(Read(n), " ".join(sorted(rows))) for n in everyone),
        says(CheckCluster(everyone), "consistent"),
    )


def replaced(size: int, victim: int) -> tuple[Step, ...]:
    """A server leaves under writes, and joins again at its address with an empty disk."""
    everyone = tuple(range(1, size + 1))
    others = tuple(n for n in everyone if n != victim)
    return (
        *formation(size),
        says(Write(victim, "x"), "acknowledged"),
        says(Until("serves", everyone, "x"), "yes"),
        says(Leave(victim), ""),
        says(Write(others[0], "y", 20), "acknowledged"),
        says(Until("gone", (victim,)), "yes"),
        Stop(victim),
        says(Until("formed", others), "yes"),
        says(Write(others[-1], "z", 20), "acknowledged"),
        Wipe(victim),
        Join(victim, others),
        says(Until("formed", everyone, seconds=40), "yes"),
        *(says(Until("serves", everyone, row), "yes") for row in "xyz"),
        says(Read(victim), "x y z"),
        says(CheckCluster(everyone), "consistent"),
    )


CASES = (
    *(Case(f"execution-{size}", "upstream 35-95", served(size)) for size in (1, 3, 5)),
    Case(
        "follower-disconnects",
        "upstream 203",
        (
            *formation(3),
            Stop(2),
            Stop(1),
            says(Until("disconnected", (3,)), "yes"),
            says(Until("member", (3,), seconds=5), "no"),
            says(Look(3, ("connected", "role")), "connected False; role candidate"),
        ),
    ),
    Case(
        "leader-disconnects",
        "upstream 208, 9.13",
        (
            *formation(3),
            Stop(2),
            Stop(3),
            says(Until("disconnected", (1,)), "yes"),
            says(Until("member", (1,), seconds=5), "no"),
            says(Look(1, ("connected", "role")), "connected False; role candidate"),
        ),
    ),
    Case(
        "leader-does-not-flap",
        "upstream 213",
        (
            *formation(5),
            Stop(3),
            Stop(4),
            Stop(5),
            says(Until("disconnected", (1,)), "yes"),
            says(Until("member", (1,), seconds=8), "no"),
            says(Look(1, ("connected",)), "connected False"),
        ),
    ),
    Case(
        "initially-disconnected",
        "upstream 218, 9.11",
        (
            *formation(3),
            *(Stop(n) for n in ALL),
            Start(1),
            says(Look(1, ("status", "connected")), "status cluster member; connected False"),
            says(Until("campaigns", (1,)), "yes"),
            says(Look(1, ("status",)), "status disconnected from the cluster (election timeout)"),
            says(Look(1, ("connected",)), "connected False"),
        ),
    ),
    Case(
        "timer-change",
        "upstream 255",
        (
            *formation(3),
            says(ChangeTimer(2, 2000), "error: election timer must be changed through leader."),
            says(ChangeTimer(1, 4000), "error: election timer increase should not exceed the current value x 2."),
            says(ChangeTimer(1, 2000), "change of election timer initiated."),
            says(Until("timer", ALL, 2000), "yes"),
            says(ChangeTimer(1, 4000), "change of election timer initiated."),
            says(Until("timer", ALL, 4000), "yes"),
            says(ChangeTimer(1, 500), "change of election timer initiated."),
            says(Until("timer", ALL, 500), "yes"),
            *(Kill(n) for n in ALL),
            *(Start(n) for n in ALL),
            says(Until("follows", ALL), "yes"),
            says(Until("timer", ALL, 500), "yes"),
            *(unseen(Compact(n)) for n in ALL),
            says(Until("follows", ALL), "yes"),
            *(Kill(n) for n in ALL),
            *(Start(n) for n in ALL),
            says(Until("follows", ALL), "yes"),
            says(Until("timer", ALL, 500), "yes"),
            Join(4, ALL),
            says(Until("formed", (1, 2, 3, 4), seconds=40), "yes"),
            says(Until("timer", (4,), 500), "yes"),
        ),
        end=LASTING,
    ),
    Case(
        "install-snapshot",
        "upstream 346, 9.24",
        (
            *formation(3),
            Stop(2),
            *(says(Write(1, row), "acknowledged") for row in "abc"),
            says(Until("committed", (1, 3)), "yes"),
            unseen(Compact(1)),
            says(Look(1, ("role", "log")), "role leader; log [8, 8]"),
            Start(2),
            says(Until("formed", ALL, seconds=40), "yes"),
            says(Write(2, "d"), "acknowledged"),
            says(Until("serves", ALL, "d"), "yes"),
            says(Read(2), "a b c d"),
            says(CheckCluster(ALL), "consistent"),
        ),
    ),
    Case(
        "joiners-crash",
        "upstream 424",
        (
            *formation(1),
            CutAt(1, 2, "install_snapshot_request"),
            CutAt(1, 3, "install_snapshot_request"),
            Join(2, (1,)),
            Join(3, (1,)),
            says(Until("adding", (1,)), "yes"),
            says(Look(2, ("status", "log")), "status joining cluster; log [1, 1]"),
            Kill(2),
            Kill(3),
            Heal(),
            says(Start(2), ""),
            says(Start(3), ""),
            says(Until("formed", ALL, seconds=40), "yes"),
        ),
    ),
    Case(
        "leaving-with-some-down",
        "upstream 584, 9.18",
        (
            *formation(5),
            says(Write(1, "1"), "acknowledged"),
            says(Until("serves", (1, 2, 3, 4, 5), "1"), "yes"),
            Stop(1),
            Stop(2),
            says(Until("term", (3, 4, 5), 2), "yes"),
            says(Until("follows", (3, 4, 5), seconds=40), "yes"),
            says(Until("committed", (3, 4, 5)), "yes"),
            says(Write(3, "2"), "acknowledged"),
            says(Leave(3), ""),
            says(Until("gone", (3,), seconds=4), p31=("yes", "no"), p35=("yes", "no"), newest="no"),
            says(Write(4, "3", 3), "no answer"),
            Start(2),
            says(Until("gone", (3,), seconds=60), "yes"),
            says(Until("follows", (2, 4, 5), seconds=60), "yes"),
            says(Until("size", (2, 4, 5), 4), "yes"),
            says(Write(2, "4", 20), "acknowledged"),
            says(Until("serves", (2, 4, 5), "4"), "yes"),
            says(Leave(2), ""),
            says(Until("gone", (2,), seconds=60), "yes"),
            says(Until("follows", (4, 5), seconds=60), "yes"),
            Start(1),
            says(Until("formed", (1, 4, 5), seconds=60), "yes"),
            says(Write(1, "5", 20), "acknowledged"),
            says(Until("serves", (1, 4, 5), "5"), "yes"),
            says(Leave(4), ""),
            says(Until("gone", (4,), seconds=60), "yes"),
            says(Leave(5), ""),
            says(Until("gone", (5,), seconds=60), "yes"),
            says(Until("formed", (1,), seconds=60), "yes"),
            says(Write(1, "7", 20), "acknowledged"),
        ),
        end=LASTING,
    ),
    Case(
        "commit-survives-transfer",
        "upstream 913",
        (
            *formation(3),
            OneWay(2, 1),
            OneWay(3, 1),
            says(Write(1, "x", 0.5), "no answer"),
            says(FailureTest(1, "transfer-leadership"), ENGAGED),
            says(Until("serves", (2, 3), "x"), "yes"),
            Heal(),
            says(Until("formed", ALL, seconds=60), "yes"),
            says(Read(1), "x"),
            says(CheckCluster(ALL), "consistent"),
        ),
        end=LASTING,
    ),
    *(
        Case(
            f"leader-crashes-before-sending-{heir}",
            "upstream 825-860",
            (
                *formation(3),
                FailureTest(5 - heir, "delay-election"),
                CutAt(1, 2, "append_request"),
                CutAt(1, 3, "append_request"),
                unseen(Write(1, "x", 0.3)),
                Kill(1),
                says(Until("leads", (heir,)), "yes"),
                Heal(),
                says(Until("committed", (heir,)), "yes"),
                says(Write(heir, "y"), "acknowledged"),
                says(Until("serves", (2, 3), "y"), "yes"),
                says(Read(2), "y"),
                says(Start(1), ""),
                says(Until("formed", ALL, seconds=40), "yes"),
                says(Read(1), "y"),
                says(CheckCluster(ALL), "consistent"),
            ),
        )
        for heir in (2, 3)
    ),
    *(
        Case(
            f"leader-crashes-after-committing-{heir}",
            "upstream 845-850",
            (
                *formation(3),
                FailureTest(5 - heir, "delay-election"),
                says(Write(2, "x"), "acknowledged"),
                Kill(1),
                says(Until("leads", (heir,)), "yes"),
                says(Until("serves", (2, 3), "x"), "yes"),
                says(Read(heir), "x"),
                says(Start(1), ""),
                says(Until("formed", ALL, seconds=40), "yes"),
                says(Read(1), "x"),
                says(CheckCluster(ALL), "consistent"),
            ),
        )
        for heir in (2, 3)
    ),
    Case(
        "follower-crashes",
        "upstream 879-908",
        (
            *formation(3),
            CutAt(1, 3, "append_request"),
            says(Write(2, "x"), "acknowledged"),
            Kill(3),
            says(Read(1), "x"),
            says(Write(1, "y"), "acknowledged"),
            Heal(),
            says(Start(3), ""),
            says(Until("formed", ALL, seconds=40), "yes"),
            says(Read(3), "x y"),
        ),
    ),
    Case(
        "competing-candidates",
        "upstream 919",
        (
            *formation(3),
            CutAt(2, 1, "vote_request"),
            CutAt(2, 3, "vote_request"),
            FailureTest(3, "delay-election"),
            Kill(1),
            Start(1),
            FailureTest(1, "delay-election"),
            says(Until("no leader", (2,)), "yes"),
            Heal(),
            says(FailureTest(1, "clear"), "test dismissed"),
            says(FailureTest(3, "clear"), "test dismissed"),
            says(Until("formed", ALL, seconds=60), "yes"),
        ),
        end=LASTING,
    ),
    Case(
        "old-term-and-outdated-log",
        "upstream 1026, 9.12",
        (
            *formation(3),
            Stop(3),
            says(Write(1, "x"), "acknowledged"),
            says(Write(1, "y"), "acknowledged"),
            says(Until("serves", (1, 2), "y"), "yes"),
            Stop(1),
            says(Until("disconnected", (2,)), "yes"),
            Stop(2),
            *(Start(n) for n in ALL),
            *(says(FailureTest(n, "delay-election"), ENGAGED) for n in (1, 2)),
            Call("lead", "leader", ALL),
            says(Read("lead"), "x y"),
            says(Until("formed", ALL, seconds=60), "yes"),
            says(Read(3), "x y"),
            says(CheckCluster(ALL), "consistent"),
        ),
        end=LASTING,
    ),
    *(
        Case(f"restart-{n}-of-{size}", "upstream 1276-1304", restarted(size, n), end=LASTING)
        for size in (3, 5)
        for n in range(1, size + 1)
    ),
    *(
        Case(f"replace-{n}-of-{size}", "upstream 1309-1337", replaced(size, n), end=LASTING)
        for size in (3, 5)
        for n in range(1, size + 1)
    ),
)
