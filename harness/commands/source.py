"""Where the cluster comes from: pasted text, a kubeconfig, or a lab that is made for the length of the command."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import click
from click.core import ParameterSource

from harness import executors
from harness.addresses import is_ip
from harness.cluster import ClusterView, NodeFiles, Versions
from harness.commands import cluster
from harness.commands.interrupts import undisturbed
from harness.commands.output import say
from harness.commands.textfiles import TextFiles
from harness.errors import BadInput, OvnswapError
from harness.executor import LabExecutor, WaitTimeout
from harness.pasted import view_from_text
from harness.search.tape import Tape
from harness.signals import held
from harness.spec import EXAMPLE_VERSIONS, ClusterSpec

DEFAULT_BACKEND = "sim"
"""Where a command works that names no cluster: nothing real is touched, and every command says where it works."""

TEXT_OPTIONS = ("pods", "status_files", "nodes", "node_ips", "namespace")
LAB_OPTIONS = ("members", "spares", "seed", "ovs", "time_scale")
SIM_OPTIONS = ("seed", "ovs")
OVSDB_OPTIONS = ("time_scale",)
FLAGS = {"status_files": "--status", "kube_context": "--context"}

_KUBERNETES_NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Found:
    """A cluster as a read-only command sees it: one view, the files that were looked at, what had to be assumed."""

    view: ClusterView
    words: str
    files: Mapping[str, NodeFiles] | None = None
    assumptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """The options that name a cluster, found to fit together."""

    values: Mapping[str, Any]
    backend: str | None
    unnamed: bool = False
    """Whether no cluster was named, so that it is :data:`DEFAULT_BACKEND`."""

    @classmethod
    def of(cls, context: click.Context, values: Mapping[str, Any], *, changes: bool = False) -> Source:
        """Raises :class:`BadInput` if they do not fit together. ``changes``: the command wants to change the cluster,
        so text will not do."""
        typed = {name for name in values if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}
        text = [name for name in TEXT_OPTIONS if values.get(name) and name != "namespace"]
        backend = values["backend"]
        if backend and text:
            if "backend" not in typed and typed.intersection(text):
                backend = None  # it is only in the environment: what was typed counts
            elif "backend" in typed and not typed.intersection(text):
                text = []
            else:
                seen = f"{_flag(text[0])} and --backend {backend} exclude each other"
                raise BadInput(seen, todo="the cluster comes from text, or from a lab: give one of them")
        if changes and text:
            todo = "ovnswap plan works from text; apply needs --backend sim, ovsdb or kube"
            raise BadInput("pasted text can't be changed", todo=todo)
        unnamed = backend is None and not text
        if unnamed:
            backend = DEFAULT_BACKEND
        _check_backend(backend, text)
        _check_strays(typed, backend)
        return cls(values, backend, unnamed)

    @contextmanager
    def lab(self) -> Iterator[LabExecutor]:
        """A new cluster, removed at the end. Raises :class:`BadInput` if it can't be made here, or does not form."""
        assert self.backend is not None, "of() saw to it"
        spec = self.spec()
        with held():
            executors.load(self.backend)
        try:
            executor = executors.create(self.backend, spec, tape=Tape(seed=self.values["seed"]))
        except WaitTimeout as timeout:
            todo = "raise --time-scale if this machine is busy, then try again"
            raise OvnswapError(f"the lab did not form: {timeout}", why="no plan was made yet", todo=todo) from None
        try:
            yield executor
        finally:
            with undisturbed():
                executor.close()
            _complain(executor)

    def look(self) -> Found:
        """One look at the cluster; a lab is made and removed for it."""
        if self.backend is None:
            return self._pasted()
        if self.is_cluster:
            with cluster.opened(self.values) as found:
                view = found.view()
                check_names(view)
                return Found(view, cluster.words(found), cluster.files(found, view))
        with self.lab() as executor:
            view = executor.view()
            return Found(view, self.words(), {node.name: executor.files(node.name) for node in view.nodes})

    @property
    def is_cluster(self) -> bool:
        """Whether it is a cluster that is there already."""
        return self.backend in executors.CLUSTER_BACKENDS

    def spec(self) -> ClusterSpec:
        """The lab that is asked for."""
        values = self.values
        return ClusterSpec(
            members=values["members"],
            spares=values["spares"],
            versions=_versions(EXAMPLE_VERSIONS, values),
            time_scale=values["time_scale"],
        )

    def words(self) -> str:
        """Where the cluster comes from, for people."""
        if self.backend is None:
            return "pasted text"
        if self.is_cluster:
            return f"kube, a real cluster: context {self.values.get('kube_context') or '(none named)'}"
        spec = self.spec()
        kubernetes = ".".join(map(str, spec.versions.kubernetes))
        parts = [f"members {spec.members}, spares {spec.spares}"]
        parts += [f"Kubernetes {kubernetes}", f"Kube-OVN {spec.versions.kube_ovn}"]
        if self.backend == "sim":
            seed = self.values["seed"]
            parts += [f"OVS {spec.versions.ovs}", "no seed: nothing bad happens" if seed is None else f"seed {seed}"]
            return f"sim, a simulated lab: {', '.join(parts)}"
        parts.append(f"time scale {spec.time_scale:g}")
        return f"{self.backend}, a lab of real ovsdb-server processes: {', '.join(parts)}"

    def introduction(self) -> str:
        """:meth:`words`, and how to see another cluster for whoever named none."""
        return self.words() + ("; for a cluster of yours: --pods FILE --status FILE --status FILE" * self.unnamed)

    def _pasted(self) -> Found:
        values = self.values
        files = TextFiles()
        pods = files.read(values["pods"], "--pods")
        statuses = [files.read(path, "--status") for path in values["status_files"]]
        nodes = files.read(values["nodes"], "--nodes") if values["nodes"] else None
        listed = _addresses(values["node_ips"]) if values["node_ips"] else None
        try:
            namespace = values["namespace"] or "kube-system"
            pasted = view_from_text(pods, statuses, namespace=namespace, node_ips=listed, nodes=nodes)
        except BadInput as error:
            seen = files.named(error.seen, values["pods"], values["status_files"], values["nodes"])
            raise BadInput(seen, why=error.why, todo=error.todo) from None
        view = replace(pasted.view, versions=_versions(pasted.view.versions, values))
        check_names(view)
        return Found(view, self.words(), None, pasted.assumptions)


