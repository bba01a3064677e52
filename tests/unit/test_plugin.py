"""The pytest plugin, run on small suites with stub backends: ``sim`` works, ``ovsdb`` works, ``kind`` lacks docker."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from support_cli import HEEDS_CTRL_C

pytest_plugins = ["pytester"]

STUB_BACKENDS = '''
import pathlib, pytest
from harness import executors

class StubCluster:
    """Leaves a file as long as it lives, as real backends leave processes and namespaces."""
    def __init__(self, backend, spec, tape, keep):
        self.backend, self.spec, self.tape, self.keep = backend, spec, tape, keep
        self.path = pathlib.Path(__file__).parent / f"alive-{id(self)}"
        self.path.touch()
    def close(self):
        if not self.keep and not getattr(self, "sticky", False):
            self.path.unlink(missing_ok=True)
    def leftovers(self):
        return [str(self.path)] if self.path.exists() else []
    def where(self):
        return str(self.path)

def create(backend, spec, *, tape=None, keep=False):
    return StubCluster(backend, spec, tape, keep)

executors.create = create
executors.unavailable = lambda name: {"kind": "docker not found (apt-get install docker.io)"}.get(name)
'''


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    pytester.makeconftest(STUB_BACKENDS)
    pytester.makeini("[pytest]\naddopts = -p harness.pytest_plugin --strict-markers\n")
    return pytester


def run(suite: pytest.Pytester, *args: str) -> pytest.RunResult:
    """In a process of its own: the stubs replace functions of the real package."""
    return suite.runpytest_subprocess(*args)


def alive(suite: pytest.Pytester) -> list[str]:
    return sorted(path.name for path in suite.path.glob("alive-*"))


def summary(result: pytest.RunResult) -> str:
    return next((line for line in result.outlines if line.startswith("ran on:")), "")


SWAP = """
    def test_swap(ovn, ovn_backend):
        assert ovn().backend == ovn_backend
