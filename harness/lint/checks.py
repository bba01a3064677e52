"""What each rule looks for. A check yields the line and what was seen there."""

from __future__ import annotations

from harness.addresses import host_of, split_list
from harness.cluster import DATABASES, Database
from harness.forecast import Forecast
from harness.lint.base import Found, Looked
from harness.procedures import lookup
from harness.steps import (
    CENTRAL,
    AwaitClients,
    AwaitInOrder,
    AwaitNotReady,
    Backup,
    CheckDirectory,
    CheckStatus,
    ClearFiles,
    ConfirmKicked,
    DeletePods,
    Kick,
    Label,
    PauseRollout,
    Remove,
    RemoveDirectory,
    ResumeRollout,
    RollNextPod,
    RolloutStatus,
    Scale,
    ScaleIn,
    SetEnv,
    ShowStatus,
    Sleep,
    Step,
    Unlabel,
)

NOTICED = 60.0
"""Seconds after which Kubernetes has noticed that a kicked pod is not Ready: 45 s of probes, and some."""


def _kicks(looked: Looked) -> list[tuple[int, int, Database, str]]:
    """(position, line, database, host) of every kick."""
    found = []
    for at, one in looked.of(Kick, Remove):
        if isinstance(one.step, Kick | Remove):
            found.append((at, one.line, one.step.database, host_of(one.step.address)))
    return found


def _out(looked: Looked) -> str:
    """The address that leaves; "" if none does."""
    plan = looked.book.exported
    if plan is not None:
        return plan.old.address if plan.old is not None else ""
    return looked.book.node.address if looked.removes else ""


def _in(looked: Looked) -> str:
    plan = looked.book.exported
    if plan is not None:
        return plan.new.address if plan.new is not None else ""
    return "" if looked.removes else looked.book.node.address


def one_database(looked: Looked) -> Found:
    kicks = _kicks(looked)
    kicked = [database for _, _, database, _ in kicks]
    if kicks and len(set(kicked)) == 1:
        missing = next(database for database in DATABASES if database not in kicked)
        yield kicks[0][1], f"the node is kicked from {kicked[0]} and not from {missing}"


def no_kick(looked: Looked) -> Found:
    if looked.removes and not _kicks(looked):
        yield looked.end, "no kick from either database"


def wrong_server(looked: Looked) -> Found:
    out = _out(looked)
    for _, line, database, host in _kicks(looked):
        if host != out:
            yield line, f"{host} is kicked from {database}" + (f", and {out} is to leave" if out else "")


def kick_before_health(looked: Looked) -> Found:
    first = next(((at, one) for at, one in looked.of(Kick)), None)
    if first is None or looked.before(first[0], AwaitInOrder):
        return
    checked = [step.database for step in looked.steps[: first[0]] if isinstance(step, CheckStatus)]
    if set(checked) != set(DATABASES):
        yield first[1].line, "the first kick comes before a look at whether both databases are in order"


def unconfirmed(looked: Looked) -> Found:
    for at, one in looked.of(Kick):
        step = one.step
        assert isinstance(step, Kick)
        for later in looked.steps[at + 1 :]:
            if isinstance(later, ConfirmKicked) and later.database is step.database:
                break
            if not later.read_only:
                yield one.line, f"nobody looks whether {step.database} is rid of the server before {later.title}"
                break
        else:
            yield one.line, f"nobody looks whether {step.database} is rid of the server"


def _replicas(looked: Looked) -> int:
    return lookup.central(looked.view).replicas


def scale_early(looked: Looked) -> Found:
    for at, one in looked.of(Scale):
        step = one.step
        assert isinstance(step, Scale)
        if isinstance(step, ScaleIn) or step.workload != CENTRAL or step.replicas >= _replicas(looked):
            continue
        slept = sum(s.seconds for s in looked.steps[:at] if isinstance(s, Sleep))
        if not looked.before(at, AwaitNotReady) and slept < NOTICED:
            yield one.line, f"ovn-central is scaled to {step.replicas} before the leaver's pod is seen NotReady"


