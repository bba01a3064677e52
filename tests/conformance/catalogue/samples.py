"""The statuses that were captured on real servers (facts: ovsdb-raft 1.3), reached by operations."""

from __future__ import annotations

from language import (
    Call,
    ChangeTimer,
    Compact,
    Exit,
    FailureTest,
    Join,
    Kick,
    Kill,
    Leave,
    Look,
    Partition,
    Run,
    Start,
    Stop,
    Until,
    Write,
)
from play import formation

from .case import LASTING, Case, says

CASES = (
    Case(
        "one-server",
        "1.3 single leader",
        (
            *formation(1),
            says(
                Look(
                    1, ("status", "role", "term", "leader", "vote", "election_timer", "log", "uncommitted", "indexes")
                ),
                "status cluster member; role leader; term 1; leader self; vote self; election_timer 1000; log [2, 3]; "
                "uncommitted 0; indexes s1:2/2",
            ),
            says(Look(1, ("connections", "disconnections", "members")), "connections; disconnections 0; members s1"),
            says(Look(1, ("connected",)), "connected True"),
        ),
    ),
    Case(
        "three-servers",
        "1.3 three servers, follower that joined in this term",
        (
            *formation(3),
            Run(1),
            says(
                Look(1, ("role", "term", "leader", "vote", "log", "uncommitted", "unapplied", "indexes")),
                "role leader; term 1; leader self; vote self; log [2, 5]; uncommitted 0; unapplied 0; "
                "indexes s1:2/4 s2:5/4 s3:5/4",
            ),
            says(Look(1, ("connections", "disconnections")), "connections ->s2 ->s3 <-s2 <-s3; disconnections 0"),
            says(
                Look(3, ("status", "role", "term", "leader", "vote", "election_reason", "log")),
                "status cluster member; role follower; term 1; leader s1; vote unknown; election_reason None; "
                "log [2, 5]",
            ),
            says(Look(3, ("connections", "disconnections")), "connections ->0000 ->s2 <-s1 <-s2; disconnections 0"),
            says(Look(2, ("connections", "disconnections")), "connections ->0000 ->s3 <-s1 <-s3; disconnections 0"),
        ),
    ),
    Case(
        "candidate",
        "1.3 candidate without quorum, 1.1, 9.10",
        (
            *formation(3),
            Kill(2),
            Kill(3),
            says(Until("disconnected", (1,)), "yes"),
            says(
                Look(1, ("role", "leader", "vote", "log", "connections", "members", "voted", "election_reason")),
                "role candidate; leader unknown; vote self; log [2, 5]; connections (->s2) (->s3); members s1 s2 s3; "
                "voted s1>s1; election_reason timeout",
            ),
            says(Look(1, ("connected",)), "connected False"),
        ),
    ),
    Case(
        "a-vote-short",
        "1.3 candidate with a vote but no majority (2 of 4)",
        (
            *formation(4),
            Kill(1),
            Kill(4),
            says(Until("no leader", (2, 3)), "yes"),
            FailureTest(3, "delay-election"),
            says(Until("term", (2,), 4, seconds=10), p31="yes", p35="no", newest="no"),
            says(Until("leads", (2, 3), seconds=2), "no"),
            says(Look(2, ("members", "leader")), "members s1 s2 s3 s4; leader unknown"),
        ),
        end=LASTING,
    ),
    Case(
        "joining-alone",
        "1.3 joining, remotes down",
        (
            *formation(1),
            Kill(1),
            Join(2, (1,)),
            says(
                Look(2, ("status", "cluster_id", "remotes", "role", "term", "leader", "vote", "log", "connections")),
                "status joining cluster; cluster_id unknown; remotes @s1; role follower; term 0; leader unknown; "
                "vote unknown; log [1, 1]; connections (->0000)",
            ),
            says(Look(2, ("election_timer", "members", "connected")), "election_timer 1000; members; connected False"),
        ),
    ),
    Case(
        "exit-hands-over",
        "2, 6 (graceful exit)",
        (
            *formation(3),
            Exit(1),
            Call("new", "leader", (2, 3)),
            says(Look("new", ("term", "election_reason")), "term 2; election_reason leadership_transfer"),
        ),
        end=LASTING,
    ),
    Case(
        "terminated",
        "6; measured on 3.1, 3.5 and 4.0: SIGTERM is no graceful exit",
        (
            *formation(3),
            Stop(1),
            Call("new", "leader", (2, 3)),
            says(Look("new", ("election_reason",)), "election_reason timeout"),
        ),
        end=LASTING,
    ),
    Case(
        "stalled-queue",
        "1.3 stalled addition with a queue",
        (
            *formation(3, 4000),
            Partition(((1,), (2, 3))),
            Join(4, (1,)),
            says(Until("stalled", (1,)), "yes"),
            Join(5, (1,)),
            says(Until("caught up", (1,)), "yes"),
            says(Kick(1, 2), "started removal"),
            says(
                Look(1, ("status", "adding", "removing", "role", "uncommitted", "members")),
                "status cluster member; adding s5 (adding: caught up); removing; role leader; uncommitted 1; "
                "members s1 s2 (removing) s3 s4 (adding: committing)",
            ),
        ),
        end=LASTING,
    ),
    Case(
        "stalled-removal",
        "1.3 stalled removal, 1.1, 9.14",
        (
            *formation(3),
            Kill(3),
            says(Kick(1, 2), "started removal"),
            says(
                Look(1, ("status", "removing", "role", "members", "uncommitted")),
                "status cluster member; removing s2 (removing); role leader; members s1 s3; uncommitted 1",
            ),
            says(Look(2, ("status", "members")), "status cluster member; members s1 s2 s3"),
        ),
        end=LASTING,
    ),
    Case(
        "leaving",
        "1.3 leaving, 3.5",
        (
            *formation(2),
            Kill(2),
            says(Leave(1), ""),
            says(Look(1, ("status", "role", "leader")), "status leaving cluster; role follower; leader unknown"),
            says(Look(1, ("connected",)), "connected False"),
        ),
        end=LASTING,
    ),
    Case(
        "phases-stay",
        "1.2, 9.14",
        (
            *formation(3, 2000),
            Partition(((1,), (2, 3))),
            Join(4, (1,)),
            says(Until("stalled", (1,)), "yes"),
            says(Until("no leader", (1,)), "yes"),
            says(Look(1, ("members",)), "members s1 s2 s3 s4 (adding: committing)"),
        ),
        tapes=200,
        end=LASTING,
    ),
    Case(
        "timer-rules",
        "2, 8",
        (
            *formation(2),
            says(ChangeTimer(1, 50), "error: election timer must be between 100 and 600000, in msec."),
            says(ChangeTimer(1, 2001), "error: election timer increase should not exceed the current value x 2."),
            says(ChangeTimer(1, 1000), "change election timer to current value."),
            says(ChangeTimer(2, 1500), "error: election timer must be changed through leader."),
            says(ChangeTimer(1, 300), "change of election timer initiated."),
            says(Until("timer", (1, 2), 300), "yes"),
            Kill(2),
            says(Until("disconnected", (1,)), "yes"),
            says(ChangeTimer(1, 500), "error: election timer must be changed through leader."),
        ),
        end=LASTING,
    ),
    Case(
        "timer-pending",
        "2, 1.2",
        (
            *formation(2),
            Kill(2),
            says(ChangeTimer(1, 2000), "change of election timer initiated."),
            says(Look(1, ("election_timer", "election_timer_new")), "election_timer 1000; election_timer_new 2000"),
            says(ChangeTimer(1, 500), "error: election timer change pending."),
        ),
        end=LASTING,
    ),
    Case(
        "restarted-with-timer",
        "upstream 255, 4",
        (
            *formation(1, 3000),
            says(Look(1, ("election_timer", "term", "log")), "election_timer 3000; term 2; log [2, 4]"),
            Join(2, (1,)),
            says(Until("formed", (1, 2)), "yes"),
            says(Look(2, ("election_timer",)), "election_timer 3000"),
            Write(1, "x"),
            says(Until("serves", (2,), "x"), "yes"),
            says(Until("committed", (1, 2)), "yes"),
            says(Compact(2), ""),
            says(Compact(2), "error: ovsdb error: not storing a duplicate snapshot"),
            Kill(2),
            Start(2),
            says(Look(2, ("election_timer",)), "election_timer 3000"),
        ),
    ),
)
