"""Where a mutant is tried: on which clusters, and with what going wrong at the step in which the mistake is.

The usual cluster comes first, then others in which the same step has more to do: the node that is first in NODE_IPS, as
a follower, whose pod is the last that became Ready; a node that is dead already, with a reader at the keyboard; a
release whose ovs-ovn pods are restarted by whoever deletes them, and by nobody else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import islice

from harness.cluster import ClusterView
from harness.errors import BadInput
from harness.gate.shapes import FIRST, FOLLOWER, NEW, PROFILES, Shape
from harness.gate.stages import READS
from harness.gate.subject import Subject
from harness.plan import Plan
from harness.procedures.wanted import make
from harness.search import mutants
from harness.search.case import Case, Hit, Position
from harness.search.opened import opened
from harness.steps import AwaitClients, ScaleIn, SetEnv

AIMED = ("pause", "partition", "crash", "restart", "node-loss")
HANDS = ("reset", "stale-view", "lost-answer", "operator-dies")
MOST = 45
"""Runs with a fault that a mutant is put through on the usual cluster, and on each other one, before it is said to
live there."""
SEED = 7
SIZES = {"guarded": {"remove": 3, "add": 3, "replace": 3}, "documented": {"remove": 5, "add": 3, "replace": 5}}
"""Members before: the documented removal from three fails by itself, whatever is changed in it."""
PACES = {"guarded": 0.0}
"""Cluster seconds in which the operator reads each answer. The guarded procedure looks by itself; the page needs a
reader, and fails by itself without one."""
USUAL, FIRST_LISTED, DEAD, OLD = "usual", "first", "dead", "old"
ON_DELETE = "v1.11.17"
"""A Kube-OVN whose ovs-ovn pods stay as they are until they are deleted (facts: kube-ovn 1.1)."""
EARLIER = 3
"""Steps before a check at which a probe begins to fail, so that Kubernetes knows when the check is made."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A cluster that mutants are tried on; ``plan`` is the procedure's there, in the cluster as ``view`` shows it."""

    name: str
    case: Case
    plan: Plan
    view: ClusterView


def case_of(subject: Subject) -> Case:
    """The procedure on the usual cluster: three members, a follower or a newcomer."""
    size = subject.sizes[0] if subject.sizes else SIZES.get(subject.procedure, {}).get(subject.verb, 3)
    shape = Shape(size, NEW if subject.verb == "add" else FOLLOWER, False, PROFILES[0])
    return subject.case(shape, SEED, PACES.get(subject.procedure, READS))


def grounds(subject: Subject) -> tuple[Ground, ...]:
    """The clusters that a subject's mutants are tried on, the usual one first. The guarded procedure has two others,
    for which it alone has a way; the page, which deletes the pods of ovs-ovn, one on which they stay until then."""
    usual = _ground(USUAL, case_of(subject))
    if subject.procedure == "documented":
        spec = replace(usual.case.spec, versions=replace(usual.case.spec.versions, kube_ovn=ON_DELETE))
        return usual, _ground(OLD, replace(usual.case, spec=spec))
    if subject.procedure != "guarded" or subject.verb == "add":
        return (usual,)
    first = subject.case(Shape(usual.case.spec.members, FIRST, True, PROFILES[0]), SEED)
    dead = subject.case(Shape(usual.case.spec.members + 1, FOLLOWER, False, PROFILES[0]), SEED, READS)
    spec = replace(dead.spec, down=(dead.wanted.node,))
    return usual, _ground(FIRST_LISTED, first), _ground(DEAD, replace(dead, spec=spec))


@lru_cache(maxsize=64)
def _ground(name: str, case: Case) -> Ground:
    with closing(opened(case)) as lab:
        view = lab.view()
        return Ground(name, case, make(case.wanted, view, lab.files), view)


def there(mutation: str, usual: Plan, plan: Plan) -> str:
    """The same mistake in ``plan``: in the step of the same kind, the second if it is the second. "" if that plan does
    not have as many of them."""
    kind, _, key = mutation.partition(" ")
    if key in mutants.keys(plan):
        return mutation
    places = [[n for n, step in enumerate(one.steps) if type(step) is _type(usual, key)] for one in (usual, plan)]
    if len(places[0]) != len(places[1]):
        return ""
    at = places[1][places[0].index(mutants.keys(usual).index(key))]
    return f"{kind} {mutants.keys(plan)[at]}"


def _type(plan: Plan, key: str) -> type:
    return type(plan.steps[mutants.keys(plan).index(key)])


def step_of(plan: Plan, mutation: str) -> int:
    """The number (from 1) of the step in which the mistake is. Raises :class:`BadInput` if there is none such."""
    names, key = mutants.keys(plan), mutation.partition(" ")[2]
    if key not in names:
        raise BadInput(f"the plan has no step {key}", todo="ovnswap gate guarded --mutants -o json lists the mutants")
    return names.index(key) + 1


def cases(ground: Ground, mutation: str) -> Iterator[Case]:
    """What the mutant, and the procedure without the mistake, are put through there: no fault first."""
    step = step_of(ground.plan, mutation)
    if ground.name == USUAL:
        yield replace(ground.case, seed=None)
    yield ground.case
    yield from islice(_aimed(ground, step, mutation), MOST)
    yield from _special(ground, step, mutation)


def _aimed(ground: Ground, step: int, mutation: str) -> Iterator[Case]:
    """Faults where the mutated step looks, where it waits, and at the next one. A missing check shows when something is
    wrong before the step, a missing wait when it goes wrong within it. A step that only looks has no inside."""
    first, then = (Position.DURING, Position.BEFORE) if "unawaited" in mutation else (Position.BEFORE, Position.DURING)
    inside = not ground.plan.steps[step - 1].read_only
    for place in ((step, first), (step, then), (step + 1, Position.BEFORE)):
        if place[1] is not Position.DURING or inside:
            yield from (_hit(ground, Hit(*place, name)) for name in HANDS)
            yield from (_hit(ground, Hit(*place, name, node)) for name in AIMED for node in _nodes(ground))


def _special(ground: Ground, step: int, mutation: str) -> Iterator[Case]:
    """What only some steps are there for."""
    kind, what = mutation.partition(" ")[0], ground.plan.steps[step - 1]
    if kind == "unchecked":
        # Somebody else has done the whole procedure while nobody typed here.
        hands = (Hit(step, Position.BEFORE, name) for name in ("second-operator", "operator-pauses"))
        yield _hit(ground, *hands)
    if isinstance(what, AwaitClients) or (isinstance(what, SetEnv) and what.variable == "OVN_DB_IPS"):
        yield _hit(ground, Hit(step, Position.BEFORE, "helm"))
    if isinstance(what, ScaleIn) and step > EARLIER:
        # Scaling takes a pod that is not Ready, whatever its server does.
        for node in _nodes(ground):
            yield _hit(ground, Hit(step - EARLIER, Position.BEFORE, "says-unready", node))


def _hit(ground: Ground, *hits: Hit) -> Case:
    return replace(ground.case, hits=hits)


def _nodes(ground: Ground) -> list[str]:
    """Those with power that have a part in it, newcomers first."""
    spec, verb = ground.case.spec, ground.case.wanted.verb
    names = spec.node_names()[: spec.members if verb == "remove" else None]
    return [name for name in reversed(names) if name not in spec.down]
