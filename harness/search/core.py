"""Healing a part of what is broken: a core that suffices, drawn by chance.

Whoever only ever heals everything never sees a cluster that waits for a node that it does not need. So, at the end,
some broken nodes are left as they are, as few or as many as may be without taking a majority of any configuration; the
rest is healed and has to come in order without them (TigerBeetle's VOPR: "liveness on a core"; facts: testing C, L1).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from harness import health
from harness.addresses import host_of, mentioned
from harness.cluster import DATABASES, ClusterView, Database
from harness.faults import Fault, FaultKind
from harness.quorum import majority

CHOICE = "core: left broken"
"""The name on the tape: which of :func:`left_broken`; 0 heals everything."""
ENDS = frozenset({FaultKind.HEAL, FaultKind.RESUME, FaultKind.NODE_UP, FaultKind.MEND})
"""What ends a trouble."""
CUTS = frozenset(
    {
        *(FaultKind.PARTITION, FaultKind.ONE_WAY, FaultKind.NB_CUT, FaultKind.SB_CUT, FaultKind.BRIDGE),
        *(FaultKind.DELAY, FaultKind.LOSS, FaultKind.REORDER),
    }
)
"""What HEAL undoes, for all nodes at once."""


def lasts(kinds: Iterable[FaultKind]) -> bool:
    """Whether a node stays broken by these until something ends them."""
    return bool({*kinds} & {*CUTS, *ENDS, FaultKind.NODE_DOWN})


def left_broken(view: ClusterView, broken: Sequence[str]) -> list[tuple[str, ...]]:
    """Which of the ``broken`` nodes may stay so, the fewest first (none at all is the first): the other servers, once
    they are well, are a majority of every configuration that any server knows."""
    sizes = range(len(broken) + 1)
    sets = [some for size in sizes for some in combinations(broken, size)]
    return [some for some in sets if not some or all(_suffices(view, one, broken, some) for one in DATABASES)]


def _suffices(view: ClusterView, database: Database, broken: Sequence[str], left: tuple[str, ...]) -> bool:
    address = {node.name: node.address for node in view.nodes}
    gone = {address[name] for name in left if name in address}
    well = {address[name] for name in broken if name in address and name not in left}
    answering = {status.server_id[:4] for _, status in view.statuses(database)}
    known = {frozenset((one.sid4, host_of(one.address)) for one in s.servers) for _, s in view.statuses(database)}
    for servers in known:
        works = [sid for sid, host in servers if host not in gone and (host in well or sid in answering)]
        if servers and len(works) < majority(len(servers)):
            return False
    return any(known)


def cuts_again(done: Sequence[Fault], left: Sequence[str]) -> Iterator[Fault]:
    """What to do to the network after everything was healed, so that ``left`` are as cut off as they were: ``done`` is
    what was done to it, in order."""
    apart = [fault for fault in done if fault.kind is FaultKind.PARTITION]
    for fault in [*(one for one in done if one.kind is not FaultKind.PARTITION), *apart[-1:]]:
        if fault.kind is FaultKind.BRIDGE:
            nodes = fault.nodes if {*fault.nodes} & {*left} else ()
        else:
            nodes = tuple(name for name in fault.nodes if name in left)
        if fault.kind in CUTS and nodes:
            yield replace(fault, nodes=nodes)


def seen(view: ClusterView, left: Sequence[str]) -> ClusterView:
    """``view`` without what servers of nodes that were left broken say: the core's."""
    return replace(view, reports=tuple(one for one in view.reports if one.node not in left)) if left else view


def problems(view: ClusterView, left: Sequence[str]) -> list[str]:
    """What is not in order in the core."""
    hosts = [node.address for node in view.nodes if node.name in left]
    return health.all_problems(seen(view, left), ignore=hosts)


def excuses(view: ClusterView, left: Sequence[str], newcomer: str, words: Sequence[str]) -> tuple[str, ...]:
    """Each of ``words`` (what is not as it should be) with the node of ``left`` that it waits for; empty if one of them
    names none of these, for then nobody knows whom to mend, and it is no excuse."""
    found = []
    for one in words:
        node = _waits_for(view, left, newcomer, one)
        if not node:
            return ()
        found.append(f"{node} was left broken: {one}")
    return tuple(found)


def _waits_for(view: ClusterView, left: Sequence[str], newcomer: str, words: str) -> str:
    nodes = [node for node in view.nodes if node.name in left]
    told, wanted, want = words.partition(", wanted ")
    if wanted:  # two lists of addresses: they differ in nobody else
        apart = {*mentioned(told)} ^ {*mentioned(want)}
        return next((n.name for n in nodes if n.address in apart), "") if apart <= {n.address for n in nodes} else ""
    if "membership change pending" in words and newcomer in left:
        return newcomer
    addresses = mentioned(words)
    return next((node.name for node in nodes if _named(node.name, words) or node.address in addresses), "")


def _named(name: str, words: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\d)", words) is not None
