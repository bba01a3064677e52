"""Words that every form of a plan shares: when a step is done, what a margin means, where a command is typed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
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
    ConfirmAddresses,
    ConfirmEnd,
    ConfirmKicked,
    DeletePods,
    KeepPodForLast,
    KeepTogether,
    Kick,
    Label,
    ListPods,
    MakeRoom,
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
    Sleep,
    Step,
    Unlabel,
)

NO_QUORUM = "NO QUORUM"


def clean(text: str) -> str:
    """``text`` on one line, without characters that move a terminal's cursor or change its colours."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """``text`` with such characters spelled out, its blanks as they are."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


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


def safe_points(steps: Sequence[Step]) -> tuple[bool, ...]:
    """Whether the cluster may be left as it is after each step: a look changes nothing, so it is as safe to stop after
    it as after the change before it."""
    found: list[bool] = []
    for step in steps:
        safe = step.safe_point and (not step.read_only or not found or found[-1])
        found.append(safe)
    return tuple(found)


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


DONE_WHEN: dict[type[Step], str] = {
    AwaitClients: "every pod of {0.workload} on a live node has the new addresses and is Ready",
    AwaitNotReady: f"the {CENTRAL} pod on {{0.node}} is not Ready",
    AwaitPodOn: f"{{0.node}} has an {CENTRAL} pod (which may restart: its address is not listed yet)",
    Backup: "the copy of {0.database} is where you will find it",
    CheckDirectory: "no database file is in {0.directory} on {0.node}",
    CheckStatus: "{0.database} has a leader, and every server answers",
    ClearFiles: "{0.directory} on {0.node} is gone",
    ConfirmAddresses: 'it is "{0.value}"',
    ConfirmEnd: 'addresses are "{0.value}" everywhere, as many replicas, and no other node has the label',
    ConfirmKicked: "{0.address} is not in the list any more",
    DeletePods: "the pods with app={0.app} are Ready again",
    KeepPodForLast: f"all are Ready, and a rollout would delete the {CENTRAL} pod on {{0.node}} last",
    KeepTogether: "{0.leaver} and {0.newcomer} do not lead one database each",
    Kick: "the answer is `started removal` or `sent removal request to leader`; neither means that it is done",
    Label: "{0.node} has {0.key}={0.value}",
    ListPods: "you know the node's address",
    MakeRoom: "{0.workload} has {0.replicas} replicas, all of them Ready, and every server is a caught-up voter",
    PauseRollout: "{0.workload} is paused",
    Remove: "no member lists {0.address} in {0.database}, and its leader has nothing left to commit",
    RemoveDirectory: "{0.directory} on {0.node} is gone",
    RestartOutdated: "every pod of {0.workload} on a live node has the new addresses and is Ready",
    ResumeRollout: "{0.workload} is not paused, and no pod restarts",
    RolloutStatus: "it says that {0.workload} is rolled out",
    Scale: "{0.workload} has {0.replicas} replicas",
    ScaleIn: "{0.workload} has {0.replicas} replicas, and no member's pod has gone",
    SetEnv: '{0.variable} of {0.workload} is "{0.value}"',
    SetMinReadySeconds: "minReadySeconds of {0.workload} is {0.seconds}",
    ShowStatus: "you know the id in {0.database} of the server at the node's address",
    Sleep: "{0.seconds:g} s have passed",
    Unlabel: "{0.node} has no {0.key}",
}
"""What to see before the next step, with the step's fields."""


def done_when(step: Step, view: ClusterView) -> str:
    """What must be seen before the next step, as a person would check it."""
    if isinstance(step, RollNextPod):
        return _rolled(step)
    if isinstance(step, AwaitInOrder):
        return _in_order(step, view)
    return DONE_WHEN[type(step)].format(step)


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
