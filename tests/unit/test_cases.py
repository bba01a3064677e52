"""What a case may ask for beside its troubles: a given plan, another leader, a reader's pace, a release."""

from __future__ import annotations

import pickle
from contextlib import closing
from dataclasses import replace

import pytest

from harness.cluster import DATABASES
from harness.executors import create
from harness.plan import Plan
from harness.procedures import documented, runbook
from harness.procedures.wanted import Wanted, make
from harness.search import trial
from harness.search.case import Case
from harness.search.opened import opened
from harness.search.trial import Verdict
from harness.spec import EXAMPLE_VERSIONS, ClusterSpec

LEAVER = "kube-ovn-control-plane3"
SPEC = ClusterSpec(members=5, spares=1)
BY_NAME = Case(Wanted("documented", "remove", LEAVER), SPEC, seed=3)


def bound(spec: ClusterSpec, text: str = "") -> Plan:
    """The documentation's removal, or a runbook's text, bound to the cluster of ``spec``."""
    with closing(create("sim", spec)) as lab:
        view = lab.view()
    if not text:
        return documented.remove(view, LEAVER)
    (book,) = runbook.read(text.encode(), "a.sh", view, LEAVER)
    return book.plan()


def test_a_given_plan_is_run_as_it_is() -> None:
    given = replace(BY_NAME, wanted=Wanted.exactly(bound(SPEC)))
    assert trial.run(given).digest == trial.run(BY_NAME).digest
    assert pickle.loads(pickle.dumps(given)) == given, "it can be sent to a worker"
    assert make(given.wanted, None, None) is given.wanted.given  # type: ignore[arg-type]


def test_a_shell_script_is_a_procedure_of_a_trial_and_its_commands_reach_the_cluster() -> None:
    text = "#!/bin/sh\nkubectl ko nb kick <ID>\nkubectl label node <node> kube-ovn/role-\n"
    case = Case(Wanted.exactly(bound(SPEC, text)), SPEC)
    summary = trial.run(case)
    assert summary.ends == ("done",), "every command was accepted"
    assert summary.verdict is Verdict.UNSAFE
    assert any(reason.startswith("P4:") for reason in summary.reasons), "nobody waited for the removal"


@pytest.mark.parametrize("members", [3, 5])
def test_another_member_than_the_first_can_lead(members: int) -> None:
    case = Case(BY_NAME.wanted, ClusterSpec(members=members), moved=True)
    with closing(opened(case)) as lab:
        view = lab.view()
        first = view.labelled()[0].name
        leaders = [view.leader(database) for database in DATABASES]
    assert all(pair is not None and pair[0] != first for pair in leaders)


def test_a_reader_takes_time() -> None:
    fast, slow = trial.run(BY_NAME, tell=True), trial.run(replace(BY_NAME, pace=15.0), tell=True)
    assert slow.story[-1][0] - fast.story[-1][0] > 100


@pytest.mark.parametrize(("release", "bites"), [("v1.15.9", True), ("v1.16.1", True), ("v1.13.15", False)])
def test_a_release_that_deletes_databases_after_a_kick_is_caught(release: str, bites: bool) -> None:
    versions = replace(EXAMPLE_VERSIONS, kube_ovn=release)
    case = replace(BY_NAME, spec=replace(SPEC, versions=versions), pace=15.0)
    summary = trial.run(case, tell=True)
    assert (summary.verdict is Verdict.UNSAFE) == bites
    assert any("deletes ovnnb_db.db" in words for _, words in summary.story) == bites
    assert all(before[0] <= after[0] for before, after in zip(summary.story, summary.story[1:], strict=False))


def test_saved_headers_outlive_a_wiped_file_only_where_the_release_saves_them() -> None:
    for release, names in (("v1.13.15", 2), ("v1.16.2", 4)):
        with closing(create("sim", ClusterSpec(versions=replace(EXAMPLE_VERSIONS, kube_ovn=release)))) as lab:
            lab.sleep(30.0)
            assert len(lab.files(LEAVER).databases) == names