def label_kept(looked: Looked) -> Found:
    if not looked.removes:
        return
    for at, one in looked.of(Scale):
        step = one.step
        down = isinstance(step, Scale) and step.workload == CENTRAL and step.replicas < _replicas(looked)
        if down and not looked.before(at, Unlabel):
            yield one.line, "ovn-central is scaled down while the leaving node has the label"
            return
    if not any(True for _ in looked.of(Unlabel)):
        yield looked.end, "the leaving node keeps the label"


def no_scale(looked: Looked) -> Found:
    if looked.book.exported is not None or any(_is_scale(step) for step in looked.steps):
        return
    verb = "down" if looked.removes else "up"
    yield looked.end, f"ovn-central is not scaled {verb}"


def _is_scale(step: Step) -> bool:
    return isinstance(step, Scale) and step.workload == CENTRAL


def _paused(looked: Looked, at: int) -> bool:
    """Whether ovn-central's rollout is held at position ``at``."""
    held = lookup.central(looked.view).paused
    for step in looked.steps[:at]:
        if isinstance(step, PauseRollout | ResumeRollout) and step.workload == CENTRAL:
            held = isinstance(step, PauseRollout)
    return held


def env_before_scale(looked: Looked) -> Found:
    scales = [at for at, one in looked.of(Scale) if _is_scale(one.step)]
    for at, one, _ in looked.node_ips():
        if scales and at < scales[0] and not _paused(looked, at):
            yield one.line, "NODE_IPS is set before ovn-central is scaled"
            return


def new_first(looked: Looked) -> Found:
    new = _in(looked)
    for _, one, step in looked.node_ips():
        if new and step.addresses[:1] == (new,):
            yield one.line, f"the newcomer {new} is the first of NODE_IPS"


def node_ips_wrong(looked: Looked) -> Found:
    out, new = _out(looked), _in(looked)
    wanted = [a for a in lookup.node_ips(looked.view) if a != out] + [new] * bool(new)
    last = next(iter(list(looked.node_ips())[-1:]), None)
    if last is None:
        yield looked.end, "NODE_IPS of ovn-central is not changed"
        return
    _, one, step = last
    for address in sorted(set(step.addresses) - set(wanted)):
        yield one.line, f"NODE_IPS has {address}" + (", which leaves" if address == out else "")
    for address in sorted(set(wanted) - set(step.addresses)):
        yield one.line, f"NODE_IPS is without {address}"


def stall(looked: Looked) -> Found:
    """Where the forecast has no majority: a restart by an unwatched rollout."""
    now = Forecast.of(looked.view)
    for at, one in enumerate(looked.book.steps):
        impact = one.step.impact(now)
        during = min(impact.during.of_database(database).margin for database in DATABASES)
        if during < 0 and isinstance(one.step, SetEnv) and not _paused(looked, at):
            members = max(len(now.of_database(database).members) for database in DATABASES)
            yield one.line, f"setting NODE_IPS restarts the members of a cluster of {members}"
        now = impact.after


def no_rollout_status(looked: Looked) -> Found:
    for at, one, _ in looked.node_ips():
        rest = looked.steps[at + 1 :]
        awaited = any(isinstance(s, RolloutStatus) and s.workload == CENTRAL for s in rest)
        if not awaited and not any(isinstance(s, RollNextPod) for s in rest):
            yield one.line, "nobody waits for the rollout that NODE_IPS starts"


def _cleared(looked: Looked) -> list[tuple[int, int, str]]:
    """(position, line, node) of every removal of files that is not careful by itself."""
    found = []
    for at, one in looked.of(RemoveDirectory, CheckDirectory):
        if isinstance(one.step, RemoveDirectory | CheckDirectory):
            found.append((at, one.line, one.step.node))
    return found


