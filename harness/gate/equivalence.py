"""Mutations that change nothing, and why: an argument from what steps read and write, not from runs.

Two neighbours may change places if neither writes what the other reads or writes. A step may be done twice if it looks
first, and what it looks for is what it has just waited for. A check may go that only asks whether an object is there:
the API server answers the same. No argument is taken for a proof: whoever measures runs the mutant wherever one that
is not argued for would be run (:func:`harness.gate.mutation.confirmed`).
"""

from __future__ import annotations

from collections.abc import Callable

from harness.plan import Plan
from harness.search import mutants
from harness.steps import (
    CENTRAL,
    AwaitClients,
    AwaitInOrder,
    AwaitNotReady,
    AwaitPodOn,
    Backup,
    CheckDirectory,
    CheckStatus,
    ClearFiles,
    ConfirmAddresses,
    ConfirmEnd,
    DeletePods,
    KeepPodForLast,
    KeepTogether,
    Label,
    ListPods,
    PauseRollout,
    Remove,
    RemoveDirectory,
    RestartOutdated,
    ResumeRollout,
    RollNextPod,
    RolloutStatus,
    Scale,
    ScaleIn,
    SetEnv,
    SetMinReadySeconds,
    ShowStatus,
    Step,
    Unlabel,
)

Prints = tuple[frozenset[str], frozenset[str]]
"""(what a step reads, what it writes)."""

BOTH = frozenset({"raft nb", "raft sb"})
PODS = frozenset({"pods " + CENTRAL})
LABELS = "labels"
"""The labels of all nodes; that of one is ``label NODE``."""
NONE: frozenset[str] = frozenset()


AGENTS = "pods ovs-ovn"
CLIENTS = frozenset({AGENTS, "env ovs-ovn", "pods kube-ovn-controller", "env kube-ovn-controller"})
EVERYTHING = BOTH | PODS | CLIENTS | {LABELS, "env " + CENTRAL, "paused", "brake"}


def _set_env(step: Step) -> Prints:
    """ovn-central's own list restarts members, unless the rollout is paused: raft changes, and the pause counts."""
    written = frozenset({f"env {_of(step, 'workload')}", f"pods {_of(step, 'workload')}"})
    central = _of(step, "workload") == CENTRAL
    return (frozenset({"paused", "brake", LABELS}), written | BOTH) if central else (NONE, written)


def _clear(step: Step) -> Prints:
    return frozenset({f"raft of {_of(step, 'address')}"}), frozenset({f"files {_of(step, 'node')}"})


FOOTPRINTS: dict[type[Step], Callable[[Step], Prints]] = {
    ListPods: lambda step: (PODS, NONE),
    ShowStatus: lambda step: (frozenset({f"raft {_of(step, 'database')}"}), NONE),
    Backup: lambda step: (frozenset({f"raft {_of(step, 'database')}"}), NONE),
    AwaitInOrder: lambda step: (BOTH, NONE),
    AwaitNotReady: lambda step: (PODS, NONE),
    AwaitPodOn: lambda step: (BOTH | PODS, NONE),
    Remove: lambda step: (NONE, frozenset({f"raft {_of(step, 'database')}"})),
    KeepPodForLast: lambda step: (NONE, BOTH | PODS),
    KeepTogether: lambda step: (NONE, BOTH),
    RollNextPod: lambda step: (frozenset({"env " + CENTRAL, LABELS}), BOTH | PODS | {"paused"}),
    Label: lambda step: (NONE, frozenset({f"label {_of(step, 'node')}"})),
    Unlabel: lambda step: (NONE, frozenset({f"label {_of(step, 'node')}"})),
    Scale: lambda step: (frozenset({LABELS}) | BOTH, PODS),
    PauseRollout: lambda step: (NONE, frozenset({"paused"})),
    ResumeRollout: lambda step: (PODS, frozenset({"paused"})),
    SetMinReadySeconds: lambda step: (NONE, frozenset({"brake"})),
    SetEnv: _set_env,
    RolloutStatus: lambda step: (frozenset({f"pods {_of(step, 'workload')}", "paused", "brake"}), NONE),
    AwaitClients: lambda step: (frozenset({f"pods {_of(step, 'workload')}"}), NONE),
    RestartOutdated: lambda step: (NONE, frozenset({f"pods {_of(step, 'workload')}"})),
    DeletePods: lambda step: (NONE, frozenset({AGENTS if step.app == "ovs" else f"pods {_of(step, 'app')}"})),  # type: ignore[attr-defined]
    CheckStatus: lambda step: (frozenset({f"raft {_of(step, 'database')}"}), NONE),
    CheckDirectory: lambda step: (NONE, frozenset({f"files {_of(step, 'node')}"})),
    RemoveDirectory: lambda step: (BOTH, frozenset({f"files {_of(step, 'node')}"})),
    ConfirmAddresses: lambda step: (frozenset({"env " + CENTRAL}), NONE),
    ConfirmEnd: lambda step: (EVERYTHING, NONE),
    ClearFiles: lambda step: (
        frozenset({f"raft of {_of(step, 'address')}"}),
        frozenset({f"files {_of(step, 'node')}"}),
    ),
}
"""What each step reads and writes. ``ClearFiles`` looks whether its own address is a member, which neither a look at
others nor a label changes; who removes files without looking (``RemoveDirectory``) must know that the server is out.
A step that is not here commutes with nothing."""


