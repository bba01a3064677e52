"""The corpus: every known failure as a file, with its source and what must come of it when it is replayed.

A file is JSON and is named for people. ``replays`` says how it is shown; a file without any says ``why`` not:

* ``rehearsal``: a case (:class:`harness.search.case.Case`) for the documented and for the guarded procedure, with the
  ends that each may come to.
* ``conformance``: cases of ``tests/conformance`` that play it on bare servers, real and modelled.
* ``test``: tests of this repository that bring it about.
* ``proof``: bounds within which the configuration model must, or must not, break.
* ``runbook``: a page or a script, and what ``ovnswap lint`` must say of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.cluster import Versions
from harness.errors import BadInput
from harness.plan import Plan, Target
from harness.procedures.wanted import Wanted
from harness.search.case import Case, Hit
from harness.spec import EXAMPLE_VERSIONS, ClusterSpec
from harness.steps import from_dict

FORMAT = 1
"""Rises when a field changes its meaning."""
PROCEDURES = ("documented", "guarded")
ENDS = ("done", "refused", "void", "stuck", "unsafe")
BACKENDS = ("sim", "ovsdb")

_ENTRY = {"format", "title", "sources", "foundBy", "replays", "why"}
_CLUSTER = {"members", "spares", "kubernetes", "kubeOvn", "ovs", "placement", "extraWorkloads", "timeScale"}
_SHARED = {"kind", "on", "verb", "node", "with", "cluster", *PROCEDURES}
_OWN = {"seed", "faults", "mutation", "acceptStall", "pace", "moved", "steps"}
_EXPECTED = {"ends", "says"}
_FIELDS = {
    "rehearsal": _SHARED | _OWN,
    "conformance": {"kind", "on", "cases", "releases"},
    "proof": {"kind", "on", "gated", "bounds", "judged", "breaks", "actions"},
    "test": {"kind", "on", "tests"},
    "runbook": {"kind", "on", "text", "node", "cluster", "lint", "ends", "says"},
}
KINDS = tuple(_FIELDS)


@dataclass(frozen=True, slots=True)
class Try:
    """One procedure's run of a rehearsal: how it may end, and what a reason must say, as a regular expression."""

    procedure: str
    case: Case
    ends: tuple[str, ...]
    says: str


@dataclass(frozen=True, slots=True)
class Replay:
    """``fields`` are the file's; ``tries`` are those of a rehearsal."""

    kind: str
    backends: tuple[str, ...]
    fields: Mapping[str, Any]
    tries: tuple[Try, ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """A known failure. ``name`` is its file's, ``why`` says why nothing here can show it ("" if something can)."""

    name: str
    title: str
    sources: tuple[str, ...]
    found_by: str
    replays: tuple[Replay, ...]
    why: str

    def backends(self) -> tuple[str, ...]:
        """Where it is replayed."""
        return tuple(name for name in BACKENDS if any(name in replay.backends for replay in self.replays))


def load(directory: Path) -> tuple[Entry, ...]:
    """Every file of ``directory``, by name. Raises :class:`BadInput` naming the file in which something is wrong."""
    return tuple(read(path) for path in sorted(directory.glob("*.json")))


def read(path: Path) -> Entry:
    """One file. Raises :class:`BadInput`."""
    try:
        return _entry(path.stem, json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path}: {error!r}", todo="docs/track-record.md has the format") from None
    except BadInput as error:
        raise BadInput(f"{path}: {error.seen}", why=error.why, todo=error.todo) from None


def _known(given: Mapping[str, Any], known: set[str], what: str) -> None:
    strange = sorted(set(given) - known)
    if strange:
        raise ValueError(f"{what} has no field {strange[0]!r}")


def _entry(name: str, data: dict[str, Any]) -> Entry:
    _known(data, _ENTRY, "an entry")
    if data["format"] != FORMAT:
        raise ValueError(f"format {data['format']!r}; this ovnswap reads {FORMAT}")
    sources, replays = tuple(data["sources"]), tuple(_replay(one) for one in data.get("replays", ()))
    why = data.get("why", "")
    if not sources or bool(replays) == bool(why):
        raise ValueError("it needs sources, and either replays or a reason why there are none")
    return Entry(name, data["title"], sources, data["foundBy"], replays, why)


def _replay(data: dict[str, Any]) -> Replay:
    kind, backends = data["kind"], tuple(data["on"])
    if kind not in KINDS or not backends or not set(backends) <= set(BACKENDS):
        raise ValueError(f"replay {kind!r} on {', '.join(backends)}")
    _known(data, _FIELDS[kind], f"a {kind}")
    tries = tuple(_try(data, name) for name in PROCEDURES if name in data) if kind == "rehearsal" else ()
    if kind == "rehearsal" and not tries:
        raise ValueError("a rehearsal of no procedure")
    return Replay(kind, backends, data, tries)


def _try(data: Mapping[str, Any], procedure: str) -> Try:
    own = data[procedure]
    _known(own, _OWN | _EXPECTED, f"the {procedure} procedure")
    values = {**data, **own}
    ends = tuple(own["ends"])
    if not ends or not set(ends) <= set(ENDS):
        raise ValueError(f"ends {ends}")
    wanted = Wanted(procedure, data["verb"], data["node"], data.get("with", ""), values.get("acceptStall", False))
    cluster = spec(data.get("cluster", {}))
    case = Case(
        wanted=replace(wanted, given=_typed(wanted, values["steps"], cluster)) if "steps" in values else wanted,
        spec=cluster,
        hits=tuple(Hit.parse(text) for text in values.get("faults", ())),
        seed=values.get("seed"),
        mutation=values.get("mutation", ""),
        pace=values.get("pace", 0.0),
        moved=values.get("moved", False),
    )
    return Try(procedure, case, ends, own.get("says", ""))


def _typed(wanted: Wanted, steps: list[dict[str, Any]], cluster: ClusterSpec) -> Plan:
    """Steps that somebody typed, in their order."""
    targets = {node: Target(node, cluster.address(node)) for node in (wanted.node, wanted.spare) if node}
    old = targets[wanted.node] if wanted.verb != "add" else None
    new = targets.get(wanted.spare) or (targets[wanted.node] if wanted.verb == "add" else None)
    return Plan("typed by hand", wanted.verb, old, new, tuple(from_dict(step) for step in steps))


def spec(data: Mapping[str, Any]) -> ClusterSpec:
    """The cluster of an entry. Raises ValueError for a field that clusters don't have."""
    _known(data, _CLUSTER, "a cluster")
    major, minor = map(int, data.get("kubernetes", ".".join(map(str, EXAMPLE_VERSIONS.kubernetes))).split("."))
    usual = ClusterSpec()
    return ClusterSpec(
        members=data.get("members", usual.members),
        spares=data.get("spares", usual.spares),
        versions=Versions(
            kubernetes=(major, minor),
            kube_ovn=data.get("kubeOvn", EXAMPLE_VERSIONS.kube_ovn),
            ovs=data.get("ovs", EXAMPLE_VERSIONS.ovs),
        ),
        placement=data.get("placement", usual.placement),
        extra_workloads=data.get("extraWorkloads", usual.extra_workloads),
        time_scale=data.get("timeScale", usual.time_scale),
    )


def tries(entries: tuple[Entry, ...], backend: str) -> Iterator[tuple[str, Try]]:
    """(a name for people, what to run) of every rehearsal that ``backend`` can show."""
    for entry in entries:
        for number, replay in enumerate(entry.replays, start=1):
            for one in replay.tries if backend in replay.backends else ():
                yield f"{entry.name}-{number}-{one.procedure}", one
