"""A view made of what an operator can paste: the documentation's own texts, and what may be wrong with such a paste."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_golden import commands as transcript

from harness import health
from harness.cluster import DATABASES, ClusterView, Database
from harness.errors import BadInput
from harness.pasted import PastedCluster, view_from_text
from harness.procedures import documented, guarded
from harness.raft_status import parse, render
from harness.steps import KeepPodForLast

GOLDEN = Path(__file__).resolve().parents[1] / "transcripts" / "status"
LEAVER = "kube-ovn-control-plane2"
PODS = """\
# kubectl -n kube-system get pod -o wide | grep central
ovn-central-6bf58cbc97-2cdhg                      1/1     Running   0             21m   172.18.0.3   kube-ovn-control-plane    <none>           <none>
ovn-central-6bf58cbc97-crmfp                      1/1     Running   0             21m   172.18.0.5   kube-ovn-control-plane2   <none>           <none>
ovn-central-6bf58cbc97-lxmpl                      1/1     Running   0             21m   172.18.0.4   kube-ovn-control-plane3   <none>           <none>
"""  # noqa: E501
FLAT_PODS = "\n".join(" ".join(line.split()) for line in PODS.split("\n"))
PAGE = [
    "kubectl -n kube-system get pod -o wide | grep central",
    "kubectl ko nb status",
    "kubectl ko nb kick d64b",
    "kubectl ko nb status",
    "kubectl ko sb status",
    "kubectl ko sb kick e9f7",
    "kubectl ko sb status",
    "kubectl label node kube-ovn-control-plane2 kube-ovn/role-",
    "kubectl scale deployment -n kube-system ovn-central --replicas=2",
    'kubectl set env deployment/ovn-central -n kube-system NODE_IPS="172.18.0.3,172.18.0.4"',
    "kubectl rollout status deployment/ovn-central -n kube-system",
    'kubectl set env daemonset/ovs-ovn -n kube-system OVN_DB_IPS="172.18.0.3,172.18.0.4"',
    "kubectl delete pod -n kube-system -lapp=ovs",
    'kubectl set env deployment/kube-ovn-controller -n kube-system OVN_DB_IPS="172.18.0.3,172.18.0.4"',
    "kubectl rollout status deployment/kube-ovn-controller -n kube-system",
    "rm -rf /etc/origin/ovn",
]


def golden(name: str) -> str:
    return (GOLDEN / f"page-{name}.txt").read_text(encoding="utf-8")


NB, SB = golden("nb-before-kick"), golden("sb-before-kick")


def flat(text: str) -> str:
    return "\n".join(line.strip() for line in text.split("\n") if line.strip()) + "\n"


def pasted(pods: str = PODS, *statuses: str, **options) -> PastedCluster:
    return view_from_text(pods, statuses or (NB, SB), **options)


def commands(view: ClusterView) -> list[str]:
    return [line for step in documented.remove(view, LEAVER).steps for line in step.commands(view)]


def refuses(seen: str, *arguments, **options) -> BadInput:
    with pytest.raises(BadInput) as caught:
        pasted(*arguments, **options)
    assert seen in caught.value.seen, caught.value.seen
    assert caught.value.todo
    return caught.value


def line(name: str, node: str, ip: str, status: str = "Running", ready: str = "1/1", restarts: str = "0") -> str:
    return f"{name} {ready} {status} {restarts} 21m {ip} {node} <none> <none>\n"


# -- the page -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pods", [PODS, FLAT_PODS, PODS.replace("\n", "\r\n")], ids=["wide", "flat", "crlf"])
@pytest.mark.parametrize("change", [str, flat], ids=["as printed", "flattened"])
def test_the_pages_listing_and_statuses_give_the_pages_commands(pods: str, change) -> None:
    assert commands(pasted(pods, change(NB), change(SB)).view) == PAGE


def test_the_guarded_order_is_not_refused() -> None:
    view = pasted().view
    plan = guarded.remove(view, LEAVER)
    assert plan.refusals == ()
    assert [check.id for check in plan.checks if check.verdict == "warn"] == ["VERSION"]
    assert plan.order.startswith("addresses first")
    assert min(after for row in plan.forecast(view) for after in row.after.values()) >= 0


def test_every_server_is_a_voter_as_far_as_the_leader_tells() -> None:
    view = pasted().view
    assert health.all_problems(view) == []
    for database in DATABASES:
        assert health.live_hosts(view, database) == {"172.18.0.3", "172.18.0.4", "172.18.0.5"}
        assert all(health.is_voter(view, database, node.address) for node in view.nodes)


def test_what_was_not_seen_is_said() -> None:
    assumptions = pasted().assumptions
    assert "nb server d64b was not asked; the leader heard from it 1084 ms ago" in assumptions
    assert "sb server 6e84 was not asked; the leader heard from it 1004 ms ago" in assumptions
    assert sum("was not asked" in words for words in assumptions) == 4
    for words in ("NODE_IPS is 172.18.0.3,172.18.0.5,172.18.0.4", "3 replicas", "kube-ovn/role=master", "OVN_DB_IPS"):
        assert sum(words in assumption for assumption in assumptions) == 1, words
    assert any("/etc/origin/ovn" in words for words in assumptions)


def test_a_derived_report_claims_no_more_than_is_known() -> None:
    view = pasted().view
    report = view.report(Database.NB, LEAVER)
    assert report is not None
    status = report.status
    assert status is not None
    assert (status.server_id, status.role, status.leader, status.term, status.vote) == (
        "d64b",
        "follower",
        "1b9a",
        1,
        "unknown",
    )
    assert (status.log_end, status.cluster_id) == (135, parse(NB).cluster_id)
    assert [entry.sid4 for entry in status.servers if entry.is_self] == ["d64b"]
    assert all(entry.next_index is entry.match_index is entry.last_msg_ms is None for entry in status.servers)
    assert (status.election_started_ms, status.connections, status.storage) == (None, (), None)


def test_objects_are_as_the_installer_makes_them() -> None:
    view = pasted(namespace="ovn").view
    assert (view.namespace, view.directory, view.label) == ("ovn", "/etc/origin/ovn", ("kube-ovn/role", "master"))
    assert view.labelled() == view.nodes
    assert [w.ref for w in view.workloads] == [
        "deployment/ovn-central",
        "deployment/kube-ovn-controller",
        "daemonset/ovs-ovn",
    ]
    central, controller, agent = view.workloads
    assert (central.replicas, central.ready, central.updated, central.template) == (3, 3, 3, "6bf58cbc97")
    assert (agent.app, agent.strategy) == ("ovs", "OnDelete")
    assert central.env["NODE_IPS"] == agent.env["OVN_DB_IPS"] == controller.env["OVN_DB_IPS"]
    assert {pod.env["NODE_IPS"] for pod in view.pods} == {"172.18.0.3,172.18.0.5,172.18.0.4"}


def test_a_given_node_ips_is_no_assumption() -> None:
    order = ["172.18.0.4", "172.18.0.3", "172.18.0.5"]
    result = pasted(node_ips=order)
    assert result.view.workloads[0].env == {"NODE_IPS": ",".join(order)}
    assert not any(words.startswith("NODE_IPS") for words in result.assumptions)
    assert 'NODE_IPS="172.18.0.4,172.18.0.3"' in " ".join(commands(result.view))


# -- statuses of any number and order -------------------------------------------------------------------------------


def follower() -> str:
    """What the server at .5 would have printed, had it been asked."""
    report = pasted().view.report(Database.NB, LEAVER)
    assert report is not None
    assert report.status is not None
    return render(replace(report.status, server_id="d64b0000-1111-4222-8333-444455556666", vote="1b9a"))


def test_one_text_may_hold_everything_in_any_order() -> None:
    one = f"$ kubectl ko sb status\n{SB}$ kubectl ko nb status\n{NB}\nthat is all\n"
    expected = pasted()
    assert set(pasted(PODS, one).view.reports) == set(expected.view.reports)
    assert pasted(PODS, f"{NB}\n{SB}").view == expected.view
    assert pasted(PODS, f"{NB}{SB}", NB).view == expected.view, "the same text twice is one report"
    assert set(pasted(PODS, flat(SB), flat(NB)).view.reports) == set(expected.view.reports)


def test_what_stands_between_prompts_is_passed_over() -> None:
    asked = NB.replace("status: ok\n", "")
    text = f"{asked}# kubectl ko nb kick d64b\nstarted removal\n# kubectl ko sb status\n{SB}"
    assert pasted(PODS, text).view.report(Database.NB, LEAVER) is not None


def test_a_server_that_was_asked_speaks_for_itself() -> None:
    result = pasted(PODS, NB, SB, follower())
    report = result.view.report(Database.NB, LEAVER)
    assert report is not None
    assert report.status == parse(follower())
    assert not any("nb server d64b" in words for words in result.assumptions)
    assert any("nb server 4984" in words for words in result.assumptions)
    assert guarded.remove(result.view, LEAVER).refusals == ()


@pytest.mark.parametrize(
    "silent",
    [
        NB.replace("match_index=134 last msg 1084 ms ago\nstatus", "match_index=134 last msg 10000 ms ago\nstatus"),
        NB.replace("match_index=134 last msg 1084 ms ago\nstatus", "match_index=134\nstatus"),
        NB.replace("<-d64b ->d64b", "(->d64b)"),
    ],
    ids=["long ago", "never", "not connected"],
)
def test_a_server_that_the_leader_has_not_heard_is_not_alive(silent: str) -> None:
    assert silent != NB
    result = pasted(PODS, silent, SB)
    assert result.view.report(Database.NB, LEAVER) is None
    assert health.problems(result.view, Database.NB) == ["nb server d64b at 172.18.0.5 does not answer"]
    assert guarded.remove(result.view, LEAVER).order.startswith("kick first")
    assert guarded.remove(result.view, "kube-ovn-control-plane3").refusals
    just = NB.replace("match_index=134 last msg 1084 ms ago\nstatus", "match_index=134 last msg 9999 ms ago\nstatus")
    assert pasted(PODS, just, SB).view.report(Database.NB, LEAVER) is not None


def test_a_follower_that_lags_still_lags() -> None:
    lagging = NB.replace(
        "next_index=135 match_index=134 last msg 1084 ms ago\nstatus",
        "next_index=90 match_index=89 last msg 1 ms ago\nstatus",
    )
    assert health.problems(pasted(PODS, lagging, SB).view, Database.NB) == [
        "nb server d64b at 172.18.0.5 is 45 entries behind"
    ]


def test_without_the_leaders_status_there_is_no_leader_and_that_is_said() -> None:
    result = pasted(PODS, follower(), SB)
    assert health.leader_problems(result.view, Database.NB) == ["nb has no leader"]
    assert "nb has no leader, because no leader's status was pasted" in result.assumptions
    assert not any("nb server" in words for words in result.assumptions)


def test_a_server_where_no_pod_is_stays_in_sight() -> None:
    two = "".join(text for text in PODS.splitlines(keepends=True) if "crmfp" not in text)
    result = pasted(two, NB, SB, follower())
    assert [node.address for node in result.view.nodes] == ["172.18.0.3", "172.18.0.4"]
    ghost = result.view.report(Database.NB, "172.18.0.5")
    assert ghost is not None
    assert ghost.status == parse(follower())
    assert result.view.report(Database.SB, "172.18.0.5") is not None, "the leader heard from it"
    assert "172.18.0.5" in health.member_hosts(result.view, Database.NB)


# -- listings -------------------------------------------------------------------------------------------------------


def test_headers_other_pods_and_restarts_with_a_time() -> None:
    text = (
        "NAME   READY   STATUS   RESTARTS   AGE   IP   NODE   NOMINATED NODE   READINESS GATES\n"
        + line("coredns-abc-1", "m1", "10.16.0.2")
        + line("ovn-central-abc-1", "m1", "172.18.0.3", restarts="1 (2d ago)")
        + line("ovs-ovn-xyz", "m1", "172.18.0.3")
        + line(
            "ovn-central-abc-2", "m2", "172.18.0.4", ready="0/1", restarts="7 (3m12s ago)", status="CrashLoopBackOff"
        )
        + line("ovn-central-abc-3", "m3", "172.18.0.5", status="Terminating")
        + line("ovn-central-abc-4", "<none>", "<none>", ready="0/1", status="Pending")
        + line("ovn-central-abc-5", "m2", "172.18.0.4", ready="0/1", status="Evicted")
    )
    view = pasted(text).view
    assert [(p.name[-1], p.restarts, p.ready, p.phase, p.active, p.node) for p in view.pods] == [
        ("1", 1, True, "Running", True, "m1"),
        ("2", 7, False, "Running", True, "m2"),
        ("3", 0, True, "Running", False, "m3"),
        ("4", 0, False, "Pending", True, None),
        ("5", 0, False, "Failed", False, "m2"),
    ]
    assert [node.name for node in view.nodes] == ["m1", "m2", "m3"]
    assert (view.workloads[0].replicas, view.workloads[0].ready) == (3, 1)


def test_a_listing_of_all_namespaces() -> None:
    text = "".join(f"kube-system   {text}" for text in PODS.splitlines(keepends=True)[1:])
    text += "other         " + line("ovn-central-abc-1", "elsewhere", "10.9.9.9")
    assert pasted(text).view == pasted().view


def test_two_templates_are_a_rollout() -> None:
    result = pasted(PODS.replace("6bf58cbc97-lxmpl", "77aa77aa77-lxmpl"))
    assert any("rollout" in words for words in result.assumptions)
    assert (result.view.workloads[0].template, result.view.workloads[0].updated) == ("77aa77aa77", 1)


def test_ipv6() -> None:
    text = PODS
    statuses = [NB, SB]
    for last in (3, 4, 5):
        text = text.replace(f"172.18.0.{last}", f"fd00:10::{last}")
        statuses = [status.replace(f"172.18.0.{last}", f"fd00:10::{last}") for status in statuses]
    view = pasted(text, *statuses).view
    assert 'NODE_IPS="fd00:10::3,fd00:10::4"' in " ".join(commands(view))
    assert guarded.remove(view, LEAVER).refusals == ()


# -- ages -----------------------------------------------------------------------------------------------------------


def since(age: str, restarts: str = "0", ready: str = "1/1") -> float | None:
    text = line("ovn-central-a-b", "m1", "172.18.0.3", ready=ready, restarts=restarts).replace(" 21m ", f" {age} ")
    return pasted(text).view.pods[0].ready_since


@pytest.mark.parametrize(
    ("age", "restarts", "seconds"),
    [
        ("21m", "0", -1260.0),
        ("45s", "0", -45.0),
        ("3m12s", "0", -192.0),
        ("2d3h", "0", -183600.0),
        ("3y20d", "0", -96336000.0),
        ("5d", "1 (2m ago)", -120.0),
        ("5d", "2 (3m12s ago)", -192.0),
        ("5d", "1", None),
        ("<invalid>", "0", None),
        ("5w", "0", None),
    ],
)
def test_a_pod_is_ready_since_it_was_made_or_restarted(age: str, restarts: str, seconds: float | None) -> None:
    assert since(age, restarts) == seconds


def test_a_pod_that_is_not_ready_is_so_since_never() -> None:
    assert since("21m", ready="0/1") is None


def test_how_long_pods_are_ready_is_an_assumption() -> None:
    assumptions = pasted(PODS.replace("0             21m   172.18.0.5", "4             21m   172.18.0.5")).assumptions
    assert "pod ovn-central-6bf58cbc97-crmfp is Ready for an unknown time" in assumptions
    assert sum("is Ready for 1260 s" in words for words in assumptions) == 2


def test_pods_of_one_age_are_deleted_before_the_leavers_because_nobody_can_tell_their_order() -> None:
    view = pasted().view
    told = " ".join(KeepPodForLast(LEAVER).commands(view))
    assert "2cdhg" in told
    assert "lxmpl" in told
    assert "longest Ready already" not in told
    oldest = pasted(PODS.replace("21m   172.18.0.5", "22m   172.18.0.5")).view
    assert "longest Ready already" in " ".join(KeepPodForLast(LEAVER).commands(oldest))


# -- nodes ----------------------------------------------------------------------------------------------------------

NODES = """\
$ kubectl get node -o wide --show-labels
NAME STATUS ROLES AGE VERSION INTERNAL-IP EXTERNAL-IP OS-IMAGE KERNEL-VERSION CONTAINER-RUNTIME LABELS
kube-ovn-control-plane    Ready    control-plane,master   9d   v1.27.3   172.18.0.3   <none>   Ubuntu 20.04.1 LTS   5.4.0-42   containerd://1.4.0   kube-ovn/role=master,zone=
kube-ovn-control-plane2   Ready,SchedulingDisabled   control-plane   9d   v1.26.1   172.18.0.5   <none>   Ubuntu 20.04.1 LTS   5.4.0-42   containerd://1.4.0   kubernetes.io/os=linux
kube-ovn-control-plane3   Ready    <none>   9d   v1.27.3   172.18.0.4   <none>   Ubuntu 20.04.1 LTS   5.4.0-42   containerd://1.4.0   kube-ovn/role=master
spare                     NotReady   <none>   9d   v1.27.3+k3s1   172.18.0.6   <none>   Ubuntu 20.04.1 LTS   5.4.0-42   containerd://1.4.0   kube-ovn/role=spare
"""  # noqa: E501


def test_a_node_listing_tells_of_nodes_labels_and_releases() -> None:
    result = pasted(nodes=NODES)
    view = result.view
    assert [(node.name, node.address) for node in view.nodes[1:]] == [
        (LEAVER, "172.18.0.5"),
        ("kube-ovn-control-plane3", "172.18.0.4"),
        ("spare", "172.18.0.6"),
    ]
    assert [(node.ready, node.unschedulable) for node in view.nodes] == [
        (True, False),
        (True, True),
        (True, False),
        (False, False),
    ]
    assert [node.name for node in view.labelled()] == ["kube-ovn-control-plane", "kube-ovn-control-plane3"]
    assert view.nodes[0].labels == {"kube-ovn/role": "master", "zone": ""}
    assert view.versions.kubernetes == (1, 26)
    assert [w.current for w in view.workloads] == [3, 3, 4]
    assert not any("label" in words or "cordoned" in words for words in result.assumptions)
    assert any("1.26" in words and "oldest kubelet" in words for words in result.assumptions)


def test_a_node_listing_without_labels_leaves_them_assumed() -> None:
    text = "\n".join(line.rpartition("   ")[0] for line in NODES.split("\n"))
    result = pasted(nodes=text)
    assert len(result.view.labelled()) == 3
    assert sum("the label kube-ovn/role=master is on" in words for words in result.assumptions) == 1
    assert not any("cordoned" in words for words in result.assumptions)


def test_a_node_that_is_not_listed_is_assumed_in_order() -> None:
    text = "".join(line for line in NODES.splitlines(keepends=True) if "plane3" not in line)
    result = pasted(nodes=text)
    assert result.view.node("kube-ovn-control-plane3") is not None
    assert any(words.startswith("kube-ovn-control-plane3: Ready and not cordoned") for words in result.assumptions)


def test_the_pages_second_half_works_from_what_it_pastes_and_the_new_node() -> None:
    two = "".join(text for text in PODS.splitlines(keepends=True) if "crmfp" not in text)
    statuses = golden("nb-before-add"), golden("sb-before-add")
    with pytest.raises(BadInput):
        documented.add(pasted(two, *statuses).view, LEAVER)
    view = pasted(two, *statuses, nodes=NODES).view
    steps = documented.add(view, LEAVER).steps
    assert tuple(line for step in steps for line in step.commands(view)) == transcript("page/add.txt")


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("", "the node listing has no node"),
        ("No resources found\n", "the node listing has no node"),
        ("m1 Ready <none> 9d v1.27.3\n", "the node listing, line 1: 'm1 Ready"),
        (NODES.replace("172.18.0.6", "<none>"), "the node listing, line 6"),
        (NODES + NODES.splitlines()[2] + "\n", "line 7: kube-ovn-control-plane with 172.18.0.3 is listed twice"),
        (NODES.replace("172.18.0.6", "172.18.0.3"), "spare with 172.18.0.3 is listed twice"),
        (NODES.replace("172.18.0.5", "172.18.0.9"), f"{LEAVER} with 172.18.0.5, the node listing has 172.18.0.9"),
        (NODES.replace(LEAVER, "m2"), f"{LEAVER} with 172.18.0.5, the node listing has m2 there"),
    ],
)
def test_a_node_listing_that_can_not_be_used(text: str, seen: str) -> None:
    refuses(seen, nodes=text)


@given(st.randoms(use_true_random=False))
def test_a_damaged_node_listing_is_a_view_or_bad_input(chance: random.Random) -> None:
    text = NODES
    for _ in range(chance.randint(1, 5)):
        at = chance.randrange(len(text))
        text = text[:at] + chance.choice(["", "\n", " ", "=", "٣", text[at:][:9]]) + text[at + chance.randint(0, 9) :]
    try:
        names = [node.name for node in pasted(nodes=text).view.nodes]
    except BadInput:
        return
    assert names[:3] == ["kube-ovn-control-plane", LEAVER, "kube-ovn-control-plane3"]
    assert len(names) == len(set(names))


# -- what can't be used ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "\n", "# kubectl get pod | grep central\n", line("coredns-1", "m1", "10.0.0.1")])
def test_no_central_line(text: str) -> None:
    error = refuses("the pod listing has no ovn-central pod", text)
    assert "get pod -o wide" in error.todo


@pytest.mark.parametrize(
    "short",
    ["ovn-central-6bf58cbc97-lxmpl 1/1 Running 0 21m", "ovn-central-6bf58cbc97-lxmpl", "ovn-central-a-b 1/1 Running x"],
)
def test_a_short_line_is_named(short: str) -> None:
    error = refuses("the pod listing, line 5", f"{PODS}{short}\n")
    assert short in error.seen
    assert "-o wide" in error.todo


def test_a_word_where_the_address_should_be() -> None:
    refuses("the pod listing, line 1: 'm1' is no IP address", line("ovn-central-a-b", "x", "m1"))


def test_only_pods_without_an_address() -> None:
    refuses("no ovn-central pod with an address", line("ovn-central-a-b", "<none>", "<none>", "Pending", "0/1"))


def test_a_node_twice() -> None:
    twice = PODS + line("ovn-central-6bf58cbc97-zzzzz", LEAVER, "172.18.0.5")
    error = refuses(f"node {LEAVER} is there twice, with ovn-central-6bf58cbc97-crmfp and", twice)
    assert "zzzzz" in error.seen
    refuses("is listed twice", PODS + PODS)


def test_nodes_and_addresses_must_fit() -> None:
    refuses("172.18.0.9", PODS + line("ovn-central-a-b", LEAVER, "172.18.0.9"))
    refuses("another line has kube-ovn-control-plane2", PODS + line("ovn-central-a-b", "m4", "172.18.0.5"))


def test_an_unreadable_status_is_named_by_text_and_line() -> None:
    refuses(
        "status text 2, line 8: a 'Term:' line that can't be read, found 'Term: x'",
        PODS,
        NB,
        SB.replace("Term: 1", "Term: x"),
    )
    half = NB[: NB.index("Entries")]
    refuses("status text 1, line 15", PODS, half, SB)
    below = f"\n\n{SB}# kubectl ko nb status\n{half}"
    refuses(f"status text 1, line {below.count(chr(10))}", PODS, below)
    headless = NB.split("\n", 2)[2]
    refuses("status text 1, line 1: 'Cluster ID: 32ca", PODS, headless, SB)
    nameless = NB.split("\n", 1)[1]
    refuses("status text 1, line 1: expected the server's nickname", PODS, nameless, SB)


def test_a_status_that_is_an_error() -> None:
    error = "unknown cluster\novs-appctl: /var/run/ovn/ovnnb_db.ctl: server returned an error\n"
    refuses("status text 2, line 1: the server answered: unknown cluster", PODS, NB, error)
    refuses("status text 1 has no status", PODS, "hello\n", SB)


def test_two_times_of_one_server() -> None:
    error = refuses("nb server at 172.18.0.3 is there twice", PODS, NB, golden("nb-after-kick"), SB)
    assert "status text 2, line 1" in error.seen
    assert "status text 1, line 1" in error.seen


def test_both_databases_are_needed() -> None:
    assert "kubectl ko sb status" in refuses("no status of sb", PODS, NB).todo
    assert "kubectl ko nb status" in refuses("no status of nb", PODS, SB).todo
    with pytest.raises(BadInput, match="no status of nb"):
        view_from_text(PODS, [])


def test_another_database() -> None:
    refuses("OVN_IC_Northbound is not a database", PODS, NB.replace("OVN_Northbound", "OVN_IC_Northbound"), SB)


@pytest.mark.parametrize("given", [[], ["172.18.0.3", "172.18.0.3"], ["172.18.0.3", "m1"]])
def test_a_node_ips_that_is_none(given: list[str]) -> None:
    refuses("NODE_IPS", node_ips=given)


@given(st.randoms(use_true_random=False))
def test_a_damaged_paste_is_a_view_or_bad_input(chance: random.Random) -> None:
    texts = [PODS, NB, SB]
    for _ in range(chance.randint(1, 5)):
        which = chance.randrange(3)
        lines = texts[which].split("\n")
        at = chance.randrange(len(lines))
        cut = chance.randint(0, len(lines[at]))
        other = chance.choice(texts[chance.randrange(3)].split("\n"))
        damaged = [lines[at][:cut], lines[at][cut:], f"{lines[at]}{other}", other, lines[at][:cut] + "٣(" + other]
        lines[at : at + chance.randint(0, 2)] = [chance.choice(damaged)]
        texts[which] = "\n".join(lines)
    try:
        view = pasted(*texts).view
    except BadInput as error:
        told = (error.seen, error.todo)
    else:
        told = tuple(sorted({report.database.value for report in view.reports}))
        assert told == ("nb", "sb")
    assert all(told)