def _of(step: Step, name: str) -> str:
    return str(getattr(step, name))


def equivalent(plan: Plan, mutation: str, members: int) -> str:
    """Why the mutant does what the procedure does; "" if that can't be told. ``members`` there are at the beginning."""
    kind, _, key = mutation.partition(" ")
    at = mutants.keys(plan).index(key)
    step = plan.steps[at]
    if kind == mutants.LATER:
        return _commute(step, plan.steps[at + 1])
    if kind == "twice" and type(step).satisfied is not Step.satisfied:
        return "a step that is satisfied is skipped, and the first has just seen to it: the second sends nothing"
    if kind == "unchecked" and isinstance(step, SetEnv):
        return "the check asks whether the workload is there; the API server refuses a change of one that is not"
    if kind == "twice" and isinstance(step, ClearFiles):
        return "it looks first: where nothing is left it sends nothing, and what is left should be gone"
    if kind == "unchecked" and isinstance(step, ScaleIn) and _leaver_went_last(plan, at):
        return (
            "the leaver's pod went last and its label is gone, so that the new pod has no node, and a pod without a "
            "node goes before any other (facts: kubernetes 4)"
        )
    if kind == "leader-only" and isinstance(step, Remove) and plan.verb == "remove" and members == 3:
        return "a removal from three is committed when both survivors have it: the leader's word is everybody's"
    if kind == "reversed" and isinstance(step, SetEnv) and step.workload != CENTRAL and not _compared(plan, at):
        return "clients try the addresses in random order (ovsdb-client(1), ovn-nbctl(8))"
    if kind == "drop" and isinstance(step, SetEnv) and _set_already(plan, at):
        return "the same value was set before, and nothing of the procedure has changed it since"
    return ""


def _commute(one: Step, other: Step) -> str:
    if one.read_only and other.read_only and not (_waits(one) and _waits(other)):
        return "both only look"
    prints = [FOOTPRINTS.get(type(step), FOOTPRINTS.get(type(step).__mro__[1])) for step in (one, other)]
    if prints[0] is None or prints[1] is None:
        return ""
    (reads, writes), (others_reads, others_writes) = prints[0](one), prints[1](other)
    if _meet(writes, others_reads | others_writes) or _meet(others_writes, reads):
        return ""
    return "neither writes what the other reads or writes"


def _meet(written: frozenset[str], touched: frozenset[str]) -> bool:
    """Whether something of ``written`` is ``touched``: who reads all labels reads that of a node."""
    return bool(written & touched) or (LABELS in touched and any(one.startswith("label ") for one in written))


def _waits(step: Step) -> bool:
    return type(step).pending is not Step.pending


def _leaver_went_last(plan: Plan, at: int) -> bool:
    """Whether the plan lets the leaver's pod go last and changes nothing but raft from then on; only in a replacement:
    its plan for a node that is dead already does not scale in, that of a removal does."""
    rolled = [n for n, one in enumerate(plan.steps[:at]) if isinstance(one, RollNextPod) and one.number == one.total]
    if plan.verb != "replace" or not rolled or not plan.steps[rolled[-1]].leaver:  # type: ignore[attr-defined]
        return False
    unlabelled = any(isinstance(one, Unlabel) and plan.old and one.node == plan.old.node for one in plan.steps[:at])
    return unlabelled and all(one.read_only or isinstance(one, Remove) for one in plan.steps[rolled[-1] + 1 : at])


def _compared(plan: Plan, at: int) -> bool:
    """Whether the value, in its order, still stands when the procedure compares it with what it wanted."""
    step = plan.steps[at]
    assert isinstance(step, SetEnv)
    for later in plan.steps[at + 1 :]:
        if isinstance(later, SetEnv) and (later.workload, later.variable) == (step.workload, step.variable):
            return False
        if isinstance(later, ConfirmEnd):
            return True
    return False


def _set_already(plan: Plan, at: int) -> bool:
    step = plan.steps[at]
    assert isinstance(step, SetEnv)
    before = [
        one
        for one in plan.steps[:at]
        if isinstance(one, SetEnv) and (one.workload, one.variable) == (step.workload, step.variable)
    ]
    return bool(before) and before[-1].addresses == step.addresses
