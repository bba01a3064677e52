"""Words that every form of a plan shares: when a step is done, what a margin means, where a command is typed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from harness.cluster import DATABASES, ClusterView
from harness.plan import Plan, StepForecast
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
    ConfirmKicked,
    DeletePods,
    KeepPodForLast,
    KeepTogether,
    Kick,
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
    SetEnv,
    SetMinReadySeconds,
    ShowStatus,
    Step,
    Unlabel,
)

NO_QUORUM = "NO QUORUM"


def clean(text: str) -> str:
    """``text`` on one line, without characters that move a terminal's cursor or change its colours."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in " ".join(text.split()))


def margin(value: int) -> str:
    """How many more servers may fail, in words when the majority is gone."""
    return str(value) if value >= 0 else NO_QUORUM


def margins(values: Mapping[str, int]) -> str:
    """nb and sb, as ``1/0``; NO QUORUM once if both have none."""
    words = [margin(values[database.value]) for database in DATABASES]
    return NO_QUORUM if words == [NO_QUORUM, NO_QUORUM] else "/".join(words)


def tolerance(row: StepForecast) -> str:
    """What is tolerated after a step, and the worst instant within it where that is lower."""
    after = margins(row.after)
    lower = any(row.during[database.value] < row.after[database.value] for database in DATABASES)
    return f"{after} (during it {margins(row.during)})" if lower else after


def subject(plan: Plan) -> str:
    """What the plan does, to whom."""
    old = f"{plan.old.node} ({plan.old.address})" if plan.old else ""
    new = f"{plan.new.node} ({plan.new.address})" if plan.new else ""
    if plan.verb == "replace":
        return f"replace {old} with {new}"
    return f"{plan.verb} {old or new}"


def short_subject(plan: Plan) -> str:
    """The same without addresses."""
    if plan.old and plan.new:
        return f"{plan.verb} {plan.old.node} with {plan.new.node}"
    return f"{plan.verb} {plan.target.node}"


@dataclass(frozen=True, slots=True)
class Lowest:
    """The lowest tolerance of one database on the way, and the first step at which it is reached (0: at the start)."""

    database: str
    margin: int
    step: int


def lowest(rows: tuple[StepForecast, ...]) -> tuple[Lowest, ...]:
    """Of each database, over every step's worst instant. Empty for a plan without steps."""
    found = []
    for database in (db.value for db in DATABASES):
        values = [min(row.during[database], row.after[database]) for row in rows]
        if values:
            found.append(Lowest(database, min(values), values.index(min(values)) + 1))
    return tuple(found)


def lowest_line(rows: tuple[StepForecast, ...]) -> str:
    """One line about the worst moment of a plan."""
    return ", ".join(f"{low.database} {margin(low.margin)} (step {low.step})" for low in lowest(rows))


def typed_on(step: Step) -> str:
    """The node on which the step's command is typed; "" where kubectl is."""
    return step.node if isinstance(step, ClearFiles | RemoveDirectory | CheckDirectory) else ""


def condition(step: Step) -> str:
    """When the step's commands are to be typed at all; "" for always."""
    if isinstance(step, CheckDirectory):
        return "only if ovnnb_db.db or ovnsb_db.db is there"
    if isinstance(step, KeepTogether):
        return f"only if {step.newcomer} leads one database and {step.leaver} the other"
    return ""


def stays_as_typed(line: str) -> bool:
    """Whether a command has no part left to be filled in, like ``<ID>``."""
    return re.search(r"<[A-Z][^<>]*>", line) is None


def split_comment(line: str) -> tuple[str, str]:
    """(command, what the comment behind it says)."""
    command, _, comment = line.partition("  # ")
    return command, comment


def done_when(step: Step, view: ClusterView) -> str:
    """What must be seen before the next step, as a person would check it."""
    match step:
        case RollNextPod():
            return _rolled(step)
        case Remove():
            return f"no member lists {step.address} in {step.database}, and its leader has nothing left to commit"
        case Kick():
            return "the answer is `started removal`, or `sent removal request to leader`; neither means that it is done"
        case ConfirmKicked():
            return f"{step.address} is not in the list any more"
        case Scale():
            return f"{step.workload} has {step.replicas} replicas"
        case SetEnv():
            return f'{step.variable} of {step.workload} is "{step.value}"'
        case Label():
            return f"{step.node} has {step.key}={step.value}"
        case Unlabel():
            return f"{step.node} has no {step.key}"
        case KeepPodForLast():
            return f"the ovn-central pod on {step.node} is the last one that a rollout would delete, and all are Ready"
        case KeepTogether():
            return f"{step.leaver} and {step.newcomer} do not lead one database each"
        case AwaitInOrder():
            return _in_order(step, view)
        case _:
            return _done_when_plain(step)


def _rolled(step: RollNextPod) -> str:
    words = f"{step.number} of {step.total} pods are made from the new template, and the rollout is paused again"
    if step.newcomer:
        return f"{words}; {step.newcomer} is a caught-up voter in nb and sb"
    if step.leaver and step.number == step.total:
        return f"{words}; the last pod's replacement is Pending"
    return f"{words}; the new pod is Ready, and every server is a caught-up voter"


def _in_order(step: AwaitInOrder, view: ClusterView) -> str:
    words = "each database has one leader, and every server follows it and is caught up"
    names = [node.name if (node := view.node_at(address)) else address for address in step.down]
    return f"{words} ({', '.join(names)} excepted)" if names else words


def _done_when_plain(step: Step) -> str:
    match step:
        case ListPods():
            return "you know the node's address"
        case ShowStatus():
            return f"you know the id in {step.database} of the server at the node's address"
        case CheckStatus():
            return f"{step.database} has a leader, and every server answers"
        case RolloutStatus():
            return f"it says that {step.workload} is rolled out"
        case DeletePods():
            return f"the pods with app={step.app} are Ready again"
        case RemoveDirectory() | ClearFiles():
            return f"{step.directory} on {step.node} is gone"
        case CheckDirectory():
            return f"no database file is in {step.directory} on {step.node}"
        case SetMinReadySeconds():
            return f"minReadySeconds of {step.workload} is {step.seconds}"
        case PauseRollout():
            return f"{step.workload} is paused"
        case ResumeRollout():
            return f"{step.workload} is not paused, and no pod restarts"
        case Backup():
            return f"the copy of {step.database} is where you will find it"
        case AwaitNotReady():
            return f"the {CENTRAL} pod on {step.node} is not Ready"
        case AwaitPodOn():
            return f"{step.node} has an {CENTRAL} pod (which may restart: its address is not listed yet)"
        case RestartOutdated():
            return f"every pod of {step.workload} on a live node has the new addresses and is Ready"
        case AwaitClients():
            return f"every pod of {step.workload} on a live node has the new addresses and is Ready"
        case _:
            return ""
