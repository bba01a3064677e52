"""Clusters that speak TLS, at IPv6 addresses: the lab's start script, three real servers of each database, and what is
made of their words.

The servers have the addresses of three nodes on the loopback device of a network namespace of their own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from harness import health, raft_status
from harness.cluster import DATABASES, ClusterView, Database, Report
from harness.steps.raft import Remove

ROOT = Path(__file__).resolve().parents[2]
IMAGE = ROOT / "ci" / "kind" / "image"
sys.path[:0] = [str(ROOT / "ci" / "kind"), str(ROOT / "tests" / "unit")]

import release_rules  # noqa: E402
from support_views import Cluster, healthy  # noqa: E402

from fake_kube.profile import kube_ovn_profile  # noqa: E402

NEEDED = ("ip", "openssl", "ovsdb-server", "ovn-northd", "ovn-nbctl")
pytestmark = [
    pytest.mark.real_ovsdb,
    pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root"),
    pytest.mark.skipif(not all(map(shutil.which, NEEDED)), reason=f"needs {', '.join(NEEDED)}"),
]

WITHIN = 120.0
"""Seconds in which anything here may happen on a busy machine."""

FAMILIES: dict[str, Callable[[int], str]] = {"ipv4": lambda i: f"10.9.0.{i + 1}", "ipv6": lambda i: f"fd00::{i + 1}"}


@dataclass
class Node:
    """One node's directories, which stand for those that its pod mounts, and its start script."""

    at: Path
    address: str
    namespace: str
    process: subprocess.Popen[bytes] | None = None

    def start(self, listed: str, keys: Path | None) -> None:
        for name in ("run", "etc", "log", "image"):
            (self.at / name).mkdir(parents=True)
        places = {"/kube-ovn/": "image/", "/var/run/ovn": "run", "/etc/ovn": "etc", "/var/log/ovn": "log"}
        for path in IMAGE.glob("*.sh"):
            text = path.read_text(encoding="utf-8").replace("/var/run/tls", str(keys))
            for inside, outside in places.items():
                text = text.replace(inside, f"{self.at}/{outside}")
            (self.at / "image" / path.name).write_text(text, encoding="utf-8")
            (self.at / "image" / path.name).chmod(0o755)
        rules = release_rules.variables(kube_ovn_profile("v1.13.15"), election_ms=1000)
        (self.at / "image" / "profile.sh").write_text(release_rules.shell(rules), encoding="utf-8")
        env = {"NODE_IPS": listed, "POD_IP": self.address, "ENABLE_SSL": "true" if keys else "false"}
        with (self.at / "out").open("wb") as out:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", self.namespace, "bash", str(self.at / "image" / "start-db.sh")],
                env={**os.environ, **env, "OVN_RUNDIR": f"{self.at}/run", "OVS_RUNDIR": f"{self.at}/run"},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def tell(self, database: Database, *words: str) -> subprocess.CompletedProcess[str]:
        control = self.at / "run" / Path(database.control).name
        command = ["ovs-appctl", "-T", "10", "-t", str(control), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def report(self, name: str, database: Database) -> Report:
        said = self.tell(database, "cluster/status", database.schema)
        if said.returncode != 0:
            return Report(name, database, None, said.stderr)
        return Report(name, database, raft_status.parse(said.stdout))

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)


@dataclass
class Three:
    """The nodes by name, and a view of a cluster in order with these nodes, which gets the servers' own words."""

    nodes: dict[str, Node]
    shape: Cluster

    def view(self) -> ClusterView:
        reports = [node.report(name, database) for database in DATABASES for name, node in self.nodes.items()]
        return replace(self.shape.view(), reports=tuple(reports))

    def wait(self, condition: Callable[[ClusterView], bool], what: str) -> ClusterView:
        deadline = time.monotonic() + WITHIN
        while not condition(view := self.view()):
            assert time.monotonic() < deadline, f"no {what}: {view.reports}"
            time.sleep(0.1)
        return view


def keys_in(directory: Path) -> Path:
    """An authority, and one certificate for all, as the secret kube-ovn-tls has them."""
    directory.mkdir()
    req = ["openssl", "req", "-newkey", "rsa:2048", "-nodes"]
    sign = ["openssl", "x509", "-req", "-in", "request", "-CA", "cacert"]
    commands = (
        [*req, "-x509", "-subj", "/CN=authority", "-keyout", "authority", "-out", "cacert"],
        [*req, "-subj", "/CN=ovn", "-keyout", "key", "-out", "request"],
        [*sign, "-CAkey", "authority", "-set_serial", "1", "-out", "cert"],
    )
    for command in commands:
        subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=60)
    return directory


@pytest.fixture(params=["ipv4-ssl", "ipv6-tcp", "ipv6-ssl"])
def three(request: pytest.FixtureRequest) -> Iterator[Three]:
    family, scheme = request.param.split("-")
    shape = healthy(3, address=FAMILIES[family])
    name = f"ovnswap-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="ovn6-") as short:  # for the length of a control socket's name
        at = Path(short)
        keys = keys_in(at / "tls") if scheme == "ssl" else None
        nodes = {n.name: Node(at / str(i), n.address, name) for i, n in enumerate(shape.nodes)}
        subprocess.run(["ip", "netns", "add", name], check=True, timeout=60)
        try:
            ip = ["ip", "-n", name]
            for node in nodes.values():
                subprocess.run([*ip, "address", "add", node.address, "dev", "lo"], check=True, timeout=60)
            subprocess.run([*ip, "link", "set", "lo", "up"], check=True, timeout=60)
            for node in nodes.values():
                node.start(",".join(other.address for other in nodes.values()), keys)
            yield Three(nodes, shape)
        finally:
            for node in nodes.values():
                node.stop()
            subprocess.run(["ip", "netns", "delete", name], check=True, timeout=60)


def test_they_form_are_judged_and_one_is_removed(three: Three, request: pytest.FixtureRequest) -> None:
    scheme = "ssl" if "ssl" in request.node.name else "tcp"

    addresses = sorted(node.address for node in three.nodes.values())

    def in_order(view: ClusterView) -> bool:
        return all(
            not health.problems(view, database) and list(health.member_hosts(view, database)) == addresses
            for database in DATABASES
        )

    view = three.wait(in_order, "cluster of three in order")
    for database in DATABASES:
        entries = view.leader(database)[1].servers
        assert {entry.address for entry in entries} == {f"{scheme}:[{a}]:{database.raft_port}" for a in addresses}
    leaver = next(node for name, node in three.nodes.items() if name != view.leader(Database.NB)[0])
    step = Remove(Database.NB, leaver.address)
    assert step.blocked(view) is None
    kick = step.commands(view)[0].partition(" cluster/kick ")[2].split()
    said = three.nodes[view.leader(Database.NB)[0]].tell(Database.NB, "cluster/kick", *kick)
    assert "started removal" in said.stdout + said.stderr

    def removed(view: ClusterView) -> bool:
        rest = [s for _, s in view.statuses(Database.NB) if leaver.address not in s.address]
        out = len(rest) == 2 and all(len(status.servers) == 2 for status in rest)
        return out and not health.problems(view, Database.NB, ignore=(leaver.address,))

    three.wait(removed, "removal that both others have")
