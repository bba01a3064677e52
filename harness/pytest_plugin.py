"""The pytest side: options, markers and fixtures for scenarios, and the line that says what ran where.

Loads wherever ovnswap is installed, so it stays out of the way of runs that have nothing to do with it: every option
begins with ``--ovn-``, no backend is imported before a test asks for one, and nothing is printed unless a test ran on a
backend or a ``--ovn-`` option was given.
"""

from __future__ import annotations

import dataclasses
import enum
import json
import os
import re
import shlex
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.lab import Lab
from harness.report.ran_on import BACKENDS, Count, summary_line

if TYPE_CHECKING:
    from harness.workload import History

EVERY = "*"
OWN_PROPERTIES = ("backend", "seed", "unavailable", "kept")
"""What the plugin itself tells the controller of a test, as user properties ``ovn.<name>``."""

MARKERS = (
    "ovn(backends=None, nodes=3): the backends this scenario is for, and the members of a bare `ovn()` cluster",
    "real_ovsdb: runs real ovsdb-server processes; set by itself on scenarios on the ovsdb backend",
    "slow: takes longer than a few seconds; leave out with -m 'not slow'",
)


@dataclasses.dataclass(frozen=True, slots=True)
class Options:
    """What the command line and the ini file ask for. ``asked`` is False when ``backends`` is only the default."""

    backends: tuple[str, ...]
    asked: bool
    required: tuple[str, ...]
    seed: int | None
    keep: bool
    report: Path | None
    time_scale: float | None


OPTIONS = pytest.StashKey[Options]()


# -- options --------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("ovn", "ovnswap: clusters on which scenarios run")
    names = ", ".join(BACKENDS)
    group.addoption(
        "--ovn-backend",
        dest="ovn_backend",
        action="append",
        metavar="NAME",
        help=f"run scenarios on this backend ({names}); repeat it or separate by commas (default: sim)",
    )
    group.addoption("--ovn-seed", dest="ovn_seed", type=int, metavar="N", help="seed for `ovn_seed` in every test")
    group.addoption(
        "--ovn-require-backend",
        dest="ovn_require_backend",
        action="append",
        nargs="?",
        const=EVERY,
        metavar="NAME",
        help="a backend that can't run here is a failure, not a skip (without NAME: every backend asked for)",
    )
    group.addoption(
        "--ovn-keep", dest="ovn_keep", action="store_true", help="keep clusters and their files, and print where"
    )
    group.addoption(
        "--ovn-report", dest="ovn_report", metavar="DIR", help="write a JSON file for each scenario into DIR"
    )
    group.addoption(
        "--ovn-time-scale",
        dest="ovn_time_scale",
        type=float,
        metavar="X",
        help="real seconds for one cluster second (ovsdb only; default: what the scenario says)",
    )
    group.addoption(
        "--ovn-install",
        dest="ovn_install",
        choices=("lab", "kube-ovn"),
        help="kind: how ovn-central gets into the cluster, by our own image around Debian's OVN, or by Kube-OVN's "
        "chart (needs helm and a network; default where both are)",
    )
    parser.addini("ovn_backend", "backends that scenarios run on when --ovn-backend is not given", default="")


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)
    config.stash[OPTIONS] = options = read_options(config)
    if config.getoption("ovn_install"):
        os.environ["LAB_INSTALL"] = config.getoption("ovn_install")  # for ci/lab.sh, also from xdist's workers
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Tally(options), "ovnswap-tally")


def read_options(config: pytest.Config) -> Options:
    """The options as values. Raises :class:`pytest.UsageError` for a name that is no backend, or a scale <= 0."""
    given = config.getoption("ovn_backend")
    backends = backend_names(given or [config.getini("ovn_backend")], "--ovn-backend") or ("sim",)
    require = config.getoption("ovn_require_backend") or []
    named = backend_names([value for value in require if value != EVERY], "--ovn-require-backend")
    required = tuple(dict.fromkeys(named + (backends if EVERY in require else ())))
    scale = config.getoption("ovn_time_scale")
    if scale is not None and scale <= 0:
        raise pytest.UsageError(f"--ovn-time-scale: {scale:g} is not a positive number")
    report = config.getoption("ovn_report")
    return Options(
        backends=backends,
        asked=bool(given or require),
        required=required,
        seed=config.getoption("ovn_seed"),
        keep=config.getoption("ovn_keep"),
        report=Path(report) if report else None,
        time_scale=scale,
    )


def backend_names(values: Iterable[str], option: str) -> tuple[str, ...]:
    """The backends named by ``values``, each once, in order. Raises :class:`pytest.UsageError` for any other word."""
    names = dict.fromkeys(name for value in values for name in re.split(r"[,\s]+", value) if name)
    for name in names:
        if name not in BACKENDS:
            hint = f"; paths go before {option}, or write {option}=NAME" if "/" in name or name.endswith(".py") else ""
            raise pytest.UsageError(f"{option}: {name!r} is no backend, choose from {', '.join(BACKENDS)}{hint}")
    return tuple(names)


