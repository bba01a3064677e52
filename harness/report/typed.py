"""Commands as somebody types them later: names of pods that earlier steps replace are looked up when they are needed."""

from __future__ import annotations

import re
from dataclasses import dataclass

from harness.cluster import ClusterView
from harness.report.wording import clean, condition, split_comment, stays_as_typed, typed_on
from harness.steps import CENTRAL, KeepTogether, Step

_DELETION = re.compile(r"kubectl delete pod -n \S+ [^-\s]\S*")


@dataclass(frozen=True, slots=True)
class Typed:
    """One line. ``by_hand``: not for a script to run (another node, a condition, something to fill in), and why;
    ``until``: what to look for before the next line."""

    command: str
    until: str = ""
    by_hand: str = ""


def lines(step: Step, view: ClusterView) -> tuple[Typed, ...]:
    """What to type for ``step``, in order."""
    found = []
    for line in step.commands(view):
        command, comment = split_comment(looked_up(line, step, view))
        hint = _by_hand(step, command)
        until = "" if hint or comment.startswith("longest Ready") else comment
        if not until and _DELETION.match(command):
            until = "its replacement is Ready, and both databases are in order"
        found.append(Typed(command.rstrip(), until, hint))
    return tuple(found)


def _by_hand(step: Step, command: str) -> str:
    where, when = typed_on(step), condition(step)
    if where or when:
        return ", ".join(part for part in (where and f"on {clean(where)}", when) if part)
    return "" if stays_as_typed(command) else "fill in what stands in <> first"


def looked_up(line: str, step: Step, view: ClusterView) -> str:
    """``line`` with ``"$(pod_on NODE)"`` for every ovn-central pod: a restarted pod has another name."""
    for pod in view.pods_of(CENTRAL):
        if pod.node is not None:
            line = re.sub(rf"(?<![\w.-]){re.escape(pod.name)}(?![\w.-])", lambda _, on=pod.node: _pod_on(on), line)
    line = re.sub(r"<POD ON ([^<>\s]+)>", lambda found: _pod_on(found[1]), line)
    if isinstance(step, KeepTogether) and (node := view.node_at(step.newcomer)) is not None:
        line = line.replace("<NEW POD>", _pod_on(node.name))
    return line


def _pod_on(node: str) -> str:
    return f'"$(pod_on {node})"'


def definition(view: ClusterView) -> str:
    """The shell function that :func:`looked_up` relies on."""
    alive = "status.phase!=Failed,status.phase!=Succeeded"
    return (
        "pod_on() {\n"
        f"  kubectl get pod -n {view.namespace} -l app={CENTRAL} \\\n"
        f'    --field-selector "spec.nodeName=$1,{alive}" -o "jsonpath={{.items[0].metadata.name}}"\n'
        "}"
    )
