"""The rules, as a table. Hazard numbers are those of the facts' catalogue (kube-ovn 10)."""

from __future__ import annotations

from harness.cluster import ClusterView
from harness.lint import checks
from harness.lint.base import ERROR, NOTE, WARNING, Finding, Looked, Rule
from harness.lint.steered_rules import STEERED
from harness.procedures.runbook import Runbook

RULES: tuple[Rule, ...] = (
    Rule(
        "ONE-DATABASE",
        ERROR,
        "the other database keeps a dead member, which counts for its majority",
        "kube-ovn 10, hazard 1",
        "kick the node from nb and from sb",
        checks.one_database,
    ),
    Rule(
        "NO-KICK",
        ERROR,
        "the node stays a member of both databases for ever, and its return makes a ghost of it",
        "kube-ovn 10, hazard 2",
        "kubectl ko nb kick <ID> and kubectl ko sb kick <ID>, then look until it is gone",
        checks.no_kick,
    ),
    Rule(
        "WRONG-SERVER",
        ERROR,
        "a healthy member is removed and the one that should leave stays",
        "kube-ovn 10, hazard 16",
        "kick the id that this database's status shows for the leaving node's address",
        checks.wrong_server,
    ),
    Rule(
        "KICK-HEALTH",
        ERROR,
        "with another member down the leader takes the kick, can't commit it, and there is no leader any more",
        "kube-ovn 10, hazard 15",
        "look at nb and sb on every member first, as step 1 of `ovnswap plan remove NODE -o md` does",
        checks.kick_before_health,
    ),
    Rule(
        "KICK-UNCONFIRMED",
        ERROR,
        "`started removal` comes before the removal is committed; what follows may come too early",
        "kube-ovn 10, hazard 21",
        "kubectl ko nb|sb status until the server is gone, before anything else is changed",
        checks.unconfirmed,
    ),
    Rule(
        "SCALE-EARLY",
        ERROR,
        "until the leaver's pod is NotReady the ReplicaSet may delete a healthy member's: no majority",
        "kube-ovn 10, hazard 14",
        "kubectl wait pod/<POD> --for=condition=Ready=false before kubectl scale",
        checks.scale_early,
    ),
    Rule(
        "LABEL-KEPT",
        ERROR,
        "a replacement can land on the node that leaves, where it can't start: a replica is lost",
        "kube-ovn 10, hazard 12",
        "take the label off before ovn-central is scaled down",
        checks.label_kept,
    ),
    Rule(
        "NO-SCALE",
        ERROR,
        "a pod stays Pending, or none comes to the new node, and a later rollout stops half-way",
        "kube-ovn 10, hazard 13",
        "kubectl scale deployment ovn-central to the number of labelled nodes",
        checks.no_scale,
    ),
    Rule(
        "ENV-BEFORE-SCALE",
        ERROR,
        "the rollout takes a member down whose replacement has no node to go to, and stops there",
        "kube-ovn 10, hazards 9 and 10",
        "scale first, then set NODE_IPS; or pause the rollout before",
        checks.env_before_scale,
    ),
    Rule(
        "NEW-FIRST",
        ERROR,
        "the first of NODE_IPS makes a new cluster if it starts while there is no leader: split brain",
        "kube-ovn 10, hazard 8",
        "put the newcomer's address last",
        checks.new_first,
    ),
    Rule(
        "NODE-IPS",
        ERROR,
        "a pod whose address is not in NODE_IPS ends again and again; one that is in it and left comes back",
        "kube-ovn 10, hazard 26",
        "NODE_IPS: every member that stays, and the newcomer",
        checks.node_ips_wrong,
    ),
    Rule(
        "STALL",
        ERROR,
        "the rollout restarts a member while the others are no majority: nothing can be written",
        "kubernetes 6",
        "change NODE_IPS while three vote, one pod at a time: ovnswap plan remove NODE shows how",
        checks.stall,
    ),
    Rule(
        "NO-ROLLOUT-STATUS",
        ERROR,
        "what follows overlaps with a time without a majority",
        "kube-ovn 10, hazard 37",
        "kubectl rollout status deployment/ovn-central behind set env",
        checks.no_rollout_status,
    ),
    Rule(
        "FILES-EARLY",
        ERROR,
        "the files of a member hold its votes and acknowledged writes, and a running server writes them again",
        "kube-ovn 10, hazards 2 and 6",
        "rm -rf when the node is out of nb and sb and its pod is gone",
        checks.files_early,
    ),
    Rule(
        "FILES-WRONG-NODE",
        ERROR,
        "a member that stays loses its data, and comes back as a stranger",
        "kube-ovn 10, hazard 6",
        "remove the files on the node that leaves or comes in, and nowhere else",
        checks.files_wrong_node,
    ),
    Rule(
        "FILES-LEFT",
        ERROR,
        "with a removed member's files ovsdb-server ends with `left the cluster` when the node comes back",
        "kube-ovn 10, hazard 3",
        "rm -rf the database directory on the node, at the end of a removal or before it is labelled",
        checks.files_left,
    ),
    Rule(
        "CLIENTS-FORGOTTEN",
        ERROR,
        "it goes on with the old addresses until none of them is left, and then is cut off",
        "kube-ovn 10, hazard 28",
        "kubectl set env OVN_DB_IPS for every workload that has it",
        checks.clients_forgotten,
    ),
    Rule(
        "ADD-HEALTH",
        ERROR,
        "a newcomer to a cluster that is not in order stays `joining`, and raises the majority",
        "kube-ovn 10, hazard 24",
        "look at nb and sb on every member before the node is labelled",
        checks.add_before_health,
    ),
    Rule(
        "CLIENTS-AT-ONCE",
        WARNING,
        "every node's agent is down at the same time, and where the rollout restarts them too, twice",
        "kube-ovn 10, hazard 29",
        "one node after the other, or leave it to the rollout",
        checks.clients_at_once,
    ),
    Rule(
        "ID-UNSEEN",
        WARNING,
        "a server has another id in nb than in sb; one that is read from the wrong list, or an old note, is another's",
        "kube-ovn 10, hazards 16 and 17",
        "kubectl ko nb|sb status of the same database right before its kick",
        checks.unseen_id,
    ),
    Rule(
        "LABEL-LATE",
        WARNING,
        "the new pod stays Pending until the node is labelled, and if it never is, a later rollout stops half-way",
        "kube-ovn 10, hazard 13",
        "label the node, then scale",
        checks.label_late,
    ),
    Rule(
        "ROLLOUT-UNAWAITED",
        WARNING,
        "it is called done while its pods have the old addresses, and a rollout that gets stuck is not seen",
        "kube-ovn 10, hazard 28",
        "kubectl rollout status behind set env",
        checks.rollout_unawaited,
    ),
    Rule(
        "SLEEP",
        WARNING,
        "a fixed time is too short on the day on which it matters",
        "kube-ovn 10, hazards 14 and 37",
        "wait for what is awaited: rollout status, kubectl wait, a look at the status",
        checks.sleeps,
    ),
    Rule(
        "NO-BACKUP",
        NOTE,
        "with the majority lost for good, recovery starts from a copy",
        "kube-ovn 4",
        "kubectl ko nb backup and kubectl ko sb backup first",
        checks.no_backup,
    ),
    *STEERED,
)

UNCLEAR = "NOT-UNDERSTOOD"


def lint(book: Runbook, view: ClusterView) -> tuple[Finding, ...]:
    """What is wrong with one procedure, in the order of its lines; what is not understood is an error as well."""
    looked = Looked(book, view)
    found = [
        Finding(
            UNCLEAR,
            ERROR,
            book.name,
            one.line,
            f"not understood: {one.text[:160]}",
            "nothing can be said of what it does",
            "docs/runbooks.md",
            f"expected {one.expected}",
        )
        for one in book.unclear
    ]
    for rule in RULES:
        for line, seen in rule.check(looked):
            found.append(Finding(rule.id, rule.level, book.name, line, seen, rule.why, rule.fact, rule.fix))
    return tuple(sorted(found, key=lambda finding: finding.line))
