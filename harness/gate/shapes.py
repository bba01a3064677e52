"""The clusters on which a procedure must work: how many members, which part the node has, which releases run.

Not every release is combined with every size and part: each profile is a row, each value of a release is in some row,
and the rows go through sizes and parts (all of them for the first row).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from harness.cluster import DATABASES, ClusterView, Versions
from harness.errors import BadInput
from harness.spec import EXAMPLE_VERSIONS, ClusterSpec

PROFILES: tuple[Versions, ...] = (
    EXAMPLE_VERSIONS,
    Versions(kubernetes=(1, 22), kube_ovn="v1.16.2", ovs="3.5"),
    Versions(kubernetes=(1, 27), kube_ovn="master", ovs="newest"),
    Versions(kubernetes=(1, 20), kube_ovn="v1.15.9", ovs="3.5"),
    Versions(kubernetes=(1, 22), kube_ovn="v1.15.24", ovs="3.1"),
)
"""Rows of (Kubernetes, Kube-OVN, OVS): without and with pod-deletion-cost, without pre-vote, with an early and with a
full one, and the start script and leader checker without saved headers, with them, with live cluster ids, and with the
check that deletes databases."""

FOLLOWER, LEADER, FIRST, FIRST_LEADS, NEW = "follower", "leader", "first", "first, leads", "newcomer"
SIZES = {"remove": (3, 5), "replace": (3, 5), "add": (2, 4)}
"""Members before: an addition ends with the sizes that the others begin with."""
SPARES = 1


@dataclass(frozen=True, slots=True)
class Shape:
    """``members`` before, the ``part`` of the node that it is about, and the releases. ``moved``: another member than
    the first leads both databases. ``like``: the known failure whose situation it is."""

    members: int
    part: str
    moved: bool
    versions: Versions
    like: str = ""

    @property
    def spec(self) -> ClusterSpec:
        return ClusterSpec(members=self.members, spares=SPARES, versions=self.versions)

    def __str__(self) -> str:
        kubernetes = ".".join(map(str, self.versions.kubernetes))
        releases = f"Kubernetes {kubernetes}, Kube-OVN {self.versions.kube_ovn}, OVS {self.versions.ovs}"
        led = ", another leads" if self.moved and self.part == NEW else ""
        like = f", as in {self.like}" if self.like else ""
        return f"{self.members} members, {self.part}{led}{like}; {releases}"


def shapes(verb: str, sizes: Sequence[int] = (), profiles: Sequence[Versions] = PROFILES) -> list[Shape]:
    """Every shape for ``verb``: all sizes and parts with the first profile, then each other one with one part of each
    size in turn."""
    parts = [(NEW, False), (NEW, True)] if verb == "add" else [(FOLLOWER, False), (LEADER, True), (FIRST, True)]
    parts += [] if verb == "add" else [(FIRST_LEADS, False)]
    chosen = sizes or SIZES[verb]
    found = [Shape(size, *part, profiles[0]) for size in chosen for part in parts]
    for row, versions in enumerate(profiles[1:]):
        for at, size in enumerate(chosen):
            found.append(Shape(size, *parts[(row + at) % len(parts)], versions))
    return found


def combined(given: Versions | None, kubernetes: bool, kube_ovn: bool, ovs: bool) -> tuple[Versions, ...]:
    """The profiles, with those releases in place that were asked for."""
    if given is None:
        return PROFILES
    rows: Iterator[Versions] = (
        replace(
            row,
            kubernetes=given.kubernetes if kubernetes else row.kubernetes,
            kube_ovn=given.kube_ovn if kube_ovn else row.kube_ovn,
            ovs=given.ovs if ovs else row.ovs,
        )
        for row in PROFILES
    )
    return tuple(dict.fromkeys(rows))


def target(shape: Shape, view: ClusterView) -> str:
    """The node with that part, in the cluster as it begins. Raises :class:`BadInput` if nobody has it."""
    members = [node.name for node in view.labelled()]
    leaders = [pair[0] for database in DATABASES if (pair := view.leader(database)) is not None]
    match shape.part:
        case "newcomer":
            return next(node.name for node in view.nodes if node.name not in members)
        case "follower":
            found = [name for name in members[1:] if name not in leaders]
        case "leader":
            found = [name for name in leaders if name != members[0]]
        case _:
            found = members[:1]
    if not found:
        raise BadInput(f"no {shape.part} in a cluster of {shape.members}", todo="--members 3")
    return found[-1] if shape.part == FOLLOWER else found[0]
