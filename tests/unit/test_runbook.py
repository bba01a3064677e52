"""Runbooks: pages and scripts become the steps that they mean, and nothing is skipped silently."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
from support_views import healthy

from harness import steps
from harness.cluster import ClusterView, Database
from harness.errors import BadInput
from harness.plan import Plan
from harness.procedures import documented, guarded, runbook
from harness.procedures.runbook.commands import FORMS, Call, parse
from harness.report.markdown import runbook as markdown

ROOT = Path(__file__).parents[2]
SEED = ROOT.parent / "shared" / "seed"
DOCS = ROOT / "docs" / "runbooks.md"
PAGES = ("replace-ovn-central-node.md", "replace-ovn-central-node.en.md", "replace-ovn-central-node.txt")
A, B, C, D = ("kube-ovn-control-plane", *(f"kube-ovn-control-plane{n}" for n in (2, 3, 4)))

SCRIPT = """\
#!/bin/bash
set -euo pipefail
NODE=$1   # who leaves
IP=172.18.0.5
# ids first
ID=$(kubectl ko nb status | grep "$IP" | awk '{print $1}')
kubectl ko nb kick "$ID" && sleep 5
ID=$(kubectl ko sb status | grep "$IP" | awk '{print $1}')
kubectl ko sb kick ${ID}
kubectl label node "$NODE" kube-ovn/role-
kubectl scale deployment/ovn-central --replicas 2 -n kube-system
kubectl -n kube-system set env deploy/ovn-central \\
  NODE_IPS=172.18.0.3,172.18.0.4
