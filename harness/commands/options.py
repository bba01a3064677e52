"""Options that several subcommands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness import executors
from harness.spec import ClusterSpec

F = TypeVar("F", bound=Callable[..., Any])
DEFAULTS = ClusterSpec()

_TEXT: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--pods",),
        {"metavar": "FILE", "help": "What `kubectl -n kube-system get pod -o wide` printed; - reads stdin."},
    ),
    (
        ("--status", "status_files"),
        {
            "metavar": "FILE",
            "multiple": True,
            "help": "What `kubectl ko nb status` and `kubectl ko sb status` printed, of any servers, in one file or "
            "several (repeat the option); - reads stdin.",
        },
    ),
    (
        ("--nodes",),
        {
            "metavar": "FILE",
            "help": "What `kubectl get node -o wide --show-labels` printed: needed for nodes that run no ovn-central.",
        },
    ),
    (("--node-ips",), {"metavar": "A,B,C", "help": "NODE_IPS of deployment/ovn-central, in its order."}),
    (
        ("-n", "--namespace"),
        {"metavar": "NAME", "help": "Kube-OVN's namespace. Default: kube-system; --backend kube finds it."},
    ),
)

_LAB: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--backend",),
        {
            "type": click.Choice((*executors.LAB_BACKENDS, *executors.CLUSTER_BACKENDS, *executors.UNBUILT_BACKENDS)),
            "help": "Make a cluster for this command: simulated, or of real ovsdb-server processes; or kube, a real "
            "one. Default, unless there is pasted text: sim.",
        },
    ),
    (
        ("--members",),
        {"type": click.IntRange(1, 9), "default": 3, "show_default": True, "help": "Lab: ovn-central nodes."},
    ),
    (
        ("--spares",),
        {"type": click.IntRange(0, 9), "default": 1, "show_default": True, "help": "Lab: nodes without ovn-central."},
    ),
    (
        ("--seed",),
        {"type": int, "help": "sim: draw delays and orders from this seed; without it nothing bad happens."},
    ),
    (("--kubernetes",), {"metavar": "1.20", "help": "Kubernetes release (1.22 knows pod-deletion-cost)."}),
    (("--kube-ovn",), {"metavar": "v1.13.15", "help": "Kube-OVN release."}),
    (("--ovs",), {"metavar": "3.1", "help": "sim: the OVS release whose raft is modelled."}),
    (
        ("--time-scale",),
        {
            "type": click.FloatRange(0.01, 10),
            "default": DEFAULTS.time_scale,
            "show_default": True,
            "help": "ovsdb: real seconds for one cluster second.",
        },
    ),
)


_KUBE: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("--context", "kube_context"),
        {"metavar": "NAME", "help": "kube: the context of the kubeconfig; none is assumed."},
    ),
    (
        ("--allow-cluster",),
        {"metavar": "UID", "help": "kube: the cluster that is meant, by the UID of its namespace kube-system."},
    ),
    (
        ("--kubeconfig",),
        {"type": click.Path(path_type=Path), "metavar": "FILE", "help": "kube: default KUBECONFIG, ~/.kube/config."},
    ),
)


def _add(function: F, options: tuple[tuple[tuple[str, ...], dict[str, Any]], ...], **more: Any) -> F:
    for names, settings in reversed(options):
        long = next(name for name in names if name.startswith("--"))
        variable = "OVNSWAP_" + long.removeprefix("--").replace("-", "_").upper()
        function = click.option(*names, envvar=variable, **settings, **more)(function)
    return function


def source_options(function: F) -> F:
    """Where the cluster comes from: pasted text, a lab, or a kubeconfig."""
    return _add(_add(_add(function, _LAB), _KUBE), _TEXT)


def lab_options(function: F) -> F:
    """A lab; options for text are taken too, to be answered in one clear line."""
    return _add(_add(function, _LAB), _TEXT, hidden=True)


def cluster_options(function: F) -> F:
    """A cluster of a kubeconfig."""
    return _add(function, _KUBE)


def run_options(function: F) -> F:
    """A lab, or a cluster of a kubeconfig; options for text as in :func:`lab_options`."""
    return _add(_add(_add(function, _LAB), _KUBE), _TEXT, hidden=True)


def output_options(*forms: str) -> Callable[[F], F]:
    """``-o`` with ``forms`` and ``-f``."""

    def add(function: F) -> F:
        path = click.Path(path_type=Path, dir_okay=True, allow_dash=False)
        function = click.option("-f", "--file", "path", type=path, metavar="PATH", help="Write there, not to stdout.")(
            function
        )
        chosen = click.Choice(forms)
        return click.option("-o", "--output", "form", type=chosen, help=f"Default: {forms[0]}.")(function)

    return add


def procedure_options(function: F) -> F:
    """Which procedure, and what the operator accepts."""
    function = click.option(
        "--accept-stall",
        is_flag=True,
        help="Allow restarts in a two-member cluster, each of which stops writes.",
    )(function)
    return click.option(
        "--procedure",
        type=click.Choice(("guarded", "documented")),
        default="guarded",
        show_default=True,
        help="guarded: never loses the majority, or refuses. documented: the documentation's page, step for step.",
    )(function)