def say_assumptions(found: Found) -> None:
    """What the view holds without anybody having seen it, on stderr."""
    for words in found.assumptions:
        say(f"assumed: {words}")


def check_names(view: ClusterView) -> None:
    """Raises :class:`BadInput` for names that Kubernetes can't have: they would end up in commands."""
    for kind, names in (("node", [n.name for n in view.nodes]), ("pod", [p.name for p in view.pods])):
        for name in names:
            if not _KUBERNETES_NAME.fullmatch(name):
                raise BadInput(
                    f"{name!r} is no {kind} name",
                    why="lower-case letters, digits, - and .",
                    todo="paste the lines as kubectl prints them",
                )


def _flag(name: str) -> str:
    return FLAGS.get(name, "--" + name.replace("_", "-"))


def _check_backend(backend: str | None, text: Sequence[str]) -> None:
    if backend in executors.UNBUILT_BACKENDS:
        built = (*executors.LAB_BACKENDS, *executors.CLUSTER_BACKENDS)
        raise BadInput(f"backend {backend} is not built yet", todo=f"choose from {', '.join(built)}")
    if backend is not None:
        return
    for name in ("pods", "status_files"):
        if name not in text:
            prints = "kubectl -n kube-system get pod -o wide" if name == "pods" else "kubectl ko nb status (and sb)"
            raise BadInput(f"{_flag(text[0])} without {_flag(name)}", todo=f"add {_flag(name)} FILE: {prints}")


def _check_strays(typed: set[str], backend: str | None) -> None:
    """Options that were typed and would have no effect."""
    if backend is None:
        strays = [(name, "pasted text") for name in (*LAB_OPTIONS, *cluster.OPTIONS)]
    elif backend in executors.CLUSTER_BACKENDS:
        text = [name for name in TEXT_OPTIONS if name != "namespace"]
        strays = [(name, f"--backend {backend}") for name in (*text, *LAB_OPTIONS, "kubernetes", "kube_ovn")]
    else:
        strays = [(name, f"--backend {backend}") for name in TEXT_OPTIONS]
        others = OVSDB_OPTIONS if backend == "sim" else SIM_OPTIONS
        strays += [(name, f"--backend {backend}") for name in (*others, *cluster.OPTIONS)]
    for name, where in strays:
        if name in typed:
            raise BadInput(f"{_flag(name)} has no effect with {where}", todo="leave it out")


def versions_of(values: Mapping[str, Any]) -> Versions:
    """The example's releases, with those that were given in their place. Raises :class:`BadInput` for none."""
    return _versions(EXAMPLE_VERSIONS, values)


def _versions(known: Versions, values: Mapping[str, Any]) -> Versions:
    """``known``, with what was given on the command line in its place."""
    kubernetes = values["kubernetes"]
    if kubernetes is not None:
        match = re.fullmatch(r"v?([0-9]{1,2})\.([0-9]{1,3})(?:\..*)?", kubernetes)
        if match is None:
            raise BadInput(f"{kubernetes!r} is no Kubernetes release", todo="--kubernetes 1.20")
        known = replace(known, kubernetes=(int(match[1]), int(match[2])))
    if values["kube_ovn"] is not None:
        known = replace(known, kube_ovn=values["kube_ovn"])
    return replace(known, ovs=values["ovs"]) if values["ovs"] is not None else known


def _addresses(text: str) -> list[str]:
    found = [part.strip() for part in text.split(",")]
    wrong = [part for part in found if not is_ip(part)]
    if wrong:
        raise BadInput(f"--node-ips: {wrong[0]!r} is no IP address", todo="--node-ips 172.18.0.3,172.18.0.4")
    return found


def _complain(executor: LabExecutor) -> None:
    """Say what a lab left behind, if it can tell."""
    leftovers = getattr(executor, "leftovers", None)
    for thing in leftovers() if leftovers is not None else ():
        say(f"left behind: {thing}")
