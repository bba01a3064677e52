"""Who may know whom, and what keeps runs repeatable, checked over the source of every module.

Each rule is a function from a module's syntax tree to complaints; the tests below plant a violation of each, so that a
rule that sees nothing is noticed.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FAKES = ("fake_raft", "fake_kube")
PACKAGES = ("harness", *FAKES, "scenarios")
MAY_IMPORT_FAKES = (
    *("harness.executors.simulated", "harness.executors.ovsdb", "harness.executors.fake_kubernetes"),
    "harness.executors.simulation",  # the parts of simulated
    "harness.executors.processes",  # the parts of ovsdb
)
NEVER_IMPORT_EXECUTORS = ("scenarios", "harness.procedures", "harness.steps", "harness.invariants")
CLUSTER_LIBRARIES = ("kubernetes", "pytest_kind", "docker")
MAY_IMPORT_CLUSTER_LIBRARIES = ("harness.executors.kubernetes", "harness.executors.kube", "harness.executors.kind")
MAY_PRINT = ("harness.cli", "harness.pytest_plugin")
MAY_USE_RANDOM = ("harness.search.tape",)
IMPURE_MODULES = (
    *("asyncio", "logging", "multiprocessing", "os", "random", "secrets", "select", "selectors", "signal", "socket"),
    *("subprocess", "tempfile", "threading", "time"),
)
WALL_CLOCKS = ("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "datetime.today", "date.today")
RANDOM_IDS = ("uuid.uuid1", "uuid.uuid4", "uuid1", "uuid4")
ORDER_SENSITIVE = ("list", "tuple", "iter", "enumerate", "zip", "map", "filter", "reversed")
LONGEST_FILE = 450
LONGEST_FUNCTION = 60

Rule = Callable[[str, ast.Module], Iterator[tuple[int, str]]]


def within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(room + ".") for room in rooms)


def dotted(node: ast.AST) -> str:
    """``a.b.c`` for a chain of names; "" for anything else."""
    if isinstance(node, ast.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr}" if base else ""
    return node.id if isinstance(node, ast.Name) else ""


def imports(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, absolute name) of everything imported, inside functions and for type checkers too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".")[: -node.level]
                base = ".".join([*package, *([base] if base else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    return ((node.lineno, dotted(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call))


# -- who may know whom ------------------------------------------------------------------------------------------------


def fakes_are_alone(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """fake_raft and fake_kube import the standard library and themselves, nothing else."""
    if within(module, FAKES):
        own = module.partition(".")[0]
        for line, name in imports(module, tree):
            top = name.partition(".")[0]
            if top != own and top not in sys.stdlib_module_names:
                yield line, f"imports {name}"


def few_know_the_fakes(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Only the executors that run on them import fake_raft and fake_kube."""
    if not within(module, FAKES + MAY_IMPORT_FAKES):
        for line, name in imports(module, tree):
            if within(name, FAKES):
                yield line, f"imports {name}"


