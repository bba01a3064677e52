"""What belongs to a rollout that is steered pod by pod: which step stands before which, and which must not be missing.

These rules speak only of plans that steer (:class:`harness.steps.RollNextPod`); a page that lets the rollout run has
rules of its own (:mod:`harness.lint.checks`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from harness.cluster import DATABASES
from harness.lint.base import Found, Looked
from harness.procedures import lookup
from harness.steps import (
    CENTRAL,
    AwaitClients,
    AwaitInOrder,
    AwaitPodOn,
    Backup,
    ClearFiles,
    ConfirmAddresses,
    KeepPodForLast,
    KeepTogether,
    Label,
    PauseRollout,
    Remove,
    RestartOutdated,
    ResumeRollout,
    RollNextPod,
    RolloutStatus,
    Scale,
    ScaleIn,
    SetEnv,
    SetMinReadySeconds,
    Step,
    Unlabel,
)

Is = Callable[[Step], bool]


def _steers(looked: Looked) -> bool:
    return looked.book.exported is not None and any(isinstance(step, RollNextPod) for step in looked.steps)


def _at(looked: Looked, wanted: Is) -> list[int]:
    return [at for at, step in enumerate(looked.steps) if wanted(step)]


def _line(looked: Looked, at: int) -> int:
    return looked.book.steps[at].line


def _nodes(looked: Looked) -> tuple[str, str]:
    """(who leaves, who comes in), "" for nobody."""
    plan = looked.book.exported
    old, new = (plan.old, plan.new) if plan is not None else (None, None)
    return (old.node if old else "", new.node if new else "")


def _hosts(looked: Looked) -> tuple[str, str]:
    plan = looked.book.exported
    old, new = (plan.old, plan.new) if plan is not None else (None, None)
    return (old.address if old else "", new.address if new else "")


def _is_node_ips(step: Step) -> bool:
    return isinstance(step, SetEnv) and step.workload == CENTRAL


def checked_first(looked: Looked) -> Found:
    """Every member is looked at before the first change."""
    changes = _at(looked, lambda step: not step.read_only)
    if _steers(looked) and changes and not looked.before(changes[0], AwaitInOrder):
        yield _line(looked, changes[0]), f"{looked.steps[changes[0]].title} comes before a look at every member"


def backed_up(looked: Looked) -> Found:
    """Both databases are copied before a member restarts or leaves, or a workload changes."""
    changes = _at(looked, lambda step: not step.read_only and not isinstance(step, ClearFiles))
    for database in DATABASES if _steers(looked) and changes else ():
        copies = [one.step for at, one in looked.of(Backup) if at < changes[0]]
        if not any(isinstance(copy, Backup) and copy.database is database for copy in copies):
            yield _line(looked, changes[0]), f"{looked.steps[changes[0]].title} comes before a copy of {database}"


def brakes(looked: Looked) -> Found:
    """Brake, pause, addresses, rolls; then resume and no brake: in this order."""
    if not _steers(looked):
        return
    rolls = _at(looked, lambda step: isinstance(step, RollNextPod))
    brake = _at(looked, lambda step: isinstance(step, SetMinReadySeconds) and step.seconds > 0)
    pause = _at(looked, lambda step: isinstance(step, PauseRollout))
    env = _at(looked, _is_node_ips)
    for name, places in (("the brake", brake), ("the pause", pause), ("NODE_IPS", env)):
        if not any(at < rolls[0] for at in places):
            yield _line(looked, rolls[0]), f"pods are rolled without {name} before it"
    for name, first, then in (("the brake", brake, pause), ("the pause", pause, env)):
        if first and then and first[0] > then[0]:
            yield _line(looked, then[0]), f"{looked.steps[then[0]].title} comes before {name}"


def released(looked: Looked) -> Found:
    """What was held is let go when the last pod is rolled, awaited, and looked at."""
    if not _steers(looked):
        return
    last = _at(looked, lambda step: isinstance(step, RollNextPod))[-1]
    resumed = [at for at in _at(looked, lambda step: isinstance(step, ResumeRollout)) if at > last]
    if not resumed:
        yield looked.end, "the rollout stays paused"
    free = _at(looked, lambda step: isinstance(step, SetMinReadySeconds) and step.seconds == 0)
    if not any(at > last for at in free):
        yield looked.end, "minReadySeconds stays as the brake has set it"
    ends = _at(looked, lambda step: isinstance(step, RolloutStatus) and step.workload == CENTRAL)
    if resumed and not any(at > max(resumed + free) for at in ends):
        yield _line(looked, resumed[0]), "nobody waits for the rollout that goes on"
    looks = _at(looked, lambda step: isinstance(step, AwaitInOrder))
    if ends and not any(at > ends[-1] for at in looks):
        yield _line(looked, ends[-1]), "nobody looks at every member when the rollout is over"


def every_pod(looked: Looked) -> Found:
    """Each pod of the total is rolled, in order."""
    if not _steers(looked):
        return
    rolls = [(at, step) for at, step in enumerate(looked.steps) if isinstance(step, RollNextPod)]
    numbers = list(dict.fromkeys(step.number for _, step in rolls))
    at, first = rolls[0]
    if numbers != list(range(numbers[0], first.total + 1)) or (numbers[0] != 1 and not looked.before(at, Remove)):
        yield _line(looked, at), f"pods {', '.join(map(str, numbers))} of {first.total} are rolled"


def leaver_last(looked: Looked) -> Found:
    """The leaver's pod is kept for last, and its label is off before the rollout can reach it."""
    old, _ = _nodes(looked)
    rolls = [(at, step) for at, step in enumerate(looked.steps) if isinstance(step, RollNextPod) and step.last]
    if not _steers(looked) or not rolls:
        return
    at, roll = rolls[0]
    held = _at(looked, lambda step: isinstance(step, PauseRollout) or _is_node_ips(step))
    kept = _at(looked, lambda step: isinstance(step, KeepPodForLast) and step.node == roll.last)
    if not any(place < min([*held, at]) for place in kept):
        yield _line(looked, at), f"nothing keeps the pod on {roll.last} for last"
    labels = _at(looked, lambda step: isinstance(step, Unlabel) and step.node == old)
    early = _at(looked, lambda step: isinstance(step, RollNextPod | Scale | SetMinReadySeconds))
    if not any(place < early[0] for place in labels):
        yield _line(looked, early[0]), f"the label is not off {old} by then"
    if kept and labels and labels[0] < kept[0]:
        yield _line(looked, labels[0]), f"{old} loses its label before its pod is kept for last"


