"""Hypothesis strategies for clusters, procedures, schedules, faults and whole rehearsals: for scenarios of your own.

They shrink towards the plain case: three members, the documentation's versions, the guarded procedure, the happy
schedule, an early fault. Needs the extra ``test`` (Hypothesis).
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from harness.cluster import Versions
from harness.faults import Fault, FaultKind, FaultPlan, TimedFault
from harness.procedures.wanted import Wanted
from harness.search.case import Case, Hit, Position
from harness.search.explore import ordered
from harness.search.tape import Tape
from harness.search.troubles import TROUBLES, Trouble
from harness.spec import EXAMPLE_VERSIONS, ClusterSpec

RELEASES = (
    EXAMPLE_VERSIONS,
    Versions(kubernetes=(1, 27), kube_ovn="v1.12.28", ovs="3.1"),
    Versions(kubernetes=(1, 20), kube_ovn="v1.13.15", ovs="3.5"),
    Versions(kubernetes=(1, 30), kube_ovn="v1.14.41", ovs="4.0"),
)
"""What is run together in the field, oldest raft rules first (facts: kube-ovn 2, ovsdb-raft 8)."""

NODE_FAULTS = (
    *(FaultKind.CRASH, FaultKind.PAUSE, FaultKind.RESUME, FaultKind.PARTITION),
    *(FaultKind.ONE_WAY, FaultKind.NODE_DOWN, FaultKind.NODE_UP),
)
"""Faults of one node after which its disk holds what it held."""


def clusters(
    members: Sequence[int] = (3, 5), spares: Sequence[int] = (0, 1), releases: Sequence[Versions] = RELEASES
) -> st.SearchStrategy[ClusterSpec]:
    """Clusters of so many members and spare nodes, of one of ``releases``."""
    return st.builds(
        ClusterSpec,
        members=st.sampled_from(members),
        spares=st.sampled_from(spares),
        versions=st.sampled_from(releases),
        placement=st.sampled_from(("selector", "affinity")),
    )


def procedures(spec: ClusterSpec, names: Sequence[str] = ("guarded", "documented")) -> st.SearchStrategy[Wanted]:
    """What can be asked for on a cluster by ``spec``: remove any member, add or swap in the first spare."""
    nodes = spec.node_names()
    members, spares = nodes[: spec.members], nodes[spec.members :]
    asked = [Wanted(name, "remove", node) for name in names for node in reversed(members)]
    asked += [Wanted(name, "add", spares[0]) for name in names if spares]
    asked += [
        Wanted("guarded", "replace", node, spares[0]) for node in reversed(members) if spares and "guarded" in names
    ]
    return st.sampled_from(asked)


def tapes(longest: int = 30) -> st.SearchStrategy[Tape]:
    """Schedules: the first choices one by one, so that they shrink, the rest from a seed."""
    choices = st.lists(st.integers(0, 1000), max_size=longest)
    return st.builds(lambda given, seed: Tape(given, seed=seed), choices, st.integers(0, 2**32 - 1))


def faults(spec: ClusterSpec, kinds: Sequence[FaultKind] = NODE_FAULTS) -> st.SearchStrategy[Fault]:
    """One fault on one node."""
    return st.builds(
        lambda kind, node: Fault(kind, (node,)), st.sampled_from(kinds), st.sampled_from(spec.node_names())
    )


def fault_plans(
    spec: ClusterSpec, kinds: Sequence[FaultKind] = NODE_FAULTS, *, within: float = 240.0, most: int = 2
) -> st.SearchStrategy[FaultPlan]:
    """Up to ``most`` faults within so many cluster seconds from the moment the plan is armed, in order of time."""
    timed = st.builds(TimedFault, st.floats(0, within, allow_nan=False), faults(spec, kinds))
    return st.lists(timed, max_size=most).map(lambda all_: FaultPlan(tuple(sorted(all_, key=lambda t: t.after))))


def hits(
    spec: ClusterSpec, troubles: Sequence[Trouble] = tuple(TROUBLES.values()), *, steps: int = 30
) -> st.SearchStrategy[Hit]:
    """One trouble at one place of a procedure of up to so many steps; a place that does not come is never hit."""
    nodes = spec.node_names()

    def hit(step: int, position: Position, trouble: Trouble, node: int) -> Hit:
        return Hit(step, position, trouble.name, "" if trouble.hands is not None else nodes[node])

    places = st.integers(1, steps), st.sampled_from(Position)
    return st.builds(hit, *places, st.sampled_from(tuple(troubles)), st.integers(0, len(nodes) - 1))


def cases(
    troubles: Sequence[Trouble] = tuple(TROUBLES.values()),
    *,
    names: Sequence[str] = ("guarded", "documented"),
    most: int = 2,
) -> st.SearchStrategy[Case]:
    """Whole rehearsals, for :func:`harness.search.trial.run`: a cluster, a procedure, up to ``most`` troubles in it,
    and a schedule."""

    def of(spec: ClusterSpec) -> st.SearchStrategy[Case]:
        seeds = st.none() | st.integers(0, 2**32 - 1)
        plans = st.lists(hits(spec, troubles), max_size=most).map(lambda all_: ordered(tuple(all_)))
        return st.builds(Case, procedures(spec, names), st.just(spec), plans, seeds)

    return clusters().flatmap(of)
