"""The rules of a steered rollout, as a table; :mod:`harness.lint.steered` has what each looks for."""

from __future__ import annotations

from harness.lint import steered
from harness.lint.base import ERROR, NOTE, Rule

_AGAIN = "make the plan anew with `ovnswap plan`, and leave its steps as they are"

STEERED: tuple[Rule, ...] = (
    Rule(
        "FIRST-MOVED",
        ERROR,
        "the first of NODE_IPS founds a new cluster if its files are lost and nobody leads: that must not change",
        "kube-ovn 10, hazards 7 and 8",
        "leave the other addresses in their order, a newcomer comes last",
        steered.first_stays,
    ),
    Rule(
        "UNSEEN",
        ERROR,
        "a change to a cluster that is not in order takes the majority of it",
        "kube-ovn 10, hazards 15 and 24",
        "look at nb and sb on every member first",
        steered.checked_first,
    ),
    Rule(
        "BACKUP-LATE",
        NOTE,
        "with the majority lost for good, recovery starts from a copy",
        "kube-ovn 4",
        "copy nb and sb before anything restarts",
        steered.backed_up,
    ),
    Rule(
        "BRAKES",
        ERROR,
        "a rollout that is not held goes on to the next member before the last one votes again",
        "kubernetes 5 and 6",
        "minReadySeconds, then pause, then NODE_IPS, then one pod at a time",
        steered.brakes,
    ),
    Rule(
        "BRAKES-LEFT",
        ERROR,
        "a Deployment that stays paused or braked does not do what the next operator asks of it",
        "kubernetes 5",
        "resume, minReadySeconds 0, rollout status, and a look at every member at the end",
        steered.released,
    ),
    Rule(
        "POD-SKIPPED",
        ERROR,
        "resuming would restart the pods that are left unwatched, or they keep the old addresses",
        "kubernetes 6",
        _AGAIN,
        steered.every_pod,
    ),
    Rule(
        "LEAVER-EARLY",
        ERROR,
        "the leaver's pod has no node to come back to: the rollout stops with the others on the old addresses",
        "kubernetes 6 and 7",
        "keep its pod for last, then take its label, then hold the rollout",
        steered.leaver_last,
    ),
    Rule(
        "LABEL-OTHER",
        ERROR,
        "a member without the label loses its place at its next restart, and a stranger with it gets a member's pod",
        "kube-ovn 10, hazard 12",
        "label the newcomer, unlabel the leaver",
        steered.labels_right,
    ),
    Rule(
        "NEWCOMER-LATE",
        ERROR,
        "without its pod the rollout takes a member down in its place",
        "kube-ovn 10, hazards 9 and 10",
        "clear its files, label it, scale, and wait for its pod, before the rollout is held",
        steered.newcomer_first,
    ),
    Rule(
        "LEADERS-APART",
        ERROR,
        "no ovn-northd reaches a leader of nb and one of sb that no pod's NODE_IPS lists together",
        "kube-ovn 2, meaning of NODE_IPS",
        "let one of them hand over before each pod is rolled",
        steered.apart,
    ),
    Rule(
        "UNCONFIRMED",
        ERROR,
        "a chart's upgrade that puts NODE_IPS back brings a leaver in again at the next restart",
        "kube-ovn 10, hazard 30",
        "look at NODE_IPS before the leaver is removed, and at the end",
        steered.confirmed,
    ),
    Rule(
        "REMOVE-ORDER",
        ERROR,
        "a pod that is not gone brings its server back, and a replica that is left takes a healthy pod's place",
        "kube-ovn 10, hazards 13 and 14",
        "its pod goes, then it is removed from nb and sb, then the replica, then the rollout goes on",
        steered.removed_then_scaled,
    ),
    Rule(
        "FILES-OTHER",
        ERROR,
        "files of a member are its votes and writes; files of a removed one make a ghost of it",
        "kube-ovn 10, hazards 3 to 6",
        "clear the leaver's directory when it is out of both databases, and no other",
        steered.leaver_cleared,
    ),
    Rule(
        "CLIENTS-UNAWAITED",
        ERROR,
        "pods with the old addresses lose the databases when the last of those is gone",
        "kube-ovn 10, hazard 28",
        "wait for every pod of the workload after its addresses are changed",
        steered.clients_awaited,
    ),
    Rule(
        "WRITERS-LATE",
        ERROR,
        "a leader that is not in OVN_DB_IPS is out of the writers' reach: every write waits",
        "kube-ovn 10, hazard 28",
        "give the writers all addresses, old and new, before the second pod is rolled",
        steered.writers_before_rolls,
    ),
)