def labels_right(looked: Looked) -> Found:
    """Labels go from who leaves and come to who comes in, and to nobody else."""
    old, new = _nodes(looked)
    if not _steers(looked):
        return
    for at, step in enumerate(looked.steps):
        if isinstance(step, Unlabel) and step.node != old:
            yield _line(looked, at), f"{step.node} loses the label and does not leave"
        if isinstance(step, Label) and step.node != new:
            yield _line(looked, at), f"{step.node} gets the label and does not come in"


def newcomer_first(looked: Looked) -> Found:
    """The newcomer's node is clean, labelled, has a replica and a pod, before the rollout is held."""
    _, new = _nodes(looked)
    if not _steers(looked) or not new:
        return
    node = looked.view.node(new)
    held = _at(looked, lambda step: isinstance(step, SetMinReadySeconds))[:1] or [len(looked.steps) - 1]
    labels = _at(looked, lambda step: isinstance(step, Label) and step.node == new)
    if not any(at < held[0] for at in labels):
        yield _line(looked, held[0]), f"{new} has no label when the rollout is held"
        return
    clean = _at(looked, lambda step: isinstance(step, ClearFiles) and step.node == new)
    if node is not None and not lookup.is_member(looked.view, node) and not any(at < labels[0] for at in clean):
        yield _line(looked, labels[0]), f"{new} is labelled before its files are cleared"
    if looked.book.exported is not None and looked.book.exported.order.startswith("remove first"):
        return
    up = _at(looked, lambda step: isinstance(step, Scale) and not isinstance(step, ScaleIn))
    if not any(at < held[0] for at in up):
        yield _line(looked, held[0]), "ovn-central has no replica for the newcomer when the rollout is held"
    elif up[0] < labels[0]:
        yield _line(looked, up[0]), f"ovn-central is scaled before {new} has the label"
    pods = _at(looked, lambda step: isinstance(step, AwaitPodOn) and step.node == new)
    if not any((up or [0])[0] < at < held[0] for at in pods):
        yield _line(looked, held[0]), f"nobody waits for a pod on {new} before the rollout is held"


def apart(looked: Looked) -> Found:
    """Where leaver and newcomer are members both, their leaderships are brought together before each roll."""
    for at, step in enumerate(looked.steps):
        if isinstance(step, RollNextPod) and (step.apart or step.leaver) and all(_hosts(looked)):
            before = looked.steps[at - 1] if at else None
            if not isinstance(before, KeepTogether) and _steers(looked):
                yield _line(looked, at), "the leaver may lead one database and the newcomer the other"


def confirmed(looked: Looked) -> Found:
    """NODE_IPS is looked at again before a member that is alive is removed, and at the end, for what was set."""
    if not _steers(looked):
        return
    env = [step.addresses for _, _, step in looked.node_ips()]
    rolls = _at(looked, lambda step: isinstance(step, RollNextPod))
    confirms = _at(looked, lambda step: isinstance(step, ConfirmAddresses))
    removes = [at for at in _at(looked, lambda step: isinstance(step, Remove)) if at > rolls[-1]]
    if removes and not any(rolls[-1] < at < removes[0] for at in confirms):
        yield _line(looked, removes[0]), "nobody looks whether NODE_IPS still is what was set"
    changes = _at(looked, lambda step: not step.read_only)
    if not any(at > changes[-1] for at in confirms):
        yield looked.end, "nobody looks at the end whether NODE_IPS still is what was set"
    for at in confirms:
        step = looked.steps[at]
        if isinstance(step, ConfirmAddresses) and env and step.addresses != env[-1]:
            yield _line(looked, at), f"{step.value} is awaited, and NODE_IPS was set to something else"


