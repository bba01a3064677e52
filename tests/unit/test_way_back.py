"""A remaining member loses its disk between the leaver's pod and its kick: the refusal tells the way back.

Two of three run, one of them empty: it can't be added without a majority, and none is left. No look before the kick
could help, for the majority is gone with the disk. But the leaver's files still hold what was committed.
"""

from __future__ import annotations

import re
import shlex
from contextlib import closing

from harness import health
from harness.cluster import DATABASES
from harness.executor import LabExecutor
from harness.procedures import guarded
from harness.procedures.wanted import Wanted
from harness.runner import Runner
from harness.search.case import Case, Hit
from harness.search.opened import opened
from harness.search.trial import Trial
from harness.spec import ClusterSpec

SECOND, LEAVER = "kube-ovn-control-plane2", "kube-ovn-control-plane3"
LOST = Case(
    Wanted("guarded", "remove", LEAVER), ClusterSpec(members=3), (Hit.parse(f"12:before:wipe@{SECOND}"),), seed=1
)


class _Once(Trial):
    """The operator does not type it again by himself."""

    def _until_done(self) -> None:
        return

    def _calm(self) -> None:
        self._lab.sleep(60.0)


def type_in(lab: LabExecutor, command: str) -> None:
    words = shlex.split(command)
    match words[:3]:
        case ["kubectl", "set", "env"]:
            lab.set_env("Deployment", "ovn-central", *words[-1].split("=", 1))
        case ["kubectl", "label", "node"]:
            lab.label_node(words[3], *words[4].split("=", 1))
        case ["kubectl", "rollout", "resume"]:
            lab.resume("ovn-central")
        case _:
            raise AssertionError(f"no way to type {command}")


def test_the_refusal_says_how_to_get_the_majority_back_and_it_does() -> None:
    with closing(opened(LOST)) as lab:
        played = _Once(LOST, lab)
        played.play()
        history = played.history
        assert history is not None
        assert [lab.view().leader(database) for database in DATABASES] == [None, None]
        refusal = guarded.remove(lab.view(), LEAVER).refusals[0]
        assert (refusal.id, "\n" in refusal.todo) == ("Q-STRICT", False)
        assert f"bring {LEAVER} back" in refusal.todo
        commands = re.findall(r"kubectl [^;]+", refusal.todo)
        assert len(commands) == 3
        for command in commands:
            type_in(lab, command)

        def rolled() -> bool:
            view = lab.view()
            central, pods = view.workload("ovn-central"), [pod for pod in view.pods_of("ovn-central") if pod.active]
            assert central is not None
            same = all(pod.ready and pod.env["NODE_IPS"] == central.env["NODE_IPS"] for pod in pods)
            led = all(view.leader(database) is not None for database in DATABASES)
            known = all("ghost" in words or "does not answer" in words for words in health.all_problems(view))
            return len(pods) == 3 and same and led and known

        lab.wait(rolled, 600.0, "all three pods to be rolled, and leaders beside the ghosts")
        for database in DATABASES:
            assert set(history.acknowledged(database)) <= (lab.rows(database, LEAVER) or frozenset())
            pair = lab.view().leader(database)
            assert pair is not None
            running = {status.server_id[:4] for _, status in lab.view().statuses(database)}
            (ghost,) = (entry for entry in pair[1].servers if entry.sid4 not in running)
            assert lab.kick(database, pair[0], ghost.sid4).ok
        lab.wait(lambda: not health.all_problems(lab.view()), 600.0, "everything to be in order")
        plan = guarded.remove(lab.view(), LEAVER)
        assert not plan.refusals, plan.refusals
        Runner(lab, plan).run()
        assert not health.all_problems(lab.view())
        assert len(health.members(lab.view(), DATABASES[0])) == 2