# -- which test runs where ------------------------------------------------------------------------------------------


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "ovn_backend" not in metafunc.fixturenames:
        return
    wanted = metafunc.config.stash[OPTIONS].backends
    allowed = _allowed_backends(metafunc.definition)
    chosen: list[Any] = [name for name in wanted if name in allowed]
    if not chosen:
        reason = f"runs on {', '.join(allowed)} only: add --ovn-backend {allowed[0]}"
        chosen = [pytest.param(allowed[0], marks=pytest.mark.skip(reason=reason))]
    metafunc.parametrize("ovn_backend", chosen, indirect=True, ids=str)


def _allowed_backends(definition: pytest.Item) -> tuple[str, ...]:
    marker = definition.get_closest_marker("ovn")
    backends = marker.kwargs.get("backends") if marker else None
    if backends is None:
        return BACKENDS
    try:
        names = backend_names([backends] if isinstance(backends, str) else backends, f"{definition.nodeid}: marker ovn")
    except pytest.UsageError as error:
        raise pytest.Collector.CollectError(str(error)) from error
    if not names:
        raise pytest.Collector.CollectError(f"{definition.nodeid}: marker ovn names no backend")
    return names


def pytest_itemcollected(item: pytest.Item) -> None:
    backend = backend_of(item)
    if backend is None:
        return
    if backend == "ovsdb":
        item.add_marker("real_ovsdb")
    item.user_properties.append(("ovn.backend", backend))
    if uses_seed(item):
        item.user_properties.append(("ovn.seed", seed_of(item)))


def backend_of(item: pytest.Item) -> str | None:
    """The backend that a test runs on; None if it has to do with none."""
    callspec = getattr(item, "callspec", None)
    if callspec is not None and "ovn_backend" in callspec.params:
        return str(callspec.params["ovn_backend"])
    real = item.get_closest_marker("real_ovsdb") or "real_ovsdb" in getattr(item, "fixturenames", ())
    return "ovsdb" if real else None


def uses_seed(item: pytest.Item) -> bool:
    return "ovn_seed" in getattr(item, "fixturenames", ())


def seed_of(item: pytest.Item) -> int:
    """``--ovn-seed``, else a number that is the same for this test in every run."""
    given = item.config.stash[OPTIONS].seed
    return zlib.crc32(item.nodeid.encode()) if given is None else given


def pytest_runtest_setup(item: pytest.Item) -> None:
    backend = backend_of(item)
    if backend is None:
        return
    from harness import executors

    reason = executors.unavailable(backend)
    if reason is None:
        return
    item.user_properties.append(("ovn.unavailable", reason))
    if backend in item.config.stash[OPTIONS].required:
        pytest.fail(f"backend {backend} is required, but can't run here: {reason}", pytrace=False)
    pytest.skip(f"backend {backend} can't run here: {reason}")


# -- fixtures -------------------------------------------------------------------------------------------------------


class Recorder:
    """Takes down figures of a scenario, for ``--ovn-report`` and as JUnit properties ``ovn.<name>``."""

    def __init__(self, properties: list[tuple[str, object]]) -> None:
        self._properties = properties

    def __call__(self, **figures: object) -> None:
        """Each may be anything that JSON can say, a dataclass or an enum; the last one of a name counts.

        Raises ValueError for the names in ``OWN_PROPERTIES``.
        """
        taken = [name for name in figures if name in OWN_PROPERTIES]
        if taken:
            raise ValueError(f"ovn_record: the name {taken[0]!r} is the plugin's own")
        for name, value in figures.items():
            self._properties.append((f"ovn.{name}", json.loads(json.dumps(value, default=_plain))))

    def history(self, history: History) -> None:
        """The client's side: the longest stall (cluster seconds) and the number of writes, for each database."""
        from harness.cluster import DATABASES

        stalls, writes = {}, {}
        for db in DATABASES:
            stalls[db.value] = history.longest_stall(db)
            invoked = sum(write.database is db for write in history.writes)
            writes[db.value] = {"invoked": invoked, "acknowledged": len(history.acknowledged(db))}
        self(stalls=stalls, writes=writes)


def _plain(value: object) -> object:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value.value if isinstance(value, enum.Enum) else str(value)


@pytest.fixture
def ovn_backend(request: pytest.FixtureRequest) -> str:
    """The backend of this test: one test for each that ``--ovn-backend`` asks for, with its name as id."""
    return str(request.param)


@pytest.fixture
def ovn(ovn_backend: str, request: pytest.FixtureRequest) -> Iterator[Lab]:
    """``ovn(spec, tape=None)`` makes a cluster on this test's backend and removes it in the end."""
    marker = request.node.get_closest_marker("ovn")
    nodes = marker.kwargs.get("nodes", 3) if marker else 3
    options = request.config.stash[OPTIONS]
    lab = Lab(ovn_backend, keep=options.keep, time_scale=options.time_scale, nodes=nodes)
    try:
        yield lab
    finally:
        lab.close()
        request.node.user_properties.extend(("ovn.kept", where) for where in lab.kept)


