"""Commands as somebody types them later, when earlier steps have replaced pods and changed who is a member.

A step's own commands are those for the cluster as it is seen when the plan is made. A script or a runbook is read step
by step afterwards: there pods are looked up by node, and only nodes that have a server at that point are asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.report.wording import clean, condition, split_comment, stays_as_typed, typed_on
from harness.steps import CENTRAL, AwaitInOrder, KeepTogether, Remove, RollNextPod, Step

_DELETION = re.compile(r"kubectl delete pod -n \S+ [^-\s<]\S*")


@dataclass(frozen=True, slots=True)
class Typed:
    """One line. ``by_hand``: not for a script to run (another node, a condition, something to fill in), and why;
    ``until``: what to look for before the next line."""

    command: str
    until: str = ""
    by_hand: str = ""


def typed_steps(steps: Iterable[Step], view: ClusterView) -> tuple[tuple[Typed, ...], ...]:
    """What to type for each step, in order. ``view`` is what the plan was made from."""
    members = tuple(node.name for node in view.nodes if _runs_a_server(view, node.address))
    found = []
    for step in steps:
        found.append(tuple(_typed(step, line) for line in _lines(step, view, members)))
        members = _after(step, view, members)
    return tuple(found)


def _runs_a_server(view: ClusterView, address: str) -> bool:
    return any(address in health.live_hosts(view, database) for database in DATABASES)


def _after(step: Step, view: ClusterView, members: tuple[str, ...]) -> tuple[str, ...]:
    """Nodes that have a server after ``step``."""
    if isinstance(step, RollNextPod):
        came, gone = step.newcomer, step.leaver if step.number == step.total else ""
    elif isinstance(step, Remove) and step.database is Database.SB:
        came, gone = "", step.address
    else:
        return members
    left = tuple(name for name in members if (node := view.node(name)) is None or node.address != gone)
    newcomer = view.node_at(came) if came else None
    return left if newcomer is None or newcomer.name in left else (*left, newcomer.name)


def _lines(step: Step, view: ClusterView, members: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(step, AwaitInOrder):
        asked = [name for name in members if (node := view.node(name)) is None or node.address not in step.down]
        return tuple(_status(view, database, name) for database in DATABASES for name in asked)
    lines = tuple(_looked_up(line, step, view) for line in step.commands(view))
    leaver = view.node_at(step.address) if isinstance(step, Remove) else None
    survivor = next((name for name in members if leaver is not None and name != leaver.name), None)
    if leaver is not None and survivor is not None:
        # Its server may be down by then; any other member passes the request on to the leader.
        lines = tuple(line.replace(_pod_on(leaver.name), _pod_on(survivor)) for line in lines)
        lines = tuple(line.replace("<LEADER POD>", _pod_on(survivor)) for line in lines)
    return lines


def _status(view: ClusterView, database: Database, node: str) -> str:
    run = f"kubectl exec -n {view.namespace} {_pod_on(node)} -c {CENTRAL} --"
    return f"{run} ovn-appctl -t {database.control} cluster/status {database.schema}"


def _typed(step: Step, line: str) -> Typed:
    command, comment = split_comment(line)
    comment = comment.removeprefix("and ")
    hint = _by_hand(step, command)
    until = "" if hint or comment.startswith("longest Ready") else comment
    if not until and not hint and _DELETION.match(command):
        until = "its replacement is Ready, and both databases are in order"
    return Typed(command.rstrip(), until, f"{hint} ({comment})" if hint and not typed_on(step) and comment else hint)


def _by_hand(step: Step, command: str) -> str:
    where, when = typed_on(step), condition(step)
    if where or when:
        return ", ".join(part for part in (where and f"on {clean(where)}", when) if part)
    return "" if stays_as_typed(command) else "fill in what stands in <> first"


def _looked_up(line: str, step: Step, view: ClusterView) -> str:
    """``line`` with ``"$(pod_on NODE)"`` for every ovn-central pod: a restarted pod has another name."""
    for pod in view.pods_of(CENTRAL):
        if pod.node is not None:
            line = re.sub(rf"(?<![\w.-]){re.escape(pod.name)}(?![\w.-])", _pod_on(pod.node), line)
    line = re.sub(r"<POD ON ([^<>\s]+)>", lambda found: _pod_on(found[1]), line)
    if isinstance(step, KeepTogether) and (node := view.node_at(step.newcomer)) is not None:
        line = line.replace("<NEW POD>", _pod_on(node.name))
    return line


def _pod_on(node: str) -> str:
    return f'"$(pod_on {node})"'


def definition(view: ClusterView) -> str:
    """The shell function that the commands rely on."""
    alive = "status.phase!=Failed,status.phase!=Succeeded"
    return (
        "pod_on() {\n"
        f"  kubectl get pod -n {view.namespace} -l app={CENTRAL} \\\n"
        f'    --field-selector "spec.nodeName=$1,{alive}" -o "jsonpath={{.items[0].metadata.name}}"\n'
        "}"
    )
