"""Hypothesis strategies for statuses: whatever the grammar of ``cluster/status`` can say."""

from __future__ import annotations

from hypothesis import strategies as st

from harness.cluster import MemberStatus, PeerConnection, PendingServer, ServerEntry

number = st.integers(0, 2**63)
maybe = st.none() | number
nick = st.text("0123456789abcdef", min_size=4, max_size=4) | st.sampled_from(["s1", "u-2", "node_3"])
sid4 = st.text("0123456789abcdef", min_size=4, max_size=4)
address = st.sampled_from(["tcp", "ssl"]).flatmap(
    lambda scheme: st.one_of(
        st.ip_addresses(v=4).map(lambda ip: f"{scheme}:{ip}:6643"),
        st.ip_addresses().map(lambda ip: f"{scheme}:[{ip}]:6644"),
    )
) | st.sampled_from(["unix:s1.raft", "unix:/run/ovn/s(2).raft"])
phase = st.sampled_from(["adding: catchup", "adding: caught up", "adding: committing", "removing"])
pending = st.builds(PendingServer, nick, sid4, address, phase)
tuples = {"min_size": 0, "max_size": 4}
statuses = st.sampled_from(
    [
        "cluster member",
        "joining cluster",
        "leaving cluster",
        "left cluster",
        "failed",
        "disconnected from the cluster (election timeout)",
    ]
)


@st.composite
def members(draw: st.DrawFn) -> MemberStatus:
    """Any status that the grammar has; only a leader's lines carry indexes."""
    role = draw(st.sampled_from(["leader", "follower", "candidate"]))
    index = number if role == "leader" else st.none()
    server = st.builds(
        ServerEntry, nick, sid4, address, st.booleans(), st.none() | phase, st.none() | nick, index, index, maybe
    )
    started = draw(maybe)
    connection = st.builds(PeerConnection, st.just("0000") | nick, st.booleans(), st.booleans())
    return MemberStatus(
        nickname=draw(nick),
        database=draw(st.sampled_from(["OVN_Northbound", "OVN_Southbound", "cluster"])),
        cluster_id=draw(st.none() | st.uuids().map(str)),
        server_id=draw(st.uuids().map(str)),
        address=draw(address),
        status=draw(statuses),
        role=role,
        term=draw(number),
        leader=draw(st.sampled_from(["self", "unknown"]) | nick),
        vote=draw(st.sampled_from(["self", "unknown"]) | nick),
        election_timer=draw(number),
        log_start=draw(number),
        log_end=draw(number),
        uncommitted=draw(number),
        unapplied=draw(number),
        remotes=tuple(draw(st.lists(address, **tuples))),
        adding=tuple(draw(st.lists(pending, **tuples))),
        removing=tuple(draw(st.lists(pending, **tuples))),
        election_started_ms=started,
        election_reason=None if started is None else draw(st.sampled_from(["timeout", "leadership_transfer"])),
        election_won_ms=draw(maybe),
        election_timer_new=draw(maybe),
        connections=tuple(draw(st.lists(connection, **tuples))),
        disconnections=draw(number),
        servers=tuple(draw(st.lists(server, **tuples))),
        storage=draw(st.none() | st.sampled_from(["ok", "disk error: no space left on device"])),
    )