"""


def test_scenarios_run_on_sim_unless_told_otherwise(suite: pytest.Pytester) -> None:
    suite.makepyfile(SWAP)
    result = run(suite, "-v")
    result.assert_outcomes(passed=1)
    assert "::test_swap[sim] PASSED" in result.stdout.str()
    assert summary(result) == "ran on: sim 1, ovsdb 0 (not asked for), kind 0 (not asked for)"


@pytest.mark.parametrize("words", [["--ovn-backend", "sim,ovsdb"], ["--ovn-backend=sim", "--ovn-backend=ovsdb"]])
def test_every_backend_asked_for_gets_its_own_test(suite: pytest.Pytester, words: list[str]) -> None:
    suite.makepyfile(
        """
        import pytest
        @pytest.mark.parametrize("target", ["leader", "follower"])
        def test_swap(ovn, target):
            ovn()
        """
    )
    result = run(suite, "-v", *words)
    result.assert_outcomes(passed=4)
    assert summary(result) == "ran on: sim 2, ovsdb 2, kind 0 (not asked for)"


def test_ini_names_the_default_backend(suite: pytest.Pytester) -> None:
    suite.makepyfile(SWAP)
    result = run(suite, "-o", "ovn_backend=ovsdb")
    assert summary(result) == "ran on: sim 0 (not asked for), ovsdb 1, kind 0 (not asked for)"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--ovn-backend", "simm"], "'simm' is no backend, choose from sim, ovsdb, kind, kube"),
        (["--ovn-require-backend", "test_it.py"], "paths go before --ovn-require-backend"),
        (["--ovn-time-scale", "0"], "--ovn-time-scale: 0 is not a positive number"),
    ],
)
def test_bad_option_is_one_clear_line(suite: pytest.Pytester, words: list[str], complaint: str) -> None:
    suite.makepyfile(test_it=SWAP)
    result = run(suite, *words)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert any(complaint in line for line in result.errlines)
    assert "Traceback" not in result.stderr.str()


def test_missing_backend_is_skipped_with_its_reason(suite: pytest.Pytester) -> None:
    suite.makepyfile(SWAP)
    result = run(suite, "-rs", "--ovn-backend", "sim,kind")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines("SKIPPED*backend kind can't run here: docker not found (apt-get install docker.io)")
    assert summary(result).endswith("kind 0 (skipped: docker not found (apt-get install docker.io))")


@pytest.mark.parametrize("require", ["--ovn-require-backend=kind", "--ovn-require-backend"])
def test_required_backend_that_is_missing_fails(suite: pytest.Pytester, require: str) -> None:
    suite.makepyfile(SWAP)
    result = run(suite, "--ovn-backend", "sim,kind", require)
    result.assert_outcomes(passed=1, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert "kind 0 (required: docker not found" in summary(result)


def test_required_backend_on_which_nothing_ran_fails(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_plain(): pass")
    result = run(suite, "--ovn-require-backend=ovsdb")
    result.assert_outcomes(passed=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines("backend ovsdb is required, but no test ran on it")


def test_marker_restricts_a_scenario_and_says_so(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        @pytest.mark.ovn(backends=["ovsdb"], nodes=5)
        def test_real_only(ovn):
            assert ovn().spec.members == 5
        """
    )
    result = run(suite, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines("SKIPPED*runs on ovsdb only: add --ovn-backend ovsdb")
    run(suite, "--ovn-backend", "sim,ovsdb").assert_outcomes(passed=1)


def test_marker_with_unknown_backend_is_an_error(suite: pytest.Pytester) -> None:
    suite.makepyfile("import pytest\n@pytest.mark.ovn(backends='metal')\ndef test_it(ovn): pass")
    result = run(suite)
    result.assert_outcomes(errors=1)
    assert "marker ovn: 'metal' is no backend" in result.stdout.str()
    assert "Traceback" not in result.stdout.str()


def test_real_process_tests_count_as_ovsdb_and_can_be_selected(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        def test_scenario(ovn): ovn()
        def test_by_fixture(real_ovsdb): pass
        @pytest.mark.real_ovsdb
        def test_by_marker(): pass
        """
    )
    assert "sim 1, ovsdb 2" in summary(run(suite))
    selected = run(suite, "--ovn-backend", "sim,ovsdb", "-m", "real_ovsdb")
    selected.assert_outcomes(passed=3, deselected=1)
    assert "sim 0, ovsdb 3" in summary(selected)


def test_real_process_tests_follow_the_same_rule_when_ovsdb_is_missing(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(real_ovsdb): raise AssertionError('must not run')")
    conftest = STUB_BACKENDS + "\nexecutors.unavailable = lambda name: 'ovsdb-server not found'"
    suite.makeconftest(conftest)
    run(suite).assert_outcomes(skipped=1)
    result = run(suite, "--ovn-require-backend=ovsdb")
    result.assert_outcomes(errors=1)
    assert "required, but can't run here: ovsdb-server not found" in result.stdout.str()


def test_summary_is_the_same_under_xdist(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        @pytest.mark.parametrize("n", range(4))
        def test_swap(ovn, n):
            ovn()
            assert n != 3
        """
    )
    here = run(suite, "--ovn-backend=sim,ovsdb,kind")
    spread = run(suite, "-p", "xdist", "-n", "2", "--ovn-backend=sim,ovsdb,kind")
    spread.assert_outcomes(passed=6, failed=2, skipped=4)
    assert summary(here) == summary(spread)
    assert summary(here).startswith("ran on: sim 4, ovsdb 4, kind 0 (skipped: docker")
    assert alive(suite) == []


def test_expected_failures_count_as_run_and_plain_skips_do_not(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        @pytest.mark.xfail(reason="known", strict=True)
        def test_known(ovn): assert False
        def test_unfit(ovn): pytest.skip("no partitions here")
        """
    )
    assert "sim 1 (1 skipped)" in summary(run(suite))


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "1"]])
def test_failure_says_seed_backend_and_a_replay_line_that_works(suite: pytest.Pytester, workers: list[str]) -> None:
    suite.makepyfile(
        test_it="""
        def test_unlucky(ovn, ovn_seed):
            assert ovn_seed != 77
        """
    )
    result = run(suite, "--ovn-backend", "ovsdb", "--ovn-seed", "77", *workers)
    result.stdout.fnmatch_lines(["backend: ovsdb", "seed: 77"])
    replay = next(line.removeprefix("replay: ") for line in result.outlines if line.startswith("replay: "))
    assert replay == "pytest 'test_it.py::test_unlucky[ovsdb]' --ovn-seed 77 --ovn-backend ovsdb"
    again = suite.run("sh", "-c", f"{sys.executable} -m {replay}")
    again.assert_outcomes(failed=1)


def test_seed_is_the_same_in_every_run_and_differs_between_tests(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_a(ovn_seed): assert not ovn_seed\ndef test_b(ovn_seed): assert not ovn_seed")
    seeds = [re.findall(r"^seed: (\d+)$", run(suite).stdout.str(), re.MULTILINE) for _ in range(2)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds[0])) == 2


def test_passing_and_unrelated_tests_get_no_extra_words(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_good(): pass\ndef test_bad(): assert False")
    result = run(suite)
    assert summary(result) == ""
    assert not any(line.startswith(("seed:", "replay:", "backend")) for line in result.outlines)


def test_plugin_imports_no_backend(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import sys
        def test_light():
            heavy = ("harness.executors.simulated", "harness.executors.ovsdb", "fake_raft", "fake_kube", "kubernetes")
            assert not [name for name in heavy if name in sys.modules]
        """
    )
    run(suite).assert_outcomes(passed=1)


def test_report_holds_one_file_for_each_scenario(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        import pytest
        from harness.cluster import Database
        from harness.workload import History, Write
        def test_swap(ovn, ovn_seed, ovn_record):
            ovn()
            writes = (Write(Database.NB, "a", 1.0, 2.0), Write(Database.NB, "b", 3.0, None))
            ovn_record(kicked=Database.NB, margin=1)
            ovn_record.history(History(0.0, 10.0, writes))
        def test_broken(ovn): raise ValueError("no leader")
    """
    )
    result = run(suite, "-p", "xdist", "-n", "2", "--ovn-backend", "sim,kind", "--ovn-report", "out", "--ovn-seed=5")
    result.assert_outcomes(passed=1, failed=1, skipped=2)
    files = [json.loads(path.read_text()) for path in (suite.path / "out").glob("test-*.json")]
    assert len(files) == 4
    by_id = {report["id"].partition("::")[2]: report for report in files}
    swap = by_id["test_swap[sim]"]
    assert (swap["backend"], swap["seed"], swap["outcome"]) == ("sim", 5, "passed")
    assert swap["stalls"] == {"nb": 8.0, "sb": 10.0}
    assert (swap["figures"]["kicked"], swap["figures"]["margin"]) == ("nb", 1)
    assert swap["figures"]["writes"]["nb"] == {"invoked": 2, "acknowledged": 1}
    assert by_id["test_broken[sim]"]["outcome"] == "failed"
    assert by_id["test_broken[sim]"]["reason"] == "ValueError: no leader"
    assert by_id["test_broken[kind]"]["reason"].startswith("backend kind can't run here: docker")
    ran_on = json.loads((suite.path / "out" / "ran-on.json").read_text())
    assert (ran_on["sim"]["ran"], ran_on["kind"]["skipped"]) == (2, 2)


def test_figures_can_not_pass_for_the_plugins_own_properties(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(ovn_record): ovn_record(backend='moon')")
    result = run(suite)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines("*ValueError: ovn_record: the name 'backend' is the plugin's own")


def test_junit_has_seed_and_backend(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_swap(ovn, ovn_seed): ovn()")
    run(suite, "--junitxml=out.xml", "--ovn-seed=9")
    properties = {p.get("name"): p.get("value") for p in ET.parse(suite.path / "out.xml").iter("property")}
    assert properties == {"ovn.backend": "sim", "ovn.seed": "9"}


def test_time_scale_overrides_the_spec(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(ovn): assert ovn().spec.time_scale == 0.25")
    run(suite, "--ovn-time-scale=0.25").assert_outcomes(passed=1)
    run(suite).assert_outcomes(failed=1)


@pytest.mark.parametrize("how", ["ovn()", "with ovn.closing():"])
def test_clusters_are_removed_when_the_test_fails(suite: pytest.Pytester, how: str) -> None:
    body = f"{how}\n        assert alive() == 0" if how.endswith(":") else f"{how}; {how}\n    assert alive() == 0"
    suite.makepyfile(
        f"import pathlib\n"
        f"def alive(): return len(list(pathlib.Path(__file__).parent.glob('alive-*')))\n"
        f"def test_it(ovn):\n    {body}\n"
    )
    run(suite).assert_outcomes(failed=1)
    assert alive(suite) == []


def test_what_a_cluster_leaves_behind_is_an_error(suite: pytest.Pytester) -> None:
    suite.makepyfile("def test_it(ovn): setattr(ovn(), 'sticky', True)\ndef test_next(ovn): ovn()")
    result = run(suite)
    result.assert_outcomes(passed=2, errors=1)
    assert "left behind on sim:" in result.stdout.str()
    assert len(alive(suite)) == 1


def test_every_cluster_is_removed_even_if_one_will_not_go(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        def test_it(ovn):
            first, stuck, last = ovn(), ovn(), ovn()
            stuck.close = lambda: 1 / 0
        """
    )
    run(suite).assert_outcomes(passed=1, errors=1)
    assert len(alive(suite)) == 1


def test_keep_leaves_clusters_and_says_where(suite: pytest.Pytester) -> None:
    suite.makepyfile(SWAP)
    result = run(suite, "--ovn-keep")
    (name,) = alive(suite)
    result.stdout.fnmatch_lines(f"kept: *{name}")


@pytest.mark.parametrize("workers", [[], ["-p", "xdist", "-n", "2"]])
def test_interrupt_removes_clusters(suite: pytest.Pytester, workers: list[str]) -> None:
    suite.makepyfile(
        """
        import os, pathlib, signal
        def test_it(ovn):
            ovn()
            with open("started", "w") as fifo:  # blocks until the other side reads
                fifo.write("go")
            signal.pause()
        """
    )
    started = suite.path / "started"
    subprocess.run(["mkfifo", started], check=True)
    process = suite.popen(
        [*HEEDS_CTRL_C, sys.executable, "-m", "pytest", *workers], start_new_session=True, stdin=subprocess.DEVNULL
    )
    assert started.read_text() == "go"
    assert len(alive(suite)) == 1
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    process.communicate(timeout=120)
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert alive(suite) == []
