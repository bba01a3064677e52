"""``--from``: the lab that is like somebody's cluster, from what was pasted or copied there.

A file says by itself what it is: a database's file, a status, a listing of pods, or one of nodes. The twin has the same
nodes, addresses, order of NODE_IPS, election timer and releases. From database files it also has the same terms, votes,
logs, snapshots and configurations. It begins in order, but for members that are down.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness import health
from harness.addresses import host_of, is_ip
from harness.cluster import DATABASES, ClusterView, Database, Versions
from harness.commands.source import versions_of
from harness.commands.textfiles import LARGEST, TextFiles
from harness.errors import BadInput
from harness.executors.simulation import twins
from harness.executors.simulation.twins import Told
from harness.pasted import view_from_text
from harness.pasted_nodes import Listed, listed_nodes
from harness.spec import EXAMPLE_VERSIONS, ClusterSpec

KINDS = "a database's file, or what kubectl printed: ko nb status, ko sb status, get pod -o wide, get node -o wide"
_POD = re.compile(
    r"ovn-central-\S+\s.*?\s((?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]*:[0-9a-f:]*:[0-9a-f.:]*)\s+([a-z0-9][-.a-z0-9]*)"
)
_SERVER = re.compile(r"^\s*[0-9a-f]{4} \([0-9a-f]{4} at (?:tcp|ssl):\[?([0-9a-f.:]+?)\]?:\d+\)", re.M)


@dataclass(slots=True)
class Given:
    """What the files hold, by kind. ``names`` are the nodes' by their addresses, as the pods' lines have them."""

    databases: list[Told] = field(default_factory=list)
    pods: str = ""
    statuses: list[str] = field(default_factory=list)
    nodes: tuple[Listed, ...] = ()
    nodes_text: str | None = None

    @property
    def names(self) -> dict[str, str]:
        found = {one.node.address: one.node.name for one in self.nodes}
        return {**found, **{match[1]: match[2] for match in _POD.finditer(self.pods)}}


@dataclass(frozen=True, slots=True)
class Twin:
    """The lab, and in words what was assumed about it because nothing says it."""

    spec: ClusterSpec
    assumptions: tuple[str, ...]


def of(paths: Sequence[str], values: Mapping[str, Any]) -> Twin:
    """The twin by the files ``paths``; ``values`` are the command's options.

    Raises :class:`BadInput` naming the file in which something is wrong, and for a cluster that no lab can be like.
    """
    given = _given(paths, values["ovs"] or EXAMPLE_VERSIONS.ovs)
    view, told = _view(given, values)
    releases = _versions(given, values, told)
    members = _members(given, view)
    listed = _order(members, given, view, values, told)
    names = given.names
    spares = [(one.node.name, one.node.address) for one in given.nodes if one.node.address not in members]
    nodes = tuple((names.get(address, _made_up(address)), address) for address in listed)
    timers = {one.timer_ms for one in given.databases}
    if view is not None:
        timers |= {status.election_timer for db in DATABASES for _, status in view.statuses(db)}
    down = tuple(name for name, address in nodes if view is not None and _is_down(view, name, address))
    if len(timers) > 1:
        told.append(f"servers have election timers of {', '.join(f'{t} ms' for t in sorted(timers))}: the longest")
    spec = ClusterSpec(
        members=len(nodes),
        spares=len(spares),
        versions=releases,
        election_timer_ms=max(timers),
        time_scale=values["time_scale"],
        nodes=(*nodes, *spares),
        down=down,
        files=tuple(one.file for one in given.databases),
    )
    return Twin(spec, tuple(told))


# -- reading --------------------------------------------------------------------------------------------------------


def _given(paths: Sequence[str], ovs: str) -> Given:
    found, texts = Given(), TextFiles()
    for path in paths:
        if path != "-" and _is_database(path):
            found.databases.append(twins.tell(Path(path).absolute(), ovs))
            continue
        text = texts.read(path, "--from")
        kinds = 0
        if "Cluster ID:" in text:
            found.statuses.append(text)
            kinds += 1
        if _POD.search(text):
            found.pods += text + "\n"
            kinds += 1
        if re.search(r"^NAME\s+STATUS\s+ROLES\s", text, re.M):
            found.nodes, found.nodes_text = listed_nodes(text), text
            kinds += 1
        if not kinds:
            raise BadInput(f"--from {path} tells nothing of a cluster", todo=f"name {KINDS}")
    _agree(found.databases)
    return found


def _is_database(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            return twins.is_database(file.read(16)) and Path(path).stat().st_size <= LARGEST * 64
    except OSError:
        return False  # whoever reads it as text says what is wrong


def _agree(files: Sequence[Told]) -> None:
    """Files of one database are of one cluster, each of another server."""
    for database in {one.file.database for one in files}:
        of = [one for one in files if one.file.database is database]
        if len({one.cluster for one in of}) > 1:
            seen = " and ".join(f"{one.file.path} ({one.cluster[:4]})" for one in of)
            raise BadInput(f"{seen} are of different {database} clusters", todo="give the files of one cluster")
        hosts = [one.host for one in of]
        if len(set(hosts)) < len(hosts):
            twice = next(host for host in hosts if hosts.count(host) > 1)
            raise BadInput(f"two {database} files are of the server at {twice}", todo="give the newer one")
    if files and len({one.file.database for one in files}) < len(DATABASES):
        missing = next(db for db in DATABASES if all(one.file.database is not db for one in files))
        raise BadInput(f"no {missing} file", why="both databases are rehearsed", todo=f"add --from {missing.file}")


# -- what they say ----------------------------------------------------------------------------------------------------


def _view(given: Given, values: Mapping[str, Any]) -> tuple[ClusterView | None, list[str]]:
    if not given.statuses:
        if not given.databases:
            raise BadInput("--from has neither a status nor a database's file", todo=f"name {KINDS}")
        return None, []
    pods = given.pods
    if not pods:
        hosts = list(dict.fromkeys(host for text in given.statuses for host in _SERVER.findall(text)))
        pods = "\n".join(f"ovn-central-{n} 1/1 Running 0 1d {host} {_made_up(host)}" for n, host in enumerate(hosts))
    pasted = view_from_text(
        pods, given.statuses, namespace=values.get("namespace") or "kube-system", nodes=given.nodes_text
    )
    told = [words for words in pasted.assumptions if "was not asked" in words]
    return pasted.view, told


def _members(given: Given, view: ClusterView | None) -> tuple[str, ...]:
    """Hosts of the members, which must be the same in both databases."""
    found: dict[Database, tuple[str, ...]] = {}
    for database in DATABASES:
        told = [one for one in given.databases if one.file.database is database]
        if told:
            found[database] = max(told, key=lambda one: one.term).members
        elif view is not None:
            found[database] = tuple(host_of(entry.address) for entry in health.members(view, database))
    nb, sb = (found[database] for database in DATABASES)
    if sorted(nb) != sorted(sb) or len(set(nb)) < len(nb):
        seen = f"members of nb are {', '.join(sorted(nb))}, of sb {', '.join(sorted(sb))}"
        why = "a lab begins in order, with the same members in both and one server at each address"
        raise BadInput(seen, why=why, todo="mend that first: ovnswap status says how")
    strange = [host for host in nb if not is_ip(host)]
    if strange:
        raise BadInput(f"a member is at {strange[0]}", why="labs have IP addresses", todo="rehearse without --from")
    return nb


def _order(
    members: tuple[str, ...], given: Given, view: ClusterView | None, values: Mapping[str, Any], told: list[str]
) -> tuple[str, ...]:
    """The members in the order of NODE_IPS."""
    if values.get("node_ips"):
        listed = tuple(part.strip() for part in values["node_ips"].split(","))
        if sorted(listed) != sorted(members):
            seen = f"NODE_IPS is {', '.join(listed)}, and the members are {', '.join(sorted(members))}"
            raise BadInput(seen, why="a lab begins in order", todo="mend that first: ovnswap status says how")
        return listed
    lines = [match[1] for match in _POD.finditer(given.pods) if match[1] in members]
    listed = tuple(dict.fromkeys((*lines, *sorted(members, key=_numbers))))
    told.append(f"NODE_IPS is {','.join(listed)}; --node-ips says it otherwise")
    return listed


def _versions(given: Given, values: Mapping[str, Any], told: list[str]) -> Versions:
    """What the options say, else the listing of nodes, else the example's."""
    found = versions_of(values)
    if given.nodes and not values["kubernetes"]:
        found = replace(found, kubernetes=min(one.kubernetes for one in given.nodes))
    shown = ".".join(map(str, found.kubernetes))
    guesses = {
        "kubernetes": f"Kubernetes is {shown}; --kubernetes says it otherwise",
        "kube_ovn": f"Kube-OVN is {found.kube_ovn}; --kube-ovn says it otherwise",
        "ovs": f"OVS is {found.ovs}; --ovs says it otherwise",
    }
    if given.nodes:
        del guesses["kubernetes"]
    told += [words for name, words in guesses.items() if not values[name]]
    return found


def _numbers(address: str) -> tuple[int, int]:
    found = ipaddress.ip_address(address)
    return found.version, int(found)


def _made_up(address: str) -> str:
    """A node's name where nothing says one."""
    return address.replace(":", "-").strip("-")


def _is_down(view: ClusterView, name: str, address: str) -> bool:
    """Neither of its servers is heard of, or Kubernetes says that it is not there."""
    node = view.node(name)
    running = any(address in health.running_hosts(view, database) for database in DATABASES)
    return not running or (node is not None and not node.ready)