def removed_then_scaled(looked: Looked) -> Found:
    """A living leaver: its pod is gone, then nb, then sb, then one replica less, then the rest of the rollout."""
    old, _ = _nodes(looked)
    if not _steers(looked) or not old:
        return
    removes = _at(looked, lambda step: isinstance(step, Remove))
    downs = _at(looked, lambda step: isinstance(step, ScaleIn))
    rolls = _at(looked, lambda step: isinstance(step, RollNextPod))
    central = lookup.central(looked.view)
    plan = looked.book.exported
    first = plan is not None and plan.order.startswith(("kick first", "remove first"))
    if removes and not first and removes[0] < rolls[-1]:
        yield _line(looked, removes[0]), "the leaver is removed before its pod is gone"
    if not downs and (not first or central.replicas > len(next(looked.node_ips())[2].addresses)):
        yield looked.end, "the replica of the leaver is left"
    for at in downs:
        if removes and at < removes[-1]:
            yield _line(looked, at), "ovn-central is scaled before the leaver is removed from both databases"
        resumed = _at(looked, lambda step: isinstance(step, ResumeRollout))
        if resumed and resumed[0] < at:
            yield _line(looked, resumed[0]), "the rollout goes on before the leaver's replica is gone"


def leaver_cleared(looked: Looked) -> Found:
    """The leaver's files go after it is out of both databases; nobody else's go."""
    old, new = _nodes(looked)
    if not _steers(looked):
        return
    clears = [(at, step) for at, step in enumerate(looked.steps) if isinstance(step, ClearFiles)]
    for at, step in clears:
        if step.node not in (old, new) or step.address not in _hosts(looked):
            yield _line(looked, at), f"the files on {step.node} go"
    if not old:
        return
    mine = [at for at, step in clears if step.node == old]
    removes = _at(looked, lambda step: isinstance(step, Remove))
    if not mine:
        yield looked.end, f"the files on {old} are left"
    elif removes and mine[0] < removes[-1]:
        yield _line(looked, mine[0]), f"the files on {old} go before it is out of both databases"


def clients_awaited(looked: Looked) -> Found:
    """Each change of a client's addresses is waited for, pod by pod, before the next of the same workload."""
    if not _steers(looked):
        return
    for at, one in looked.of(SetEnv):
        step = one.step
        if not isinstance(step, SetEnv) or step.workload == CENTRAL:
            continue
        rest = list(_until_next(looked, at, step.workload))
        kinds = (AwaitClients, RolloutStatus, RestartOutdated)
        if not any(isinstance(s, kinds) and s.workload == step.workload for s in rest):
            yield one.line, f"nobody waits until {step.workload} has the new addresses"
        early = [s for s in looked.steps[:at] if isinstance(s, kinds) and s.workload == step.workload]
        sets = sum(isinstance(s, SetEnv) and s.workload == step.workload for s in looked.steps[:at])
        if len(early) > sets:
            yield one.line, f"{step.workload} is waited for before it gets the new addresses"


def _until_next(looked: Looked, at: int, workload: str) -> Iterator[Step]:
    for step in looked.steps[at + 1 :]:
        if isinstance(step, SetEnv) and step.workload == workload:
            return
        yield step


def writers_before_rolls(looked: Looked) -> Found:
    """Whoever writes through a leader knows the newcomer before it may lead: before the second pod is rolled."""
    _, new = _hosts(looked)
    rolls = _at(looked, lambda step: isinstance(step, RollNextPod) and not step.newcomer)
    if not _steers(looked) or not new or not rolls:
        return
    for workload in lookup.clients(looked.view):
        if workload.kind != "Deployment":
            continue
        told = [
            step.addresses
            for step in looked.steps[: rolls[0]]
            if isinstance(step, SetEnv) and step.workload == workload.name
        ]
        if not told or new not in told[-1]:
            yield _line(looked, rolls[0]), f"{workload.name} does not know {new}, which may lead now"
        elif not set(lookup.node_ips(looked.view)) - _removed(looked, rolls[0]) <= set(told[-1]):
            yield _line(looked, rolls[0]), f"{workload.name} does not know every member while all of them may lead"


def _removed(looked: Looked, at: int) -> set[str]:
    """Addresses that are removed before position ``at``."""
    return {step.address for step in looked.steps[:at] if isinstance(step, Remove)}


def first_stays(looked: Looked) -> Found:
    """The addresses that stay keep their order."""
    before = lookup.node_ips(looked.view)
    for _, one, step in looked.node_ips():
        kept = [address for address in step.addresses if address in before]
        if kept != [address for address in before if address in kept]:
            yield one.line, f"NODE_IPS begins with {step.addresses[0]}, it began with {before[0]}"