@pytest.fixture
def ovn_seed(request: pytest.FixtureRequest) -> int:
    """``--ovn-seed``, else a number of this test's own. A failure prints it, and the line that replays it."""
    return seed_of(request.node)


@pytest.fixture
def ovn_record(request: pytest.FixtureRequest) -> Recorder:
    """``ovn_record(name=value, ...)`` and ``ovn_record.history(history)``: figures for the report."""
    return Recorder(request.node.user_properties)


@pytest.fixture
def real_ovsdb() -> None:
    """For tests that start real processes themselves: skipped, or failed, like a scenario on ``ovsdb``."""


# -- what a failure says --------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed and (backend_of(item) or uses_seed(item)):
        lines = [f"backend: {backend_of(item)}"] if backend_of(item) else []
        lines += [f"seed: {seed_of(item)}"] if uses_seed(item) else []
        report.sections.append(("ovn", "\n".join([*lines, f"replay: {replay_line(item)}"])))
    return report


def replay_line(item: pytest.Item) -> str:
    """The shell command that runs this test again, in the same way."""
    options = item.config.stash[OPTIONS]
    words = ["pytest", item.nodeid]
    if uses_seed(item):
        words += ["--ovn-seed", str(seed_of(item))]
    if (backend_of(item) or "sim") != "sim":
        words += ["--ovn-backend", str(backend_of(item))]
    if options.time_scale is not None:
        words += ["--ovn-time-scale", f"{options.time_scale:g}"]
    return " ".join(f"'{word}'" if "[" in word and "'" not in word else shlex.quote(word) for word in words)


# -- what ran where -------------------------------------------------------------------------------------------------


class Tally:
    """Counts tests on each backend and writes the report; lives where results arrive (xdist: the controller)."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._scenarios: dict[str, dict[str, Any]] = {}
        self._kept: list[str] = []
        self._seen = options.asked
        self.counts = {name: Count(required=name in options.required) for name in BACKENDS}
        for name in options.backends:
            self.counts[name].asked = True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        backend = properties.get("ovn.backend")
        if not isinstance(backend, str):
            return
        self._seen = True
        count = self.counts[backend]
        count.reason = count.reason or str(properties.get("ovn.unavailable", ""))
        if report.when == "call" and (not report.skipped or hasattr(report, "wasxfail")):
            count.ran += 1
        elif report.skipped:
            count.skipped += 1
        self._scenarios[report.nodeid] = updated(self._scenarios.get(report.nodeid), report)
        if report.when == "teardown":
            self._kept += [str(value) for name, value in report.user_properties if name == "ovn.kept"]
            self._write(self._scenarios.pop(report.nodeid))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        for scenario in self._scenarios.values():
            self._write(scenario)
        counts = {name: dataclasses.asdict(count) for name, count in self.counts.items()}
        self._write_file("ran-on.json", counts)
        if exitstatus == pytest.ExitCode.OK and self._idle() and not session.config.getoption("collectonly"):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for where in self._kept:
            terminalreporter.write_line(f"kept: {where}")
        if not self._seen or terminalreporter.config.getoption("collectonly"):
            return
        for name in self._idle():
            terminalreporter.write_line(f"backend {name} is required, but no test ran on it", red=True)
        terminalreporter.write_line(summary_line(self.counts))

    def _idle(self) -> list[str]:
        return [name for name in self._options.required if not self.counts[name].ran]

    def _write(self, scenario: Mapping[str, Any]) -> None:
        node = str(scenario["id"])
        slug = re.sub(r"[^A-Za-z0-9.]+", "-", node).strip("-")[-100:]
        self._write_file(f"{slug}-{zlib.crc32(node.encode()):08x}.json", scenario)

    def _write_file(self, name: str, value: object) -> None:
        if self._options.report is not None:
            self._options.report.mkdir(parents=True, exist_ok=True)
            (self._options.report / name).write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def updated(before: Mapping[str, Any] | None, report: pytest.TestReport) -> dict[str, Any]:
    """What the report file says of a test after one more of its phases."""
    properties = dict(report.user_properties)
    outcome = str(report.outcome)
    if hasattr(report, "wasxfail"):
        outcome = "xfailed" if report.skipped else "xpassed"
    elif report.failed and report.when != "call":
        outcome = "error"
    worse = before is None or before["outcome"] == "passed"
    figures = {name.removeprefix("ovn."): value for name, value in properties.items() if name.startswith("ovn.")}
    return {
        "format": 1,
        "id": report.nodeid,
        "backend": properties.get("ovn.backend"),
        "seed": properties.get("ovn.seed"),
        "outcome": outcome if worse else before["outcome"] if before else outcome,
        "reason": _reason(report) or (before["reason"] if before else ""),
        "seconds": round((before["seconds"] if before else 0.0) + report.duration, 3),
        "stalls": figures.pop("stalls", None),
        "figures": {name: value for name, value in figures.items() if name not in OWN_PROPERTIES},
    }


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message).partition("\n")[0] if crash else str(report.longrepr or "").partition("\n")[0]