def content_knows_no_executor(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """A scenario, a procedure, a step and an invariant never import an executor."""
    if within(module, NEVER_IMPORT_EXECUTORS):
        for line, name in imports(module, tree):
            if within(name, ("harness.executors",)):
                yield line, f"imports {name}"


def cluster_libraries_stay_in_their_executors(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """kubernetes, pytest-kind and docker are imported by the executors that need them, so that sim installs light."""
    if not within(module, MAY_IMPORT_CLUSTER_LIBRARIES):
        for line, name in imports(module, tree):
            if within(name, CLUSTER_LIBRARIES):
                yield line, f"imports {name}"


def nothing_below_prints(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Only the command line and the pytest plugin print."""
    if within(module, MAY_PRINT):
        return
    yield from ((line, "prints") for line, name in calls(tree) if name in ("print", "pprint", "pprint.pprint"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and dotted(node) in ("sys.stdout", "sys.stderr"):
            yield node.lineno, f"uses {dotted(node)}"


# -- what keeps runs repeatable ---------------------------------------------------------------------------------------


def one_source_of_chance(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every choice comes from the tape: nobody else imports random, and nobody calls hash()."""
    if not within(module, MAY_USE_RANDOM):
        for line, name in imports(module, tree):
            if within(name, ("random", "secrets")):
                yield line, f"imports {name}"
    yield from ((line, "calls hash()") for line, name in calls(tree) if name == "hash")


def fakes_are_pure(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """No clock, chance, log or I/O in the fakes."""
    if not within(module, FAKES):
        return
    for line, name in imports(module, tree):
        if within(name, IMPURE_MODULES):
            yield line, f"imports {name}"
    for line, name in calls(tree):
        if name in (*RANDOM_IDS, "open", "input") or any(name == c or name.endswith("." + c) for c in WALL_CLOCKS):
            yield line, f"calls {name}()"


def fakes_keep_order(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The fakes don't walk over sets, whose order differs between processes; sorted() is the way out.

    Sees set displays, set() and frozenset() calls, their | & - ^, and names and attributes that the same module
    annotates as sets or assigns one to.
    """
    if not within(module, FAKES):
        return
    known = set_names(tree)
    for node in ast.walk(tree):
        yield from ((expr.lineno, f"walks over {ast.unparse(expr)}") for expr in walked(node) if is_set(expr, known))


def walked(node: ast.AST) -> list[ast.expr]:
    """The expressions whose order shows in what ``node`` does."""
    if isinstance(node, ast.For | ast.comprehension):
        return [node.iter]
    if isinstance(node, ast.Starred):
        return [node.value]
    if not isinstance(node, ast.Call):
        return []
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if method == "join" or dotted(node.func) in ORDER_SENSITIVE:
        return list(node.args)
    return [node.func.value] if method == "pop" and not node.args and isinstance(node.func, ast.Attribute) else []


def set_names(tree: ast.Module) -> frozenset[str]:
    """Names and attributes that hold sets, as far as one module tells."""
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign | ast.arg) and node.annotation is not None:
            kind = ast.unparse(node.annotation).partition("[")[0]
            if kind in ("set", "frozenset", "AbstractSet", "Set"):
                names.append(node.arg if isinstance(node, ast.arg) else dotted(node.target).rpartition(".")[2])
        elif isinstance(node, ast.Assign) and is_set(node.value, frozenset()):
            names.extend(dotted(target).rpartition(".")[2] for target in node.targets)
    return frozenset(names) - {""}


def is_set(node: ast.expr, known: frozenset[str]) -> bool:
    if isinstance(node, ast.Set | ast.SetComp):
        return True
    if isinstance(node, ast.Call):
        return dotted(node.func) in ("set", "frozenset")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr | ast.BitAnd | ast.Sub | ast.BitXor):
        return is_set(node.left, known) or is_set(node.right, known)
    return dotted(node).rpartition(".")[2] in known


# -- what keeps rooms small -------------------------------------------------------------------------------------------


def functions_fit_a_screen(module: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """At most 60 lines in a function, its docstring not counted."""
    if within(module, ("scenarios",)):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = lines_of(node) - (lines_of(node.body[0]) if ast.get_docstring(node) else 0)
            if length > LONGEST_FUNCTION:
                yield node.lineno, f"{node.name} has {length} lines"


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


RULES: tuple[Rule, ...] = (
    fakes_are_alone,
    few_know_the_fakes,
    content_knows_no_executor,
    cluster_libraries_stay_in_their_executors,
    nothing_below_prints,
    one_source_of_chance,
    fakes_are_pure,
    fakes_keep_order,
    functions_fit_a_screen,
)


def modules() -> list[tuple[str, Path]]:
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append((".".join(part for part in parts if part != "__init__"), path))
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_module_keeps_the_rule(rule: Rule) -> None:
    complaints = [
        f"{path.relative_to(ROOT)}:{line}: {complaint}"
        for module, path in modules()
        for line, complaint in rule(module, ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not complaints, "\n".join([rule.__doc__ or "", *complaints])


def test_files_stay_small() -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for module, path in modules()}
    assert not {str(path.relative_to(ROOT)): n for path, n in lengths.items() if n > LONGEST_FILE}


def test_all_rooms_are_looked_at() -> None:
    names = [name for name, _ in modules()]
    assert {"harness.cluster", "harness.executors", "harness.search.tape", "fake_raft", "fake_kube.runtime"} <= {*names}


PLANTED = [
    (fakes_are_alone, "fake_raft.server", "from harness.cluster import Node"),
    (fakes_are_alone, "fake_raft.server", "import fake_kube.runtime"),
    (fakes_are_alone, "fake_kube.scheduler", "def f():\n    import rich"),
    (few_know_the_fakes, "harness.runner", "from fake_raft import server"),
    (few_know_the_fakes, "harness.executors.kind", "if TYPE_CHECKING:\n    import fake_kube"),
    (few_know_the_fakes, "scenarios.test_swap", "import fake_kube.runtime"),
    (content_knows_no_executor, "scenarios.test_swap", "from harness import executors"),
    (content_knows_no_executor, "harness.steps.raft", "from ..executors import create"),
    (content_knows_no_executor, "harness.invariants.one_leader", "from harness.executors.ovsdb import OvsdbExecutor"),
    (cluster_libraries_stay_in_their_executors, "harness.preflight", "import kubernetes.client"),
    (cluster_libraries_stay_in_their_executors, "harness.executors.simulated", "from pytest_kind import KindCluster"),
    (nothing_below_prints, "harness.runner", "def f():\n    print('done')"),
    (nothing_below_prints, "fake_raft.server", "import sys\nsys.stderr.write('x')"),
    (one_source_of_chance, "harness.search.campaign", "from random import Random"),
    (one_source_of_chance, "harness.plan", "key = hash('x')"),
    (fakes_are_pure, "fake_raft.server", "import time"),
    (fakes_are_pure, "fake_kube.kubelet", "from threading import Timer"),
    (fakes_are_pure, "fake_kube.kubelet", "import datetime\nnow = datetime.datetime.now()"),
    (fakes_are_pure, "fake_kube.kubelet", "from uuid import uuid4\nuid = uuid4()"),
    (fakes_keep_order, "fake_raft.server", "for x in {1, 2}: pass"),
    (fakes_keep_order, "fake_raft.server", "y = [x for x in set(z) | w]"),
    (fakes_keep_order, "fake_raft.server", "def f(votes: frozenset[str]):\n    return tuple(votes)"),
    (
        fakes_keep_order,
        "fake_kube.pods",
        "class A:\n  seen: set[str]\n  def f(self):\n    for x in self.seen: pass",
    ),
    (fakes_keep_order, "fake_kube.pods", "seen = set()\ntext = ','.join(seen)"),
    (functions_fit_a_screen, "harness.plan", "def f():\n" + "    x = 1\n" * 60),
]


@pytest.mark.parametrize(("rule", "module", "source"), PLANTED, ids=lambda value: getattr(value, "__name__", None))
def test_planted_violation_is_found(rule: Rule, module: str, source: str) -> None:
    assert list(rule(module, ast.parse(source)))


ALLOWED = [
    ("fake_raft.server", "import heapq\nfrom fake_raft.log import Log\nfrom . import log"),
    ("fake_raft.server", "votes: set[str] = set()\nfor v in sorted(votes): pass\nn = len(votes)\nvotes.discard('a')"),
    ("fake_kube.pods", "from dataclasses import dataclass\nnow = clock.now()"),
    ("harness.executors.simulated", "from fake_raft import server\nfrom fake_kube import runtime"),
    ("harness.search.tape", "import random"),
    ("harness.executors.kind", "import pytest_kind\nimport kubernetes"),
    ("harness.cli", "print('hello')"),
    ("harness.plan", "def f():\n    '''" + "doc\n" * 80 + "'''\n    return 1"),
]


@pytest.mark.parametrize(("module", "source"), ALLOWED)
def test_allowed_code_is_not_complained_about(module: str, source: str) -> None:
    tree = ast.parse(source)
    assert not [complaint for rule in RULES for complaint in rule(module, tree)]


def test_every_rule_has_a_planted_violation() -> None:
    assert {rule.__name__ for rule in RULES} == {planted[0].__name__ for planted in PLANTED}