def files_early(looked: Looked) -> Found:
    for at, line, name in _cleared(looked):
        node = looked.view.node(name)
        if node is None or node.name != looked.book.node.name or not lookup.is_member(looked.view, node):
            continue
        out = {database for position, _, database, host in _kicks(looked) if position < at and host == node.address}
        missing = [str(database) for database in DATABASES if database not in out]
        if missing:
            yield line, f"the files on {name} go while it is a member of {' and '.join(missing)}"
        elif not any(_is_scale(step) for step in looked.steps[:at]):
            yield line, f"the files on {name} go while its pod may run"


def files_wrong_node(looked: Looked) -> Found:
    for _, line, name in _cleared(looked):
        if name != looked.book.node.name:
            yield line, f"the files on {name} go, and the procedure is about {looked.book.node.name}"


def files_left(looked: Looked) -> Found:
    if looked.book.exported is None and not any(True for _ in looked.of(RemoveDirectory, CheckDirectory, ClearFiles)):
        yield looked.end, f"the files on {looked.book.node.name} are not removed"
        return
    labels = [at for at, _ in looked.of(Label)]
    for at, line, name in _cleared(looked):
        if not looked.removes and labels and at > labels[0]:
            yield line, f"the files on {name} go when it has the label already"


def clients_forgotten(looked: Looked) -> Found:
    told: dict[str, tuple[int, tuple[str, ...]]] = {}
    for _, one in looked.of(SetEnv):
        if isinstance(one.step, SetEnv) and one.step.variable == "OVN_DB_IPS":
            told[one.step.workload] = one.line, one.step.addresses
    final = [step.addresses for _, _, step in looked.node_ips()]
    for workload in lookup.clients(looked.view):
        line, addresses = told.get(workload.name, (looked.end, split_list(workload.env["OVN_DB_IPS"])))
        if workload.name not in told:
            yield line, f"OVN_DB_IPS of {workload.ref} is not changed"
        elif final and set(addresses) != set(final[-1]):
            yield line, f"OVN_DB_IPS of {workload.ref} is not what NODE_IPS becomes"


def add_before_health(looked: Looked) -> Found:
    if looked.removes:
        return
    for at, one in looked.of(Label):
        looks = [step.database for step in looked.steps[:at] if isinstance(step, CheckStatus)]
        if not looked.before(at, AwaitInOrder) and set(looks) != set(DATABASES):
            yield one.line, "the node is labelled before a look at whether both databases are in order"


def unseen_id(looked: Looked) -> Found:
    """The id that is kicked is read from this database's status, not from the other's."""
    seen: set[Database] = set()
    for one in looked.book.steps:
        if isinstance(one.step, ShowStatus | CheckStatus | ConfirmKicked):
            seen.add(one.step.database)
        elif isinstance(one.step, Kick) and one.step.database not in seen:
            yield one.line, f"{one.step.database} is kicked before its status was shown, which has the id"


def label_late(looked: Looked) -> Found:
    if looked.removes or looked.book.exported is not None:
        return
    for at, one in looked.of(Scale):
        if _is_scale(one.step) and not looked.before(at, Label) and any(True for _ in looked.of(Label)):
            yield one.line, f"ovn-central is scaled before {looked.book.node.name} has the label"


def rollout_unawaited(looked: Looked) -> Found:
    if looked.book.exported is not None:
        return
    for at, one in looked.of(SetEnv):
        step = one.step
        if not isinstance(step, SetEnv) or step.workload == CENTRAL or step.kind != "Deployment":
            continue
        rest = looked.steps[at + 1 :]
        if not any(isinstance(s, RolloutStatus | AwaitClients) and s.workload == step.workload for s in rest):
            yield one.line, f"nobody waits until {step.workload} has the new addresses"


def clients_at_once(looked: Looked) -> Found:
    for _, one in looked.of(DeletePods):
        yield one.line, f"{one.step.title} deletes them all at once"


def sleeps(looked: Looked) -> Found:
    for _, one in looked.of(Sleep):
        yield one.line, f"{one.step.title}, whatever happens"


def no_backup(looked: Looked) -> Found:
    if not any(True for _ in looked.of(Backup)):
        yield looked.book.line, "no copy of nb and sb is made before"
