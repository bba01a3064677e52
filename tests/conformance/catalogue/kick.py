"""Kicking and leaving (facts: ovsdb-raft 3, 7.1, 9)."""

from __future__ import annotations

from language import Join, Kick, Kill, Leave, Look, Read, Run, Start, Until, Wait, Write
from play import formation

from .case import LASTING, Case, says, unseen

STARTED, SENT = "started removal", "sent removal request to leader"
UNKNOWN, DROPPED, NOT_SENT = "error: unknown server", "error: unknown cluster", "error: failed to send removal request"
LEFT = (
    "refused: indicates server has left the cluster; it cannot be added back "
    '(use "ovsdb-tool join-cluster" to add a new server)'
)

CASES = (
    Case(
        "K1",
        "7.1 K1, 9.6",
        (
            *formation(3),
            says(Kick(1, 3), STARTED),
            says(Until("gone", (3,)), "yes"),
            says(Kick(1, 3), UNKNOWN),
            says(Kick(3, 1), DROPPED),
            says(Leave(3), DROPPED),
            says(Look(1, ("role", "term", "members")), "role leader; term 1; members s1 s2"),
            Kill(3),
            says(Start(3), LEFT),
            Join(3, (1, 2)),
            says(Until("formed", (1, 2, 3)), "yes"),
            says(Kick(2, 3, by="address"), SENT),
            says(Until("gone", (3,)), "yes"),
            says(Until("formed", (1, 2)), "yes"),
        ),
    ),
    Case(
        "names",
        "3.4, 9.16",
        (
            *formation(3),
            says(Kick(1, 3, by="ID"), UNKNOWN),
            says(Kick(1, 3, by="garbage"), UNKNOWN),
            says(Kick(1, 3, by="text", text=""), UNKNOWN),
            says(Kick(1, 3, by="text", text="zzzz"), UNKNOWN),
            says(Kick(2, 3, by="text", text="zzzz"), UNKNOWN),
            says(Kick(2, 3, by="prefix"), SENT),
            says(Until("gone", (3,)), "yes"),
            says(Kick(1, 2, by="prefix"), STARTED),
            says(Until("gone", (2,)), "yes"),
        ),
    ),
    Case(
        "K2",
        "7.1 K2, 9.4, 9.21",
        (
            *formation(2),
            says(Kick(2, 1), SENT),
            says(Until("gone", (1,), seconds=3), "yes"),
            says(Look(2, ("role",)), "role follower"),
            says(Until("leads", (2,)), "yes"),
            says(Until("committed", (2,)), "yes"),
            says(Look(2, ("term", "members", "log")), "term 2; members s2; log [2, 6]"),
        ),
    ),
    Case(
        "kick-self",
        "3.4, 9.4",
        (
            *formation(3),
            says(Kick(1, 1), ""),
            says(Look(1, ("status", "role")), "status leaving cluster; role follower"),
            says(Until("gone", (1,)), "yes"),
            says(Until("formed", (2, 3)), "yes"),
            says(Kick(2, 2), ""),
            says(Until("gone", (2,)), "yes"),
            says(Until("leads", (3,)), "yes"),
        ),
    ),
    Case(
        "leave",
        "3.5",
        (
            *formation(3),
            says(Leave(2), ""),
            says(Until("gone", (2,)), "yes"),
            says(Leave(1), ""),
            says(Leave(1), "error: already in progress leaving cluster"),
            says(Until("gone", (1,)), "yes"),
            says(Until("leads", (3,)), "yes"),
            says(Until("committed", (3,)), "yes"),
            says(
                Look(3, ("members", "term", "election_reason")),
                "members s3; term 2; election_reason leadership_transfer",
            ),
        ),
    ),
    Case(
        "K3",
        "7.1 K3, 3.6, 9.5, 9.10, 9.25, 11.2",
        (
            *formation(3),
            Write(1, "x"),
            says(Until("serves", (1, 2, 3), "x"), "yes"),
            Kill(3),
            says(Kick(1, 3, by="prefix"), STARTED),
            says(Until("formed", (1, 2)), "yes"),
            Start(3),
            says(Until("disconnected", (3,)), "yes"),
            says(Until("term", (3,), 2, seconds=6), p31="yes", p35="yes", newest="no"),
            says(Until("term", (3,), 4, seconds=7), p31="yes", p35="no", newest="no"),
            says(Kick(3, 1), NOT_SENT),
            says(Look(3, ("members", "leader")), "members s1 s2 s3; leader unknown"),
            says(Read(3), "x"),
            says(Look(1, ("role", "term")), "role leader; term 1"),
            says(Leave(3), ""),
            says(Until("gone", (3,)), "yes"),
        ),
    ),
    Case(
        "K4",
        "7.1 K4, 3.4, 9.2, 9.3, 9.14",
        (
            *formation(3),
            Kill(3),
            Run(0.2),
            says(Kick(1, 2), STARTED),
            says(
                Look(1, ("removing", "uncommitted", "members", "role")),
                "removing s2 (removing); uncommitted 1; members s1 s3; role leader",
            ),
            says(Kick(1, 2), UNKNOWN),
            says(Kick(1, 3), STARTED),
            says(Look(1, ("members",)), "members s1 s3 (removing)"),
            says(Kick(1, 3), "error: request via unixctl to remove s3 from cluster CID failed (in progress)"),
            says(Until("disconnected", (1, 2)), "yes"),
            says(Look(1, ("members", "removing")), "members s1 s3 (removing); removing"),
            says(Look(2, ("members",)), "members s1 s2 s3"),
            says(Kick(1, 3), NOT_SENT),
            Start(3),
            says(Until("follows", (1, 3), seconds=40), "yes"),
            unseen(Wait()),
            says(Look(1, ("configuration",)), "configuration s1 s3", "configuration s1 s2 s3"),
        ),
        end=LASTING,
    ),
    Case(
        "K5",
        "7.1 K5, 9.16, 9.19",
        (
            *formation(1),
            says(Kick(1, 1, by="text", text="zzzz"), ""),
            says(Leave(1), "error: already in progress leaving cluster"),
            says(Write(1, "x", 8), p31="no answer", p35="no answer", newest="acknowledged"),
            says(Look(1, ("status",)), "status leaving cluster"),
            says(Read(1), p31="", p35="", newest="x"),
            Kill(1),
            Start(1),
            says(Until("leads", (1,)), "yes"),
            says(Write(1, "y"), "acknowledged"),
            says(Look(1, ("status",)), "status cluster member"),
        ),
    ),
    Case(
        "K6",
        "7.1 K6, 9.9, 9.23",
        (
            *formation(2),
            Kill(2),
            says(Kick(1, 2), STARTED),
            says(Until("formed", (1,)), "yes"),
            says(Write(1, "x"), "acknowledged"),
            says(Until("disconnected", (1,), seconds=4), "no"),
            says(Look(1, ("role", "term", "members")), "role leader; term 1; members s1"),
        ),
    ),
    Case(
        "K6-late",
        "7.1 K6, 9.9",
        (
            *formation(2),
            Kill(2),
            says(Until("disconnected", (1,)), "yes"),
            says(Kick(1, 2), NOT_SENT),
            says(Leave(1), ""),
            says(Look(1, ("status",)), "status leaving cluster"),
        ),
    ),
    Case(
        "K7",
        "7.1 K7, 3.1",
        (
            *formation(5),
            says(Kick(1, 4), STARTED),
            says(Kick(1, 5), STARTED),
            says(Until("gone", (4, 5)), "yes"),
            says(Until("formed", (1, 2, 3)), "yes"),
            says(Look(1, ("log", "term")), "log [2, 9]; term 1"),
        ),
    ),
    Case(
        "K8",
        "7.1 K8, 9.18, 11.2",
        (
            *formation(3),
            Kill(3),
            says(Leave(2), ""),
            says(Look(2, ("status",)), "status leaving cluster"),
            says(Until("removing", (1,)), "yes"),
            says(
                Look(1, ("removing", "members", "uncommitted")), "removing s2 (removing); members s1 s3; uncommitted 1"
            ),
            says(Until("gone", (2,), seconds=4), p31="yes", p35="yes", newest="no"),
            says(Until("disconnected", (1,)), "yes"),
            Start(3),
            says(Until("formed", (1, 3), seconds=60), "yes"),
            says(Until("gone", (2,), seconds=60), "yes"),
        ),
    ),
)
