"""Our procedures: what the page does, in an order that never loses the majority, with a look before and after each act.

Orders (facts: kubernetes 6 and 7, peers 0.2):

* a living node leaves: change NODE_IPS while all voters are there, its pod last; kick when its replacement has nowhere
  to go; then scale. No pod of a smaller cluster is ever restarted.
* a dead node leaves: kick first, or its pod blocks the rollout.
* a node comes in: its own pod is replaced first, and the rollout is held until it is a caught-up voter.
* replacing a living node: add first, in the same rollout. Replacing a dead one: remove first.
"""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace as changed

from harness import health, preflight, rollout_order
from harness.addresses import join_list, split_list
from harness.cluster import DATABASES, ClusterView, Node, Pod, Workload
from harness.errors import BadInput, NothingToDo
from harness.plan import Plan
from harness.procedures import lookup
from harness.steps import (
    CENTRAL,
    AwaitClients,
    AwaitInOrder,
    AwaitNotReady,
    AwaitPodOn,
    Backup,
    ClearFiles,
    ConfirmAddresses,
    ConfirmEnd,
    KeepPodForLast,
    KeepTogether,
    Label,
    MakeRoom,
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

BRAKE = 30
"""minReadySeconds while a rollout is steered: time for the pause to arrive. Far below the 600 s progress deadline."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator accepts or knows: ``accept_stall`` allows restarting members of a two-member cluster;
    ``files`` are the names in the newcomer's directory, None if nobody looked."""

    accept_stall: bool = False
    files: tuple[str, ...] | None = None


def remove(view: ClusterView, name: str, options: Options = Options()) -> Plan:
    """Take ``name`` out of ovn-central. Raises :class:`NothingToDo` if it has no part in it, :class:`BadInput` if there
    is no such node."""
    node = lookup.node(view, name)
    if not _has_part(view, node):
        raise NothingToDo(f"node {name} ({node.address}) is no ovn-central member", todo="ovnswap status shows who is")
    after = tuple(address for address in lookup.node_ips(view) if address != node.address)
    if _alive(view, node):
        return _remove_alive(view, node, after, options)
    return _remove_dead(view, node, after, options)


def _remove_alive(view: ClusterView, node: Node, after: tuple[str, ...], options: Options) -> Plan:
    total = len(after) + 1
    stall = options.accept_stall and total < 3
    steps: list[Step] = [AwaitInOrder(), *_backups(), _last(view, node), Unlabel(node.name, view.label[0])]
    steps += _hold(after)
    steps += [RollNextPod(n, total, last=node.name, accept_stall=stall) for n in range(1, total)]
    steps.append(RollNextPod(total, total, last=node.name, leaver=node.address, accept_stall=stall))
    steps.append(ConfirmAddresses(after))
    steps += [Remove(database, node.address) for database in DATABASES]
    steps += [ScaleIn(CENTRAL, len(after)), *_release()]
    steps += [ClearFiles(node.name, node.address, view.directory), *_clients(view, after)]
    checks = [
        *preflight.quorum(view, (node.address,)),
        *preflight.halfway(view, (node.address,)),
        *preflight.raft(view),
        *preflight.pods(view),
        *preflight.restarts(view, total, options.accept_stall),
        *preflight.first_address(view, after),
        *preflight.version(view, kick_first=False),
        *preflight.drift(view),
    ]
    order = (
        f"addresses first, kick when {node.name}'s pod is gone: every restart happens while all {total} voters exist"
    )
    return Plan(
        "guarded", "remove", lookup.target(node), None, tuple(steps), order, _small_cluster(len(after)), tuple(checks)
    )


def _remove_dead(view: ClusterView, node: Node, after: tuple[str, ...], options: Options) -> Plan:
    steps: list[Step] = [AwaitInOrder((node.address,)), *_backups()]
    steps += [Remove(database, node.address) for database in DATABASES]
    steps += [Unlabel(node.name, view.label[0]), AwaitNotReady(node.name)]
    steps += [*_scale_in(view, node, after), *_hold(after)]
    stall = options.accept_stall and len(after) < 3
    steps += [RollNextPod(n, len(after), accept_stall=stall) for n in range(1, len(after) + 1)]
    steps += [*_release(), ClearFiles(node.name, node.address, view.directory), *_clients(view, after)]
    readdressed = lookup.node_ips(view) != after
    checks = [
        *preflight.quorum(view, (node.address,)),
        *preflight.halfway(view, (node.address,)),
        *preflight.raft(view, ignore=(node.address,)),
        *preflight.pods(view, ignore=(node.name,)),
        *preflight.first_address(view, after),
        *preflight.version(view, kick_first=readdressed),
        *preflight.drift(view),
    ]
    if _outdated(view, after):
        first = preflight.bring_back(view, node)
        checks += preflight.restarts(view, len(after), options.accept_stall, first)
    order = f"kick first: {node.name} is not alive in both databases, and its pod would block the rollout"
    return Plan(
        "guarded", "remove", lookup.target(node), None, tuple(steps), order, _small_cluster(len(after)), tuple(checks)
    )


def add(view: ClusterView, name: str, options: Options = Options()) -> Plan:
    """Bring ``name`` into ovn-central. Raises :class:`NothingToDo` if it is wholly in already, :class:`BadInput` if
    there is no such node."""
    node = lookup.node(view, name)
    if _is_in(view, node):
        raise NothingToDo(f"node {name} ({node.address}) is an ovn-central member already", todo="ovnswap status")
    after = _with(view, lookup.node_ips(view), node)
    total = len(after)
    steps: list[Step] = [AwaitInOrder((node.address,)), *_backups(), *_clear_newcomer(view, node)]
    steps += [Label(node.name, *view.label), Scale(CENTRAL, total), AwaitPodOn(node.name), *_hold(after)]
    steps += [RollNextPod(1, total, newcomer=node.address), *_writers(view, after)]
    stall = options.accept_stall and total < 3
    steps += [RollNextPod(n, total, accept_stall=stall) for n in range(2, total + 1)]
    steps += [*_release(), *_clients(view, after)]
    checks = [
        *preflight.halfway(view, (node.address,)),
        *preflight.raft(view, ignore=(node.address,)),
        *preflight.pods(view, ignore=(node.name,)),
        *preflight.newcomer(view, node, options.files),
        *preflight.restarts(view, total, options.accept_stall),
        *preflight.first_address(view, after),
        *preflight.version(view, kick_first=False),
        *preflight.drift(view),
    ]
    order = "its pod first, held until it is a caught-up voter in both databases; then the others, one at a time"
    return Plan("guarded", "add", None, lookup.target(node), tuple(steps), order, (), tuple(checks))


def replace(view: ClusterView, old: str, new: str, options: Options = Options()) -> Plan:
    """Put ``new`` in ``old``'s place. Raises :class:`NothingToDo` if it is there already, :class:`BadInput` if a node
    is unknown, both are the same, or neither has a part."""
    if old == new:
        raise BadInput(f"{old} can't replace itself", todo=f"ovnswap apply remove {old}, then ovnswap apply add {old}")
    leaver, newcomer = lookup.node(view, old), lookup.node(view, new)
    if not _has_part(view, leaver):
        if _has_part(view, newcomer) and not _is_in(view, newcomer):
            return _come_in(view, leaver, newcomer, options)
        error = NothingToDo if _is_in(view, newcomer) else BadInput
        raise error(f"node {old} ({leaver.address}) is no ovn-central member", todo="ovnswap status shows who is")
    rest = tuple(address for address in lookup.node_ips(view) if address != leaver.address)
    after = _with(view, rest, newcomer)
    if _alive(view, leaver):
        return _replace_alive(view, leaver, newcomer, after, options)
    return _replace_dead(view, leaver, newcomer, after, options)


def _replace_alive(view: ClusterView, old: Node, new: Node, after: tuple[str, ...], options: Options) -> Plan:
    total = len(after) + 1
    steps: list[Step] = [AwaitInOrder((new.address,)), *_backups(), *_clear_newcomer(view, new)]
    steps += [_last(view, old), Label(new.name, *view.label), Unlabel(old.name, view.label[0])]
    steps += [Scale(CENTRAL, total), AwaitPodOn(new.name), *_hold(after)]
    steps += [RollNextPod(1, total, last=old.name, newcomer=new.address)]
    steps += _writers(view, _both(view, old, after))
    apart, stall = (old.address, new.address), options.accept_stall and total < 3
    for number in range(2, total):
        steps += [
            KeepTogether(*apart),
            RollNextPod(number, total, last=old.name, apart=apart, accept_stall=stall),
        ]
    steps += [KeepTogether(*apart), RollNextPod(total, total, last=old.name, leaver=old.address, accept_stall=stall)]
    steps.append(ConfirmAddresses(after))
    steps += [Remove(database, old.address) for database in DATABASES]
    steps += [ScaleIn(CENTRAL, len(after)), *_release()]
    steps += [ClearFiles(old.name, old.address, view.directory), *_clients(view, after)]
    checks = [
        *preflight.halfway(view, (old.address, new.address)),
        *preflight.raft(view, ignore=(new.address,)),
        *preflight.pods(view, ignore=(new.name,)),
        *preflight.newcomer(view, new, options.files),
        *preflight.restarts(view, total, options.accept_stall),
        *preflight.first_address(view, after),
        *preflight.version(view, kick_first=False),
        *preflight.drift(view),
    ]
    order = f"add first: {old.name} is alive, and {total} voters can spare it while each pod restarts"
    targets = lookup.target(old), lookup.target(new)
    return Plan("guarded", "replace", *targets, tuple(steps), order, (), tuple(checks))


def _replace_dead(view: ClusterView, old: Node, new: Node, after: tuple[str, ...], options: Options) -> Plan:
    total = len(after)
    steps: list[Step] = [AwaitInOrder((old.address, new.address)), *_backups(), *_clear_newcomer(view, new)]
    steps += [Remove(database, old.address) for database in DATABASES]
    steps += [Unlabel(old.name, view.label[0]), AwaitNotReady(old.name)]
    if lookup.central(view).replicas > total:
        steps += _scale_in(view, old, after)
    steps += [Label(new.name, *view.label), *_hold(after)]
    steps += [RollNextPod(1, total, newcomer=new.address), *_writers(view, after)]
    steps += [RollNextPod(n, total) for n in range(2, total + 1)]
    steps += [Scale(CENTRAL, total), *_release()]
    steps += [ClearFiles(old.name, old.address, view.directory), *_clients(view, after)]
    checks = [
        *preflight.quorum(view, (old.address,)),
        *preflight.halfway(view, (old.address, new.address)),
        *preflight.raft(view, ignore=(old.address, new.address)),
        *preflight.pods(view, ignore=(old.name, new.name)),
        *preflight.newcomer(view, new, options.files),
        *preflight.restarts(view, total, accept_stall=False),
        *preflight.first_address(view, after),
        *preflight.version(view, kick_first=lookup.node_ips(view) != after),
        *preflight.drift(view),
    ]
    order = f"remove first: {old.name} is dead, and a newcomer beside it would only raise the majority"
    targets = lookup.target(old), lookup.target(new)
    return Plan("guarded", "replace", *targets, tuple(steps), order, (), tuple(checks))


def _come_in(view: ClusterView, old: Node, new: Node, options: Options) -> Plan:
    """What is left of a replacement whose leaver is out already while the newcomer is not (wholly) in."""
    plan = add(view, new.name, options)
    order = f"{old.name} is out already: {plan.order}"
    steps = (*plan.steps[:-1], ClearFiles(old.name, old.address, view.directory), plan.steps[-1])
    return changed(plan, verb="replace", old=lookup.target(old), steps=steps, order=order)


def _has_part(view: ClusterView, node: Node) -> bool:
    """Whether anything of ``node`` is left in ovn-central, so that a run that was cut off can be finished. Where nobody
    of a database answers, it may be: the checks before the plan say so."""
    listed = any(node.address in split_list(value) for w in view.workloads for value in w.env.values())
    old_pods = any(node.address in split_list(value) for pod in _reachable(view) for value in pod.env.values())
    if listed or old_pods or lookup.is_member(view, node) or node in view.labelled() or _unfinished(view):
        return True
    return any(not health.members(view, database) for database in DATABASES)


def _is_in(view: ClusterView, node: Node) -> bool:
    """Whether nothing is left to do: a voter in both databases, and every list and pod says so."""
    listed = lookup.node_ips(view)
    given = [client.env for client in lookup.clients(view)] + [pod.env for pod in _client_pods(view)]
    everywhere = all(split_list(env["OVN_DB_IPS"]) == listed for env in given)
    agreed = node.address in listed and everywhere and not _outdated(view, listed) and not _unfinished(view)
    voter = all(health.is_voter(view, database, node.address) for database in DATABASES)
    return agreed and voter and node in view.labelled()


def _reachable(view: ClusterView) -> tuple[Pod, ...]:
    """Pods that a rollout can still replace: active, on a Ready node."""
    return tuple(p for p in view.pods if p.active and (node := view.node(p.node or "")) is not None and node.ready)


def _client_pods(view: ClusterView) -> tuple[Pod, ...]:
    """A run that was cut off between a workload's new addresses and its pods' restart leaves pods with the old ones."""
    return tuple(pod for pod in _reachable(view) if "OVN_DB_IPS" in pod.env)


def _unfinished(view: ClusterView) -> bool:
    """Whether ovn-central is half-way and nothing tells for which node: then the one that is named is believed."""
    if any(check.verdict == preflight.REFUSED for check in preflight.halfway(view, ())):
        return False
    workload = lookup.central(view)
    return workload.paused or workload.replicas != len(lookup.node_ips(view)) or workload.min_ready_seconds == BRAKE


def _alive(view: ClusterView, node: Node) -> bool:
    return node.ready and all(node.address in health.live_hosts(view, database) for database in DATABASES)


def _outdated(view: ClusterView, after: tuple[str, ...]) -> bool:
    """Whether any running pod was made with other addresses than the procedure ends with."""
    value = join_list(after)
    return any(p.env.get("NODE_IPS") != value for p in view.pods_of(CENTRAL) if p.active and p.node)


def _with(view: ClusterView, addresses: tuple[str, ...], node: Node) -> tuple[str, ...]:
    """A newcomer comes last, even if it is listed already: the first address may bootstrap a cluster, and must hold the
    data (facts: kube-ovn H8)."""
    if node.address in addresses and lookup.is_member(view, node):
        return addresses
    return (*(address for address in addresses if address != node.address), node.address)


def _scale_in(view: ClusterView, node: Node, after: tuple[str, ...]) -> list[Step]:
    """One replica less, so that the dead ``node``'s pod goes.

    A rollout that was cut off has two ReplicaSets, and scaling takes from the bigger one (facts: kubernetes 4). If
    that has only healthy pods, the rollout goes on first: it takes the dead pod, and scaling then its replacement.
    Where the rollout has taken it before its turn, the replacement has no node, and the rollout waits for it for ever.
    """
    workload = lookup.central(view)
    steps: list[Step] = []
    if workload.replicas > len(after) and _homeless(view, workload):
        return [MakeRoom(CENTRAL, len(after), node.address)]
    victims = rollout_order.scale_in_victims(view, workload)
    if workload.replicas > len(after) and any(pod.ready and pod.node != node.name for pod in victims):
        left = len(rollout_order.outdated(view, workload))
        steps += [*_hold(after), RollNextPod(workload.replicas - left + 1, workload.replicas, leaver=node.address)]
    return [*steps, ScaleIn(CENTRAL, len(after))]


def _homeless(view: ClusterView, workload: Workload) -> bool:
    """Whether a pod of the new template has nowhere to go while others still have the old one."""
    waits = any(p.node is None and rollout_order.is_updated(p, workload) for p in view.pods_of(CENTRAL) if p.active)
    return waits and bool(rollout_order.outdated(view, workload))


def _both(view: ClusterView, old: Node, after: tuple[str, ...]) -> tuple[str, ...]:
    """The addresses while ``old`` and the newcomer are members both, also where a run that was cut off has taken
    ``old`` out of NODE_IPS already: it may still lead."""
    before = lookup.node_ips(view)
    return (*(before if old.address in before else (*before, old.address)), *(a for a in after if a not in before))


def _last(view: ClusterView, node: Node) -> KeepPodForLast:
    return KeepPodForLast(node.name, restarts=not rollout_order.has_deletion_cost(view))


def _backups() -> list[Step]:
    return [Backup(database) for database in DATABASES]


def _clear_newcomer(view: ClusterView, node: Node) -> list[Step]:
    """Clear the newcomer's directory, unless it is in already: then its files are a member's."""
    pod = view.central_pod(node.name)
    running = pod is not None and node.address in split_list(pod.env.get("NODE_IPS", ""))
    if running or lookup.is_member(view, node):
        return []
    return [ClearFiles(node.name, node.address, view.directory)]


def _hold(after: tuple[str, ...]) -> list[Step]:
    """Brakes on, then the new addresses: nothing restarts until a step lets one pod go."""
    return [
        SetMinReadySeconds(CENTRAL, BRAKE),
        PauseRollout(CENTRAL),
        SetEnv("Deployment", CENTRAL, "NODE_IPS", after),
    ]


def _release() -> list[Step]:
    return [
        ResumeRollout(CENTRAL),
        SetMinReadySeconds(CENTRAL, 0),
        RolloutStatus("Deployment", CENTRAL),
        AwaitInOrder(),
    ]


def _writers(view: ClusterView, addresses: tuple[str, ...]) -> list[Step]:
    """New addresses, before the newcomer may lead, for the clients that talk to leaders only: the Deployments.

    A leader that is not in OVN_DB_IPS is out of their reach, and every write waits. ovn-controller (the DaemonSets)
    reads from any member and can wait until the end.
    """
    steps: list[Step] = []
    for workload in lookup.clients(view):
        if workload.kind == "Deployment":
            steps.append(SetEnv(workload.kind, workload.name, "OVN_DB_IPS", addresses))
            steps.append(AwaitClients(workload.name))
    return steps


def _clients(view: ClusterView, after: tuple[str, ...]) -> list[Step]:
    """New addresses for every workload that connects to ovn-central; a last look at ovn-central's own."""
    steps: list[Step] = []
    for workload in lookup.clients(view):
        steps.append(SetEnv(workload.kind, workload.name, "OVN_DB_IPS", after))
        if workload.kind == "DaemonSet":
            steps.append(RestartOutdated(workload.name))
        else:
            steps.append(AwaitClients(workload.name))
    return [*steps, ConfirmEnd(after)]


def _small_cluster(members: int) -> tuple[str, ...]:
    if members >= 3:
        return ()
    instead = "replace instead of removing: ovnswap plan replace NODE --with SPARE keeps three voters all along"
    return (f"afterwards {members} members tolerate no failure: add a node soon, or {instead}",)