kubectl rollout status deployment ovn-central -n kube-system --timeout=5m
echo "now the files"
ssh root@$NODE rm -rf /etc/origin/ovn
"""


def seed(name: str) -> bytes:
    path = SEED / name
    if not path.is_file():
        pytest.skip(f"the documentation's page is not at {SEED}: put it there to read it")
    return path.read_bytes()


def one(text: str, view: ClusterView, node: str = C, name: str = "a.sh") -> runbook.Runbook:
    books = runbook.read(text.encode(), name, view, node)
    assert len(books) == 1
    return books[0]


def told(book: runbook.Runbook) -> list[steps.Step]:
    return [written.step for written in book.steps]


# -- pages ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("members", [3, 5])
@pytest.mark.parametrize("node", [A, B, C])
def test_the_page_becomes_the_documented_steps(page: str, members: int, node: str) -> None:
    view = healthy(members, 1).view()
    out, _ = runbook.read(seed(page), page, view, node)
    assert out.unclear == ()
    assert told(out) == list(documented.remove(view, node).steps)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("members", [3, 5])
def test_the_pages_second_half_brings_a_node_in(page: str, members: int) -> None:
    view = healthy(members, 1).view()
    newcomer = view.nodes[-1].name
    _, into = runbook.read(seed(page), page, view, newcomer)
    assert (into.verb, into.unclear) == ("add", ())
    assert told(into) == list(documented.add(view, newcomer).steps)


def test_what_the_page_shows_as_output_is_not_run() -> None:
    page = "```\n# kubectl ko nb kick d64b\nstarted removal\n# kubectl ko nb status\n1b9a\nName: OVN_Northbound\n```\n"
    book = one(page.replace("d64b", "<ID>"), healthy(3).view(), C, "a.md")
    assert told(book) == [steps.Kick(Database.NB, "172.18.0.5"), steps.ConfirmKicked(Database.NB, "172.18.0.5")]
    assert book.unclear == ()


def test_a_line_in_a_block_that_is_neither_command_nor_output_is_reported() -> None:
    book = one("text\n```\nkubectl ko nb kick <ID>\nmake me a sandwich\n```\n", healthy(3).view(), C, "a.md")
    assert [(u.line, u.text) for u in book.unclear] == [(4, "make me a sandwich")]


def test_an_id_of_the_other_database_is_reported() -> None:
    status = "4984 (4984 at tcp:[172.18.0.4]:6643) (self)"
    page = f"```\n# kubectl ko nb status\n{status.replace('4984', 'dead')}\n# kubectl ko sb kick dead\n```\n"
    (wrong,) = one(page, healthy(3).view(), C, "a.md").unclear
    assert wrong.line == 4
    assert wrong.expected == "an id of sb: dead is one of nb"


# -- scripts ----------------------------------------------------------------------------------------------------------


def test_a_script_becomes_steps() -> None:
    book = one(SCRIPT, healthy(3).view())
    assert book.unclear == ()
    addresses = ("172.18.0.3", "172.18.0.4")
    assert told(book) == [
        steps.ShowStatus(Database.NB),
        steps.Kick(Database.NB, "172.18.0.5"),
        steps.Sleep(5.0),
        steps.ShowStatus(Database.SB),
        steps.Kick(Database.SB, "172.18.0.5"),
        steps.Unlabel(C, "kube-ovn/role"),
        steps.Scale("ovn-central", 2),
        steps.SetEnv("Deployment", "ovn-central", "NODE_IPS", addresses, restarts_members=True),
        steps.RolloutStatus("Deployment", "ovn-central", restarts_members=True),
        steps.RemoveDirectory(C, "/etc/origin/ovn"),
    ]
    assert [written.line for written in book.steps][-4:] == [11, 12, 14, 16]


def test_a_literal_runbook_is_taken_literally() -> None:
    script = (
        f"#!/bin/sh\nkubectl label node {C} kube-ovn/role-\nkubectl set env deploy/ovn-central NODE_IPS=172.18.0.3\n"
    )
    assert told(one(script, healthy(5).view(), ""))[1].addresses == ("172.18.0.3",)  # type: ignore[attr-defined]


def test_a_script_that_is_whole_can_be_planned_and_a_half_understood_one_can_not() -> None:
    view = healthy(3).view()
    plan = one(SCRIPT, view).plan()
    assert (plan.procedure, plan.verb, plan.target.node) == ("runbook", "remove", C)
    with pytest.raises(BadInput, match=r"a\.sh:17: not understood: helm upgrade kube-ovn"):
        one(SCRIPT + "helm upgrade kube-ovn\n", view).plan()


NOT_UNDERSTOOD = [
    ("for db in nb sb; do kubectl ko $db status; done", "for db in nb sb"),
    ("kubectl ko nb kick $ID || true", "kubectl ko nb kick $ID || true"),
    ("kubectl ko nb kick $ID | tee log", "kubectl ko nb kick $ID | tee log"),
    ("kubectl scale deployment other --replicas=1", "kubectl scale deployment other --replicas=1"),
    ("kubectl -n default scale deployment ovn-central --replicas=1", None),
    ("kubectl label node $NODE role=db", None),
    ("kubectl set env deploy/ovn-central NODE_IPS=a,b", None),
    ('kubectl set env deploy/ovn-central NODE_IPS="172.18.0.3, 172.18.0.4"', None),
    ("kubectl set env deploy/ovn-central NODE_IPS=10.9.9.9", None),
    ("kubectl ko sb kick ffff", None),
    ("kubectl delete pod -l app=nginx", None),
    ("kubectl drain $NODE", None),
    ("rm -rf /", None),
    ("rm -rf '/etc", None),
]


@pytest.mark.parametrize(("line", "text"), NOT_UNDERSTOOD, ids=lambda value: value)
def test_what_is_not_understood_is_reported_with_its_line(line: str, text: str | None) -> None:
    book = one(f"#!/bin/sh\nkubectl label node $NODE kube-ovn/role-\n{line}\n", healthy(3).view())
    assert {wrong.line for wrong in book.unclear} == {3}
    assert book.unclear[0].expected
    if text is not None:
        assert book.unclear[0].text == text
    with pytest.raises(BadInput, match=r"a\.sh:3: not understood"):
        book.plan()


def test_commands_for_another_namespace_are_named() -> None:
    script = "#!/bin/sh\nkubectl label node $N kube-ovn/role-\nkubectl scale -n prod deploy ovn-central --replicas=2\n"
    (wrong,) = one(script, healthy(3).view()).unclear
    assert wrong.expected == "namespace kube-system, not prod"


# -- bad input --------------------------------------------------------------------------------------------------------

BAD = [
    (b"", "x.md is empty"),
    (b" \n\n", "x.md is empty"),
    (b"# A title\n\nSome prose.\n", "x.md has no commands"),
    (b"```\nhelm upgrade x\n```\n", "x.md:2: none of its 1 commands is understood"),
    (b"```\nkubectl ko nb status\n```\n", "the one command does not kick or label a node"),
    (b"ok\n\xff\xfe", "x.md:2: byte 3 is no UTF-8 text"),
    (b"ok\n" + b"a@" * 100_000, "x.md:2 is longer than 8192 bytes"),
    (b"a" * (10 * 1024 * 1024), "x.md is larger than 1 MiB"),
    (b"```\nkubectl label node <node> kube-ovn/role-\n```\n", "x.md:2: nothing says which node it takes out"),
    (b"```\nkubectl label node web1 kube-ovn/role-\n```\n", "x.md:2: it is about web1, which is no node"),
]


@pytest.mark.parametrize(("data", "words"), BAD, ids=[words for _, words in BAD])
def test_bad_input_is_one_clear_line(data: bytes, words: str) -> None:
    with pytest.raises(BadInput) as caught:
        runbook.read(data, "x.md", healthy(3).view())
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


# -- our own ----------------------------------------------------------------------------------------------------------


def plans() -> dict[str, tuple[ClusterView, Plan]]:
    three, dead, five = healthy(3, 1).view(), healthy(3, 1).kill(C).view(), healthy(5).view()
    return {
        "remove": (three, guarded.remove(three, B)),
        "add": (three, guarded.add(three, D)),
        "replace": (three, guarded.replace(three, A, D)),
        "replace dead": (dead, guarded.replace(dead, C, D)),
        "five": (five, guarded.remove(five, A)),
        "page": (three, documented.remove(three, C)),
    }


@pytest.mark.parametrize("name", plans())
def test_an_exported_plan_is_read_back_exactly(name: str) -> None:
    view, plan = plans()[name]
    text = markdown(plan, plan.forecast(view), view)
    book = one(text, view, "", "a.md")
    back = book.plan()
    assert (back.digest, back.steps) == (plan.digest, plan.steps)
    again = replace(back, notes=plan.notes, checks=plan.checks)
    assert markdown(again, again.forecast(view), view) == text


def test_a_section_that_is_taken_out_is_a_step_less() -> None:
    view, plan = plans()["remove"]
    text = markdown(plan, plan.forecast(view), view)
    start, end = text.index("## 5. "), text.index("## 6. ")
    book = one(text[:start] + text[end:], view, "", "a.md")
    assert told(book) == [step for number, step in enumerate(plan.steps, 1) if number != 5]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("kube-ovn/role-\n```", "kube-ovn/role-\nrm -rf /etc/origin/ovn\n```", "the step 'unlabel"),
        ("--replicas=2\n```", "--replicas=1\n```", "the step 'scale ovn-central to 2'"),
        ("```bash\nkubectl ko nb backup\n```", "", "the step 'back up nb'"),
        ('172.18.0.4"', '172.18.0.9"', "a node of the cluster instead of kube-ovn-control-plane2 (172.18.0.9)"),
        ('"replicas": 2', '"replicas": 1', "the step 'scale ovn-central to 1'"),
        ("## 1. ", "```\nkubectl ko nb kick 1234\n```\n## 1. ", "no command here but pod_on"),
        ("<!-- ovnswap step", "<!-- gone", "the comment <!-- ovnswap step"),
    ],
)
def test_an_exported_plan_that_was_edited_is_not_taken_for_the_old_one(old: str, new: str, expected: str) -> None:
    view, plan = plans()["remove"]
    text = markdown(plan, plan.forecast(view), view)
    assert old in text
    book = one(text.replace(old, new, 1), view, "", "a.md")
    assert expected in book.unclear[0].expected


# -- the docs ---------------------------------------------------------------------------------------------------------


def table() -> str:
    rows = [f"| `{form.example.replace('|', chr(92) + '|')}` | {form.becomes} |" for form in FORMS]
    return "\n".join(["| command | step |", "|---|---|", *rows])


def test_the_docs_list_every_command_that_is_understood() -> None:
    before, _, rest = DOCS.read_text(encoding="utf-8").partition("<!-- commands -->\n")
    found, _, after = rest.partition("\n<!-- end -->")
    if os.environ.get("OVN_REWRITE"):
        DOCS.write_text(f"{before}<!-- commands -->\n{table()}\n<!-- end -->{after}", encoding="utf-8")
        found = table()
    assert found == table()


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.example)
def test_every_example_of_the_table_is_understood(form: runbook.commands.Form) -> None:
    call = parse(form.example, 1)
    assert isinstance(call, Call)
    assert call.verb == form.verb
    assert all(hasattr(steps, name) for name in form.becomes.replace(" or ", ", ").split(", "))
